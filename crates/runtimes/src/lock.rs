//! One installation of an environment at a time, across processes.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::process::Stdio;

/// The right to change one environment. Held until it is dropped; if this process is killed before that, until every
/// tool started with [`Lock::as_stdin`] has ended too.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    /// The lock in `path`, without waiting; `None` when another process has it.
    pub(crate) fn try_take(path: &Path) -> io::Result<Option<Self>> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = File::options().create(true).truncate(false).write(true).read(true).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// The lock in `path`; calls `waiting` once when another process has it, and then waits for that process.
    pub(crate) fn take(path: &Path, waiting: impl FnOnce()) -> io::Result<Self> {
        if let Some(lock) = Self::try_take(path)? {
            return Ok(lock);
        }
        waiting();
        let file = File::options().write(true).read(true).open(path)?;
        file.lock()?;
        Ok(Self { file })
    }

    /// The locked file as standard input of a tool.
    ///
    /// The lock belongs to the open file, not to the process, so a tool that outlives this process (when that is
    /// killed) still holds it: nobody else writes to the environment while the tool does.
    pub(crate) fn as_stdin(&self) -> io::Result<Stdio> {
        Ok(Stdio::from(self.file.try_clone()?))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough: a process that another thread is just starting has a copy of it until it
        // runs its program. Cannot fail on a file that is open and locked; if it does, closing still unlocks.
        let _ = self.file.unlock();
    }
}
