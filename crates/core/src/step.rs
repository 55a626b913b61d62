//! What to do next for a session: the decision at the heart of the reconciler.

use std::time::Duration;

use jiff::Timestamp;

use crate::admission::{Admission, Outlook, never_fits, waited_too_long};
use crate::engine::Observed;
use crate::error::ErrorKind;
use crate::notice::{EndNear, Limit};
use crate::policy::SessionPolicy;
use crate::session::{Activity, EndReason, Failure, Session, SessionState, later};
use crate::transition::SessionEvent;
use crate::words;

/// The one thing to do for a session now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Have its engine made.
    Launch,
    /// Ask its engine a request of its protocol.
    Probe,
    /// Ask its engine to end; it is killed after `grace`.
    Stop {
        /// How long it has.
        grace: Duration,
    },
    /// Write down what happened.
    Record(SessionEvent),
    /// Keep what is still to be kept of it.
    Keep,
    /// Clear away what its engine left.
    Forget,
    /// Remove the session's record.
    Remove,
    /// Nothing before this time, unless something changes.
    WaitUntil(Timestamp),
    /// Nothing any more.
    Done,
}

impl Step {
    /// The step's name, for logs.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Launch => "launch",
            Self::Probe => "probe",
            Self::Stop { .. } => "stop",
            Self::Record(_) => "record",
            Self::Keep => "keep",
            Self::Forget => "forget",
            Self::Remove => "remove",
            Self::WaitUntil(_) => "wait",
            Self::Done => "done",
        }
    }
}

/// The one step that brings the engine closer to what its session should be.
///
/// Pure: no clock, store or driver. The same inputs give the same step on the first pass, on the hundredth, and on
/// the first after a restart. Every step may be repeated. `room` is looked at for a session that is not admitted yet.
pub fn next_step(
    session: &Session,
    engine: &Observed,
    activity: Activity,
    room: &Outlook,
    now: Timestamp,
    policy: &SessionPolicy,
) -> Step {
    use {Observed as O, SessionState as S};
    let grace = policy.stop_grace;
    match (&session.state, engine) {
        (S::Creating { start_by, admission, undoing: None }, O::Absent)
            if *admission != Admission::Admitted =>
        {
            wait(session, *start_by, *admission, room, now, policy)
        }
        (S::Creating { start_by, undoing: None, .. }, O::Absent | O::Starting | O::Listening(_))
            if now >= *start_by =>
        {
            Step::Record(SessionEvent::GivenUp {
                failure: start_timed_out(policy),
                stop_by: later(now, policy.stop_timeout),
            })
        }
        // It ran, so a second one must never be made in its name.
        (S::Creating { undoing: None, .. }, O::Absent) if session.handed_over() => {
            Step::Record(SessionEvent::EngineGone(None))
        }
        (S::Creating { undoing: None, .. }, O::Absent) => Step::Launch,
        (S::Creating { start_by, undoing: None, .. }, O::Starting) => Step::WaitUntil(*start_by),
        (S::Creating { undoing: None, .. }, O::Listening(_)) => Step::Probe,
        (S::Creating { undoing: None, .. }, O::Ready(at)) => {
            Step::Record(SessionEvent::EngineReady(at.clone()))
        }
        // Someone else is ending it (its deadline, an operator): the exit follows.
        (S::Creating { start_by, undoing: None, .. }, O::Stopping) => Step::WaitUntil(*start_by),
        (S::Creating { undoing: None, .. }, O::Exited(exit)) => {
            Step::Record(SessionEvent::EngineGone(Some(exit.clone())))
        }

        (S::Creating { undoing: Some(_), .. } | S::Terminating { .. }, O::Absent) => {
            Step::Record(SessionEvent::EngineGone(None))
        }
        (S::Creating { undoing: Some(_), .. } | S::Terminating { .. }, O::Exited(exit)) => {
            Step::Record(SessionEvent::EngineGone(Some(exit.clone())))
        }
        (
            S::Creating { undoing: Some(undoing), .. },
            O::Starting | O::Listening(_) | O::Ready(_) | O::Stopping,
        ) => end(engine, undoing.stop_by, now, grace),
        (S::Terminating { stop_by, .. }, O::Starting | O::Listening(_) | O::Ready(_) | O::Stopping) => {
            end(engine, *stop_by, now, grace)
        }

        (S::Active { .. }, O::Absent) => Step::Record(SessionEvent::EngineGone(None)),
        (S::Active { .. }, O::Exited(exit)) => Step::Record(SessionEvent::EngineGone(Some(exit.clone()))),
        (S::Active { .. }, O::Starting | O::Listening(_) | O::Ready(_) | O::Stopping) => {
            live(session, activity, now, policy)
        }

        (
            S::Terminated { .. } | S::Failed { .. },
            O::Starting | O::Listening(_) | O::Ready(_) | O::Stopping,
        ) => {
            // It outlived its session. Keep asking; a delete does not wait for it for ever.
            match session.deleting_since {
                Some(since) => end(engine, later(since, policy.stop_timeout), now, grace),
                // Once: what there is to tell of an engine that does not end is told while it does not.
                None if session.keeping.due() => Step::Keep,
                None => end(engine, Timestamp::MAX, now, grace),
            }
        }
        (S::Terminated { .. } | S::Failed { .. }, O::Exited(_)) if removable(session, now, policy) => {
            Step::Forget
        }
        (S::Terminated { .. } | S::Failed { .. }, O::Absent) if removable(session, now, policy) => {
            Step::Remove
        }
        (S::Terminated { .. } | S::Failed { .. }, O::Absent | O::Exited(_)) if session.keeping.due() => {
            Step::Keep
        }
        (S::Terminated { .. } | S::Failed { .. }, O::Absent | O::Exited(_)) => Step::Done,
    }
}

