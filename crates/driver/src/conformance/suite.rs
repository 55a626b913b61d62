//! The suite itself. Each function is one test and panics if the driver does not conform.

#![expect(clippy::unwrap_used, reason = "a driver that fails here does not conform, and the test must fail")]
#![expect(missing_docs, reason = "each function's name says what it checks")]

use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use hearth_core::engine::{Exit, ExitCause, ExitStatus, Introduction, Listening, Observed};
use hearth_core::id::EngineId;
use hearth_core::session::later;
use uuid::Uuid;

use super::harness::{Behaviour, Harness};
use crate::{Driver, DriverError};

/// How often time is let pass before a test gives up: at least 20 s and at most 200 s of the driver's time.
const PATIENCE: u32 = 2000;

/// A grace that nothing in these tests is meant to use up.
const LONG: Duration = Duration::from_secs(60);

/// A grace that is meant to be used up.
const SHORT: Duration = Duration::from_millis(300);

pub async fn an_engine_never_seen_is_absent(h: &dyn Harness) {
    let (driver, id) = (h.driver(), new_id());
    assert_eq!(driver.observe(id).await.unwrap(), Observed::Absent);
    driver.stop(id, LONG).await.unwrap();
    driver.set_deadline(id, h.now()).await.unwrap();
    driver.remove(id).await.unwrap();
    assert!(driver.engines().await.unwrap().is_empty());
    assert_eq!(driver.log(id, 0, 100).await.unwrap(), crate::LogChunk::default());
    h.check_nothing_is_left();
}

pub async fn an_engine_that_is_ensured_comes_to_listen(h: &dyn Harness) {
    let (driver, id) = (h.driver(), new_id());
    let before = h.now();
    driver.ensure(&h.spec(id, Behaviour::Listens)).await.unwrap();
    assert_ne!(driver.observe(id).await.unwrap(), Observed::Absent, "at once, or it would be ensured again");
    let up = listening(h, &driver, id).await;
    assert!(up.placed_at >= before, "{up:?}, ensured at {before}");
    assert!(up.placed_at <= up.process_up_at && up.process_up_at <= up.listening_at, "{up:?}");
    assert!(up.listening_at <= h.now(), "{up:?}");
    clean(h, &driver, id).await;
}

pub async fn ensuring_twice_starts_once(h: &dyn Harness) {
    let (driver, id) = (h.driver(), new_id());
    let spec = h.spec(id, Behaviour::Listens);
    driver.ensure(&spec).await.unwrap();
    driver.ensure(&spec).await.unwrap();
    let up = listening(h, &driver, id).await;
    driver.ensure(&spec).await.unwrap();
    h.let_time_pass().await;
    assert_eq!(listening(h, &driver, id).await, up);
    assert_eq!(h.starts(id), 1);
    clean(h, &driver, id).await;
}

pub async fn two_drivers_that_ensure_at_once_start_once(h: &dyn Harness) {
    let (one, other, id) = (h.driver(), h.driver(), new_id());
    let spec = h.spec(id, Behaviour::Listens);
    let (first, second) = futures::join!(one.ensure(&spec), other.ensure(&spec));
    first.unwrap();
    second.unwrap();
    let up = listening(h, &one, id).await;
    assert_eq!(listening(h, &other, id).await, up);
    h.let_time_pass().await;
    assert_eq!(h.starts(id), 1);
    clean(h, &one, id).await;
    assert_eq!(other.observe(id).await.unwrap(), Observed::Absent);
}

pub async fn a_second_driver_adopts_what_runs(h: &dyn Harness) {
    let (driver, id) = (h.driver(), new_id());
    let spec = h.spec(id, Behaviour::Listens);
    driver.ensure(&spec).await.unwrap();
    let up = listening(h, &driver, id).await;
    drop(driver);
    let next = h.driver();
    assert_eq!(next.engines().await.unwrap(), [id]);
    assert_eq!(next.observe(id).await.unwrap(), Observed::Listening(up.clone()));
    next.ensure(&spec).await.unwrap();
    h.let_time_pass().await;
    assert_eq!(listening(h, &next, id).await, up);
    assert_eq!(h.starts(id), 1);
    clean(h, &next, id).await;
}

pub async fn an_engine_that_exits_keeps_its_status_and_its_last_lines(h: &dyn Harness) {
    let (driver, id) = (h.driver(), new_id());
    let lines = vec!["one".to_owned(), "two: no such module".to_owned()];
    driver.ensure(&h.spec(id, Behaviour::Exits { code: 7, lines: lines.clone() })).await.unwrap();
    let exit = exited(h, &driver, id).await;
    assert_eq!((exit.status, exit.cause), (ExitStatus::Code(7), ExitCause::Itself));
    assert_eq!(exit.tail, lines);
    assert!(exit.at <= h.now());
    // It stays so, for the next server too.
    assert_eq!(h.driver().observe(id).await.unwrap(), Observed::Exited(exit.clone()));
    driver.stop(id, LONG).await.unwrap();
    driver.set_deadline(id, h.now()).await.unwrap();
    assert_eq!(driver.observe(id).await.unwrap(), Observed::Exited(exit));
    clean(h, &driver, id).await;
}

