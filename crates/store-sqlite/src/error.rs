//! What can go wrong with the database, in the words its reader gets.

use std::path::PathBuf;

use hearth_store::StoreError;
use rusqlite::ErrorCode;

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no such file.
    #[error("there is no database at \"{}\"", path.display())]
    NotFound {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// It is no database, or a damaged one.
    #[error("the database \"{}\" is damaged: {detail}", path.display())]
    Corrupt {
        /// The database.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// It is the database of another program.
    #[error("the database \"{}\" belongs to another program", path.display())]
    Foreign {
        /// The database.
        path: PathBuf,
    },
    /// A newer version of this program has written it.
    #[error(
        "the database \"{}\" has format {found}, this program knows formats up to {known}",
        path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest known format.
        known: u32,
    },
    /// It, or its directory, cannot be written.
    #[error("could not write to the database \"{}\"", path.display())]
    NotWritable {
        /// The database.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Another program keeps it to itself.
    #[error("the database \"{}\" is in use by another program", path.display())]
    Locked {
        /// The database.
        path: PathBuf,
    },
    /// Anything else the system or SQLite may say.
    #[error("could not open the database \"{}\": {detail}", path.display())]
    Unavailable {
        /// The database.
        path: PathBuf,
        /// What was said.
        detail: String,
    },
}

impl OpenError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "Check the path, or the state directory that it belongs to.",
            Self::Corrupt { .. } => {
                "Run `hearth store check` to see what is damaged, and `hearth store restore FILE` to go back to a backup."
            }
            Self::Foreign { .. } => "Choose another state directory with `--state-dir DIR`.",
            Self::Newer { .. } => {
                "Start the newer version again, or restore a backup that this version has made."
            }
            Self::NotWritable { .. } => {
                "Give this user the right to write there, or choose another directory with `--state-dir DIR`."
            }
            Self::Locked { .. } => "End the other program, or wait until it is done, and try again.",
            Self::Unavailable { .. } => "Try again; if it stays, run `hearth store check`.",
        }
    }

    /// The same error, for what SQLite said while opening `path`.
    pub(crate) fn of(path: &std::path::Path, error: &rusqlite::Error) -> Self {
        let path = path.to_owned();
        let code = error.sqlite_error_code();
        let io = |kind: std::io::ErrorKind| std::io::Error::new(kind, words(error));
        match code {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Self::Corrupt { path, detail: words(error) }
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked { path },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                Self::NotWritable { path, source: io(std::io::ErrorKind::PermissionDenied) }
            }
            Some(ErrorCode::DiskFull) => {
                Self::NotWritable { path, source: io(std::io::ErrorKind::StorageFull) }
            }
            _ => Self::Unavailable { path, detail: words(error) },
        }
    }
}

/// What SQLite said, as a problem of the store.
pub(crate) fn store_error(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        // A constraint that the guards hold before it: what is stored contradicts itself.
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt | ErrorCode::ConstraintViolation) => {
            StoreError::Damaged(words(error))
        }
        _ => StoreError::Unavailable(words(error)),
    }
}

/// The error in words that name no table and no statement.
pub(crate) fn words(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
            ErrorCode::DiskFull => "the disk is full".to_owned(),
            ErrorCode::ReadOnly => "the database is read-only".to_owned(),
            ErrorCode::NotADatabase => "the file is not a database".to_owned(),
            ErrorCode::CannotOpen => "the file cannot be opened".to_owned(),
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
                "another program is using the database".to_owned()
            }
            _ => format!(
                "{} (SQLite code {})",
                rusqlite::ffi::code_to_str(failure.extended_code),
                failure.extended_code
            ),
        },
        rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::Utf8Error(..) => "a record does not have the expected form".to_owned(),
        other => other.to_string(),
    }
}
