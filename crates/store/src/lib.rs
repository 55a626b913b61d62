//! What is remembered: the [`Store`] trait, an in-memory store, and the suite that every store passes.
//!
//! Knows the domain's types and nothing of SQL. Start reading at [`Store::commit`]: all writes of sessions and
//! operations go through it, as one [`Change`] that happens whole or not at all.

#[cfg(feature = "conformance")]
pub mod conformance;
mod memory;
mod versions;

use async_trait::async_trait;
use hearth_core::Timestamp;
use hearth_core::filter::Filter;
use hearth_core::id::{EngineId, OperationId, SessionUuid};
use hearth_core::lease::{Fence, Lease};
use hearth_core::name::{Parent, SessionName, TemplateName};
use hearth_core::operation::{Operation, RequestKey};
use hearth_core::pool::PoolEngine;
use hearth_core::session::Session;
use hearth_core::template::Template;
use hearth_core::usage::UsageRecord;

pub use crate::memory::{Contents, MemoryStore, Misfit, Request, Use};
pub use crate::versions::{Versions, Written};

/// Remembers sessions, operations, request ids and leases.
///
/// Answered means on disk: when [`Store::commit`] returns, the change survives a crash of the machine.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Writes a change, whole or not at all.
    ///
    /// The guards are checked in this order, all in the same transaction: the fence, the request id, the new
    /// sessions' names, the generations, the templates, the pool engines, and that the request id's operation is there
    /// once the change is written. All look at what was there before the change; a second write of the same session,
    /// template or pool engine in it is a conflict.
    ///
    /// # Errors
    /// When a guard does not hold, or the store has a problem.
    ///
    /// # Cancel safety
    /// A change whose caller stops waiting may still happen.
    async fn commit(&self, change: Change) -> Result<(), CommitError>;

    /// A session by its name.
    async fn session(&self, name: &SessionName) -> Result<Option<Session>, StoreError>;

    /// A session by its uuid.
    async fn session_by_uuid(&self, uuid: SessionUuid) -> Result<Option<Session>, StoreError>;

    /// A number that is another one once the session was written. What is read of the session after asking for it holds
    /// until then. Costs nothing, and is of no use to another process.
    fn version(&self, uuid: SessionUuid) -> u64;

    /// A number that is another one once a session's name was taken or freed. Which session a name means, looked up after
    /// asking for it, holds until then. Costs nothing, and is of no use to another process.
    fn names_version(&self) -> u64;

    /// A page of sessions: newest first, then by name.
    async fn sessions(&self, query: &SessionQuery) -> Result<Vec<Session>, StoreError>;

    /// Sessions with this id, whatever their project and location. At most `limit`, in no order.
    async fn sessions_with_id(&self, id: &str, limit: usize) -> Result<Vec<Session>, StoreError>;

    /// The uuids of all sessions that are not settled ([`Session::settled`]).
    async fn unsettled(&self) -> Result<Vec<SessionUuid>, StoreError>;

    /// The uuids of settled sessions that entered their state at or before `time`, oldest first.
    async fn ended_before(&self, time: Timestamp, limit: usize) -> Result<Vec<SessionUuid>, StoreError>;

    /// A template by its name.
    async fn template(&self, name: &TemplateName) -> Result<Option<Template>, StoreError>;

    /// A page of templates: newest first, then by name.
    async fn templates(&self, query: &TemplateQuery) -> Result<Vec<Template>, StoreError>;

    /// An operation by its id.
    async fn operation(&self, id: OperationId) -> Result<Option<Operation>, StoreError>;

    /// A page of operations: newest first, then by id.
    async fn operations(&self, query: &OperationQuery) -> Result<Vec<Operation>, StoreError>;

    /// Finished operations that ended at or before `time`, oldest first.
    async fn finished_before(&self, time: Timestamp, limit: usize) -> Result<Vec<OperationId>, StoreError>;

    /// Every pool engine, the oldest first.
    async fn pool_engines(&self) -> Result<Vec<PoolEngine>, StoreError>;

    /// The operation that a request id stands for.
    async fn request(&self, key: &RequestKey) -> Result<Option<OperationId>, StoreError>;

    /// Notes when sessions were last used. Times that are older than what is known are ignored, and so are
    /// sessions that are gone.
    async fn note_activity(&self, uses: &[(SessionUuid, Timestamp)]) -> Result<(), StoreError>;

    /// When a session was last used, as noted.
    async fn activity(&self, uuid: SessionUuid) -> Result<Option<Timestamp>, StoreError>;

    /// What sessions used that are there, and that were removed since, all as of one moment: a session that is being
    /// removed is in it exactly once. In no order.
    async fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageRecord>, StoreError>;

    /// Records of removed sessions that ended at or before `time`, oldest first.
    async fn usage_before(&self, time: Timestamp, limit: usize) -> Result<Vec<SessionUuid>, StoreError>;

    /// Asks for the lease, as [`Lease::grant`] decides. `None` when another server holds it.
    async fn acquire_lease(
        &self,
        holder: &str,
        now: Timestamp,
        expires_at: Timestamp,
        seize: bool,
    ) -> Result<Option<Lease>, StoreError>;

    /// Gives the lease back, if `holder` has it: it lapses at once and keeps its fence.
    async fn release_lease(&self, holder: &str) -> Result<(), StoreError>;
}

