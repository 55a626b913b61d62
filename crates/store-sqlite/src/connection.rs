//! Opening connections: the settings that every one of them has, and what is looked at before the first.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::error::OpenError;
use crate::schema;

/// How long a statement waits for another program's lock. Only backups and checks take any, and briefly.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// The same while opening: long enough for another program's checkpoint, short enough for a person who waits.
const OPEN_TIMEOUT: Duration = Duration::from_secs(1);
/// Each connection's page cache, in KiB (SQLite takes negative numbers as KiB). The system caches the file anyway.
const CACHE_KIB: i64 = -2_048;
/// What is left of the write-ahead log after a checkpoint, in bytes, so that one large burst is not kept for good.
const WAL_LIMIT: i64 = 16 << 20;
/// More than there are different statements, so that none is compiled twice.
const CACHED_STATEMENTS: usize = 64;

/// What a SQLite database begins with (SQLite's file format, section 1.2).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Opens the one connection that writes, and brings the schema up to date. A file that is not there is made.
pub(crate) fn open_writer(path: &Path) -> Result<Connection, OpenError> {
    let made = match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
        Err(source) => return Err(OpenError::NotWritable { path: path.to_owned(), source }),
    };
    if !made {
        look_at(path)?;
    }
    let sqlite = |error: rusqlite::Error| OpenError::of(path, &error);
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(OPEN_TIMEOUT).map_err(sqlite)?;
    // SQLite falls back to reading when it may not write.
    if connection.is_readonly(rusqlite::MAIN_DB).map_err(sqlite)? {
        let source = std::io::Error::from(ErrorKind::PermissionDenied);
        return Err(OpenError::NotWritable { path: path.to_owned(), source });
    }
    schema::refuse_strangers(&connection, path)?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0)).map_err(sqlite)?;
    if mode != "wal" {
        let detail = format!("write-ahead logging is not possible there (journal mode \"{mode}\")");
        return Err(OpenError::Unavailable { path: path.to_owned(), detail });
    }
    connection.pragma_update(None, "synchronous", "full").map_err(sqlite)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(sqlite)?;
    // What a savepoint may have to undo stays in memory; as a file it costs three system calls a change.
    connection.pragma_update(None, "temp_store", "memory").map_err(sqlite)?;
    connection.pragma_update(None, "journal_size_limit", WAL_LIMIT).map_err(sqlite)?;
    schema::migrate(&mut connection, path)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(sqlite)?;
    if made && let Some(directory) = path.parent() {
        sync_directory(directory)
            .map_err(|source| OpenError::NotWritable { path: path.to_owned(), source })?;
    }
    Ok(connection)
}

/// Opens a connection that only reads.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, OpenError> {
    connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn connect(path: &Path, access: OpenFlags) -> Result<Connection, OpenError> {
    let sqlite = |error: rusqlite::Error| OpenError::of(path, &error);
    // Every connection is used by one thread at a time: SQLite need not lock for us.
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(sqlite)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(sqlite)?;
    connection.pragma_update(None, "cache_size", CACHE_KIB).map_err(sqlite)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    Ok(connection)
}

/// What can be seen at once: that there is a file, that it is a database, that it is all there.
pub(crate) fn look_at(path: &Path) -> Result<(), OpenError> {
    let read = || -> std::io::Result<(u64, Vec<u8>)> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut header = Vec::with_capacity(100);
        file.by_ref().take(100).read_to_end(&mut header)?;
        Ok((length, header))
    };
    let (length, header) = read().map_err(|source| match source.kind() {
        ErrorKind::NotFound => OpenError::NotFound { path: path.to_owned() },
        _ => OpenError::NotWritable { path: path.to_owned(), source },
    })?;
    let corrupt = |detail: String| Err(OpenError::Corrupt { path: path.to_owned(), detail });
    let wal_empty = std::fs::metadata(wal(path)).map_or(true, |wal| wal.len() == 0);
    // A crash right after the file was made leaves it empty, its content in the log if anywhere.
    if length == 0 {
        return Ok(());
    }
    if header.len() < 100 || &header[..16] != MAGIC {
        return corrupt("the file is not a database".to_owned());
    }
    // Bytes 16-17: the page size, where 1 means 65536. Bytes 28-31: pages (file format, section 1.3). While there is
    // a log the file may be shorter than its header says: a checkpoint writes the header first.
    let page = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        page => u64::from(page),
    };
    let pages = u64::from(u32::from_be_bytes([header[28], header[29], header[30], header[31]]));
    if wal_empty && length < page * pages {
        return corrupt(format!("the file was cut off: {length} bytes of {}", page * pages));
    }
    Ok(())
}

/// The write-ahead log of a database.
pub(crate) fn wal(path: &Path) -> PathBuf {
    beside(path, "-wal")
}

/// The shared memory of a database's connections.
pub(crate) fn shared_memory(path: &Path) -> PathBuf {
    beside(path, "-shm")
}

/// A file beside `path`, whose name begins with its name.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes what was created, renamed or removed in a directory survive a crash.
pub(crate) fn sync_directory(directory: &Path) -> std::io::Result<()> {
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    File::open(directory)?.sync_all()
}
