//! One pass: look at a session and its engine, decide one step, carry it out, write it down.

use std::time::Duration;

use hearth_core::Timestamp;
use hearth_core::engine::{Listening, Observed};
use hearth_core::error::ErrorKind;
use hearth_core::id::SessionUuid;
use hearth_core::last_words::logged_cause;
use hearth_core::lease::Fence;
use hearth_core::session::{Failure, Session, SessionState, later};
use hearth_core::step::{Step, next_step};
use hearth_core::timeline::Milestone;
use hearth_core::transition::SessionEvent;
use hearth_core::usage::UsageRecord;
use hearth_driver::DriverError;
use hearth_store::{Change, CommitError, SessionWrite, StoreError};
use tracing::{debug, info, warn};

use crate::Control;
use crate::error::ControlError;
use crate::output::{AT_ONCE, NEXT_LOOK};
use crate::queue::Requeue;
use crate::world::{Answer, Start};

/// How often a start that waits for packages is looked at. Installing takes a second at least.
const PREPARING: Duration = Duration::from_millis(50);

/// How much of the log of an engine that has just started is looked at, in bytes.
const START_OF_LOG: usize = 256 << 10;

/// Why a pass did not get to its end. The next one starts from what is there then.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// Another server has the lease now.
    #[error("another server has taken over")]
    Fenced,
    /// The store has a problem.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The driver has a problem.
    #[error("could not reach the engine")]
    Driver(#[from] DriverError),
    /// Anything else.
    #[error(transparent)]
    Control(#[from] ControlError),
}

impl Control {
    /// Looks at a session and takes it one step further.
    ///
    /// Nothing is remembered between passes, so a restart is just the next pass.
    ///
    /// # Errors
    /// When a part of the world is out of reach. Trying again later is right.
    pub(crate) async fn pass(&self, uuid: SessionUuid, fence: Fence) -> Result<Requeue, PassError> {
        let world = &self.world;
        let Some(session) = world.store.session_by_uuid(uuid).await? else {
            self.activity.forget(uuid);
            return self.pool_pass(uuid.engine_id(), fence).await;
        };
        let id = uuid.engine_id();
        let engine = world.driver.observe(id).await?;
        if matches!(session.state, SessionState::Active { .. }) && !self.activity.knows(uuid) {
            let noted = world.store.activity(uuid).await?;
            self.activity.recall(uuid, noted);
        }
        let now = world.clock.now();
        let room = self.ask_for_room(&session, now);
        let step = next_step(&session, &engine, self.activity.of(uuid), &room, now, &self.policy);
        debug!(session = %session.name, state = %session.state.label(), step = step.label(), "decided");
        match step {
            Step::Launch => return self.launch(&session, fence, now).await,
            Step::Probe => return self.probe(&session, engine, fence).await,
            Step::Stop { grace } => world.driver.stop(id, grace).await?,
            Step::Record(event) => {
                let mut session = session;
                if let (SessionEvent::EngineGone(_), Observed::Exited(_)) = (&event, &engine) {
                    // First, so that it is there when the end can be seen. What is not quick waits until then.
                    session.keeping.output_due = !self.keep_output(&session, AT_ONCE).await;
                }
                return self.record(&session, &event, fence).await;
            }
            Step::Keep => return self.keep(&session, fence, now).await,
            Step::Forget => world.driver.remove(id).await?,
            Step::Remove => return self.remove(&session, fence).await,
            Step::WaitUntil(at) => return self.measure(&session, now, at, fence).await,
            Step::Done => {
                self.activity.forget(uuid);
                return Ok(Requeue::Never);
            }
        }
        Ok(Requeue::Soon)
    }

    async fn launch(&self, session: &Session, fence: Fence, now: Timestamp) -> Result<Requeue, PassError> {
        // Far enough that the engine is never ended early: the ttl counts from when the session is active.
        let around = self.policy.start_timeout + self.policy.stop_timeout;
        let life = session.ttl(&self.policy).saturating_add(around);
        match self.world.launcher.start(session, later(now, life)).await {
            Ok(Start::Engine { prepared: true, .. })
                if session.timeline.at(Milestone::PackagesInstalled).is_none() =>
            {
                self.note_packages(session, fence, now).await
            }
            Ok(Start::Engine { spec, .. }) => {
                self.world.driver.ensure(&spec).await?;
                Ok(Requeue::Soon)
            }
            Ok(Start::Preparing) => Ok(Requeue::At(later(now, PREPARING))),
            Err(failure) => {
                let stop_by = later(now, self.policy.stop_timeout);
                self.record(session, &SessionEvent::GivenUp { failure, stop_by }, fence).await
            }
        }
    }

    /// Writes down that the session's packages are there, before its engine is made.
    async fn note_packages(
        &self,
        session: &Session,
        fence: Fence,
        now: Timestamp,
    ) -> Result<Requeue, PassError> {
        let mut session = session.clone();
        session.timeline.reach(Milestone::PackagesInstalled, now);
        let sessions = vec![SessionWrite::Update(Box::new(session))];
        self.commit(Change { fence: Some(fence), sessions, ..Change::default() }).await?;
        Ok(Requeue::Soon)
    }

    async fn probe(&self, session: &Session, engine: Observed, fence: Fence) -> Result<Requeue, PassError> {
        let Observed::Listening(listening) = engine else { return Ok(Requeue::Soon) };
        let Listening { endpoint, .. } = &listening;
        match self.world.probe.ask(session.uuid, endpoint, session.config.protocol()).await {
            Answer::Good => {
                if session.handed_over() {
                    // First: what runs in an active session may ask whose it is, and must not be ended early.
                    self.welcome(session).await?;
                }
                self.record(session, &SessionEvent::EngineReady(listening), fence).await
            }
            Answer::NotYet => Ok(Requeue::Retry),
            Answer::Error(text) => {
                // Its own log says more than it tells a caller.
                let log = self.world.driver.log(session.uuid.engine_id(), 0, START_OF_LOG).await?;
                let cause = logged_cause(&String::from_utf8_lossy(&log.content)).unwrap_or(text);
                let message = format!("The engine has started and cannot be used: {cause}");
                let failure = Failure { kind: ErrorKind::Internal, message };
                let stop_by = later(self.world.clock.now(), self.policy.stop_timeout);
                self.record(session, &SessionEvent::GivenUp { failure, stop_by }, fence).await
            }
        }
    }

    /// Writes a transition and the operations it finishes, by compare-and-swap.
    pub(crate) async fn record(
        &self,
        session: &Session,
        event: &SessionEvent,
        fence: Fence,
    ) -> Result<Requeue, PassError> {
        let now = self.world.clock.now();
        let transition = match session.after(event, now) {
            Ok(transition) => transition,
            Err(error) => {
                warn!(session = %session.name, %error, "a step does not fit its state");
                return Ok(Requeue::Retry);
            }
        };
        let after = transition.session.clone();
        let mut change = self.change_of(transition).await?;
        change.fence = Some(fence);
        let finished: Vec<_> = change.operations.iter().map(|operation| operation.id).collect();
        if !self.commit(change).await? {
            return Ok(Requeue::Soon);
        }
        self.book(after.uuid, Some(&after));
        self.watchers.changed(after.uuid);
        for id in finished {
            self.waiters.ended(id);
        }
        if let SessionEvent::Waits { why } = event {
            info!(session = %after.name, reason = why, "session has to wait");
        }
        if after.state.label() != session.state.label() {
            info!(
                session = %after.name,
                from = %session.state.label(),
                to = %after.state.label(),
                event = event.label(),
                // The first line: those after it are the engine's own words, with whatever is in them.
                reason = after.state_message.lines().next().unwrap_or_default(),
                "session changed"
            );
        }
        if let (SessionEvent::EngineReady(_), Some(ttl_ends_at)) = (event, after.ttl_ends_at(&self.policy)) {
            // Closer than the deadline set at launch; if this is lost the engine only lives longer unwatched.
            let deadline = later(ttl_ends_at, self.policy.stop_timeout);
            self.world.driver.set_deadline(after.uuid.engine_id(), deadline).await?;
        }
        Ok(Requeue::Soon)
    }

    async fn remove(&self, session: &Session, fence: Fence) -> Result<Requeue, PassError> {
        let Ok(_keeper) = self.keepers.try_acquire() else {
            return Ok(Requeue::At(later(self.world.clock.now(), NEXT_LOOK)));
        };
        self.remove_kept(session).await;
        let operations = self.finished(session.removed().finished).await?;
        let finished: Vec<_> = operations.iter().map(|operation| operation.id).collect();
        let change = Change {
            fence: Some(fence),
            sessions: vec![SessionWrite::Remove {
                uuid: session.uuid,
                generation: session.generation,
                usage: UsageRecord::of(session).map(Box::new),
            }],
            operations,
            ..Change::default()
        };
        if !self.commit(change).await? {
            return Ok(Requeue::Soon);
        }
        for id in finished {
            self.waiters.ended(id);
        }
        self.book(session.uuid, None);
        self.watchers.changed(session.uuid);
        self.activity.forget(session.uuid);
        info!(session = %session.name, "session removed");
        Ok(Requeue::Never)
    }

    /// Whether the change was written; not when someone else wrote first, and the session is to be read again.
    pub(crate) async fn commit(&self, change: Change) -> Result<bool, PassError> {
        match self.world.store.commit(change).await {
            Ok(()) => Ok(true),
            Err(CommitError::Conflict) => Ok(false),
            Err(CommitError::Fenced) => Err(PassError::Fenced),
            Err(CommitError::Store(error)) => Err(error.into()),
            // None of these guards is in a change of the reconciler.
            Err(
                CommitError::Replayed(_)
                | CommitError::SessionExists(_)
                | CommitError::TemplateExists(_)
                | CommitError::TemplateAbsent(_)
                | CommitError::EngineTaken(_),
            ) => Ok(false),
        }
    }
}
