//! What is installed.

use std::path::PathBuf;
use std::time::SystemTime;

/// One line of a listing: a runtime of the catalogue, or a folder no runtime of the catalogue has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Name of the runtime; of an incomplete orphan, of its folder.
    pub name: String,
    /// Version of the runtime; empty for an incomplete orphan.
    pub version: String,
    /// What is there.
    pub state: ListedState,
    /// Where its environment is or would be.
    pub path: PathBuf,
    /// Bytes on disk when installed; the catalogue's estimate otherwise.
    pub size: u64,
    /// Version of its interpreter, when installed.
    pub python_version: Option<String>,
    /// When it was installed.
    pub installed_at: Option<SystemTime>,
}

/// What is there of a listed runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListedState {
    /// Complete and usable.
    Installed,
    /// In the catalogue, with no environment.
    NotInstalled,
    /// Being installed by some process right now.
    Installing,
    /// Left by a process that was killed, or its interpreter is gone: the next installation or sweep removes it.
    Incomplete,
    /// Complete, and made for an entry that the catalogue no longer has in this form.
    Orphaned,
}

impl ListedState {
    /// Its name in a table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::NotInstalled => "not installed",
            Self::Installing => "installing",
            Self::Incomplete => "incomplete",
            Self::Orphaned => "orphaned",
        }
    }
}