pub async fn an_engine_that_exited_is_not_started_again(h: &dyn Harness) {
    let (driver, id) = (h.driver(), new_id());
    let spec = h.spec(id, Behaviour::Exits { code: 0, lines: Vec::new() });
    driver.ensure(&spec).await.unwrap();
    let exit = exited(h, &driver, id).await;
    driver.ensure(&spec).await.unwrap();
    h.driver().ensure(&spec).await.unwrap();
    h.let_time_pass().await;
    assert_eq!(exited(h, &driver, id).await, exit);
    assert_eq!(h.starts(id), 1);
    clean(h, &driver, id).await;
}

pub async fn a_program_that_is_missing_is_reported_as_not_started(h: &dyn Harness) {
    let (driver, id) = (h.driver(), new_id());
    driver.ensure(&h.spec(id, Behaviour::Missing)).await.unwrap();
    let exit = exited(h, &driver, id).await;
    assert_eq!((exit.status, exit.cause), (ExitStatus::NotStarted, ExitCause::Itself));
    assert!(!exit.tail.is_empty(), "nothing says why");
    clean(h, &driver, id).await;
}

pub async fn a_stopped_engine_ends_within_its_grace(h: &dyn Harness) {
    let (driver, id) = (h.driver(), new_id());
    driver.ensure(&h.spec(id, Behaviour::Listens)).await.unwrap();
    listening(h, &driver, id).await;
    driver.stop(id, LONG).await.unwrap();
    // Asking again changes nothing.
    driver.stop(id, LONG).await.unwrap();
    assert_eq!(exited(h, &driver, id).await.cause, ExitCause::Stopped);
    clean(h, &driver, id).await;
}

pub async fn an_engine_that_ignores_a_stop_is_killed(h: &dyn Harness) {
    let (driver, id) = (h.driver(), new_id());
    driver.ensure(&h.spec(id, Behaviour::ListensAndIgnoresStop)).await.unwrap();
    listening(h, &driver, id).await;
    let asked_at = h.now();
    driver.stop(id, SHORT).await.unwrap();
    let exit = exited(h, &driver, id).await;
    assert_eq!((exit.status, exit.cause), (ExitStatus::Signal(9), ExitCause::Killed));
    assert!(exit.at >= later(asked_at, SHORT), "killed before its grace was over");
    clean(h, &driver, id).await;
}

pub async fn asking_a_stopped_engine_again_with_less_grace_ends_it_sooner(h: &dyn Harness) {
    let (driver, id) = (h.driver(), new_id());
    driver.ensure(&h.spec(id, Behaviour::ListensAndIgnoresStop)).await.unwrap();
    listening(h, &driver, id).await;
    driver.stop(id, 60 * LONG).await.unwrap();
    eventually(h, &driver, id, "stopping", |observed| (*observed == Observed::Stopping).then_some(())).await;
    // What takes over from the server that asked first.
    let next = h.driver();
    assert_eq!(next.observe(id).await.unwrap(), Observed::Stopping);
    next.stop(id, SHORT).await.unwrap();
    assert_eq!(exited(h, &next, id).await.cause, ExitCause::Killed);
    clean(h, &next, id).await;
}

pub async fn a_running_engine_cannot_be_removed(h: &dyn Harness) {
    let (driver, id) = (h.driver(), new_id());
    driver.ensure(&h.spec(id, Behaviour::Listens)).await.unwrap();
    let refused = driver.remove(id).await.unwrap_err();
    assert!(matches!(refused, DriverError::StillRunning(which) if which == id), "{refused}");
    listening(h, &driver, id).await;
    driver.remove(id).await.unwrap_err();
    listening(h, &driver, id).await;
    clean(h, &driver, id).await;
}

pub async fn an_engine_removed_is_absent_and_can_be_made_anew(h: &dyn Harness) {
    let (driver, id) = (h.driver(), new_id());
    let spec = h.spec(id, Behaviour::Listens);
    driver.ensure(&spec).await.unwrap();
    listening(h, &driver, id).await;
    clean(h, &driver, id).await;
    driver.remove(id).await.unwrap();
    assert_eq!(h.driver().observe(id).await.unwrap(), Observed::Absent);
    driver.ensure(&spec).await.unwrap();
    listening(h, &driver, id).await;
    assert_eq!(h.starts(id), 2);
    clean(h, &driver, id).await;
}

