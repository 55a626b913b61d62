//! What sessions use: looked at now and then, and written down.

use hearth_core::Timestamp;
use hearth_core::lease::Fence;
use hearth_core::session::{Session, StateLabel, later};
use hearth_core::transition::SessionEvent;
use hearth_core::usage::{SAMPLE_INTERVAL, Used};

use crate::Control;
use crate::pass::PassError;
use crate::queue::Requeue;

/// The least processor time that is worth a write, and by which part the peak of memory must have grown. An engine
/// that does nothing costs no writes.
const WORTH_WRITING: (std::time::Duration, u64) = (std::time::Duration::from_millis(100), 16);

impl Control {
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
        let (cpu, memory) = seen.map_or_else(Default::default, |seen| (seen.cpu, seen.memory));
        let busy = self.activity.busy(session.uuid, session.used.busy);
        Used { cpu, memory, peak_memory: memory, busy, at: Some(now) }
    }
}
