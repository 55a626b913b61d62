//! What to do next with one pool engine.

use std::time::Duration;

use jiff::Timestamp;

use super::{PoolEngine, PoolState, Retirement};
use crate::engine::Observed;
use crate::last_words::last_words;
use crate::policy::SessionPolicy;
use crate::session::later;

/// The one thing to do with a pool engine now. Every one may be repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoolStep {
    /// Have it made.
    Launch,
    /// Ask it a request of its protocol.
    Probe,
    /// Write down that it is to be ended.
    Retire(Retirement),
    /// Ask it to end; it is killed after `grace`.
    Stop {
        /// How long it has.
        grace: Duration,
    },
    /// Clear away what it left.
    Forget,
    /// Remove its row.
    Remove,
    /// See to it that it stays.
    Keep,
    /// Nothing before this time, unless something changes.
    WaitUntil(Timestamp),
}

/// The one step that brings a pool engine on. Pure, as [`crate::step::next_step`] is.
///
/// Only an engine that is starting or retiring is acted on: one that is ready may belong to a session the next moment,
/// so it is written down as retiring first, which nobody can take it through.
pub fn next_step(
    engine: &PoolEngine,
    observed: &Observed,
    now: Timestamp,
    policy: &SessionPolicy,
) -> PoolStep {
    use {Observed as O, PoolState as S};
    let failed = |message: String| PoolStep::Retire(Retirement::Failed { message });
    match (&engine.state, observed) {
        (S::Starting { start_by }, O::Absent | O::Starting | O::Listening(_) | O::Stopping)
            if now >= *start_by =>
        {
            let seconds = policy.start_timeout.as_secs();
            failed(format!("The engine was not ready within {seconds} s"))
        }
        (S::Starting { .. }, O::Absent) => PoolStep::Launch,
        (S::Starting { start_by }, O::Starting | O::Stopping) => PoolStep::WaitUntil(*start_by),
        (S::Starting { .. }, O::Listening(_) | O::Ready(_)) => PoolStep::Probe,
        (S::Starting { .. }, O::Exited(exit)) => {
            failed(format!("The engine ended before it was ready ({}){}", exit.status, last_words(exit)))
        }
        (S::Ready { .. }, O::Listening(_) | O::Ready(_)) => PoolStep::Keep,
        (S::Ready { .. }, O::Absent | O::Starting) => failed("The engine is gone".to_owned()),
        // Someone else is ending it, and it must not be handed over meanwhile.
        (S::Ready { .. }, O::Stopping) => failed("The engine is being ended".to_owned()),
        (S::Ready { .. }, O::Exited(exit)) => {
            failed(format!("The engine ended by itself ({}){}", exit.status, last_words(exit)))
        }
        (S::Retiring { .. }, O::Starting | O::Listening(_) | O::Ready(_)) => {
            PoolStep::Stop { grace: policy.stop_grace }
        }
        (S::Retiring { .. }, O::Stopping) => {
            PoolStep::WaitUntil(later(now, policy.stop_grace + Duration::from_secs(1)))
        }
        (S::Retiring { .. }, O::Exited(_)) => PoolStep::Forget,
        (S::Retiring { .. }, O::Absent) => PoolStep::Remove,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::engine::{Endpoint, Exit, ExitCause, ExitStatus, Listening};
    use crate::id::EngineId;
    use crate::pool::recipe::RecipeId;

    fn at(second: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(second)
    }

    fn observations() -> [Observed; 6] {
        let listening = Listening {
            endpoint: Endpoint { host: "127.0.0.1".to_owned(), port: 1 },
            ui: None,
            placed_at: at(0),
            process_up_at: at(0),
            listening_at: at(1),
        };
        let exit =
            Exit { status: ExitStatus::Code(1), cause: ExitCause::Itself, at: at(1), tail: Vec::new() };
        [
            Observed::Absent,
            Observed::Starting,
            Observed::Listening(listening.clone()),
            Observed::Ready(listening),
            Observed::Stopping,
            Observed::Exited(exit),
        ]
    }

    fn steps(state: PoolState, now: Timestamp) -> Vec<PoolStep> {
        let engine = PoolEngine {
            id: EngineId(Uuid::from_u128(1)),
            pool: "sail".to_owned(),
            recipe: RecipeId("r".to_owned()),
            need: crate::admission::Need::default(),
            made_at: at(0),
            state,
            generation: 1,
        };
        let policy = SessionPolicy::default();
        observations().iter().map(|observed| next_step(&engine, observed, now, &policy)).collect()
    }

    fn retires(step: &PoolStep) -> bool {
        matches!(step, PoolStep::Retire(Retirement::Failed { .. }))
    }

    #[test]
    fn a_ready_engine_is_never_touched_before_it_is_written_down_as_retiring() {
        let steps = steps(PoolState::Ready { since: at(1) }, at(5));
        let touched = |step: &PoolStep| {
            matches!(step, PoolStep::Launch | PoolStep::Stop { .. } | PoolStep::Forget | PoolStep::Remove)
        };
        assert!(!steps.iter().any(touched), "{steps:?}");
        assert_eq!(steps.iter().filter(|step| retires(step)).count(), 4);
    }

    #[test]
    fn one_that_does_not_start_in_time_is_retired_whatever_is_seen_of_it() {
        let steps = steps(PoolState::Starting { start_by: at(5) }, at(5));
        // One that answers just then may be taken all the same.
        assert!(steps.iter().enumerate().all(|(index, step)| retires(step) != (index == 3)), "{steps:?}");
    }

    #[test]
    fn a_retiring_engine_is_ended_before_its_row_goes() {
        let steps = steps(PoolState::Retiring { why: Retirement::Stale }, at(5));
        let stop = PoolStep::Stop { grace: SessionPolicy::default().stop_grace };
        assert_eq!(steps[0], PoolStep::Remove);
        assert_eq!([&steps[1], &steps[2], &steps[3]], [&stop, &stop, &stop]);
        assert!(matches!(steps[4], PoolStep::WaitUntil(_)));
        assert_eq!(steps[5], PoolStep::Forget);
    }
}
