//! What is decided, over every state and every sight of an engine; and what sequences of events can do to a session.

#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

use std::time::Duration;

use hearth_core::Timestamp;
use hearth_core::admission::{Admission, Budget, Need, Outlook};
use hearth_core::config::{SessionConfig, SessionKind};
use hearth_core::engine::{Endpoint, Exit, ExitCause, ExitStatus, Listening, Observed};
use hearth_core::error::ErrorKind;
use hearth_core::id::{OperationId, SessionUuid};
use hearth_core::name::Parent;
use hearth_core::notice::{EndNear, Limit};
use hearth_core::operation::{OperationKind, Outcome};
use hearth_core::policy::SessionPolicy;
use hearth_core::session::{Activity, EndReason, Failure, Session, SessionState, StateLabel, Undoing};
use hearth_core::staged::Keeping;
use hearth_core::step::{Step, next_step};
use hearth_core::timeline::Milestone;
use hearth_core::transition::SessionEvent;
use proptest::prelude::*;
use uuid::Uuid;

const IDLE: Activity = Activity { running: 0, last_at: None };

/// None of it is limited, and all of it is taken: whoever asks for some waits.
const ROOM: Outlook = Outlook {
    budget: Budget { memory: None, cores: None },
    used: Need { memory: 0, cores: 0 },
    next: false,
    before: 0,
    holders: 0,
    users: 0,
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn operation(n: u128) -> OperationId {
    OperationId(Uuid::from_u128(n))
}

fn new_session() -> Session {
    let parent = Parent { project: "p".to_owned(), location: "l".to_owned() };
    let config = SessionConfig { kind: Some(SessionKind::SparkConnect), ..SessionConfig::default() };
    let uuid = SessionUuid(Uuid::from_u128(7));
    let policy = SessionPolicy::default();
    Session::new(parent.session("demo"), uuid, config, "me".to_owned(), operation(1), at(0), &policy)
}

fn session_in(state: SessionState) -> Session {
    Session { state, ..new_session() }
}

fn listening() -> Listening {
    let endpoint = Endpoint { host: "127.0.0.1".to_owned(), port: 4242 };
    Listening { endpoint, ui: None, placed_at: at(1), process_up_at: at(2), listening_at: at(3) }
}

fn exit() -> Exit {
    Exit {
        status: ExitStatus::Code(3),
        cause: ExitCause::Itself,
        at: at(4),
        tail: vec!["last words".to_owned()],
    }
}

fn creating(admission: Admission, undoing: Option<Undoing>) -> SessionState {
    SessionState::Creating { start_by: at(300), admission, undoing }
}

fn failure() -> Failure {
    Failure { kind: ErrorKind::Cancelled, message: "called off".to_owned() }
}

fn states() -> Vec<SessionState> {
    let reason = EndReason::Requested { by: "me".to_owned() };
    vec![
        creating(Admission::Asked, None),
        creating(Admission::Waiting, None),
        creating(Admission::Admitted, None),
        SessionState::Creating {
            start_by: at(300),
            admission: Admission::Admitted,
            undoing: Some(Undoing { failure: failure(), stop_by: at(330) }),
        },
        SessionState::Active { endpoint: listening().endpoint, ui: None },
        SessionState::Terminating { reason: reason.clone(), stop_by: at(330) },
        SessionState::Terminated { reason },
        SessionState::Failed { failure: failure() },
    ]
}

fn sights() -> Vec<Observed> {
    vec![
        Observed::Absent,
        Observed::Starting,
        Observed::Listening(listening()),
        Observed::Ready(listening()),
        Observed::Stopping,
        Observed::Exited(exit()),
    ]
}

fn events() -> Vec<SessionEvent> {
    let stop_by = at(400);
    vec![
        SessionEvent::Waits { why: "waits for memory".to_owned() },
        SessionEvent::Admitted { start_by: at(500) },
        SessionEvent::EngineReady(listening()),
        SessionEvent::GivenUp { failure: failure(), stop_by },
        SessionEvent::EndRequested { reason: EndReason::Ttl(Duration::from_secs(600)), stop_by },
        SessionEvent::EngineGone(Some(exit())),
        SessionEvent::EngineGone(None),
        SessionEvent::StopTimedOut,
        SessionEvent::Kept(Keeping::default()),
    ]
}

#[test]
fn whatever_is_decided_to_be_recorded_can_be_recorded() {
    let policy = SessionPolicy::default();
    let mut recorded = 0;
    for state in states() {
        for engine in sights() {
            for second in [0, 299, 300, 330, 3_600, 86_400, 2_000_000] {
                for deleting_since in [None, Some(at(0))] {
                    let session = Session { deleting_since, ..session_in(state.clone()) };
                    if let Step::Record(event) =
                        next_step(&session, &engine, IDLE, &ROOM, at(second), &policy)
                    {
                        recorded += 1;
                        let after = session.after(&event, at(second));
                        assert!(after.is_ok(), "{state:?} with {engine:?} at {second}: {event:?}");
                    }
                }
            }
        }
    }
    assert!(recorded > 50);
}

#[test]
fn a_start_goes_from_launch_to_probe_to_active() {
    let policy = SessionPolicy::default();
    let decide = |engine: &Observed| next_step(&new_session(), engine, IDLE, &ROOM, at(10), &policy);
    assert_eq!(decide(&Observed::Absent), Step::Launch);
    assert_eq!(decide(&Observed::Starting), Step::WaitUntil(at(300)));
    assert_eq!(decide(&Observed::Listening(listening())), Step::Probe);
    assert_eq!(decide(&Observed::Ready(listening())), Step::Record(SessionEvent::EngineReady(listening())));
    assert_eq!(decide(&Observed::Exited(exit())), Step::Record(SessionEvent::EngineGone(Some(exit()))));
}

#[test]
fn a_session_that_has_ended_never_launches_and_is_removed_only_when_it_may_be() {
    let policy = SessionPolicy::default();
    for state in states().into_iter().filter(|state| state.label().terminal()) {
        for engine in sights() {
            let session = session_in(state.clone());
            let step = next_step(&session, &engine, IDLE, &ROOM, at(60), &policy);
            assert!(
                !matches!(step, Step::Launch | Step::Probe | Step::Remove | Step::Forget),
                "{state:?} with {engine:?}: {step:?}"
            );
            let old = at(i64::try_from(policy.retention.as_secs()).unwrap());
            let step = next_step(&session, &Observed::Absent, IDLE, &ROOM, old, &policy);
            assert_eq!(step, Step::Remove);
        }
    }
}

#[test]
fn a_call_that_runs_keeps_a_session_from_being_idle_but_not_from_its_ttl() {
    let policy = SessionPolicy::default();
    let session = session_in(SessionState::Active { endpoint: listening().endpoint, ui: None });
    let engine = Observed::Listening(listening());
    let busy = Activity { running: 1, last_at: None };
    let hour = 3_600;
    let decide = |activity, second| next_step(&session, &engine, activity, &ROOM, at(second), &policy);
    // The time to look again is that of the first notice, five minutes before the end.
    assert_eq!(decide(busy, 5 * hour), Step::WaitUntil(at(6 * hour - 300)));
    assert!(matches!(
        decide(IDLE, hour - 300),
        Step::Record(SessionEvent::EndNear(EndNear { limit: Limit::Idle, .. }))
    ));
    assert!(matches!(
        decide(IDLE, hour),
        Step::Record(SessionEvent::EndRequested { reason: EndReason::Idle(_), .. })
    ));
    assert!(matches!(
        decide(busy, 24 * hour),
        Step::Record(SessionEvent::EndRequested { reason: EndReason::Ttl(_), .. })
    ));
}

#[test]
fn the_create_operation_carries_the_active_session_and_the_timeline_is_in_order() {
    let ready = new_session().after(&SessionEvent::EngineReady(listening()), at(5)).unwrap();
    assert_eq!(ready.session.state.label(), StateLabel::Active);
    assert!(ready.session.open_operations.is_empty());
    let [(id, Outcome::Succeeded(frozen))] = ready.finished.as_slice() else {
        panic!("{:?}", ready.finished)
    };
    assert_eq!((*id, frozen.state.label()), (operation(1), StateLabel::Active));
    let times: Vec<_> = ready.session.timeline.iter().collect();
    assert_eq!(times.first().map(|(milestone, _)| *milestone), Some(Milestone::Accepted));
    assert!(times.is_sorted_by_key(|(_, time)| *time));
}

#[test]
fn a_lost_engine_fails_its_session_with_its_last_words() {
    let active = session_in(SessionState::Active { endpoint: listening().endpoint, ui: None });
    let lost = active.after(&SessionEvent::EngineGone(Some(exit())), at(5)).unwrap().session;
    assert_eq!(lost.state.label(), StateLabel::Failed);
    assert!(lost.state_message.contains("exit code 3"), "{}", lost.state_message);
    assert!(lost.state_message.contains("last words"), "{}", lost.state_message);
}

#[test]
fn a_failed_session_is_diagnosed_once_and_an_ended_one_has_its_output_kept() {
    let policy = SessionPolicy::default();
    let active = session_in(SessionState::Active { endpoint: listening().endpoint, ui: None });
    let lost = active.after(&SessionEvent::EngineGone(Some(exit())), at(5)).unwrap().session;
    let decide =
        |session: &Session| next_step(session, &Observed::Exited(exit()), IDLE, &ROOM, at(6), &policy);
    assert_eq!((lost.settled(), decide(&lost)), (false, Step::Keep));
    let kept = SessionEvent::Kept(lost.keeping.done(Some(at(7))));
    let kept = lost.after(&kept, at(7)).unwrap().session;
    assert_eq!((kept.settled(), kept.keeping.diagnosed_at), (true, Some(at(7))));
    assert_eq!((decide(&kept), &kept.state, kept.state_at), (Step::Done, &lost.state, lost.state_at));
    // What is to be removed need not be kept first.
    let deleted = Session { deleting_since: Some(at(6)), ..lost };
    assert_eq!(decide(&deleted), Step::Forget);

    let reason = EndReason::Ttl(Duration::from_secs(600));
    let over = session_in(SessionState::Terminated { reason });
    assert_eq!((over.settled(), decide(&over)), (true, Step::Done));
    let unkept = Session { keeping: Keeping { output_due: true, ..Keeping::default() }, ..over };
    assert_eq!((unkept.settled(), decide(&unkept)), (false, Step::Keep));
}

#[test]
fn an_engine_that_could_not_be_ended_is_told_of_and_then_ended_all_the_same() {
    let policy = SessionPolicy::default();
    let reason = EndReason::Ttl(Duration::from_secs(600));
    let ending = session_in(SessionState::Terminating { reason, stop_by: at(30) });
    let stuck = ending.after(&SessionEvent::StopTimedOut, at(30)).unwrap().session;
    let engine = Observed::Listening(listening());
    assert_eq!(next_step(&stuck, &engine, IDLE, &ROOM, at(31), &policy), Step::Keep);
    let kept = stuck.after(&SessionEvent::Kept(stuck.keeping.done(None)), at(32)).unwrap().session;
    assert!(matches!(next_step(&kept, &engine, IDLE, &ROOM, at(33), &policy), Step::Stop { .. }));
}

proptest! {
    #[test]
    fn no_sequence_of_events_breaks_the_history(
        choices in prop::collection::vec((0..events().len(), -50_i64..50), 0..30),
        deleting in any::<bool>(),
    ) {
        use StateLabel::{Active, Creating, Failed, Terminated, Terminating};
        let mut session = new_session();
        session.open_operations.push((OperationKind::Delete, operation(2)));
        session.deleting_since = deleting.then(|| at(0));
        let mut finished = Vec::new();
        for (choice, second) in choices {
            // Clocks go back in this world; sessions do not.
            if let Ok(after) = session.after(&events()[choice], at(second)) {
                session = after.session;
                finished.extend(after.finished.into_iter().map(|(id, _)| id));
            }
        }
        let mut path: Vec<_> = session.history.iter().map(|past| (past.state, past.at)).collect();
        path.push((session.state.label(), session.state_at));
        for edge in path.windows(2) {
            let legal = matches!(
                (edge[0].0, edge[1].0),
                (Creating, Active | Failed) | (Active, Terminating | Failed) | (Terminating, Terminated | Failed)
            );
            prop_assert!(legal && edge[0].1 <= edge[1].1, "{path:?}");
        }
        // Each operation ends once, and none is forgotten.
        let open = session.open_operations.iter().map(|(_, id)| *id);
        let mut all: Vec<_> = open.chain(finished).collect();
        all.sort();
        prop_assert_eq!(all, vec![operation(1), operation(2)]);
    }
}

/// A session that asks for 4 GiB and two cores, of eight of each, and has not been admitted.
fn asking(budget: &Budget) -> Session {
    let policy = SessionPolicy::default();
    new_session().asking(Need { memory: 4 << 30, cores: 2 }, budget, &policy)
}

const EIGHT: Budget = Budget { memory: Some(8 << 30), cores: Some(8) };

#[test]
fn a_session_without_room_waits_is_told_so_once_and_makes_nothing() {
    let policy = SessionPolicy::default();
    let taken = Outlook { budget: EIGHT, used: Need { memory: 6 << 30, cores: 1 }, before: 2, ..ROOM };
    let decide = |session: &Session, room: &Outlook, second| {
        next_step(session, &Observed::Absent, IDLE, room, at(second), &policy)
    };
    let asked = asking(&EIGHT);
    let step = decide(&asked, &taken, 1);
    let why = "waits for memory: asks for 4.0 GiB, 2.0 GiB of 8.0 GiB are free; 2 sessions are before it";
    assert_eq!(step, Step::Record(SessionEvent::Waits { why: why.to_owned() }));
    let waiting = asked.after(&SessionEvent::Waits { why: why.to_owned() }, at(1)).unwrap().session;
    assert_eq!(waiting.state_message, format!("It {why}"));
    assert_eq!(decide(&waiting, &taken, 2), Step::WaitUntil(at(300)));

    let room = Outlook { next: true, ..taken };
    let admitted = SessionEvent::Admitted { start_by: at(290 + 300) };
    assert_eq!(
        decide(&waiting, &room, 290),
        Step::Record(admitted.clone()),
        "it has the whole time for its start"
    );
    let after = waiting.after(&admitted, at(290)).unwrap().session;
    assert_eq!((after.state_message.as_str(), after.timeline.at(Milestone::Admitted)), ("", Some(at(290))));
    assert_eq!(decide(&after, &taken, 310), Step::Launch);
    // One that had room at once has nothing to tell of it.
    let at_once = asked.after(&admitted, at(1)).unwrap().session;
    assert_eq!((at_once.timeline.at(Milestone::Admitted), at_once.notices.last()), (None, 1));
}

#[test]
fn a_session_that_waited_too_long_fails_with_what_there_was_and_who_has_it() {
    let policy = SessionPolicy::default();
    let taken =
        Outlook { budget: EIGHT, used: Need { memory: 6 << 30, cores: 7 }, holders: 3, users: 1, ..ROOM };
    let waiting = Session { state: creating(Admission::Waiting, None), ..asking(&EIGHT) };
    let Step::Record(event) = next_step(&waiting, &Observed::Absent, IDLE, &taken, at(300), &policy) else {
        panic!("nothing is recorded");
    };
    let given_up = waiting.after(&event, at(300)).unwrap().session;
    let step = next_step(&given_up, &Observed::Absent, IDLE, &taken, at(300), &policy);
    assert_eq!(step, Step::Record(SessionEvent::EngineGone(None)));
    let ended = given_up.after(&SessionEvent::EngineGone(None), at(300)).unwrap();
    let message = &ended.session.state_message;
    assert!(message.starts_with("Insufficient 'CPUS' quota. Requested 2.0, available 1.0. "), "{message}");
    assert!(message.contains("Insufficient 'MEMORY_GIB' quota. Requested 4.0, available 2.0. "), "{message}");
    assert!(message.ends_with("It waited 5 min for room. 3 sessions of 1 user hold it."), "{message}");
    assert!(matches!(ended.finished[0].1, Outcome::Failed { kind: ErrorKind::ResourceExhausted, .. }));
    // With room it only had to wait for its turn.
    let behind = Outlook { used: Need::default(), before: 1, ..taken };
    let step = next_step(&waiting, &Observed::Absent, IDLE, &behind, at(300), &policy);
    assert!(format!("{step:?}").contains("for others that were before it"), "{step:?}");
}

#[test]
fn a_session_that_never_fits_fails_at_once_with_the_contracts_text() {
    let policy = SessionPolicy::default();
    let budget = Budget { cores: Some(1), ..EIGHT };
    let room = Outlook { budget, next: false, ..ROOM };
    let Step::Record(SessionEvent::GivenUp { failure, .. }) =
        next_step(&asking(&budget), &Observed::Absent, IDLE, &room, at(0), &policy)
    else {
        panic!("it is not given up");
    };
    assert_eq!(failure.kind, ErrorKind::ResourceExhausted);
    assert_eq!(failure.message, "Insufficient 'CPUS' quota. Requested 2.0, available 1.0.");
}

#[test]
fn a_session_that_is_called_off_while_it_waits_has_nothing_to_take_down() {
    let policy = SessionPolicy::default();
    let event = SessionEvent::GivenUp { failure: failure(), stop_by: at(40) };
    let called_off = asking(&EIGHT).after(&event, at(10)).unwrap().session;
    let step = next_step(&called_off, &Observed::Absent, IDLE, &ROOM, at(10), &policy);
    assert_eq!(step, Step::Record(SessionEvent::EngineGone(None)));
}
