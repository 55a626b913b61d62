//! Many callers at once.

use std::sync::Arc;

use hearth_core::filter::Filter;
use hearth_core::operation::OperationKind;
use hearth_core::session::Session;
use tokio::task::JoinSet;

use super::sample::*;
use crate::{Change, CommitError, SessionQuery, SessionWrite};

/// So many that several wait while one is written.
const CALLERS: u128 = 32;

/// Commits all at once; how each ended.
async fn race(store: &SharedStore, changes: impl Iterator<Item = Change>) -> Vec<Result<(), CommitError>> {
    let mut callers = JoinSet::new();
    for change in changes {
        let store = Arc::clone(store);
        callers.spawn(async move { store.commit(change).await });
    }
    callers.join_all().await
}

/// Generation after generation.
pub async fn of_many_updates_of_a_generation_exactly_one_is_written(store: SharedStore) {
    let mut known = created(&store, &session("demo", 1)).await;
    for round in 0..8 {
        let attempt =
            |caller: u128| update(&Session { state_message: format!("{round}: {caller}"), ..known.clone() });
        let answers = race(&store, (0..CALLERS).map(attempt)).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "round {round}");
        for answer in answers {
            assert!(matches!(answer, Ok(()) | Err(CommitError::Conflict)), "{answer:?}");
        }
        let next = by_uuid(&store, &known).await.expect("it is there");
        assert_eq!(next.generation, known.generation + 1);
        assert!(next.state_message.starts_with(&format!("{round}:")));
        known = next;
    }
}

/// The others are told that it exists, and nothing of theirs is there.
pub async fn of_many_sessions_of_a_name_exactly_one_is_created(store: SharedStore) {
    let answers = race(&store, (1..=CALLERS).map(|n| create("demo", n, &format!("r{n}")))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert!(answers.iter().all(|answer| matches!(answer, Ok(()) | Err(CommitError::SessionExists(_)))));
    let winner = store.session(&name("demo")).await.expect("readable").expect("one has won");
    for number in 1..=CALLERS {
        let won = session("demo", number).uuid == winner.uuid;
        let key = key(&format!("r{number}"), OperationKind::Create);
        assert_eq!(store.request(&key).await.expect("readable").is_some(), won);
        assert_eq!(store.operation(operation_id(number)).await.expect("readable").is_some(), won);
    }
}

/// All are answered with the same operation.
pub async fn of_many_repeats_of_a_request_exactly_one_has_an_effect(store: SharedStore) {
    let answers = race(&store, (1..=CALLERS).map(|n| create(&format!("demo{n}"), n, "same"))).await;
    let known =
        store.request(&key("same", OperationKind::Create)).await.expect("readable").expect("one has won");
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    for answer in answers {
        match answer {
            Ok(()) => {}
            Err(CommitError::Replayed(operation)) => assert_eq!(operation, known),
            Err(other) => panic!("a repeat was answered with {other:?}"),
        }
    }
    let query = SessionQuery { parent: parent(), filter: Filter::all(), after: None, limit: 100 };
    assert_eq!(store.sessions(&query).await.expect("readable").len(), 1);
}

/// With refused ones among them, which take none along.
pub async fn many_changes_at_once_are_all_written(store: SharedStore) {
    created(&store, &session("taken", 999)).await;
    let changes = (1..=8 * CALLERS).map(|number| match number % 4 {
        0 => insert(&session("taken", number)),
        _ => insert(&session(&format!("demo{number}"), number)),
    });
    let answers = race(&store, changes).await;
    let refused =
        answers.iter().filter(|answer| matches!(answer, Err(CommitError::SessionExists(_)))).count();
    let written = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!((written, refused), (192, 64));
    for number in (1..=8 * CALLERS).filter(|number| number % 4 != 0) {
        let found = store.session(&name(&format!("demo{number}"))).await.expect("readable");
        assert_eq!(found, Some(Session { generation: 1, ..session(&format!("demo{number}"), number) }));
    }
}

/// On whatever thread, by name, by uuid and in lists.
pub async fn a_change_is_seen_by_whoever_reads_after_it_was_answered(store: SharedStore) {
    let mut callers = JoinSet::new();
    for number in 1..=CALLERS {
        let store = Arc::clone(&store);
        callers.spawn(async move {
            let mut known = created(&store, &session(&format!("demo{number}"), number)).await;
            for second in 1..=8 {
                let changed = Session { state_at: at(second), ..known.clone() };
                store.commit(update(&changed)).await.expect("nobody else writes it");
                known = Session { generation: known.generation + 1, ..changed };
                let (store, expected) = (Arc::clone(&store), known.clone());
                let reader = tokio::spawn(async move {
                    assert_eq!(
                        store.session(&expected.name).await.expect("readable"),
                        Some(expected.clone())
                    );
                    assert_eq!(by_uuid(&store, &expected).await, Some(expected.clone()));
                    let query =
                        SessionQuery { parent: parent(), filter: Filter::all(), after: None, limit: 100 };
                    assert!(store.sessions(&query).await.expect("readable").contains(&expected));
                });
                reader.await.expect("the reader found what was written");
            }
        });
    }
    while let Some(done) = callers.join_next().await {
        done.expect("each caller reads what it has written");
    }
}

/// A list that is read while sessions are written in pairs has both of a pair, or neither.
pub async fn no_reader_sees_half_a_change(store: SharedStore) {
    let writer = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for pair in 0..40 {
                let twins = ["x", "y"].map(|twin| {
                    let number = 2 * pair + u128::from(twin == "y");
                    SessionWrite::Insert(Box::new(session(&format!("{twin}{pair}"), number + 1)))
                });
                let change = Change { sessions: twins.into(), ..Change::default() };
                store.commit(change).await.expect("the names are free");
            }
        })
    };
    loop {
        let last = writer.is_finished();
        let query = SessionQuery { parent: parent(), filter: Filter::all(), after: None, limit: 1000 };
        let found = store.sessions(&query).await.expect("readable");
        let count = |twin: &str| found.iter().filter(|session| session.name.id().starts_with(twin)).count();
        assert_eq!(count("x"), count("y"));
        if last {
            assert_eq!(found.len(), 80);
            break;
        }
    }
    writer.await.expect("the writer wrote all");
}
