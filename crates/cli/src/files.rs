//! Writing files so that they are whole or not there.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// A file in the making beside its target; dropped without [`Pending::finish`] it disappears.
#[derive(Debug)]
pub struct Pending {
    file: Option<File>,
    from: PathBuf,
    to: PathBuf,
}

impl Pending {
    /// Starts a file that will take the place of `target`.
    ///
    /// Links are followed, and an existing file's permissions are kept; a new one gets `mode` under the umask.
    ///
    /// # Errors
    /// The folder does not exist or cannot be written.
    pub fn new(target: &Path, mode: u32) -> io::Result<Self> {
        let to = target.canonicalize().unwrap_or_else(|_| target.to_owned());
        let name = to.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::IsADirectory))?;
        if to.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        let old = std::fs::metadata(&to).ok();
        if old.as_ref().is_some_and(|old| old.permissions().readonly()) {
            return Err(io::Error::from(io::ErrorKind::PermissionDenied));
        }
        for attempt in 0..100_u32 {
            let from = to.with_file_name(format!(
                ".{}.{}-{attempt}.tmp",
                name.to_string_lossy(),
                std::process::id()
            ));
            match OpenOptions::new().write(true).create_new(true).mode(mode).open(&from) {
                Ok(file) => {
                    let pending = Self { file: Some(file), from, to };
                    if let (Some(old), Some(file)) = (old, &pending.file) {
                        file.set_permissions(std::fs::Permissions::from_mode(
                            old.permissions().mode() & 0o777,
                        ))?;
                    }
                    return Ok(pending);
                }
                Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {}
                Err(why) => return Err(why),
            }
        }
        Err(io::Error::from(io::ErrorKind::AlreadyExists))
    }

    /// Writes the content and puts the file in its place.
    ///
    /// # Errors
    /// The disk is full, for example; then the old file is still there.
    pub fn finish(mut self, content: &[u8]) -> io::Result<()> {
        if let Some(mut file) = self.file.take() {
            file.write_all(content)?;
            file.sync_all()?;
        }
        std::fs::rename(&self.from, &self.to)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // After `finish` the name is gone already.
        let _ = std::fs::remove_file(&self.from);
    }
}

/// Replaces a file by one that only its owner can read.
///
/// # Errors
/// The folder or the disk refuses.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let pending = Pending::new(path, 0o600)?;
    if let Some(file) = &pending.file {
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    }
    pending.finish(content)
}
