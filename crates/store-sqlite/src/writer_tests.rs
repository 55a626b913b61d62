//! The writer where things go wrong: a full disk, a read-only one, a group with a bad change in it.

use std::sync::Arc;

use hearth_core::Timestamp;
use hearth_core::config::{RuntimeConfig, SessionConfig, SessionKind};
use hearth_core::id::{OperationId, SessionUuid};
use hearth_core::name::Parent;
use hearth_core::policy::SessionPolicy;
use hearth_core::session::Session;
use hearth_store::{Change, CommitError, SessionQuery, SessionWrite, Store, StoreError};
use rusqlite::Connection;
use uuid::Uuid;

use crate::store::SqliteStore;
use crate::writer::Failure;

fn parent() -> Parent {
    Parent { project: "p".to_owned(), location: "l".to_owned() }
}

/// A session that takes about so many bytes.
fn session(number: u128, bytes: usize) -> Session {
    let runtime = RuntimeConfig { cohort: "x".repeat(bytes), ..RuntimeConfig::default() };
    let kind = Some(SessionKind::SparkConnect);
    let config = SessionConfig { kind, runtime: Some(runtime), ..SessionConfig::default() };
    let (uuid, operation) = (SessionUuid(Uuid::from_u128(number)), OperationId(Uuid::from_u128(number)));
    let (name, at) = (parent().session(format!("s{number}")), Timestamp::UNIX_EPOCH);
    Session::new(name, uuid, config, "ada".to_owned(), operation, at, &SessionPolicy::default())
}

fn insert(session: &Session) -> Change {
    Change { sessions: vec![SessionWrite::Insert(Box::new(session.clone()))], ..Change::default() }
}

fn open(scratch: &tempfile::TempDir) -> SqliteStore {
    SqliteStore::open(scratch.path().join("hearth.db")).unwrap()
}

/// Does something with the writer's own connection.
async fn on_writer<T: Send + 'static>(
    store: &SqliteStore,
    mut work: impl FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
) -> T {
    store.writer().run(move |connection| Ok::<T, Failure<StoreError>>(work(connection)?)).await.unwrap()
}

/// Lets the database grow by so many pages and no more, as a disk does that is nearly full.
async fn leave_room(store: &SqliteStore, pages: i64) {
    on_writer(store, move |connection| {
        let used: i64 = connection.pragma_query_one(None, "page_count")?;
        connection.pragma_update_and_check(None, "max_page_count", used + pages, |_| Ok(()))
    })
    .await;
}

async fn everything(store: &SqliteStore) -> Vec<Session> {
    store
        .sessions(&SessionQuery {
            parent: parent(),
            filter: hearth_core::filter::Filter::all(),
            after: None,
            limit: 1000,
        })
        .await
        .unwrap()
}

#[tokio::test]
async fn every_answer_is_flushed_to_the_disk() {
    let scratch = tempfile::tempdir().unwrap();
    let store = open(&scratch);
    let settings = on_writer(&store, |connection| {
        let mode: String = connection.pragma_query_one(None, "journal_mode")?;
        let synchronous: i64 = connection.pragma_query_one(None, "synchronous")?;
        let foreign_keys: bool = connection.pragma_query_one(None, "foreign_keys")?;
        Ok((mode, synchronous, foreign_keys))
    })
    .await;
    // 2 is FULL.
    assert_eq!(settings, ("wal".to_owned(), 2, true));
}

#[tokio::test]
async fn a_full_disk_refuses_a_change_whole_and_harms_nothing_that_was_there() {
    let scratch = tempfile::tempdir().unwrap();
    let store = open(&scratch);
    store.commit(insert(&session(1, 10))).await.unwrap();
    leave_room(&store, 8).await;

    let mut change = insert(&session(2, 10));
    change.sessions.extend(insert(&session(3, 1_000_000)).sessions);
    match store.commit(change).await.unwrap_err() {
        CommitError::Store(StoreError::Unavailable(text)) => assert_eq!(text, "the disk is full"),
        other => panic!("{other:?}"),
    }
    assert_eq!(everything(&store).await, [Session { generation: 1, ..session(1, 10) }]);

    leave_room(&store, 1000).await;
    store.commit(insert(&session(3, 1_000_000))).await.unwrap();
    assert_eq!(everything(&store).await.len(), 2);
    drop(store);
    let report = crate::check(scratch.path().join("hearth.db")).unwrap();
    assert_eq!(report.problems().collect::<Vec<_>>(), [""; 0]);
}

