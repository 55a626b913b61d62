//! A server that dies at a chosen effect: adapters that count what changes the world and stop at one of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use hearth_control::world::{Kept, Staging, StagingError};
use hearth_core::Timestamp;
use hearth_core::engine::{EngineSpec, Introduction, Observed};
use hearth_core::id::{EngineId, OperationId, SessionUuid};
use hearth_core::lease::Lease;
use hearth_core::name::{SessionName, TemplateName};
use hearth_core::operation::{Operation, RequestKey};
use hearth_core::pool::PoolEngine;
use hearth_core::session::Session;
use hearth_core::staged::Owner;
use hearth_core::template::Template;
use hearth_core::usage::UsageRecord;
use hearth_driver::{Driver, DriverError, EngineUsage, LogChunk};
use hearth_store::{
    Change, CommitError, OperationQuery, SessionQuery, Store, StoreError, TemplateQuery, UsageQuery,
};

/// On which side of an effect the server dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The effect does not happen.
    Before,
    /// It happens, and nobody learns of it.
    After,
}

/// When a server dies.
#[derive(Debug)]
pub(crate) struct Crash {
    at: u64,
    side: Side,
    effects: AtomicU64,
    dead: AtomicBool,
}

impl Crash {
    /// At the `at`-th effect, counted from 0.
    pub(crate) fn at(at: u64, side: Side) -> Arc<Self> {
        Arc::new(Self { at, side, effects: AtomicU64::new(0), dead: AtomicBool::new(false) })
    }

    /// Not at all.
    pub(crate) fn never() -> Arc<Self> {
        Self::at(u64::MAX, Side::Before)
    }

    /// Whether the server is dead.
    pub(crate) fn dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// Whether the server lives and is to die yet.
    pub(crate) fn armed(&self) -> bool {
        self.at != u64::MAX && !self.dead()
    }

    /// Whether this effect happens, and whether its caller lives to see it.
    fn effect(&self) -> (bool, bool) {
        if self.dead() {
            return (false, false);
        }
        if self.effects.fetch_add(1, Ordering::SeqCst) < self.at {
            return (true, true);
        }
        self.dead.store(true, Ordering::SeqCst);
        (self.side == Side::After, false)
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable("the server is dead".to_owned())
}

fn lost() -> DriverError {
    DriverError::io("go on: the server is dead")(std::io::Error::other("dead"))
}

/// A store seen by a server that may die.
pub(crate) struct CrashingStore<S> {
    pub(crate) inner: Arc<S>,
    pub(crate) crash: Arc<Crash>,
}

macro_rules! read {
    ($self:ident, $call:expr) => {
        if $self.crash.dead() { Err(gone()) } else { $call.await }
    };
}

macro_rules! write {
    ($self:ident, $call:expr, $gone:expr) => {{
        let (happens, seen) = $self.crash.effect();
        let result = if happens { Some($call.await) } else { None };
        match result {
            Some(result) if seen => result,
            _ => Err($gone),
        }
    }};
}

#[async_trait]
impl<S: Store> Store for CrashingStore<S> {
    async fn commit(&self, change: Change) -> Result<(), CommitError> {
        write!(self, self.inner.commit(change), gone().into())
    }

    async fn session(&self, name: &SessionName) -> Result<Option<Session>, StoreError> {
        read!(self, self.inner.session(name))
    }

    async fn session_by_uuid(&self, uuid: SessionUuid) -> Result<Option<Session>, StoreError> {
        read!(self, self.inner.session_by_uuid(uuid))
    }

    fn version(&self, uuid: SessionUuid) -> u64 {
        self.inner.version(uuid)
    }

    fn names_version(&self) -> u64 {
        self.inner.names_version()
    }

    async fn sessions(&self, query: &SessionQuery) -> Result<Vec<Session>, StoreError> {
        read!(self, self.inner.sessions(query))
    }

    async fn sessions_with_id(&self, id: &str, limit: usize) -> Result<Vec<Session>, StoreError> {
        read!(self, self.inner.sessions_with_id(id, limit))
    }

    async fn unsettled(&self) -> Result<Vec<SessionUuid>, StoreError> {
        read!(self, self.inner.unsettled())
    }

    async fn ended_before(&self, time: Timestamp, limit: usize) -> Result<Vec<SessionUuid>, StoreError> {
        read!(self, self.inner.ended_before(time, limit))
    }

    async fn template(&self, name: &TemplateName) -> Result<Option<Template>, StoreError> {
        read!(self, self.inner.template(name))
    }

    async fn templates(&self, query: &TemplateQuery) -> Result<Vec<Template>, StoreError> {
        read!(self, self.inner.templates(query))
    }

    async fn operation(&self, id: OperationId) -> Result<Option<Operation>, StoreError> {
        read!(self, self.inner.operation(id))
    }

    async fn operations(&self, query: &OperationQuery) -> Result<Vec<Operation>, StoreError> {
        read!(self, self.inner.operations(query))
    }

