//! The schema: numbered migrations, and the marks by which a database is known as ours.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::error::OpenError;

/// Says in a file's header that it is ours: "HRTH" in ASCII.
pub(crate) const APPLICATION_ID: i32 = 0x4852_5448;

/// What brings a database from each format to the next; the format after the n-th is n.
///
/// A migration that was released is never edited: databases carry its result.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_sessions.sql"),
    include_str!("../migrations/0002_templates_and_filters.sql"),
    include_str!("../migrations/0003_removed_usage.sql"),
    include_str!("../migrations/0004_pool_engines.sql"),
];

/// The newest format.
pub(crate) fn known() -> u32 {
    u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX)
}

/// The format a database has; 0 for one that is empty.
pub(crate) fn format(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_one(None, "user_version")
}

/// Refuses what another program, or a newer version of this one, has written.
pub(crate) fn refuse_strangers(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let sqlite = |error: rusqlite::Error| OpenError::of(path, &error);
    let application: i32 = connection.pragma_query_one(None, "application_id").map_err(sqlite)?;
    // Reads the whole schema, which a damaged one does not survive.
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(sqlite)?;
    if application != APPLICATION_ID && (application != 0 || tables > 0) {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    let found = format(connection).map_err(sqlite)?;
    if found > known() {
        return Err(OpenError::Newer { path: path.to_owned(), found, known: known() });
    }
    if found > 0 && tables == 0 {
        let detail = "its tables are gone".to_owned();
        return Err(OpenError::Corrupt { path: path.to_owned(), detail });
    }
    Ok(())
}

/// Brings a database to the newest format, each step whole or not at all.
pub(crate) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let sqlite = |error: rusqlite::Error| OpenError::of(path, &error);
    if format(connection).map_err(sqlite)? == known() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sqlite)?;
    // Read again: another program may have been faster.
    let from = format(&transaction).map_err(sqlite)?;
    for (migration, format) in MIGRATIONS.iter().zip(1_u32..).filter(|(_, format)| *format > from) {
        transaction.execute_batch(migration).map_err(sqlite)?;
        transaction.pragma_update(None, "user_version", format).map_err(sqlite)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(sqlite)?;
    transaction.commit().map_err(sqlite)
}
