//! Check, backup and restore.

use std::path::Path;

use hearth_core::operation::Outcome;
use hearth_store::Store;
use hearth_store_sqlite::{BackupError, OpenError, SqliteStore, StateDir, backup, check, restore};
use rusqlite::Connection;

use crate::sample::{create, whole};

async fn fill(database: &Path, numbers: impl Iterator<Item = u128>) -> SqliteStore {
    let store = SqliteStore::open(database).expect("it opens");
    for number in numbers {
        store.commit(create(number)).await.expect("it is written");
    }
    store
}

/// What is in a directory, without what SQLite keeps beside a database.
fn files(directory: &Path) -> Vec<String> {
    let names = std::fs::read_dir(directory).expect("it is there");
    let mut names: Vec<_> =
        names.map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8")).collect();
    names.retain(|name| !name.ends_with("-shm") && !name.ends_with("-wal"));
    names.sort();
    names
}

#[tokio::test]
async fn check_counts_what_is_whole_also_while_it_is_in_use() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("hearth.db");
    let store = fill(&path, 1..=3).await;
    let report = check(&path).unwrap();
    assert_eq!((report.format, report.sessions, report.operations), (crate::sample::FORMAT, 3, 3));
    assert_eq!(report.problems().next(), None);
    store.commit(create(4)).await.unwrap();
    assert_eq!(check(&path).unwrap().sessions, 4);
    drop(store);
    assert_eq!(check(&path).unwrap().sessions, 4);
}

#[test]
fn check_of_nothing_says_so_and_makes_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let error = check(scratch.path().join("hearth.db")).unwrap_err();
    assert!(matches!(error, OpenError::NotFound { .. }), "{error:?}");
    assert_eq!(files(scratch.path()), [""; 0]);
}

#[tokio::test]
async fn check_finds_each_kind_of_contradiction() {
    let cases = [
        ("UPDATE sessions SET document = '{' WHERE id = 's1'", "cannot be read"),
        ("UPDATE operations SET document = '[]' WHERE id LIKE '%1'", "cannot be read"),
        ("UPDATE sessions SET state = 'ACTIVE' WHERE id = 's1'", "its state is indexed as \"ACTIVE\""),
        ("UPDATE sessions SET settled = 1 WHERE id = 's1'", "its settled mark is indexed as \"1\""),
        ("UPDATE sessions SET id = 'other' WHERE id = 's1'", "its id is indexed as \"other\""),
        ("UPDATE operations SET done_at = 'never' WHERE id LIKE '%1'", "its end is indexed as \"never\""),
        (
            "DELETE FROM sessions WHERE id = 's1'",
            "it runs, but its session \"projects/p/locations/l/sessions/s1\" is gone",
        ),
        (
            "UPDATE sessions SET document = json_set(document, '$.open_operations', json('[]'))",
            "does not know it",
        ),
        ("DELETE FROM operations WHERE id LIKE '%1'", "request id r1 stands for operation"),
        ("INSERT INTO activity VALUES ('nobody', 'now')", "nobody is noted as used, but is not there"),
        ("INSERT INTO removed_usage VALUES ('gone', 'p', 'l', 'now', '{}')", "removed session gone: "),
        (
            "INSERT INTO removed_usage SELECT uuid, project, location, state_at, '{}' FROM sessions",
            "its use is recorded as if it were removed",
        ),
    ];
    for (damage, expected) in cases {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("hearth.db");
        drop(fill(&path, 1..=2).await);
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "foreign_keys", false).unwrap();
        assert!(connection.execute(damage, []).unwrap() > 0, "{damage}");
        drop(connection);
        let report = check(&path).unwrap();
        assert!(report.problems().any(|problem| problem.contains(expected)), "{damage}: {report:?}");
    }
}

#[tokio::test]
async fn check_finds_a_session_that_waits_for_what_has_ended() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("hearth.db");
    let store = fill(&path, 1..=1).await;
    let mut change = create(1);
    change.request = None;
    change.sessions.clear();
    let outcome = Outcome::Failed { kind: hearth_core::error::ErrorKind::Internal, message: "no".to_owned() };
    let at = hearth_core::Timestamp::UNIX_EPOCH;
    change.operations[0].done = Some(hearth_core::operation::Done { at, outcome });
    store.commit(change).await.unwrap();
    let report = check(&path).unwrap();
    assert!(report.contradictions[0].contains("still waits for it"), "{report:?}");
}

#[tokio::test]
async fn a_backup_holds_what_was_there_when_it_was_made() {
    let scratch = tempfile::tempdir().unwrap();
    let (path, copy) = (scratch.path().join("hearth.db"), scratch.path().join("copy.db"));
    let store = fill(&path, 1..=3).await;
    backup(&path, &copy).unwrap();
    store.commit(create(4)).await.unwrap();
    assert_eq!(files(scratch.path()), ["copy.db", "hearth.db"]);
    assert_eq!(check(&copy).unwrap().sessions, 3);
    let copy = SqliteStore::open(&copy).unwrap();
    assert!(whole(&copy, 3).await && !whole(&copy, 4).await);
}

