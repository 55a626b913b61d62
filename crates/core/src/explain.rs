//! Why a session is in its state, in plain words, and what can be done about it.

use jiff::Timestamp;

use crate::admission::{Admission, Outlook};
use crate::error::ErrorKind;
use crate::policy::SessionPolicy;
use crate::pool::recipe::EngineFrom;
use crate::session::{Activity, EndReason, Failure, PastState, Session, SessionState, StateLabel, later};
use crate::words;

/// What separates a failure's reason from the engine's last words in a state message.
pub const LAST_LINES: &str = ". Its last lines:\n";

/// What an operator can do where there is too little room.
const MORE_ROOM: &str =
    "For more room, raise the settings `admission.memory` and `admission.cores` of the service.";

/// A session's state, explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What is the case, in a sentence.
    pub summary: String,
    /// Why, in a sentence or two.
    pub reason: String,
    /// What to do next, a sentence each.
    pub next: Vec<String>,
    /// When it ends by itself if nobody uses it, while it is active.
    pub ends_at: Option<Timestamp>,
    /// When it ended or began to end.
    pub ended_at: Option<Timestamp>,
    /// What its engine wrote last, if that has to do with it.
    pub log_lines: Vec<String>,
}

/// Explains a session's state. Pure, as [`crate::step::next_step`] is.
///
/// `room` is looked at for a session that is not admitted yet.
pub fn explain(
    session: &Session,
    activity: Activity,
    room: &Outlook,
    now: Timestamp,
    policy: &SessionPolicy,
) -> Explanation {
    let id = session.name.id();
    let lasted = words::until(session.state_at, now);
    let mut told = Explanation {
        summary: String::new(),
        reason: String::new(),
        next: Vec::new(),
        ends_at: None,
        ended_at: None,
        log_lines: Vec::new(),
    };
    match &session.state {
        SessionState::Creating {
            start_by,
            admission: Admission::Asked | Admission::Waiting,
            undoing: None,
        } => {
            told.summary = format!("It has been waiting for {lasted}");
            told.reason = format!(
                "It {}. {}, and it is given up in {}",
                room.words(session.need),
                room.held_by(),
                words::until(now, *start_by)
            );
            told.next.push("Wait, or end a session that is not needed: `hearth sessions list`.".to_owned());
            told.next.push(MORE_ROOM.to_owned());
        }
        SessionState::Creating { start_by, undoing: None, .. } => {
            told.summary = format!("It has been starting for {lasted}");
            let step = session.timeline.iter().last().map_or("accepted", |(milestone, _)| milestone.label());
            told.reason = format!(
                "Its start has come to \"{step}\" and is given up in {}",
                words::until(now, *start_by)
            );
            told.next.push(format!("Wait, or see what its engine writes: `hearth sessions logs {id}`."));
        }
        SessionState::Creating { undoing: Some(undoing), .. } => {
            told.summary = "Its start was given up, and its engine is being taken down".to_owned();
            (told.reason, told.log_lines) = failure_parts(&undoing.failure);
            told.next.push(format!("It is FAILED within {}.", words::until(now, undoing.stop_by)));
        }
        SessionState::Active { .. } => active(session, activity, now, policy, &mut told),
        SessionState::Terminating { reason, stop_by } => {
            told.summary = format!("It has been ending for {lasted}");
            told.reason = reason.to_string();
            told.ended_at = Some(session.state_at);
            told.next.push(format!("Its engine is gone within {}.", words::until(now, *stop_by)));
        }
        SessionState::Terminated { reason } => {
            let ended_at = ended_at(session);
            told.summary =
                format!("It ended {} ago, as it should{}", words::until(ended_at, now), lived(session));
            told.reason = reason.to_string();
            told.ended_at = Some(ended_at);
            told.next = after_end(reason, id);
        }
        SessionState::Failed { failure } => {
            let ended_at = ended_at(session);
            let what = if was_active(session) { "It failed" } else { "It could not be started" };
            told.summary = format!("{what} {} ago{}", words::until(ended_at, now), lived(session));
            (told.reason, told.log_lines) = failure_parts(failure);
            told.ended_at = Some(ended_at);
            told.next = after_failure(failure, session, policy);
        }
    }
    told
}

