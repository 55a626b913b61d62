//! Everything outside that control acts on or asks, each behind a trait.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hearth_core::Timestamp;
use hearth_core::admission::Need;
use hearth_core::clock::Clock;
use hearth_core::config::SessionConfig;
use hearth_core::engine::{Endpoint, EngineSpec, Introduction, Protocol};
use hearth_core::error::ErrorKind;
use hearth_core::id::{EngineId, SessionUuid};
use hearth_core::pool::PoolEngine;
use hearth_core::pool::recipe::Recipe;
use hearth_core::session::{Failure, Session};
use hearth_core::staged::Owner;
use hearth_core::validate::Violation;
use hearth_driver::{Driver, LogChunk};
use hearth_store::Store;
use uuid::Uuid;

use crate::diagnostics::Case;

/// The world that control lives in.
#[derive(Clone)]
#[expect(missing_docs, reason = "each part is described at its trait")]
pub struct World {
    pub store: Arc<dyn Store>,
    pub driver: Arc<dyn Driver>,
    pub launcher: Arc<dyn Launcher>,
    pub probe: Arc<dyn Probe>,
    pub staging: Option<Arc<dyn Staging>>,
    pub packer: Option<Arc<dyn Packer>>,
    pub clock: Arc<dyn Clock>,
    pub timer: Arc<dyn Timer>,
    pub random: Arc<dyn Random>,
}

/// Turns sessions into engines to run.
#[async_trait]
pub trait Launcher: Send + Sync + 'static {
    /// What is wrong with a new session's choice of runtime.
    fn check(&self, config: &SessionConfig) -> Vec<Violation>;

    /// The room that the engine of a session with these effective settings takes. Pure, and cheap: asked for every new
    /// session.
    fn need(&self, _config: &SessionConfig) -> Need {
        Need::default()
    }

    /// The engine of a session. Returns at once: what takes time goes on beside it, and this is asked again.
    ///
    /// # Errors
    /// When there can be none, as when its runtime is not installed: the start has failed.
    async fn start(&self, session: &Session, deadline: Timestamp) -> Result<Start, Failure>;

    /// What of the engine of a session with these effective settings is decided at its launch; `None` if engines for
    /// it cannot be made ahead. Cheap: asked for every new session.
    fn recipe(&self, _config: &SessionConfig) -> Option<Recipe> {
        None
    }

    /// The engine that is made ahead for sessions with settings like these. Returns at once, as `start` does.
    ///
    /// # Errors
    /// When there can be none.
    async fn start_ahead(
        &self,
        _engine: &PoolEngine,
        _config: &SessionConfig,
        _deadline: Timestamp,
    ) -> Result<Start, Failure> {
        let message = "Engines cannot be made ahead here".to_owned();
        Err(Failure { kind: ErrorKind::Internal, message })
    }

    /// What an engine that was made ahead is told of the session it is for.
    fn introduction(&self, _session: &Session) -> Introduction {
        Introduction::default()
    }

    /// Properties that the engine of a session was not launched with, as it was made ahead, and that it is given while
    /// it runs. Cheap: asked for every call of the session.
    fn settings(&self, _session: &Session) -> Vec<(String, String)> {
        Vec::new()
    }
}

/// How far the start of a session's engine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// It can be launched.
    Engine {
        /// The engine.
        spec: Box<EngineSpec>,
        /// Whether packages of the session's own are there for it.
        prepared: bool,
    },
    /// The session's packages are being installed.
    Preparing,
}

/// Finds out whether an engine answers.
#[async_trait]
pub trait Probe: Send + Sync + 'static {
    /// Asks one request of the protocol, of the engine of this session.
    async fn ask(&self, session: SessionUuid, endpoint: &Endpoint, protocol: Protocol) -> Answer;

    /// Has an engine that is nobody's yet answer a first query, so that those of its session are quick from the first
    /// on. Nothing depends on it.
    async fn warm_up(&self, _session: SessionUuid, _endpoint: &Endpoint) {}
}