pub async fn every_engine_with_a_trace_is_listed(h: &dyn Harness) {
    let (driver, runs, ended) = (h.driver(), new_id(), new_id());
    driver.ensure(&h.spec(runs, Behaviour::Listens)).await.unwrap();
    driver.ensure(&h.spec(ended, Behaviour::Exits { code: 1, lines: Vec::new() })).await.unwrap();
    exited(h, &driver, ended).await;
    let mut all = vec![runs, ended];
    all.sort();
    for server in [&driver, &h.driver()] {
        let mut listed = server.engines().await.unwrap();
        listed.sort();
        assert_eq!(listed, all);
    }
    driver.remove(ended).await.unwrap();
    assert_eq!(driver.engines().await.unwrap(), [runs]);
    clean(h, &driver, runs).await;
}

pub async fn an_engine_ends_at_its_deadline(h: &dyn Harness) {
    let (driver, id) = (h.driver(), new_id());
    let mut spec = h.spec(id, Behaviour::Listens);
    spec.deadline = later(h.now(), Duration::from_secs(1));
    driver.ensure(&spec).await.unwrap();
    let exit = exited(h, &driver, id).await;
    assert_eq!(exit.cause, ExitCause::Deadline);
    assert!(exit.at >= spec.deadline, "ended before its deadline");
    clean(h, &driver, id).await;
}

pub async fn a_deadline_that_is_moved_holds_where_it_was_moved_to(h: &dyn Harness) {
    let (driver, sooner, later_on) = (h.driver(), new_id(), new_id());
    driver.ensure(&h.spec(sooner, Behaviour::Listens)).await.unwrap();
    let mut spec = h.spec(later_on, Behaviour::Listens);
    spec.deadline = later(h.now(), Duration::from_secs(1));
    driver.ensure(&spec).await.unwrap();
    let end = later(spec.deadline, Duration::from_secs(1));
    driver.set_deadline(later_on, end).await.unwrap();
    listening(h, &driver, sooner).await;
    driver.set_deadline(sooner, h.now()).await.unwrap();
    assert_eq!(exited(h, &driver, sooner).await.cause, ExitCause::Deadline);
    let exit = exited(h, &driver, later_on).await;
    assert_eq!(exit.cause, ExitCause::Deadline);
    assert!(exit.at >= end, "ended before the deadline that was set last");
    clean(h, &driver, sooner).await;
    clean(h, &driver, later_on).await;
}

pub async fn a_log_reads_the_same_in_one_piece_and_in_many(h: &dyn Harness) {
    let (driver, id) = (h.driver(), new_id());
    let lines: Vec<String> = (0..50).map(|number| format!("line {number}")).collect();
    let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
    driver.ensure(&h.spec(id, Behaviour::WritesAndListens(lines))).await.unwrap();
    listening(h, &driver, id).await;
    let whole = driver.log(id, 0, 1 << 20).await.unwrap();
    assert_eq!(whole.offset, 0);
    assert_eq!(whole.next_offset, whole.content.len() as u64);
    assert!(whole.content.starts_with(text.as_bytes()), "{}", String::from_utf8_lossy(&whole.content));
    let (mut pieces, mut offset) = (Vec::new(), 0);
    while offset < whole.next_offset {
        let piece = driver.log(id, offset, 7).await.unwrap();
        assert_eq!(piece.offset, offset);
        assert!((1..=7).contains(&piece.content.len()), "{piece:?}");
        offset = piece.next_offset;
        pieces.extend(piece.content);
    }
    assert_eq!(pieces, whole.content);
    let end = driver.log(id, offset, 7).await.unwrap();
    assert_eq!((end.content.len(), end.next_offset), (0, offset));
    clean(h, &driver, id).await;
}

pub async fn a_log_past_its_limit_drops_its_oldest_part_and_says_so(h: &dyn Harness) {
    let (driver, id) = (h.driver(), new_id());
    let lines: Vec<String> = (0..3000).map(|number| format!("this is line {number:>6}")).collect();
    let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
    let mut spec = h.spec(id, Behaviour::WritesAndListens(lines));
    spec.log_limit = 16 << 10;
    driver.ensure(&spec).await.unwrap();
    listening(h, &driver, id).await;
    let mut kept = driver.log(id, 0, 1 << 20).await.unwrap();
    let first = kept.offset;
    assert!(first > 0, "nothing was dropped");
    loop {
        let more = driver.log(id, kept.next_offset, 1 << 20).await.unwrap();
        if more.content.is_empty() {
            break;
        }
        assert_eq!(more.offset, kept.next_offset);
        kept.content.extend(more.content);
        kept.next_offset = more.next_offset;
    }
    assert!(kept.content.len() as u64 <= spec.log_limit, "{} bytes kept", kept.content.len());
    assert!(kept.content.len() as u64 >= spec.log_limit / 4, "only {} bytes kept", kept.content.len());
    assert_eq!(kept.next_offset, first + kept.content.len() as u64);
    let known = usize::try_from(first).unwrap()..text.len();
    assert!(kept.content.starts_with(&text.as_bytes()[known]), "offsets do not fit the text");
    clean(h, &driver, id).await;
}