    async fn finished_before(&self, time: Timestamp, limit: usize) -> Result<Vec<OperationId>, StoreError> {
        read!(self, self.inner.finished_before(time, limit))
    }

    async fn pool_engines(&self) -> Result<Vec<PoolEngine>, StoreError> {
        read!(self, self.inner.pool_engines())
    }

    async fn request(&self, key: &RequestKey) -> Result<Option<OperationId>, StoreError> {
        read!(self, self.inner.request(key))
    }

    async fn note_activity(&self, uses: &[(SessionUuid, Timestamp)]) -> Result<(), StoreError> {
        write!(self, self.inner.note_activity(uses), gone())
    }

    async fn activity(&self, uuid: SessionUuid) -> Result<Option<Timestamp>, StoreError> {
        read!(self, self.inner.activity(uuid))
    }

    async fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageRecord>, StoreError> {
        read!(self, self.inner.usage(query))
    }

    async fn usage_before(&self, time: Timestamp, limit: usize) -> Result<Vec<SessionUuid>, StoreError> {
        read!(self, self.inner.usage_before(time, limit))
    }

    async fn acquire_lease(
        &self,
        holder: &str,
        now: Timestamp,
        expires_at: Timestamp,
        seize: bool,
    ) -> Result<Option<Lease>, StoreError> {
        write!(self, self.inner.acquire_lease(holder, now, expires_at, seize), gone())
    }

    async fn release_lease(&self, holder: &str) -> Result<(), StoreError> {
        write!(self, self.inner.release_lease(holder), gone())
    }
}

/// A driver seen by a server that may die.
pub(crate) struct CrashingDriver<D> {
    pub(crate) inner: D,
    pub(crate) crash: Arc<Crash>,
}

macro_rules! look {
    ($self:ident, $call:expr) => {
        if $self.crash.dead() { Err(lost()) } else { $call.await }
    };
}

#[async_trait]
impl<D: Driver> Driver for CrashingDriver<D> {
    async fn ensure(&self, spec: &EngineSpec) -> Result<(), DriverError> {
        write!(self, self.inner.ensure(spec), lost())
    }

    async fn observe(&self, id: EngineId) -> Result<Observed, DriverError> {
        look!(self, self.inner.observe(id))
    }

    async fn stop(&self, id: EngineId, grace: Duration) -> Result<(), DriverError> {
        write!(self, self.inner.stop(id, grace), lost())
    }

    async fn set_deadline(&self, id: EngineId, deadline: Timestamp) -> Result<(), DriverError> {
        write!(self, self.inner.set_deadline(id, deadline), lost())
    }

    async fn introduce(&self, id: EngineId, introduction: &Introduction) -> Result<(), DriverError> {
        write!(self, self.inner.introduce(id, introduction), lost())
    }

    async fn remove(&self, id: EngineId) -> Result<(), DriverError> {
        write!(self, self.inner.remove(id), lost())
    }

    async fn engines(&self) -> Result<Vec<EngineId>, DriverError> {
        look!(self, self.inner.engines())
    }

    async fn log(&self, id: EngineId, offset: u64, limit: usize) -> Result<LogChunk, DriverError> {
        look!(self, self.inner.log(id, offset, limit))
    }

    async fn usage(&self, id: EngineId) -> Result<Option<EngineUsage>, DriverError> {
        look!(self, self.inner.usage(id))
    }

    fn changes(&self) -> BoxStream<'static, EngineId> {
        self.inner.changes()
    }
}

/// A staging store seen by a server that may die.
pub(crate) struct CrashingStaging<S> {
    pub(crate) inner: Arc<S>,
    pub(crate) crash: Arc<Crash>,
}

fn out_of_reach() -> StagingError {
    StagingError::because("go on: the server is dead")(std::io::Error::other("dead"))
}

#[async_trait]
impl<S: Staging> Staging for CrashingStaging<S> {
    async fn keep_output(&self, owner: Owner<'_>, offset: u64, content: Vec<u8>) -> Result<(), StagingError> {
        write!(self, self.inner.keep_output(owner, offset, content), out_of_reach())
    }

    async fn output(&self, owner: Owner<'_>, offset: u64, limit: usize) -> Result<LogChunk, StagingError> {
        self.inner.output(owner, offset, limit).await
    }

    async fn keep_diagnostics(&self, owner: Owner<'_>, archive: Vec<u8>) -> Result<(), StagingError> {
        write!(self, self.inner.keep_diagnostics(owner, archive), out_of_reach())
    }

    async fn diagnostics(
        &self,
        owner: Owner<'_>,
        offset: u64,
        limit: usize,
    ) -> Result<Option<Kept>, StagingError> {
        self.inner.diagnostics(owner, offset, limit).await
    }

    async fn remove(&self, owner: Owner<'_>) -> Result<(), StagingError> {
        write!(self, self.inner.remove(owner), out_of_reach())
    }
}
