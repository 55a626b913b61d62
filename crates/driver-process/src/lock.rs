//! The lock of an engine's directory: who holds it may start the engine or write down its end.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::layout::EngineDir;

/// How long to wait between two tries.
const RETRY: Duration = Duration::from_millis(10);

/// The lock, held until dropped or until its process ends.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "held for the lock on it")] File);

impl Lock {
    /// The lock, or `None` if another process holds it for all of `patience`.
    ///
    /// # Errors
    /// Not found if the directory does not exist, or is replaced meanwhile.
    pub(crate) fn take(dir: &EngineDir, patience: Duration) -> io::Result<Option<Self>> {
        let path = dir.lock();
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        let give_up_at = Instant::now() + patience;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(Errno::WOULDBLOCK) if Instant::now() < give_up_at => std::thread::sleep(RETRY),
                Err(Errno::WOULDBLOCK) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
        // The directory may have been removed, and made anew, since the file was opened. The lock is then on a file
        // that nobody else can find.
        let (held, named) = (file.metadata()?, std::fs::metadata(&path)?);
        if (held.dev(), held.ino()) == (named.dev(), named.ino()) {
            Ok(Some(Self(file)))
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }
}
