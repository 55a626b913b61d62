//! What a configuration is made from, before it is understood.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

/// Everything that [`super::resolve`] looks at. It reads nothing else.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// Where defaults and relative paths lead.
    pub(crate) directories: Directories,
    /// The configuration file, if there is one.
    pub(crate) file: Option<FileText>,
    /// The variables of the environment whose names start with `HEARTH_`.
    pub(crate) environment: Vec<(String, OsString)>,
    /// What the command line sets, in its order.
    pub(crate) flags: Vec<Assignment>,
}

/// Base directories of the user who runs the server; `None` where the system does not say.
#[derive(Debug, Default, Clone)]
pub(crate) struct Directories {
    /// The working directory, which relative paths start from.
    pub(crate) working: Option<PathBuf>,
    /// The home directory, which `~/` stands for.
    pub(crate) home: Option<PathBuf>,
    /// `$XDG_STATE_HOME`, or what it defaults to.
    pub(crate) state: Option<PathBuf>,
    /// `$XDG_DATA_HOME`, or what it defaults to.
    pub(crate) data: Option<PathBuf>,
}

/// A configuration file and what reading it gave.
#[derive(Debug)]
pub(crate) struct FileText {
    /// The path, as messages show it.
    pub(crate) path: PathBuf,
    /// The whole text, or why there is none.
    pub(crate) text: Result<String, String>,
}

/// One setting as it was written somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assignment {
    /// The key path: `session.stop-grace`.
    pub(crate) key: String,
    /// The value, not understood yet.
    pub(crate) raw: Raw,
    /// Where it was written.
    pub(crate) origin: Origin,
}

/// A value as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Raw {
    /// One text. In a variable or a flag, a list is written with commas.
    Text(String),
    /// A list in a file, or a flag given several times.
    List(Vec<Raw>),
    /// A number, as written. No setting is a bare number; the message says which unit to add.
    Number(String),
    /// Something that no setting can be, by the name TOML has for it.
    Other(&'static str),
    /// A key alone: `--set KEY` without `=VALUE`.
    Missing,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// Nobody set it.
    Default,
    /// A line of the configuration file; `None` where no line is to blame.
    File {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: Option<usize>,
    },
    /// A variable of the environment.
    Variable(String),
    /// A flag of the command line.
    Flag(String),
}

impl Origin {
    /// The rank of the layer that this origin belongs to; a higher one overrides a lower one.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Default => 0,
            Self::File { .. } => 1,
            Self::Variable(_) => 2,
            Self::Flag(_) => 3,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line: Some(line) } => write!(f, "{}:{line}", path.display()),
            Self::File { path, line: None } => write!(f, "{}", path.display()),
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}