/// How an engine answered its first request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// As it should.
    Good,
    /// Not yet: ask again.
    NotYet,
    /// With an error that it will answer with each time, in these words.
    Error(String),
}

/// Keeps what is to outlive engines.
#[async_trait]
pub trait Staging: Send + Sync + 'static {
    /// Keeps a piece of output that begins at this byte. One that was kept before is replaced.
    ///
    /// # Errors
    /// When it could not be kept.
    async fn keep_output(&self, owner: Owner<'_>, offset: u64, content: Vec<u8>) -> Result<(), StagingError>;

    /// Keeps what else the session's engine has left in files, once it has ended. Repeating it does no harm.
    ///
    /// # Errors
    /// When some of it could not be kept.
    async fn keep_files(&self, _owner: Owner<'_>) -> Result<(), StagingError> {
        Ok(())
    }

    /// Removes files that an engine has left which no session got. There may be none.
    ///
    /// # Errors
    /// When some may be left.
    async fn forget_files(&self, _engine: EngineId) -> Result<(), StagingError> {
        Ok(())
    }

    /// A piece of what was kept, from the `offset`-th byte on; empty where there is nothing.
    ///
    /// # Errors
    /// When it could not be read.
    async fn output(&self, owner: Owner<'_>, offset: u64, limit: usize) -> Result<LogChunk, StagingError>;

    /// Keeps an archive of diagnostics, in the place of an earlier one.
    ///
    /// # Errors
    /// When it could not be kept.
    async fn keep_diagnostics(&self, owner: Owner<'_>, archive: Vec<u8>) -> Result<(), StagingError>;

    /// A piece of the archive, from the `offset`-th byte on; `None` when there is no archive.
    ///
    /// # Errors
    /// When it could not be read.
    async fn diagnostics(
        &self,
        owner: Owner<'_>,
        offset: u64,
        limit: usize,
    ) -> Result<Option<Kept>, StagingError>;

    /// Removes everything of a session. Nothing there is fine.
    ///
    /// # Errors
    /// When something may be left.
    async fn remove(&self, owner: Owner<'_>) -> Result<(), StagingError>;
}

/// A piece of something kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The bytes; none past the end.
    pub content: Vec<u8>,
    /// The size of the whole, in bytes.
    pub size: u64,
}

/// Packs what is known of a session into an archive for people, with every secret taken out.
#[async_trait]
pub trait Packer: Send + Sync + 'static {
    /// The archive's bytes.
    ///
    /// # Errors
    /// When it could not be made.
    async fn pack(&self, case: Case) -> Result<Vec<u8>, StagingError>;
}

/// Why the staging store could not do as asked.
#[derive(Debug, thiserror::Error)]
#[error("could not {what}")]
pub struct StagingError {
    what: String,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl StagingError {
    /// A problem while trying `what`.
    pub fn because<E>(what: impl Into<String>) -> impl FnOnce(E) -> Self
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        move |source| Self { what: what.into(), source: Box::new(source) }
    }
}

/// Wakes sleepers. Kept apart from [`Clock`] because only the reconciler's loop sleeps.
#[async_trait]
pub trait Timer: Send + Sync + 'static {
    /// Returns when the clock has reached `at`, or somewhat earlier: the caller looks at the clock again.
    async fn sleep_until(&self, at: Timestamp);
}

/// Where randomness comes from.
pub trait Random: Send + Sync + 'static {
    /// A random (version 4) uuid.
    fn uuid(&self) -> Uuid;
}

/// The machine's own clock, timer and randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

/// The longest sleep at a stretch, so that a clock that is set is noticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

impl Clock for System {
    /// In whole microseconds, which is what answers show: a time that a client was shown is the time that is stored.
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }
}

#[async_trait]
impl Timer for System {
    async fn sleep_until(&self, at: Timestamp) {
        let wait = Duration::try_from(at.duration_since(self.now())).unwrap_or(Duration::ZERO);
        tokio::time::sleep(wait.min(LONGEST_SLEEP)).await;
    }
}

impl Random for System {
    fn uuid(&self) -> Uuid {
        Uuid::new_v4()
    }
}
