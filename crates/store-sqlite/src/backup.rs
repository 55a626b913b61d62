//! A copy of the database, and the way back to it.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use crate::check::check;
use crate::connection::{beside, look_at, open_reader, shared_memory, sync_directory, wal};
use crate::error::{OpenError, words};
use crate::schema;
use crate::state_dir::StateLock;

/// Why a backup was not made or not restored. Nothing has changed then, and no part of a copy is left.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database, or the backup to restore, could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is a file where the backup should go.
    #[error("\"{}\" exists", path.display())]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// The backup to restore is not whole.
    #[error("the backup \"{}\" is damaged: {first}", path.display())]
    Damaged {
        /// The backup.
        path: PathBuf,
        /// The first of its problems.
        first: String,
    },
    /// A file could not be written.
    #[error("could not write \"{}\"", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl BackupError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Open(error) => error.hint(),
            Self::Exists { .. } => "Choose another name: a backup replaces nothing.",
            Self::Damaged { .. } => {
                "Run `hearth store check` on it to see all that is wrong, and use another backup."
            }
            Self::Write { .. } => "Check that there is space, and the right to write there.",
        }
    }
}

/// Copies the database as it is at this moment to a new file `to`. May run beside a server, which does not wait.
///
/// # Errors
/// When the database cannot be read, or `to` exists or cannot be written.
pub fn backup(database: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<(), BackupError> {
    let (database, to) = (database.as_ref(), to.as_ref());
    look_at(database)?;
    let connection = open_reader(database)?;
    schema::refuse_strangers(&connection, database)?;
    if to.exists() {
        return Err(BackupError::Exists { path: to.to_owned() });
    }
    let partial = Partial::new(to)?;
    copy(&connection, &partial.path)?;
    partial.finish(to, false)
}

/// Puts the backup `from` in the place of the database in a state directory. What was there before stays beside it,
/// under the name that is returned; `None` if there was nothing.
///
/// # Errors
/// When the backup is not whole, or the files cannot be written. The database is as it was then.
pub fn restore(lock: &StateLock, from: impl AsRef<Path>) -> Result<Option<PathBuf>, BackupError> {
    let (database, from) = (lock.database(), from.as_ref());
    if let Some(first) = check(from)?.damage.into_iter().next() {
        return Err(BackupError::Damaged { path: from.to_owned(), first });
    }
    let partial = Partial::new(&database)?;
    copy(&open_reader(from)?, &partial.path)?;
    let before = set_aside(lock, &database)?;
    partial.finish(&database, true)?;
    Ok(before)
}

/// Gives the database a second name, with its log written back into it as far as that can be done.
fn set_aside(lock: &StateLock, database: &Path) -> Result<Option<PathBuf>, BackupError> {
    if !database.exists() {
        return Ok(None);
    }
    let aside = beside(database, &format!(".before-restore-{}", lock.fence()));
    let failed = |path: &Path| {
        let path = path.to_owned();
        |source| BackupError::Write { path, source }
    };
    // A damaged database may refuse; then its log is kept beside it.
    if let Ok(connection) = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_WRITE)
        && let Err(error) = connection.pragma(None, "wal_checkpoint", "truncate", |_| Ok(()))
    {
        tracing::warn!(error = %words(&error), "the log of the old database stays apart from it");
    }
    std::fs::hard_link(database, &aside).map_err(failed(&aside))?;
    // The old log must not be there when the new database is: SQLite would write it into that.
    if wal(database).exists() {
        std::fs::rename(wal(database), wal(&aside)).map_err(failed(database))?;
    }
    if shared_memory(database).exists() {
        std::fs::remove_file(shared_memory(database)).map_err(failed(database))?;
    }
    sync_directory(lock.path()).map_err(failed(database))?;
    Ok(Some(aside))
}

/// Writes a compact copy of what the connection sees.
fn copy(connection: &Connection, to: &Path) -> Result<(), BackupError> {
    let target = to.to_str().ok_or_else(|| BackupError::Write {
        path: to.to_owned(),
        source: std::io::Error::new(std::io::ErrorKind::InvalidFilename, "the path is not UTF-8"),
    })?;
    connection.execute("VACUUM INTO ?1", [target]).map_err(|error| BackupError::Write {
        path: to.to_owned(),
        source: std::io::Error::other(words(&error)),
    })?;
    Ok(())
}

/// A copy that is not finished. Dropped before it is, it goes away.
struct Partial {
    path: PathBuf,
}

impl Partial {
    fn new(beside_what: &Path) -> Result<Self, BackupError> {
        let path = beside(beside_what, ".partial");
        // Made empty and for its user alone before SQLite fills it. One that a crash has left is emptied.
        let made = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
        match made {
            Ok(_) => Ok(Self { path }),
            Err(source) => Err(BackupError::Write { path, source }),
        }
    }

    /// Gives the copy its name, once it is on disk.
    fn finish(self, to: &Path, replace: bool) -> Result<(), BackupError> {
        let finished = File::open(&self.path)
            .and_then(|file| file.sync_all())
            .and_then(|()| {
                // A link, unlike a rename, never replaces a file that has come meanwhile.
                if replace { std::fs::rename(&self.path, to) } else { std::fs::hard_link(&self.path, to) }
            })
            .and_then(|()| sync_directory(to.parent().unwrap_or(Path::new("."))));
        finished.map_err(|source| match source.kind() {
            std::io::ErrorKind::AlreadyExists => BackupError::Exists { path: to.to_owned() },
            _ => BackupError::Write { path: to.to_owned(), source },
        })
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After a rename there is nothing left to remove.
        let _ = std::fs::remove_file(&self.path);
    }
}
