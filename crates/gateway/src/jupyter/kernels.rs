//! What the kernel gateway asks of whoever knows the sessions.

use async_trait::async_trait;
use hearth_core::Timestamp;
use hearth_core::caller::Caller;
use hearth_core::id::SessionUuid;

use super::relay::Relay;
use crate::status::Refusal;

/// A kernel that can be started: a card in a launcher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelSpec {
    /// What it is asked for by.
    pub name: String,
    /// The title of its card.
    pub display_name: String,
    /// `python` or `scala`.
    pub language: &'static str,
    /// The resource that its sessions become a part of, if clients are to show it.
    pub parent: Option<String>,
}

/// A kernel that runs.
#[derive(Debug, Clone)]
pub struct Kernel {
    /// Its session, whose uuid is its id.
    pub uuid: SessionUuid,
    /// The name of the spec it was started from, or is most like.
    pub spec: String,
    /// The full name of its session.
    pub session: String,
    /// The relay beside it.
    pub relay: Relay,
    /// When it could be used first.
    pub started_at: Timestamp,
}

/// What there is of a kernel.
#[derive(Debug, Clone)]
pub enum Found {
    /// It can be used.
    Running(Kernel),
    /// It has ended, or never began; why, in one sentence.
    Ended(String),
    /// Its session is still being created.
    Coming,
}

/// The cards there are.
#[derive(Debug, Clone, Default)]
pub struct Listed {
    /// The name of the one that is offered first.
    pub default: String,
    /// All of them.
    pub specs: Vec<KernelSpec>,
}

/// Knows which kernels there are, and makes and ends them.
#[async_trait]
pub trait Kernels: Send + Sync + 'static {
    /// What can be started.
    ///
    /// # Errors
    /// When nobody can tell now.
    async fn specs(&self, caller: &Caller) -> Result<Listed, Refusal>;

    /// Somebody looks at all there is, and may start some of it soon.
    fn looked_at(&self, listed: &Listed);

    /// Starts a kernel and waits until it can be used.
    ///
    /// # Errors
    /// When there is no such spec, or the start fails; the text says why.
    ///
    /// # Cancel safety
    /// Dropping the future takes the kernel back.
    async fn start(&self, caller: &Caller, spec: &str) -> Result<Kernel, Refusal>;

    /// The kernels that run.
    ///
    /// # Errors
    /// When nobody can tell now.
    async fn running(&self, caller: &Caller) -> Result<Vec<Kernel>, Refusal>;

    /// One kernel; `None` if there never was one of this uuid.
    ///
    /// # Errors
    /// When nobody can tell now.
    async fn find(&self, caller: &Caller, uuid: SessionUuid) -> Result<Option<Found>, Refusal>;

    /// Ends a kernel, and with it its session. One that has ended is fine.
    ///
    /// # Errors
    /// When it cannot be asked to.
    async fn end(&self, caller: &Caller, uuid: SessionUuid) -> Result<(), Refusal>;
}
