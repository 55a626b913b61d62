//! What sessions use: looked at now and then, written down, and added up.

use hearth_core::Timestamp;
use hearth_core::lease::Fence;
use hearth_core::pool::recipe::EngineFrom;
use hearth_core::session::{Session, StateLabel, later};
use hearth_core::transition::SessionEvent;
use hearth_core::usage::{GroupBy, RollUp, SAMPLE_INTERVAL, Used, roll_up};
use hearth_store::UsageQuery;

use crate::Control;
use crate::error::ControlError;
use crate::pass::PassError;
use crate::queue::Requeue;

/// The least processor time that is worth a write, and by which part the peak of memory must have grown. An engine
/// that does nothing costs no writes.
const WORTH_WRITING: (std::time::Duration, u64) = (std::time::Duration::from_millis(100), 16);

/// A question for what sessions used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskUsage {
    /// Of sessions in this project; `None` for all.
    pub project: Option<String>,
    /// Of sessions in this location; `None` for all.
    pub location: Option<String>,
    /// What to put sessions together by.
    pub by: GroupBy,
    /// From when on; `None` for as long as is known.
    pub since: Option<Timestamp>,
    /// Up to when; `None` for now.
    pub until: Option<Timestamp>,
}

/// What sessions used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageReport {
    /// How much.
    pub used: RollUp,
    /// Up to when it was counted.
    pub until: Timestamp,
}

impl Control {
    /// What sessions used between two times, those included that are removed since. Nothing of it ever goes down, but
    /// for sessions that ended longer ago than use is kept ([`usage_retention`]).
    ///
    /// [`usage_retention`]: hearth_core::policy::SessionPolicy::usage_retention
    ///
    /// # Errors
    /// When the span ends before it begins, or the store has a problem.
    pub async fn usage(&self, ask: &AskUsage) -> Result<UsageReport, ControlError> {
        let now = self.world.clock.now();
        let since = ask.since.unwrap_or(Timestamp::MIN);
        // What is yet to come has not been used.
        let until = ask.until.unwrap_or(now).min(now);
        if ask.until.is_some_and(|until| until < since) {
            return Err(ControlError::field("end_time", "The end time must not be before the start time"));
        }
        let (project, location) = (ask.project.clone(), ask.location.clone());
        let mut records = self.world.store.usage(&UsageQuery { project, location, since }).await?;
        for record in records.iter_mut().filter(|record| record.ended_at.is_none()) {
            // As of now: what is written down lags behind, and idle time is what is left beside it.
            record.used.busy = self.activity.busy(record.uuid, record.used.busy);
        }
        Ok(UsageReport { used: roll_up(&records, &ask.by, since, until, now), until })
    }

    /// Looks at what a session's engine has used, if that is due, and writes it down if it is more than before.
    /// `wake_at` is when the session is to be looked at for other reasons.
    pub(crate) async fn measure(
        &self,
        session: &Session,
        now: Timestamp,
        wake_at: Timestamp,
        fence: Fence,
    ) -> Result<Requeue, PassError> {
        if session.state.label() != StateLabel::Active {
            return Ok(Requeue::At(wake_at));
        }
        let due = later(session.used.at.unwrap_or(session.state_at), SAMPLE_INTERVAL);
        if now < due {
            return Ok(Requeue::At(wake_at.min(due)));
        }
        let used = session.used.grown(&self.used(session, now).await);
        let (cpu, part) = WORTH_WRITING;
        let more = used.busy > session.used.busy
            || used.cpu >= session.used.cpu + cpu
            || used.peak_memory > session.used.peak_memory + session.used.peak_memory / part;
        if more {
            self.record(session, &SessionEvent::Sampled(used), fence).await
        } else {
            // The next sweep looks again.
            Ok(Requeue::At(wake_at))
        }
    }

    /// Adds, to a session that stops being usable, what its engine has used up to now. Rides with the transition.
    pub(crate) async fn measure_last(&self, session: &mut Session) {
        let was_active = session.history.last().is_some_and(|past| past.state == StateLabel::Active);
        if was_active {
            let used = self.used(session, self.world.clock.now()).await;
            session.used = session.used.grown(&used);
        }
    }

    /// What can be seen now. An engine that cannot be looked at adds nothing.
    async fn used(&self, session: &Session, now: Timestamp) -> Used {
        let seen = self.world.driver.usage(session.uuid.engine_id()).await.ok().flatten();
        let mut used = Used { at: Some(now), ..Used::default() };
        if let Some(seen) = seen {
            (used.cpu, used.memory, used.peak_memory) = (seen.cpu, seen.memory, seen.peak_memory);
        }
        if let Some(EngineFrom::Pool { cpu: before, .. }) = session.engine_from {
            // What it used before it was this session's is nobody's.
            used.cpu = used.cpu.saturating_sub(before);
        }
        used.busy = self.activity.busy(session.uuid, session.used.busy);
        used
    }
}