fn active(
    session: &Session,
    activity: Activity,
    now: Timestamp,
    policy: &SessionPolicy,
    told: &mut Explanation,
) {
    let id = session.name.id();
    let (ttl, idle_ttl) = (session.ttl(policy), session.idle_ttl(policy));
    told.summary = format!("It has been usable for {}", words::until(session.state_at, now));
    let ttl_ends_at = later(session.state_at, ttl);
    let by_ttl = format!("its ttl of {} ends it in {}", words::duration(ttl), words::until(now, ttl_ends_at));
    if activity.running > 0 {
        let calls = if activity.running == 1 { "A call runs" } else { "Calls run" };
        told.reason = format!("{calls} now; {by_ttl}, used or not");
        told.ends_at = Some(ttl_ends_at);
    } else {
        let quiet_since = activity.last_at.map_or(session.state_at, |at| at.max(session.state_at));
        let idle_ends_at = later(quiet_since, idle_ttl);
        let used = match activity.last_at {
            Some(at) => format!("It was last used {} ago", words::until(at, now)),
            None => "It has not been used yet".to_owned(),
        };
        told.reason = format!(
            "{used}; unless it is used it ends in {} (idle ttl of {}), and {by_ttl}",
            words::until(now, idle_ends_at),
            words::duration(idle_ttl)
        );
        told.ends_at = Some(ttl_ends_at.min(idle_ends_at));
    }
    match &session.engine_from {
        Some(from @ EngineFrom::Launch { .. }) => {
            told.reason.push_str(&format!(". It was started cold. {}", from.note().unwrap_or_default()));
        }
        Some(EngineFrom::Pool { .. }) => told.reason.push_str(". It got an engine that was ready"),
        None => {}
    }
    told.next.push(format!("To use it, run `hearth sessions connect {id}`."));
    told.next.push(format!("For more time, run `hearth sessions extend {id} --for 2h`."));
}

/// Whether it could be used at some time.
fn was_active(session: &Session) -> bool {
    session.history.iter().any(|past| past.state == StateLabel::Active)
}

/// When it stopped being usable, or when its start was given up.
fn ended_at(session: &Session) -> Timestamp {
    let ending = session.history.iter().find(|past| past.state == StateLabel::Terminating);
    ending.map_or(session.state_at, |past| past.at)
}

/// How long it could be used.
fn lived(session: &Session) -> String {
    let began = session.history.iter().find(|past| past.state == StateLabel::Active);
    began.map_or_else(String::new, |PastState { at, .. }| {
        format!(", after {} of use", words::until(*at, ended_at(session)))
    })
}

fn after_end(reason: &EndReason, id: &str) -> Vec<String> {
    let again = format!(
        "To go on, create another: `hearth sessions create`; `hearth sessions delete {id}` removes this one."
    );
    let longer = match reason {
        EndReason::Ttl(_) => Some(
            "Create the next one with a longer `--ttl` (14 days at most), or extend it before its end with \
             `hearth sessions extend`."
                .to_owned(),
        ),
        EndReason::Idle(_) => Some(
            "Create the next one with a longer `--idle-ttl`. Only calls that run are activity: an open \
             connection or notebook is not."
                .to_owned(),
        ),
        EndReason::Requested { .. } | EndReason::Deleted { .. } => None,
    };
    longer.into_iter().chain([again]).collect()
}

fn after_failure(failure: &Failure, session: &Session, policy: &SessionPolicy) -> Vec<String> {
    let id = session.name.id();
    let mut next = match failure.kind {
        ErrorKind::DeadlineExceeded => vec![format!(
            "If the engine only needs longer than {}, raise the setting `session.start-timeout`.",
            words::duration(policy.start_timeout)
        )],
        ErrorKind::ResourceExhausted => {
            vec!["See who holds the room: `hearth sessions list`.".to_owned(), MORE_ROOM.to_owned()]
        }
        // Its message says what to do first.
        ErrorKind::FailedPrecondition | ErrorKind::Cancelled => Vec::new(),
        _ => vec![format!("See what its engine wrote: `hearth sessions logs {id}`.")],
    };
    next.push(format!("Then remove it with `hearth sessions delete {id}` and create it again."));
    next
}

