//! Lists of sessions: their order, their pages, and what is selected.

use std::time::Duration;

use hearth_core::Timestamp;
use hearth_core::error::ErrorKind;
use hearth_core::filter::Filter;
use hearth_core::name::{Parent, SessionName};
use hearth_core::session::{Failure, Session, SessionState};
use hearth_core::staged::Keeping;

use super::sample::*;
use crate::SessionQuery;

async fn page(store: &SharedStore, after: Option<(Timestamp, SessionName)>, limit: usize) -> Vec<Session> {
    let query = SessionQuery { parent: parent(), filter: Filter::all(), after, limit };
    store.sessions(&query).await.expect("the store can be read")
}

fn cursor(session: &Session) -> (Timestamp, SessionName) {
    (session.created_at, session.name.clone())
}

fn ids(sessions: &[Session]) -> Vec<&str> {
    sessions.iter().map(|session| session.name.id()).collect()
}

async fn fill(store: &SharedStore, sessions: &[(&str, i64)]) {
    for (number, (id, second)) in (100..).zip(sessions) {
        created(store, &session_named(name(id), number, at(*second))).await;
    }
}

/// Names are told apart by their bytes.
pub async fn sessions_are_listed_newest_first_then_by_name(store: SharedStore) {
    fill(&store, &[("b", 1), ("a", 0), ("z", 2), ("a-b", 1), ("a0", 1), ("aa", 1)]).await;
    assert_eq!(ids(&page(&store, None, 10).await), ["z", "a-b", "a0", "aa", "b", "a"]);
    assert_eq!(ids(&page(&store, None, 2).await), ["z", "a-b"]);
    assert!(page(&store, None, 0).await.is_empty());
}

/// Not even those whose project or location begins the same.
pub async fn sessions_of_other_parents_are_not_listed(store: SharedStore) {
    for (number, (project, location)) in (1..).zip([("p", "l"), ("p", "l2"), ("p2", "l"), ("P", "l")]) {
        let parent = Parent { project: project.to_owned(), location: location.to_owned() };
        created(&store, &session_named(parent.session(format!("in-{project}-{location}")), number, at(0)))
            .await;
    }
    assert_eq!(ids(&page(&store, None, 10).await), ["in-p-l"]);
}

/// Newer sessions, and the removal of the very one a page ended with, do not disturb the rest of the walk.
pub async fn pages_neither_repeat_nor_omit_while_sessions_come_and_go(store: SharedStore) {
    let all = ["s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9"];
    fill(&store, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(|n| (all[n as usize], n))).await;
    let (mut found, mut after) = (Vec::new(), None);
    for round in 0_u8.. {
        let sessions = page(&store, after, 3).await;
        let Some(last) = sessions.last() else { break };
        assert!(round < 10, "the walk does not end");
        after = Some(cursor(last));
        found.extend(sessions.iter().map(|session| session.name.id().to_owned()));
        let newcomer = name(&format!("new{round}"));
        created(&store, &session_named(newcomer, u128::from(round) + 500, at(100 + i64::from(round)))).await;
        store.commit(remove(last)).await.expect("the generation is right");
    }
    assert_eq!(found, all.into_iter().rev().collect::<Vec<_>>());
}

/// A page may end amid sessions of one time.
pub async fn pages_split_sessions_of_the_very_same_time(store: SharedStore) {
    fill(&store, &[("d", 5), ("b", 5), ("e", 5), ("a", 5), ("c", 5), ("old", 4), ("new", 6)]).await;
    for limit in 1..=8 {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let sessions = page(&store, after, limit).await;
            let Some(last) = sessions.last() else { break };
            after = Some(cursor(last));
            found.extend(sessions.iter().map(|session| session.name.id().to_owned()));
        }
        assert_eq!(found, ["new", "a", "b", "c", "d", "e", "old"], "pages of {limit}");
    }
}