/// However often it is told, and by whichever driver; what never ran or has ended takes no notice.
pub async fn an_engine_that_is_introduced_says_so_once_in_its_log(h: &dyn Harness) {
    let (driver, id) = (h.driver(), new_id());
    let introduction = Introduction {
        files: [("session.json".to_owned(), "{}".to_owned())].into(),
        log_line: "it is yours now".to_owned(),
    };
    driver.introduce(id, &introduction).await.unwrap();
    assert_eq!(driver.observe(id).await.unwrap(), Observed::Absent);
    driver.ensure(&h.spec(id, Behaviour::WritesAndListens(vec!["before".to_owned()]))).await.unwrap();
    listening(h, &driver, id).await;
    driver.introduce(id, &introduction).await.unwrap();
    h.driver().introduce(id, &introduction).await.unwrap();
    let read = async || {
        let chunk = driver.log(id, 0, 1 << 20).await.unwrap();
        String::from_utf8_lossy(&chunk.content).into_owned()
    };
    let mut log = String::new();
    for _ in 0..PATIENCE {
        log = read().await;
        if log.contains("yours") {
            break;
        }
        h.let_time_pass().await;
    }
    driver.introduce(id, &introduction).await.unwrap();
    driver.stop(id, SHORT).await.unwrap();
    exited(h, &driver, id).await;
    driver.introduce(id, &introduction).await.unwrap();
    assert!(log.contains("before\n"), "{log}");
    assert_eq!(read().await.matches("it is yours now\n").count(), 1, "{log}");
    clean(h, &driver, id).await;
}

pub async fn an_engine_that_ends_is_hinted_at(h: &dyn Harness) {
    let (driver, id) = (h.driver(), new_id());
    let mut changes = driver.changes();
    driver.ensure(&h.spec(id, Behaviour::Listens)).await.unwrap();
    listening(h, &driver, id).await;
    while changes.next().now_or_never().is_some() {}
    driver.stop(id, LONG).await.unwrap();
    for _ in 0..PATIENCE {
        if let Some(hint) = changes.next().now_or_never() {
            assert_eq!(hint, Some(id));
            if let Observed::Exited(_) = driver.observe(id).await.unwrap() {
                clean(h, &driver, id).await;
                return;
            }
        }
        h.let_time_pass().await;
    }
    panic!("no hint came after engine {id} had ended");
}

fn new_id() -> EngineId {
    EngineId(Uuid::new_v4())
}

/// Waits until the engine is as `look` wants it.
async fn eventually<T>(
    h: &dyn Harness,
    driver: &Arc<dyn Driver>,
    id: EngineId,
    what: &str,
    look: impl Fn(&Observed) -> Option<T>,
) -> T {
    let mut last = Observed::Absent;
    for _ in 0..PATIENCE {
        last = driver.observe(id).await.unwrap();
        if let Some(found) = look(&last) {
            return found;
        }
        h.let_time_pass().await;
    }
    panic!("engine {id} is not {what}: last seen {last:?}");
}

async fn listening(h: &dyn Harness, driver: &Arc<dyn Driver>, id: EngineId) -> Listening {
    eventually(h, driver, id, "listening", |observed| match observed {
        Observed::Listening(listening) => Some(listening.clone()),
        Observed::Exited(exit) => panic!("engine {id} ended: {exit:?}"),
        Observed::Absent | Observed::Starting | Observed::Ready(_) | Observed::Stopping => None,
    })
    .await
}

async fn exited(h: &dyn Harness, driver: &Arc<dyn Driver>, id: EngineId) -> Exit {
    eventually(h, driver, id, "exited", |observed| match observed {
        Observed::Exited(exit) => Some(exit.clone()),
        Observed::Absent
        | Observed::Starting
        | Observed::Listening(_)
        | Observed::Ready(_)
        | Observed::Stopping => None,
    })
    .await
}

/// Ends and removes the engine, and checks that nothing stays if it was the last.
async fn clean(h: &dyn Harness, driver: &Arc<dyn Driver>, id: EngineId) {
    driver.stop(id, SHORT).await.unwrap();
    exited(h, driver, id).await;
    driver.remove(id).await.unwrap();
    assert_eq!(driver.observe(id).await.unwrap(), Observed::Absent);
    if driver.engines().await.unwrap().is_empty() {
        h.check_nothing_is_left();
    }
}