/// One transaction's worth of writes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Change {
    /// Refused unless this is still the lease's fence. Requests write without one; the reconciler never does.
    pub fence: Option<Fence>,
    /// Refused, with the operation it stands for, if this request id is known already; else remembered.
    pub request: Option<(RequestKey, OperationId)>,
    /// Writes of sessions.
    pub sessions: Vec<SessionWrite>,
    /// Writes of templates.
    pub templates: Vec<TemplateWrite>,
    /// Writes of pool engines.
    pub pool_engines: Vec<PoolWrite>,
    /// Operations to add or replace. The generation of a session in an outcome is not kept: it reads as 0.
    pub operations: Vec<Operation>,
    /// Operations to remove, with the request ids that stand for them.
    pub removed_operations: Vec<OperationId>,
    /// Removed sessions whose use is not to be known any more.
    pub removed_usage: Vec<SessionUuid>,
}

/// A write of one session.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionWrite {
    /// A session that is new. Its generation becomes 1. Refused if its name is taken, or its uuid known.
    Insert(Box<Session>),
    /// A session as it is now. Refused unless the stored generation is the one it carries; that grows by one.
    Update(Box<Session>),
    /// A session to remove, with its activity. Refused unless the stored generation is this one.
    Remove {
        /// Which.
        uuid: SessionUuid,
        /// The generation it was read with.
        generation: u64,
        /// What it used, which is kept; `None` if it used nothing.
        usage: Option<Box<UsageRecord>>,
    },
}

/// A write of one template.
#[derive(Debug, Clone, PartialEq)]
pub enum TemplateWrite {
    /// A template that is new. Refused if its name is taken.
    Insert(Box<Template>),
    /// A template as it is now, whatever it was: the last write wins. Refused if there is none of its name and uuid.
    /// When it was made does not change.
    Replace(Box<Template>),
    /// A template to remove. Refused if there is none of this name.
    Remove(TemplateName),
}

/// A write of one pool engine.
#[derive(Debug, Clone, PartialEq)]
pub enum PoolWrite {
    /// One that is new. Its generation becomes 1. Refused if its id is known.
    Insert(PoolEngine),
    /// One as it is now. Refused unless the stored generation is the one it carries; that grows by one.
    Update(PoolEngine),
    /// One that is none any more, because it is a session's or gone. Refused unless the stored generation is this one.
    Remove {
        /// Which.
        id: EngineId,
        /// The generation it was read with.
        generation: u64,
    },
}

impl PoolWrite {
    /// Which engine is written.
    pub fn id(&self) -> EngineId {
        match self {
            Self::Insert(engine) | Self::Update(engine) => engine.id,
            Self::Remove { id, .. } => *id,
        }
    }
}

impl TemplateWrite {
    /// Which template is written.
    pub fn name(&self) -> &TemplateName {
        match self {
            Self::Insert(template) | Self::Replace(template) => &template.name,
            Self::Remove(name) => name,
        }
    }
}

/// Which sessions to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionQuery {
    /// The project and location.
    pub parent: Parent,
    /// Those that pass.
    pub filter: Filter,
    /// Those after this one.
    pub after: Option<(Timestamp, SessionName)>,
    /// At most so many.
    pub limit: usize,
}

/// Which templates to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateQuery {
    /// The project and location.
    pub parent: Parent,
    /// Those that pass.
    pub filter: Filter,
    /// Those after this one.
    pub after: Option<(Timestamp, TemplateName)>,
    /// At most so many.
    pub limit: usize,
}

/// Whose use to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageQuery {
    /// Of sessions in this project; `None` for all.
    pub project: Option<String>,
    /// Of sessions in this location; `None` for all.
    pub location: Option<String>,
    /// Of sessions that were active then or later ([`UsageRecord::reaches`]).
    pub since: Timestamp,
}

impl UsageQuery {
    /// Whether a record is asked for.
    pub fn selects(&self, record: &UsageRecord) -> bool {
        let parent = record.session.parent();
        self.project.as_ref().is_none_or(|project| *project == parent.project)
            && self.location.as_ref().is_none_or(|location| *location == parent.location)
            && record.reaches(self.since)
    }
}

/// Which operations to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationQuery {
    /// The project and location.
    pub parent: Parent,
    /// Those that pass.
    pub filter: Filter,
    /// Those after this one.
    pub after: Option<(Timestamp, OperationId)>,
    /// At most so many.
    pub limit: usize,
}

/// Why a change was not written.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Another server has the lease now.
    #[error("another server has taken over")]
    Fenced,
    /// The request id is known: this is its operation.
    #[error("the request was made before")]
    Replayed(OperationId),
    /// There is a session of that name.
    #[error("session \"{0}\" exists")]
    SessionExists(SessionName),
    /// There is a template of that name.
    #[error("session template \"{0}\" exists")]
    TemplateExists(TemplateName),
    /// There is no template of that name.
    #[error("there is no session template \"{0}\"")]
    TemplateAbsent(TemplateName),
    /// A pool engine is not what it was when it was read: someone else was faster.
    #[error("the engine \"{0}\" has changed since it was read")]
    EngineTaken(EngineId),
    /// A session, or the operation of the request id, is not what it was when it was read.
    #[error("the session has changed since it was read")]
    Conflict,
    /// The store has a problem.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A problem of the store. What was asked for did not happen.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It may work later: the disk is full, or the database is out of reach.
    #[error("could not reach the store: {0}")]
    Unavailable(String),
    /// What is stored cannot be read.
    #[error("the store is damaged: {0}")]
    Damaged(String),
}
