//! The store over its writer and its readers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use hearth_core::Timestamp;
use hearth_core::id::{OperationId, SessionUuid};
use hearth_core::lease::Lease;
use hearth_core::name::{SessionName, TemplateName};
use hearth_core::operation::{Operation, RequestKey};
use hearth_core::pool::PoolEngine;
use hearth_core::session::Session;
use hearth_core::template::Template;
use hearth_core::usage::UsageRecord;
use hearth_store::{
    Change, CommitError, OperationQuery, SessionQuery, Store, StoreError, TemplateQuery, UsageQuery, Versions,
};

use crate::connection::open_writer;
use crate::error::OpenError;
use crate::readers::Readers;
use crate::write::Prepared;
use crate::writer::Writer;
use crate::{query, write};

/// A store in one SQLite file.
///
/// Its methods need a tokio runtime. Dropping it waits for the writes that are under way.
///
/// # Cancel safety
/// A write whose caller stops waiting may still happen; a read has no effect.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    // Dropped before the writer: the last connection to go writes the log back into the file, which readers cannot.
    readers: Readers,
    writer: Writer,
    versions: Arc<Versions>,
}

impl SqliteStore {
    /// Opens the database at `path`, or makes it, and brings its format up to date.
    ///
    /// Looks only at what is quick to see; [`crate::check`] reads everything. Blocks for some milliseconds.
    ///
    /// One at a time for a file: callers hold the lock of its state directory ([`crate::StateDir::lock`]). Within a
    /// process there must be no second one, as the system gives up a process's locks on a file when any of its
    /// handles on it is closed.
    ///
    /// # Errors
    /// When the file is damaged, foreign, newer than this program, not writable, or locked.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref().to_owned();
        let connection = open_writer(&path)?;
        let readers = Readers::open(&path)?;
        let writer = Writer::start(connection).map_err(|error| OpenError::Unavailable {
            path: path.clone(),
            detail: format!("could not start the thread that writes: {error}"),
        })?;
        Ok(Self { path, readers, writer, versions: Arc::default() })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    #[cfg(test)]
    pub(crate) fn writer(&self) -> &Writer {
        &self.writer
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, change: Change) -> Result<(), CommitError> {
        let (written, versions) = (change.written(), self.versions.clone());
        let change = Prepared::new(change)?;
        let commit = move |connection: &_| write::commit(connection, &change);
        self.writer.run_and(commit, move || versions.note(&written)).await
    }

    async fn session(&self, name: &SessionName) -> Result<Option<Session>, StoreError> {
        self.readers.point(|connection| query::session(connection, name))
    }

    async fn session_by_uuid(&self, uuid: SessionUuid) -> Result<Option<Session>, StoreError> {
        self.readers.point(|connection| query::session_by_uuid(connection, uuid))
    }

    fn version(&self, uuid: SessionUuid) -> u64 {
        self.versions.of(uuid)
    }

    fn names_version(&self) -> u64 {
        self.versions.of_names()
    }

    async fn sessions(&self, query: &SessionQuery) -> Result<Vec<Session>, StoreError> {
        let query = query.clone();
        self.readers.scan(move |connection| query::sessions(connection, &query)).await
    }

    async fn sessions_with_id(&self, id: &str, limit: usize) -> Result<Vec<Session>, StoreError> {
        let id = id.to_owned();
        self.readers.scan(move |connection| query::sessions_with_id(connection, &id, limit)).await
    }

    async fn unsettled(&self) -> Result<Vec<SessionUuid>, StoreError> {
        self.readers.scan(query::unsettled).await
    }

    async fn ended_before(&self, time: Timestamp, limit: usize) -> Result<Vec<SessionUuid>, StoreError> {
        self.readers.scan(move |connection| query::ended_before(connection, time, limit)).await
    }

    async fn template(&self, name: &TemplateName) -> Result<Option<Template>, StoreError> {
        self.readers.point(|connection| query::template(connection, name))
    }

    async fn templates(&self, query: &TemplateQuery) -> Result<Vec<Template>, StoreError> {
        let query = query.clone();
        self.readers.scan(move |connection| query::templates(connection, &query)).await
    }

    async fn operation(&self, id: OperationId) -> Result<Option<Operation>, StoreError> {
        self.readers.point(|connection| query::operation(connection, id))
    }

    async fn operations(&self, query: &OperationQuery) -> Result<Vec<Operation>, StoreError> {
        let query = query.clone();
        self.readers.scan(move |connection| query::operations(connection, &query)).await
    }

    async fn finished_before(&self, time: Timestamp, limit: usize) -> Result<Vec<OperationId>, StoreError> {
        self.readers.scan(move |connection| query::finished_before(connection, time, limit)).await
    }

    async fn pool_engines(&self) -> Result<Vec<PoolEngine>, StoreError> {
        // They are few: what the memory of a machine has room for.
        self.readers.point(query::pool_engines)
    }

    async fn request(&self, key: &RequestKey) -> Result<Option<OperationId>, StoreError> {
        self.readers.point(|connection| query::request(connection, key))
    }

    async fn note_activity(&self, uses: &[(SessionUuid, Timestamp)]) -> Result<(), StoreError> {
        let uses = uses.to_vec();
        self.writer.run(move |connection| write::note_activity(connection, &uses)).await
    }

    async fn activity(&self, uuid: SessionUuid) -> Result<Option<Timestamp>, StoreError> {
        self.readers.point(|connection| query::activity(connection, uuid))
    }

    async fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageRecord>, StoreError> {
        let query = query.clone();
        self.readers.scan(move |connection| query::usage(connection, &query)).await
    }

    async fn usage_before(&self, time: Timestamp, limit: usize) -> Result<Vec<SessionUuid>, StoreError> {
        self.readers.scan(move |connection| query::usage_before(connection, time, limit)).await
    }

    async fn acquire_lease(
        &self,
        holder: &str,
        now: Timestamp,
        expires_at: Timestamp,
        seize: bool,
    ) -> Result<Option<Lease>, StoreError> {
        let holder = holder.to_owned();
        self.writer
            .run(move |connection| write::acquire_lease(connection, &holder, now, expires_at, seize))
            .await
    }

    async fn release_lease(&self, holder: &str) -> Result<(), StoreError> {
        let holder = holder.to_owned();
        self.writer.run(move |connection| write::release_lease(connection, &holder)).await
    }
}