#[tokio::test]
async fn removing_makes_room_on_a_full_disk() {
    let scratch = tempfile::tempdir().unwrap();
    let store = open(&scratch);
    store.commit(insert(&session(1, 200_000))).await.unwrap();
    leave_room(&store, 0).await;
    store.commit(insert(&session(2, 150_000))).await.unwrap_err();
    let uuid = session(1, 0).uuid;
    let removal = SessionWrite::Remove { uuid, generation: 1, usage: None };
    store.commit(Change { sessions: vec![removal], ..Change::default() }).await.unwrap();
    store.commit(insert(&session(2, 150_000))).await.unwrap();
    assert_eq!(everything(&store).await, [Session { generation: 1, ..session(2, 150_000) }]);
}

#[tokio::test]
async fn a_change_that_does_not_fit_takes_none_of_its_group_along() {
    let scratch = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&scratch));
    leave_room(&store, 100).await;
    // While the writer is held up here, the changes behind it queue up and become one group.
    let (entered, is_inside) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let holder = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            on_writer(&store, move |_| {
                entered.send(()).unwrap();
                released.recv().unwrap();
                Ok(())
            })
            .await;
        })
    };
    tokio::task::spawn_blocking(move || is_inside.recv().unwrap()).await.unwrap();
    let mut callers = Vec::new();
    for number in 1..=9 {
        let bytes = if number == 5 { 1_000_000 } else { 10 };
        let (store, change) = (Arc::clone(&store), insert(&session(number, bytes)));
        callers.push(tokio::spawn(async move { store.commit(change).await.is_ok() }));
        tokio::task::yield_now().await;
    }
    release.send(()).unwrap();
    holder.await.unwrap();
    let mut written = Vec::new();
    for caller in callers {
        written.push(caller.await.unwrap());
    }
    assert_eq!(written, [true, true, true, true, false, true, true, true, true]);
    let names: Vec<_> = everything(&store).await.iter().map(|session| session.name.id().to_owned()).collect();
    assert_eq!(names, ["s1", "s2", "s3", "s4", "s6", "s7", "s8", "s9"]);
}

#[tokio::test]
async fn a_database_that_became_read_only_refuses_changes_and_answers_reads() {
    let scratch = tempfile::tempdir().unwrap();
    let store = open(&scratch);
    store.commit(insert(&session(1, 10))).await.unwrap();
    on_writer(&store, |connection| connection.pragma_update(None, "query_only", true)).await;
    match store.commit(insert(&session(2, 10))).await.unwrap_err() {
        CommitError::Store(StoreError::Unavailable(text)) => assert_eq!(text, "the database is read-only"),
        other => panic!("{other:?}"),
    }
    assert_eq!(everything(&store).await.len(), 1);
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_told_and_not_made_up() {
    let scratch = tempfile::tempdir().unwrap();
    let store = open(&scratch);
    store.commit(insert(&session(1, 10))).await.unwrap();
    on_writer(&store, |connection| connection.execute("UPDATE sessions SET document = '{\"name\":'", []))
        .await;
    let error = store.session(&parent().session("s1")).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged(_)), "{error}");
}

#[tokio::test]
async fn what_was_queued_is_written_before_the_store_goes_away() {
    let scratch = tempfile::tempdir().unwrap();
    let store = open(&scratch);
    // Polled once, so that each is queued, and then given up.
    for number in 1..=20 {
        let commit = std::pin::pin!(store.commit(insert(&session(number, 10))));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let _ = commit.poll(&mut context);
    }
    drop(store);
    assert_eq!(everything(&open(&scratch)).await.len(), 20);
}
