//! The archive that says what became of a session: written when it failed and when somebody asks, kept with its
//! output, and removed with it.

use std::time::Duration;

use hearth_core::Timestamp;
use hearth_core::engine::Observed;
use hearth_core::explain::Explanation;
use hearth_core::filter::{Filter, Schema};
use hearth_core::name::SessionName;
use hearth_core::operation::Operation;
use hearth_core::session::Session;
use hearth_core::staged::Keeping;
use hearth_core::transition::SessionEvent;
use hearth_driver::LogChunk;
use hearth_store::{CommitError, OperationQuery};
use tracing::{info, warn};

use crate::Control;
use crate::error::ControlError;
use crate::sessions::store_error;
use crate::world::{Kept, StagingError};

/// How long making an archive and handing it to the staging store may take. Whoever asked waits no longer, and the
/// end of a session is settled (DESIGN.md, I12) whatever the store does.
const TIME: Duration = Duration::from_secs(15);
/// How much of the end of a log goes into an archive: hundreds of stack traces. It is held in memory meanwhile.
const LOG_TAIL: usize = 4 << 20;
/// How much is read from a log at once.
const LOG_PIECE: usize = 1 << 20;
/// How many operations an archive tells of. A session has three at most, unless its id was used over and over.
const OPERATIONS: usize = 100;
/// How often it is tried to write down that an archive is there. Each time somebody else wrote the session in between.
const ATTEMPTS: usize = 64;

/// What there is to pack about a session.
#[derive(Debug, Clone)]
pub struct Case {
    /// The session.
    pub session: Session,
    /// Why it is in its state.
    pub explanation: Explanation,
    /// Its operations and those of earlier sessions of its name, newest first.
    pub operations: Vec<Operation>,
    /// What there is of its engine; `None` if its driver did not say.
    pub engine: Option<Observed>,
    /// The end of what its engine has written.
    pub log: LogChunk,
    /// When all this was so.
    pub at: Timestamp,
}

/// Where a session's archive is.
#[derive(Debug, Clone)]
pub struct Diagnosed {
    /// The session.
    pub session: Session,
    /// The size of the archive in bytes.
    pub size: u64,
}

impl Control {
    /// Has an archive of diagnostics written. That of a session that has ended is written once: there is no more to
    /// tell than there was, and its engine's traces may be gone.
    ///
    /// # Errors
    /// When there is no such session, or the staging store does not take the archive.
    pub async fn diagnose_session(&self, name: &SessionName) -> Result<Diagnosed, ControlError> {
        let session = self.session(name).await?;
        let staging = self.world.staging.as_ref().ok_or(ControlError::NoStaging)?;
        if session.ended() && session.keeping.diagnosed_at.is_some() {
            let there = within(staging.diagnostics(session.staged(), 0, 0)).await??;
            if let Some(Kept { size, .. }) = there {
                return Ok(Diagnosed { session, size });
            }
        }
        let (size, at) = within(self.write_archive(&session)).await??;
        // Written down, so that a removal that goes on meanwhile does not leave the archive behind: it looks again
        // when the session was written since, and otherwise it is found here.
        for _ in 0..ATTEMPTS {
            let Some(current) = self.world.store.session_by_uuid(session.uuid).await? else {
                staging.remove(session.staged()).await?;
                return Err(ControlError::SessionNotFound(name.to_string()));
            };
            let keeping = Keeping { diagnostics_due: false, diagnosed_at: Some(at), ..current.keeping };
            let now = self.world.clock.now();
            let Ok(transition) = current.after(&SessionEvent::Kept(keeping), now) else { break };
            let mut written = transition.session.clone();
            match self.world.store.commit(self.change_of(transition).await?).await {
                Ok(()) => {
                    written.generation += 1;
                    self.watchers.changed(session.uuid);
                    self.queue.push(session.uuid, now);
                    return Ok(Diagnosed { session: written, size });
                }
                Err(CommitError::Conflict) => {}
                Err(error) => return Err(store_error(error, name)),
            }
        }
        Err(ControlError::Busy(name.clone()))
    }

