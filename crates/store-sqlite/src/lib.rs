//! The store in one SQLite file, and the directory that keeps it safe.
//!
//! Knows SQL, files and locks; must never know what a session means, who asks, or what an engine is. Decisions are
//! the callers': this crate checks the guards of a [`hearth_store::Change`] and writes it, whole or not at all.
//!
//! Start reading at [`SqliteStore`]; writes go through the writer thread (`writer.rs`, then `write.rs`), reads
//! through a pool of read-only connections (`readers.rs`, then `query.rs`, and `list.rs` for lists with filters). [`StateDir`] keeps a second server out.

mod backup;
mod check;
mod connection;
mod error;
mod list;
mod pool;
mod query;
mod readers;
mod restriction;
mod row;
mod schema;
mod state_dir;
mod store;
mod template;
mod write;
mod writer;
#[cfg(test)]
mod writer_tests;

pub use crate::backup::{BackupError, backup, restore};
pub use crate::check::{Report, check};
pub use crate::error::OpenError;
pub use crate::state_dir::{DATABASE, LockError, StateDir, StateLock};
pub use crate::store::SqliteStore;
