//! Runs engines somewhere: the [`Driver`] trait, a scripted fake, and the suite that every driver passes.
//!
//! A driver knows [`EngineSpec`]s and nothing of sessions. Start reading at [`Driver`].

pub mod conformance;
pub mod fake;

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use hearth_core::Timestamp;
use hearth_core::engine::{EngineSpec, Introduction, Observed};
use hearth_core::id::EngineId;

/// Runs engines somewhere: as child processes, as pods. Knows nothing of sessions.
///
/// Everything an engine leaves behind is named after its id, so that a driver made anew (after a crash of the
/// server) finds it again.
#[async_trait]
pub trait Driver: Send + Sync + 'static {
    /// Makes an engine run as `spec` says. One that already does, or that has run and ended, is left alone: there
    /// is at most one engine per id, ever, until it is removed.
    async fn ensure(&self, spec: &EngineSpec) -> Result<(), DriverError>;

    /// What is there now. An engine never seen is [`Observed::Absent`], not an error. Never
    /// [`Observed::Ready`]: whether an engine answers is for its caller to find out.
    async fn observe(&self, id: EngineId) -> Result<Observed, DriverError>;

    /// Asks the engine to end and returns; it is killed, with every process it started, once `grace` is over.
    /// An absent or ended engine is fine.
    async fn stop(&self, id: EngineId, grace: Duration) -> Result<(), DriverError>;

    /// Changes when the engine is ended even if no server is there to ask for it. An absent engine is fine.
    async fn set_deadline(&self, id: EngineId, deadline: Timestamp) -> Result<(), DriverError>;

    /// Tells a running engine whom it is for from now on. Told again it replaces the files and adds no second line to
    /// the log. An absent or ended engine is fine.
    async fn introduce(&self, id: EngineId, introduction: &Introduction) -> Result<(), DriverError>;

    /// Clears away what an ended engine left. An absent engine is fine; one that lives is an error.
    async fn remove(&self, id: EngineId) -> Result<(), DriverError>;

    /// Every engine of which there is any trace, for the sweep.
    async fn engines(&self) -> Result<Vec<EngineId>, DriverError>;

    /// A piece of the engine's log, from the `offset`-th byte ever written to it.
    async fn log(&self, id: EngineId, offset: u64, limit: usize) -> Result<LogChunk, DriverError>;

    /// What the processes of an engine have used so far; `None` if it is not there, or nobody can tell.
    async fn usage(&self, _id: EngineId) -> Result<Option<EngineUsage>, DriverError> {
        Ok(None)
    }

    /// The engine's own scratch directory, if this process can put files there. It need not exist.
    fn scratch(&self, _id: EngineId) -> Option<PathBuf> {
        None
    }

    /// Engines worth looking at again. A hint: entries may repeat or be lost.
    fn changes(&self) -> BoxStream<'static, EngineId>;
}

/// What the processes of an engine have used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineUsage {
    /// Processor time since its start, of processes that have ended too.
    pub cpu: Duration,
    /// Memory that is resident now, in bytes.
    pub memory: u64,
    /// The most that was resident at once, in bytes, as far as it was seen.
    pub peak_memory: u64,
}

/// A piece of an engine's log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogChunk {
    /// The bytes.
    pub content: Vec<u8>,
    /// Where the bytes begin: past the offset asked for if the part before was dropped.
    pub offset: u64,
    /// Where to go on.
    pub next_offset: u64,
}

/// Why a driver could not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// It may work later.
    #[error("could not {what}")]
    Unavailable {
        /// What was tried.
        what: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The engine still lives.
    #[error("engine \"{0}\" is still running")]
    StillRunning(EngineId),
}

impl DriverError {
    /// An I/O problem while trying `what`.
    pub fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Unavailable { what: what.into(), source }
    }
}