    /// A piece of a session's archive, with the session as it was then.
    ///
    /// # Errors
    /// When there is no such session or no archive of it, or the staging store is out of reach.
    pub async fn diagnostics(
        &self,
        name: &SessionName,
        offset: u64,
        limit: usize,
    ) -> Result<(Session, Kept), ControlError> {
        let session = self.session(name).await?;
        let staging = self.world.staging.as_ref().ok_or(ControlError::NoStaging)?;
        if session.keeping.diagnosed_at.is_none() {
            return Err(ControlError::NoDiagnostics(name.clone()));
        }
        let there = within(staging.diagnostics(session.staged(), offset, limit)).await??;
        there.map(|kept| (session, kept)).ok_or_else(|| ControlError::NoDiagnostics(name.clone()))
    }

    /// Writes the archive of a session that has failed. Says when it was; a store that does not take it is told in
    /// the log, and whoever asks for an archive later has it written then.
    pub(crate) async fn keep_diagnostics(&self, session: &Session) -> Option<Timestamp> {
        let written = match within(self.write_archive(session)).await {
            Ok(Ok((size, at))) => {
                info!(session = %session.name, bytes = size, "diagnostics written");
                return Some(at);
            }
            Ok(Err(ControlError::NoStaging)) => return None,
            Ok(Err(error)) => error,
            Err(error) => error,
        };
        let error = &written as &dyn std::error::Error;
        warn!(session = %session.name, error, "could not write diagnostics of the session");
        None
    }

    /// Makes the archive and keeps it. Its size, and the time of what it tells.
    async fn write_archive(&self, session: &Session) -> Result<(u64, Timestamp), ControlError> {
        let (Some(staging), Some(packer)) = (&self.world.staging, &self.world.packer) else {
            return Err(ControlError::NoStaging);
        };
        let case = self.case(session).await?;
        let at = case.at;
        let archive = packer.pack(case).await?;
        let size = archive.len() as u64;
        staging.keep_diagnostics(session.staged(), archive).await?;
        Ok((size, at))
    }

    /// What there is to tell. What is out of reach is left out: an archive is asked for when something is wrong.
    async fn case(&self, session: &Session) -> Result<Case, ControlError> {
        Ok(Case {
            explanation: self.explanation(session).await?,
            operations: self.operations_about(session).await?,
            engine: self.world.driver.observe(session.uuid.engine_id()).await.ok(),
            log: self.log_tail(session).await,
            at: self.world.clock.now(),
            session: session.clone(),
        })
    }

    async fn operations_about(&self, session: &Session) -> Result<Vec<Operation>, ControlError> {
        let filter = Filter::parse(&format!("metadata.session = \"{}\"", session.name), Schema::Operations)?;
        let parent = session.name.parent().clone();
        let query = OperationQuery { parent, filter, after: None, limit: OPERATIONS };
        let mut operations = self.world.store.operations(&query).await?;
        operations.retain(|operation| operation.session_uuid == session.uuid);
        Ok(operations)
    }

    /// The end of what a session's engine has written, from its driver or from where it is kept.
    async fn log_tail(&self, session: &Session) -> LogChunk {
        let mut tail = LogChunk::default();
        loop {
            let piece = match self.log_piece(session, tail.next_offset, LOG_PIECE).await {
                Ok(piece) if !piece.content.is_empty() => piece,
                Ok(_) => return tail,
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    warn!(session = %session.name, error, "could not read the log of the session to its end");
                    return tail;
                }
            };
            if piece.offset != tail.next_offset {
                // What is in between is gone, and with it the beginning.
                tail = LogChunk { content: Vec::new(), offset: piece.offset, next_offset: piece.offset };
            }
            tail.content.extend(piece.content);
            tail.next_offset = piece.next_offset;
            let surplus = tail.content.len().saturating_sub(LOG_TAIL);
            tail.content.drain(..surplus);
            tail.offset += surplus as u64;
        }
    }
}

/// Gives up on what takes too long.
async fn within<T>(work: impl Future<Output = T>) -> Result<T, ControlError> {
    let done = tokio::time::timeout(TIME, work).await;
    done.map_err(|late| StagingError::because("be quick enough with diagnostics")(late).into())
}
