//! What engines write: read from their driver while it has it, and kept in the staging store from their end on.

use hearth_core::name::SessionName;
use hearth_core::session::Session;
use hearth_driver::LogChunk;
use tracing::warn;

use crate::Control;
use crate::error::ControlError;

/// How much is kept in one object. Held in memory while it is written.
const PIECE: usize = 8 << 20;

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
        let ended = session.state.label().terminal();
        let mut chunk = self.world.driver.log(session.uuid.engine_id(), offset, limit).await?;
        if let (true, true, Some(staging)) = (ended, chunk.content.is_empty(), &self.world.staging) {
            // The engine's own files may be gone; where they are not, nothing more is kept than they have.
            let kept = staging.output(session.uuid, offset, limit).await?;
            if !kept.content.is_empty() {
                chunk = kept;
            }
        }
        let finished = ended && chunk.content.is_empty();
        Ok((chunk, finished))
    }

    /// Keeps the output of an engine that has ended. Repeating it does no harm. A store that is out of reach loses the
    /// output, which is told, but holds up no end.
    pub(crate) async fn keep_output(&self, session: &Session) {
        if let Err(error) = self.copy_output(session).await {
            let error = &error as &dyn std::error::Error;
            warn!(session = %session.name, error, "could not keep the output of the session");
        }
    }

    async fn copy_output(&self, session: &Session) -> Result<(), ControlError> {
        let Some(staging) = &self.world.staging else { return Ok(()) };
        let mut offset = 0;
        loop {
            let piece = self.whole_piece(session, offset).await?;
            if piece.content.is_empty() {
                return Ok(());
            }
            offset = piece.next_offset;
            staging.keep_output(session.uuid, piece.offset, piece.content).await?;
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

    /// Removes what was kept of a session that is removed itself.
    pub(crate) async fn remove_output(&self, session: &Session) {
        let Some(staging) = &self.world.staging else { return };
        if let Err(error) = staging.remove(session.uuid).await {
            let error = &error as &dyn std::error::Error;
            warn!(session = %session.name, error, "could not remove what was kept of the session");
        }
    }
}
