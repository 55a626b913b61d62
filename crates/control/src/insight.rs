//! What callers can learn of a session beyond the API, and giving it more time.

use std::time::Duration;

use hearth_core::Timestamp;
use hearth_core::engine::Observed;
use hearth_core::explain::{Explanation, explain};
use hearth_core::id::SessionUuid;
use hearth_core::name::SessionName;
use hearth_core::session::{Session, SessionState, later};
use hearth_core::transition::SessionEvent;
use hearth_core::validate::MAX_TTL;
use hearth_core::words;
use hearth_store::CommitError;

use crate::error::ControlError;
use crate::sessions::{ATTEMPTS, store_error};
use crate::{Caller, Control};

/// How many of the engine's last lines an explanation has.
const LOG_LINES: usize = 20;

/// Until when a session is to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extension {
    /// So long after it became active.
    Ttl(Duration),
    /// Up to this time.
    Until(Timestamp),
}

impl Control {
    /// Lets an active session live longer. Its ttl is never made shorter, and asking twice for the same changes
    /// nothing.
    ///
    /// # Errors
    /// When there is none, it is not active, or the new end is before the present one or past the longest ttl.
    pub async fn extend_session(
        &self,
        caller: &Caller,
        name: &SessionName,
        extension: Extension,
    ) -> Result<Session, ControlError> {
        // One at a time: the engine's deadline is not part of the transaction, and the last to set it must be right.
        let _alone = self.extending.lock().await;
        for _ in 0..ATTEMPTS {
            let session = self.session(name).await?;
            let Some(ttl_ends_at) = session.ttl_ends_at(&self.policy) else {
                return Err(ControlError::CannotExtend { name: name.clone(), state: session.state.label() });
            };
            let ttl = new_ttl(&session, extension)?;
            let ends_at = later(session.state_at, ttl);
            if ends_at < ttl_ends_at {
                let text = format!("Session {name} lives until {ttl_ends_at} already, which is later");
                return Err(ControlError::field(extension.field(), text));
            }
            if ends_at == ttl_ends_at {
                return Ok(session);
            }
            // The engine first: should this server die in between, its engine only lives longer unwatched, while the
            // other way round it would be ended early.
            let deadline = later(ends_at, self.policy.stop_timeout);
            let engine = session.uuid.engine_id();
            self.world.driver.set_deadline(engine, deadline).await?;
            let event = SessionEvent::Extended { ttl, by: caller.name.clone() };
            let now = self.world.clock.now();
            let transition = session.after(&event, now).map_err(|_| ControlError::CannotExtend {
                name: name.clone(),
                state: session.state.label(),
            })?;
            let mut extended = transition.session.clone();
            match self.world.store.commit(self.change_of(transition).await?).await {
                Ok(()) => {
                    extended.generation += 1;
                    self.watchers.changed(session.uuid);
                    self.queue.push(session.uuid, now);
                    return Ok(extended);
                }
                Err(CommitError::Conflict) => {}
                Err(error) => return Err(store_error(error, name)),
            }
        }
        Err(ControlError::Busy(name.clone()))
    }

    /// Notes that packages were installed into a session while it runs. One that has ended meanwhile is left alone.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub async fn note_added_packages(
        &self,
        caller: &Caller,
        uuid: SessionUuid,
        packages: &[String],
    ) -> Result<(), ControlError> {
        let event = SessionEvent::PackagesAdded { by: caller.name.clone(), packages: packages.to_vec() };
        loop {
            let Some(session) = self.session_by_uuid(uuid).await? else { return Ok(()) };
            let Ok(transition) = session.after(&event, self.world.clock.now()) else { return Ok(()) };
            match self.world.store.commit(self.change_of(transition).await?).await {
                Ok(()) => {
                    self.watchers.changed(uuid);
                    return Ok(());
                }
                // Somebody else's write went through, so this comes to an end.
                Err(CommitError::Conflict) => {}
                Err(error) => return Err(store_error(error, &session.name)),
            }
        }
    }

    /// Why a session is in its state, and what can be done about it.
    ///
    /// # Errors
    /// When there is no such session, or the store has a problem.
    pub async fn explain_session(&self, name: &SessionName) -> Result<(Session, Explanation), ControlError> {
        let session = self.session(name).await?;
        let explanation = self.explanation(&session).await?;
        Ok((session, explanation))
    }

    /// The same for a session that was read already.
    pub(crate) async fn explanation(&self, session: &Session) -> Result<Explanation, ControlError> {
        let now = self.world.clock.now();
        let mut activity = self.activity.of(session.uuid);
        if matches!(session.state, SessionState::Active { .. }) && activity.last_at.is_none() {
            activity.last_at = self.world.store.activity(session.uuid).await?;
        }
        let mut explanation = explain(session, activity, &self.outlook(session, now), now, &self.policy);
        if matches!(session.state, SessionState::Failed { .. }) {
            // More than the state's message has room for, as long as the engine's traces are kept. Without them the
            // message has to do.
            if let Ok(Observed::Exited(exit)) = self.world.driver.observe(session.uuid.engine_id()).await
                && exit.tail.len() > explanation.log_lines.len()
            {
                let from = exit.tail.len().saturating_sub(LOG_LINES);
                explanation.log_lines = exit.tail[from..].to_vec();
            }
        }
        Ok(explanation)
    }
}

impl Extension {
    fn field(self) -> &'static str {
        match self {
            Self::Ttl(_) => "ttl",
            Self::Until(_) => "until",
        }
    }
}

/// The ttl that an extension comes to, in whole seconds.
fn new_ttl(session: &Session, extension: Extension) -> Result<Duration, ControlError> {
    let ttl = match extension {
        Extension::Ttl(ttl) => ttl,
        Extension::Until(until) => words::between(session.state_at, until),
    };
    let ttl = Duration::from_secs(ttl.as_secs() + u64::from(ttl.subsec_nanos() > 0));
    if ttl > MAX_TTL {
        let last = later(session.state_at, MAX_TTL);
        let text = format!("Session {} can live for 1209600s at most, which is until {last}", session.name);
        return Err(ControlError::field(extension.field(), text));
    }
    Ok(ttl)
}