/// A failure's reason and the lines its engine wrote last.
fn failure_parts(failure: &Failure) -> (String, Vec<String>) {
    match failure.message.split_once(LAST_LINES) {
        Some((reason, lines)) => (reason.to_owned(), lines.lines().map(str::to_owned).collect()),
        None => (failure.message.clone(), Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;
    use crate::config::{SessionConfig, SessionKind};
    use crate::engine::{Endpoint, Exit, ExitCause, ExitStatus, Listening};
    use crate::id::{OperationId, SessionUuid};
    use crate::transition::SessionEvent;

    const QUIET: Activity = Activity { running: 0, last_at: None };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn creating() -> Session {
        let config = SessionConfig { kind: Some(SessionKind::SparkConnect), ..SessionConfig::default() };
        let name = "projects/p/locations/l/sessions/etl1".parse().unwrap();
        let (uuid, operation) = (SessionUuid(Uuid::from_u128(1)), OperationId(Uuid::from_u128(2)));
        Session::new(name, uuid, config, "ada".to_owned(), operation, at(0), &SessionPolicy::default())
    }

    fn active() -> Session {
        let listening = Listening {
            endpoint: Endpoint { host: "127.0.0.1".to_owned(), port: 1 },
            ui: None,
            placed_at: at(0),
            process_up_at: at(0),
            listening_at: at(1),
        };
        creating().after(&SessionEvent::EngineReady(listening), at(2)).unwrap().session
    }

    fn after(session: &Session, event: &SessionEvent, second: i64) -> Session {
        session.after(event, at(second)).unwrap().session
    }

    fn told(session: &Session, activity: Activity, second: i64) -> Explanation {
        explain(session, activity, &Outlook::default(), at(second), &SessionPolicy::default())
    }

    #[test]
    fn an_active_session_says_when_it_ends_and_how_to_prevent_that() {
        let told_quiet = told(&active(), QUIET, 602);
        assert_eq!(told_quiet.summary, "It has been usable for 10 min");
        assert_eq!(
            told_quiet.reason,
            "It has not been used yet; unless it is used it ends in 50 min (idle ttl of 1 h), and its ttl of 1 d \
             ends it in 23 h 50 min"
        );
        assert_eq!(told_quiet.ends_at, Some(at(3602)));
        assert!(told_quiet.next[1].contains("hearth sessions extend etl1"));
        let busy = told(&active(), Activity { running: 2, last_at: None }, 602);
        assert_eq!(busy.ends_at, Some(at(86_402)));
        assert!(busy.reason.starts_with("Calls run now"), "{}", busy.reason);
    }

    #[test]
    fn an_idle_end_tells_what_counts_as_activity() {
        let reason = EndReason::Idle(Duration::from_secs(3600));
        let ending = after(&active(), &SessionEvent::EndRequested { reason, stop_by: at(4000) }, 3602);
        let ended = after(&ending, &SessionEvent::EngineGone(None), 3603);
        let told = told(&ended, QUIET, 3722);
        assert_eq!(told.summary, "It ended 2 min ago, as it should, after 1 h of use");
        assert_eq!(told.reason, "Terminated after 3600 s without activity (idle ttl)");
        assert_eq!(told.ended_at, Some(at(3602)));
        assert!(told.next[0].contains("--idle-ttl"), "{:?}", told.next);
    }

    #[test]
    fn a_dead_engine_is_told_of_with_its_last_lines() {
        let exit = Exit {
            status: ExitStatus::Signal(9),
            cause: ExitCause::Itself,
            at: at(60),
            tail: vec!["one".to_owned(), "out of memory".to_owned()],
        };
        let failed = after(&active(), &SessionEvent::EngineGone(Some(exit)), 62);
        let told = told(&failed, QUIET, 63);
        assert_eq!(told.summary, "It failed 1 s ago, after 1 min of use");
        assert_eq!(told.reason, "The engine ended by itself (signal 9)");
        assert_eq!(told.log_lines, ["one", "out of memory"]);
        assert!(told.next[0].contains("hearth sessions logs etl1"), "{:?}", told.next);
    }

    #[test]
    fn a_start_says_how_far_it_is() {
        let told = told(&creating(), QUIET, 12);
        assert_eq!(told.summary, "It has been starting for 12 s");
        assert_eq!(told.reason, "Its start has come to \"accepted\" and is given up in 4 min 48 s");
    }
}