/// Times are neither rounded nor compared as floating point.
pub async fn times_that_differ_by_a_nanosecond_are_kept_in_order(store: SharedStore) {
    let nano = |n: u64| at(0) + Duration::from_nanos(n);
    let times = [
        ("a", nano(0)),
        ("b", nano(1)),
        ("c", nano(2)),
        ("d", nano(1_000_000_000)),
        ("e", nano(999_999_999)),
    ];
    for (number, (id, at)) in (1..).zip(times) {
        created(&store, &session_named(name(id), number, at)).await;
    }
    let sessions = page(&store, None, 10).await;
    assert_eq!(ids(&sessions), ["d", "e", "c", "b", "a"]);
    assert_eq!(ids(&page(&store, Some(cursor(&sessions[2])), 10).await), ["b", "a"]);
    let gone = ended(&sessions[4], nano(7));
    store.commit(update(&gone)).await.expect("the generation is right");
    assert!(store.ended_before(nano(6), 10).await.expect("readable").is_empty());
    assert_eq!(store.ended_before(nano(7), 10).await.expect("readable"), [gone.uuid]);
}

/// For those who know an id and not its project.
pub async fn sessions_with_an_id_are_found_across_parents(store: SharedStore) {
    let mut expected = Vec::new();
    for (number, (project, id)) in (1..).zip([("p", "demo"), ("q", "demo"), ("r", "demo"), ("p", "demo2")]) {
        let parent = Parent { project: project.to_owned(), location: "l".to_owned() };
        let made = created(&store, &session_named(parent.session(id), number, at(0))).await;
        if id == "demo" {
            expected.push(made.uuid);
        }
    }
    let mut found: Vec<_> =
        store.sessions_with_id("demo", 10).await.expect("readable").iter().map(|found| found.uuid).collect();
    found.sort();
    assert_eq!(found, expected);
    assert_eq!(store.sessions_with_id("demo", 2).await.expect("readable").len(), 2);
    assert!(store.sessions_with_id("dem", 10).await.expect("readable").is_empty());
}

/// Those in a state that is not the last, and those that are to be removed.
pub async fn unsettled_sessions_are_those_with_something_to_do(store: SharedStore) {
    let creating = created(&store, &session("creating", 1)).await;
    let over = created(&store, &ended(&session("over", 2), at(1))).await;
    let failure = Failure { kind: ErrorKind::Internal, message: "it broke".to_owned() };
    let failed = SessionState::Failed { failure };
    let failed = Session { state: failed, ..session("failed", 3) };
    let failed = created(&store, &failed).await;
    let deleted = Session { deleting_since: Some(at(2)), ..ended(&session("deleted", 4), at(1)) };
    let deleted = created(&store, &deleted).await;
    let unsettled = async || {
        let mut found = store.unsettled().await.expect("the store can be read");
        found.sort();
        found
    };
    assert_eq!(unsettled().await, [creating.uuid, deleted.uuid]);
    let keeping = Keeping { diagnostics_due: true, ..Keeping::default() };
    store.commit(update(&Session { keeping, ..failed.clone() })).await.expect("the generation is right");
    assert_eq!(unsettled().await, [creating.uuid, failed.uuid, deleted.uuid]);
    let failed = Session { generation: failed.generation + 1, ..failed };
    store.commit(update(&failed)).await.expect("the generation is right");
    store.commit(update(&ended(&creating, at(3)))).await.expect("the generation is right");
    store.commit(update(&Session { deleting_since: Some(at(3)), ..over.clone() })).await.expect("as above");
    assert_eq!(unsettled().await, [over.uuid, deleted.uuid]);
    store.commit(remove(&deleted)).await.expect("the generation is right");
    assert_eq!(unsettled().await, [over.uuid]);
}

/// Up to and with the time that is asked for; those that are not settled never.
pub async fn settled_sessions_are_found_by_their_end_oldest_first(store: SharedStore) {
    for (number, second) in [(1, 30), (2, 10), (3, 20), (5, 20), (4, 20)] {
        created(&store, &ended(&session(&format!("s{number}"), number), at(second))).await;
    }
    created(&store, &session("running", 6)).await;
    created(&store, &Session { deleting_since: Some(at(5)), ..ended(&session("doomed", 7), at(5)) }).await;
    for (second, limit, expected) in [
        (9, 9, vec![]),
        (10, 9, vec![2]),
        (20, 9, vec![2, 3, 4, 5]),
        (99, 9, vec![2, 3, 4, 5, 1]),
        (99, 2, vec![2, 3]),
    ] {
        let expected: Vec<_> = expected.into_iter().map(|number| session("any", number).uuid).collect();
        let found = store.ended_before(at(second), limit).await.expect("readable");
        assert_eq!(found, expected, "up to {second}, at most {limit}");
    }
}
