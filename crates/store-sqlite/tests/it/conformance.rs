//! The SQLite store passes the suite.

use hearth_store_sqlite::SqliteStore;
use tempfile::TempDir;

async fn empty() -> (SqliteStore, TempDir) {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let store = SqliteStore::open(scratch.path().join("hearth.db")).expect("a new database");
    (store, scratch)
}

hearth_store::store_conformance!(empty);