/// Whether a session that has no room yet gets it, goes on waiting, or is given up.
fn wait(
    session: &Session,
    wait_until: Timestamp,
    admission: Admission,
    room: &Outlook,
    now: Timestamp,
    policy: &SessionPolicy,
) -> Step {
    let give_up =
        |failure| Step::Record(SessionEvent::GivenUp { failure, stop_by: later(now, policy.stop_timeout) });
    if let Some(failure) = never_fits(session, &room.budget) {
        return give_up(failure);
    }
    if room.next {
        return Step::Record(SessionEvent::Admitted { start_by: later(now, policy.start_timeout) });
    }
    if now >= wait_until {
        return give_up(waited_too_long(session, room, words::between(session.created_at, now)));
    }
    match admission {
        Admission::Asked => Step::Record(SessionEvent::Waits { why: room.words(session.need) }),
        Admission::Waiting | Admission::Admitted => Step::WaitUntil(wait_until),
    }
}

/// Ends an engine that is still there.
fn end(engine: &Observed, stop_by: Timestamp, now: Timestamp, grace: Duration) -> Step {
    match engine {
        _ if now >= stop_by => Step::Record(SessionEvent::StopTimedOut),
        // Asked already. Look again after the grace: a driver that lost the request is asked anew by its own sweep.
        Observed::Stopping => Step::WaitUntil(stop_by.min(later(now, grace + Duration::from_secs(1)))),
        Observed::Absent
        | Observed::Starting
        | Observed::Listening(_)
        | Observed::Ready(_)
        | Observed::Exited(_) => Step::Stop { grace },
    }
}

/// Whether an active session's time has come, or when to look again.
fn live(session: &Session, activity: Activity, now: Timestamp, policy: &SessionPolicy) -> Step {
    let (ttl, idle_ttl) = (session.ttl(policy), session.idle_ttl(policy));
    let stop_by = later(now, policy.stop_timeout);
    let ttl_ends_at = later(session.state_at, ttl);
    if now >= ttl_ends_at {
        return Step::Record(SessionEvent::EndRequested { reason: EndReason::Ttl(ttl), stop_by });
    }
    let quiet_since = match activity {
        // It is in use now, so it cannot be idle before a whole idle ttl from now.
        Activity { running: 1.., .. } => now,
        Activity { running: 0, last_at } => last_at.map_or(session.state_at, |at| at.max(session.state_at)),
    };
    let idle_ends_at = later(quiet_since, idle_ttl);
    if now >= idle_ends_at {
        return Step::Record(SessionEvent::EndRequested { reason: EndReason::Idle(idle_ttl), stop_by });
    }
    let ttl = (EndNear { limit: Limit::Ttl, ends_at: ttl_ends_at }, session.state_at);
    let idle = (EndNear { limit: Limit::Idle, ends_at: idle_ends_at }, quiet_since);
    // An idle end that the ttl forestalls never comes.
    let ends = [Some(ttl), Some(idle).filter(|_| idle_ends_at < ttl_ends_at)];
    let mut wake_at = ttl_ends_at.min(idle_ends_at);
    for (near, since) in ends.into_iter().flatten() {
        match session.notices.due(near, since) {
            Some(due) if due <= now => return Step::Record(SessionEvent::EndNear(near)),
            Some(due) => wake_at = wake_at.min(due),
            None => {}
        }
    }
    Step::WaitUntil(wake_at)
}

fn removable(session: &Session, now: Timestamp, policy: &SessionPolicy) -> bool {
    session.deleting_since.is_some() || now >= later(session.state_at, policy.retention)
}

fn start_timed_out(policy: &SessionPolicy) -> Failure {
    Failure {
        kind: ErrorKind::DeadlineExceeded,
        message: format!("The engine was not ready within {} s", policy.start_timeout.as_secs()),
    }
}
