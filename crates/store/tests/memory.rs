//! The in-memory store passes the suite.

use hearth_store::MemoryStore;

async fn empty() -> (MemoryStore, ()) {
    (MemoryStore::default(), ())
}

hearth_store::store_conformance!(empty);
