//! What engines write: read from their driver while it has it, and kept in the staging store from their end on.
//!
//! No session waits for that store for long. Its end is recorded after two seconds at most; what is not kept by then is
//! kept afterwards, by a step of its own that is tried once.

use std::time::Duration;

use hearth_core::Timestamp;
use hearth_core::id::EngineId;
use hearth_core::lease::Fence;
use hearth_core::name::SessionName;
use hearth_core::session::{Session, later};
use hearth_core::transition::SessionEvent;
use hearth_driver::LogChunk;
use tracing::warn;

use crate::Control;
use crate::error::ControlError;
use crate::pass::PassError;
use crate::queue::Requeue;
use crate::world::StagingError;

/// How much is kept in one object. Held in memory while it is written.
const PIECE: usize = 8 << 20;
/// How long the end of a session waits until its output is kept. It is told within 5 s (DESIGN.md, I3).
pub(crate) const AT_ONCE: Duration = Duration::from_secs(2);
/// How long that may take once the end is told. With the archive's 15 s it is within what I12 leaves.
const AFTERWARDS: Duration = Duration::from_secs(40);
/// How long a removal waits for the store. What is left then is left for good.
const REMOVAL: Duration = Duration::from_secs(10);
/// How many sessions have something kept or removed after their end at once, so that a store that does not answer leaves most
/// passes to the others.
pub(crate) const KEEPERS: usize = 8;
/// When to look again whether one of them is done.
pub(crate) const NEXT_LOOK: Duration = Duration::from_millis(200);

impl Control {
    /// A piece of what a session's engine has written, and whether no more will follow.
    ///
    /// # Errors
    /// When there is no such session, or what holds its output is out of reach.
    pub async fn session_log(
        &self,
        name: &SessionName,
        offset: u64,
        limit: usize,
    ) -> Result<(LogChunk, bool), ControlError> {
        let session = self.session(name).await?;
        let chunk = self.log_piece(&session, offset, limit).await?;
        let finished = session.state.label().terminal() && chunk.content.is_empty();
        Ok((chunk, finished))
    }

    /// A piece of what a session's engine has written.
    pub(crate) async fn log_piece(
        &self,
        session: &Session,
        offset: u64,
        limit: usize,
    ) -> Result<LogChunk, ControlError> {
        let chunk = self.world.driver.log(session.uuid.engine_id(), offset, limit).await?;
        let ended = session.state.label().terminal();
        if let (true, true, Some(staging)) = (ended, chunk.content.is_empty(), &self.world.staging) {
            // The engine's own files may be gone; where they are not, nothing more is kept than they have.
            let kept = staging.output(session.staged(), offset, limit).await?;
            if !kept.content.is_empty() {
                return Ok(kept);
            }
        }
        Ok(chunk)
    }

    /// Keeps what is still to be kept of a session that has ended: one attempt, so that nothing is tried for ever.
    pub(crate) async fn keep(
        &self,
        session: &Session,
        fence: Fence,
        now: Timestamp,
    ) -> Result<Requeue, PassError> {
        let Ok(_keeper) = self.keepers.try_acquire() else { return Ok(Requeue::At(later(now, NEXT_LOOK))) };
        if session.keeping.output_due && !self.keep_output(session, AFTERWARDS).await {
            warn!(session = %session.name, "the output of the session is not in the staging store");
        }
        let diagnosed_at =
            if session.keeping.diagnostics_due { self.keep_diagnostics(session).await } else { None };
        self.record(session, &SessionEvent::Kept(session.keeping.done(diagnosed_at)), fence).await
    }

    /// Keeps the output of an engine that has ended, and says whether that is all done. Repeating it does no harm.
    pub(crate) async fn keep_output(&self, session: &Session, time: Duration) -> bool {
        let error = match tokio::time::timeout(time, self.copy_output(session)).await {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => error,
            Err(late) => StagingError::because("keep the output of a session in time")(late).into(),
        };
        let error = &error as &dyn std::error::Error;
        warn!(session = %session.name, error, "could not keep the output of the session");
        false
    }

    async fn copy_output(&self, session: &Session) -> Result<(), ControlError> {
        let Some(staging) = &self.world.staging else { return Ok(()) };
        let mut offset = 0;
        loop {
            let piece = self.whole_piece(session, offset).await?;
            if piece.content.is_empty() {
                return Ok(staging.keep_files(session.staged()).await?);
            }
            offset = piece.next_offset;
            staging.keep_output(session.staged(), piece.offset, piece.content).await?;
        }
    }

    /// As much as goes into one object: drivers may give less at once.
    async fn whole_piece(&self, session: &Session, from: u64) -> Result<LogChunk, ControlError> {
        let id = session.uuid.engine_id();
        let mut piece = self.world.driver.log(id, from, PIECE).await?;
        while !piece.content.is_empty() && piece.content.len() < PIECE {
            let more = self.world.driver.log(id, piece.next_offset, PIECE - piece.content.len()).await?;
            if more.content.is_empty() || more.offset != piece.next_offset {
                break;
            }
            piece.content.extend(more.content);
            piece.next_offset = more.next_offset;
        }
        Ok(piece)
    }

    /// Removes files of an engine that no session got.
    pub(crate) async fn forget_files(&self, engine: EngineId) {
        let Some(staging) = &self.world.staging else { return };
        if let Err(error) = staging.forget_files(engine).await {
            let error = &error as &dyn std::error::Error;
            warn!(%engine, error, "could not remove files of an engine");
        }
    }

    /// Removes what was kept of a session that is removed itself.
    pub(crate) async fn remove_kept(&self, session: &Session) {
        let Some(staging) = &self.world.staging else { return };
        let error = match tokio::time::timeout(REMOVAL, staging.remove(session.staged())).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            Err(late) => StagingError::because("remove what is kept of a session in time")(late),
        };
        let error = &error as &dyn std::error::Error;
        warn!(session = %session.name, error, "could not remove what was kept of the session");
    }
}
