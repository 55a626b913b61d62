//! The state directory, and the lock that lets one server at a time into it.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::connection::sync_directory;

/// The directory that holds everything the service keeps on this machine.
#[derive(Debug)]
pub struct StateDir;

/// A state directory that is ours, until this is dropped or the process ends, however it ends.
///
/// The system keeps the lock with the open file, which engines do not inherit: one that outlives the server does not
/// hold it.
#[derive(Debug)]
pub struct StateLock {
    directory: PathBuf,
    fence: u64,
    // Holds the lock as long as it is open.
    _file: File,
}

/// Why a state directory could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another server has it.
    #[error("the state directory \"{}\" is in use by another server{}", path.display(), process(*pid))]
    Held {
        /// The directory.
        path: PathBuf,
        /// The other server's process id, if it has written it down.
        pid: Option<u32>,
    },
    /// It is no directory.
    #[error("\"{}\" is not a directory", path.display())]
    NotADirectory {
        /// What is there.
        path: PathBuf,
    },
    /// It cannot be made or written to.
    #[error("could not write to the state directory \"{}\"", path.display())]
    NotWritable {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// What the lock file says makes no sense.
    #[error("the lock file \"{}\" is damaged", path.display())]
    Damaged {
        /// The lock file.
        path: PathBuf,
    },
}

impl LockError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Held { .. } => "End the other server, or choose another directory with `--state-dir DIR`.",
            Self::NotADirectory { .. } => "Choose another directory with `--state-dir DIR`.",
            Self::NotWritable { .. } => {
                "Give this user the right to write there, or choose another directory with `--state-dir DIR`."
            }
            Self::Damaged { .. } => "Remove the file if no server is running, and try again.",
        }
    }
}

fn process(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

/// The lock file's name.
const LOCK_FILE: &str = "lock";
/// The database's name.
pub const DATABASE: &str = "hearth.db";

impl StateDir {
    /// Makes the directory if need be (for its user alone), and locks it. Does not wait.
    ///
    /// # Errors
    /// When another server has it, or it is not a directory, or not writable.
    pub fn lock(path: impl AsRef<Path>) -> Result<StateLock, LockError> {
        let directory = path.as_ref().to_owned();
        let not_writable = |source: std::io::Error| match source.kind() {
            ErrorKind::NotADirectory => LockError::NotADirectory { path: directory.clone() },
            _ => LockError::NotWritable { path: directory.clone(), source },
        };
        DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(|error| {
            match error.kind() {
                // Something is there that is no directory.
                ErrorKind::AlreadyExists => LockError::NotADirectory { path: directory.clone() },
                _ => not_writable(error),
            }
        })?;
        let lock_path = directory.join(LOCK_FILE);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&lock_path)
            .map_err(not_writable)?;
        if let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            return Err(match error {
                Errno::WOULDBLOCK => {
                    let record = read(&file).ok().flatten();
                    LockError::Held { path: directory.clone(), pid: record.map(|record| record.pid) }
                }
                error => not_writable(error.into()),
            });
        }
        let fence = match read(&file) {
            Ok(before) => before.map_or(0, |before| before.fence) + 1,
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                return Err(LockError::Damaged { path: lock_path });
            }
            Err(error) => return Err(not_writable(error)),
        };
        let written = write(&file, Record { fence, pid: std::process::id() });
        written.and_then(|()| sync_directory(&directory)).map_err(not_writable)?;
        Ok(StateLock { directory, fence, _file: file })
    }
}

impl StateLock {
    /// The directory.
    pub fn path(&self) -> &Path {
        &self.directory
    }

    /// Where the directory's database is.
    pub fn database(&self) -> PathBuf {
        self.directory.join(DATABASE)
    }

    /// Grows with every lock that was ever taken on this directory.
    pub fn fence(&self) -> u64 {
        self.fence
    }
}

/// What the lock file says of its last owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Record {
    fence: u64,
    pid: u32,
}

/// Long enough for any record, so that a longer file is seen to be no record.
const MAX_RECORD: usize = 64;

/// `None` for a file that was only just made.
fn read(file: &File) -> std::io::Result<Option<Record>> {
    let mut bytes = [0; MAX_RECORD];
    let length = file.read_at(&mut bytes, 0)?;
    if length == 0 {
        return Ok(None);
    }
    let parse = || {
        let text = std::str::from_utf8(&bytes[..length]).ok()?;
        let mut words = text.strip_suffix('\n')?.split(' ');
        let record = match (words.next()?, words.next()?, words.next()?, words.next()?) {
            ("fence", fence, "pid", pid) => Record { fence: fence.parse().ok()?, pid: pid.parse().ok()? },
            _ => return None,
        };
        words.next().is_none().then_some(record)
    };
    parse().map(Some).ok_or_else(|| ErrorKind::InvalidData.into())
}

/// Writes a record over the last one. All have one length, within one sector, and so none is ever half there.
fn write(file: &File, record: Record) -> std::io::Result<()> {
    let Record { fence, pid } = record;
    file.write_all_at(format!("fence {fence:020} pid {pid:010}\n").as_bytes(), 0)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_locked_directory_lets_nobody_in_and_says_who_has_it() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("a/state");
        let lock = StateDir::lock(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        match StateDir::lock(&path).unwrap_err() {
            LockError::Held { pid, .. } => assert_eq!(pid, Some(std::process::id())),
            other => panic!("{other}"),
        }
        drop(lock);
        StateDir::lock(&path).unwrap();
    }

    #[test]
    fn the_fence_grows_with_every_lock() {
        let scratch = tempfile::tempdir().unwrap();
        let fences: Vec<u64> = (0..3).map(|_| StateDir::lock(scratch.path()).unwrap().fence()).collect();
        assert_eq!(fences, [1, 2, 3]);
    }

    #[test]
    fn a_refused_lock_does_not_count() {
        let scratch = tempfile::tempdir().unwrap();
        let first = StateDir::lock(scratch.path()).unwrap();
        StateDir::lock(scratch.path()).unwrap_err();
        drop(first);
        assert_eq!(StateDir::lock(scratch.path()).unwrap().fence(), 2);
    }

    #[test]
    fn a_file_in_the_way_is_said_to_be_no_directory() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("file");
        std::fs::write(&file, "").unwrap();
        for path in [file.clone(), file.join("below")] {
            let error = StateDir::lock(&path).unwrap_err();
            assert!(matches!(error, LockError::NotADirectory { .. }), "{error}");
        }
    }

    #[test]
    fn a_place_that_takes_no_files_is_said_to_be_not_writable() {
        let error = StateDir::lock("/proc/hearth").unwrap_err();
        assert!(matches!(error, LockError::NotWritable { .. }), "{error}");
    }

    #[test]
    fn a_lock_file_that_makes_no_sense_is_refused_rather_than_counted_from_anew() {
        let scratch = tempfile::tempdir().unwrap();
        for text in ["fence", "fence x pid 1\n", "fence 1 pid 1", "fence 1 pid 1 more\n"] {
            std::fs::write(scratch.path().join(LOCK_FILE), text).unwrap();
            let error = StateDir::lock(scratch.path()).unwrap_err();
            assert!(matches!(error, LockError::Damaged { .. }), "{text:?}: {error}");
        }
    }
}