#[tokio::test]
async fn a_backup_replaces_nothing_and_leaves_nothing_when_it_fails() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("hearth.db");
    drop(fill(&path, 1..=1).await);
    let taken = scratch.path().join("taken");
    std::fs::write(&taken, "mine").unwrap();
    assert!(matches!(backup(&path, &taken).unwrap_err(), BackupError::Exists { .. }));
    assert_eq!(std::fs::read_to_string(&taken).unwrap(), "mine");
    let nowhere = scratch.path().join("absent/copy.db");
    assert!(matches!(backup(&path, &nowhere).unwrap_err(), BackupError::Write { .. }));
    let absent = backup(scratch.path().join("absent.db"), scratch.path().join("copy.db")).unwrap_err();
    assert!(matches!(absent, BackupError::Open(OpenError::NotFound { .. })));
    assert_eq!(files(scratch.path()), ["hearth.db", "taken"]);
}

#[tokio::test]
async fn a_restored_database_is_that_of_the_backup_and_the_old_one_stays_beside_it() {
    let scratch = tempfile::tempdir().unwrap();
    let state = scratch.path().join("state");
    let lock = StateDir::lock(&state).unwrap();
    let copy = scratch.path().join("copy.db");
    let store = fill(&lock.database(), 1..=2).await;
    backup(lock.database(), &copy).unwrap();
    for number in 3..=40 {
        store.commit(create(number)).await.unwrap();
    }
    drop(store);

    let before = restore(&lock, &copy).unwrap().expect("there was a database");
    let store = SqliteStore::open(lock.database()).unwrap();
    assert!(whole(&store, 2).await && !whole(&store, 3).await);
    assert_eq!(check(&before).unwrap().sessions, 40);
    assert_eq!(check(lock.database()).unwrap().sessions, 2);
    assert_eq!(files(&state), ["hearth.db", "hearth.db.before-restore-1", "lock"]);
}

#[tokio::test]
async fn a_restore_does_not_mix_the_log_of_the_old_database_into_the_new_one() {
    let scratch = tempfile::tempdir().unwrap();
    let lock = StateDir::lock(scratch.path().join("state")).unwrap();
    let (copy, old) = (scratch.path().join("copy.db"), scratch.path().join("old.db"));
    drop(fill(&copy, 1..=2).await);
    // A server that was killed leaves its log behind: so does a copy of the files of one that runs.
    let store = fill(&old, 10..=40).await;
    let log = |path: &Path| format!("{}-wal", path.display());
    std::fs::copy(&old, lock.database()).unwrap();
    std::fs::copy(log(&old), log(&lock.database())).unwrap();
    drop(store);

    let before = restore(&lock, &copy).unwrap().expect("there was a database");
    let store = SqliteStore::open(lock.database()).unwrap();
    assert!(whole(&store, 2).await && !whole(&store, 10).await);
    assert_eq!(check(lock.database()).unwrap().problems().next(), None);
    assert_eq!(check(&before).unwrap().sessions, 31);
}

#[tokio::test]
async fn a_damaged_database_can_be_replaced_and_an_empty_place_filled() {
    let scratch = tempfile::tempdir().unwrap();
    let lock = StateDir::lock(scratch.path().join("state")).unwrap();
    let copy = scratch.path().join("copy.db");
    drop(fill(&copy, 1..=2).await);
    assert_eq!(restore(&lock, &copy).unwrap(), None);
    std::fs::write(lock.database(), "rubbish").unwrap();
    let before = restore(&lock, &copy).unwrap().expect("there was something");
    assert_eq!(std::fs::read_to_string(before).unwrap(), "rubbish");
    assert!(whole(&SqliteStore::open(lock.database()).unwrap(), 2).await);
}

#[tokio::test]
async fn a_damaged_backup_is_refused_and_the_database_stays() {
    let scratch = tempfile::tempdir().unwrap();
    let lock = StateDir::lock(scratch.path().join("state")).unwrap();
    drop(fill(&lock.database(), 1..=2).await);
    let copy = scratch.path().join("copy.db");
    backup(lock.database(), &copy).unwrap();
    let mut bytes = std::fs::read(&copy).unwrap();
    bytes[4096..].fill(0xAA);
    std::fs::write(&copy, bytes).unwrap();
    let error = restore(&lock, &copy).unwrap_err();
    assert!(matches!(error, BackupError::Damaged { .. }), "{error:?}");
    assert_eq!(files(lock.path()), ["hearth.db", "lock"]);
    assert!(whole(&SqliteStore::open(lock.database()).unwrap(), 2).await);
}
