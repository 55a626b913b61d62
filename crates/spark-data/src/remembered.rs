//! What was read of event logs, as long as they are as they were.
//!
//! Pages and calls ask for one thing after the other, each of which is in the log somewhere. Reading a large one takes
//! seconds; one that has ended never changes.

use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// Of how many logs it is remembered. What they hold is a small part of them.
const LOGS: usize = 8;
/// The largest log of which anything is remembered, in bytes: it bounds what is held.
const LARGEST: u64 = 256 << 20;

/// A log at one moment of its life.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    path: PathBuf,
    length: u64,
    modified: SystemTime,
}

/// What was read of the logs that were asked for last.
#[derive(Debug)]
pub(crate) struct Remembered<T>(Mutex<VecDeque<(Version, Arc<T>)>>);

impl<T> Remembered<T> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(VecDeque::new()))
    }

    /// What `read` says of a log that is open, or what it said of it as it still is.
    pub(crate) fn get_or_read(
        &self,
        path: &Path,
        file: File,
        read: impl FnOnce(File) -> std::io::Result<T>,
    ) -> std::io::Result<Arc<T>> {
        let about = file.metadata()?;
        let version = Version { path: path.to_owned(), length: about.len(), modified: about.modified()? };
        // Every change is whole whatever panicked around it.
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, said)) = known().iter().find(|(known, _)| *known == version) {
            return Ok(said.clone());
        }
        let said = Arc::new(read(file)?);
        if version.length <= LARGEST {
            let mut known = known();
            known.retain(|(other, _)| other.path != version.path);
            known.push_back((version, said.clone()));
            while known.len() > LOGS {
                known.pop_front();
            }
        }
        Ok(said)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_log_is_read_again_once_it_has_grown_and_only_the_last_are_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let remembered = Remembered::new();
        let mut reads = 0;
        let mut length = |name: &str| {
            let path = dir.path().join(name);
            let read = |file: File| {
                reads += 1;
                Ok(file.metadata()?.len())
            };
            let said = *remembered.get_or_read(&path, File::open(&path).unwrap(), read).unwrap();
            (said, reads)
        };
        let write = |name: &str, text: &str| {
            let mut file = File::options().create(true).append(true).open(dir.path().join(name)).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        };
        write("first", "ab");
        assert_eq!(length("first"), (2, 1));
        assert_eq!(length("first"), (2, 1));
        write("first", "c");
        assert_eq!(length("first"), (3, 2));
        for number in 0..LOGS {
            write(&number.to_string(), "x");
            length(&number.to_string());
        }
        assert_eq!(length("0").1, 2 + LOGS, "still known");
        assert_eq!(length("first").1, 3 + LOGS, "forgotten");
    }
}
