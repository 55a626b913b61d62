//! Opening a database: what is made, what is kept, and what is refused.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use hearth_core::filter::{Filter, Schema};
use hearth_store::{SessionQuery, SessionWrite, Store, StoreError};
use hearth_store_sqlite::{OpenError, SqliteStore, check};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::sample::{FORMAT, create, whole};

fn scratch() -> (TempDir, PathBuf) {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let path = scratch.path().join("hearth.db");
    (scratch, path)
}

async fn with_sessions(path: &Path, count: u128) {
    let store = SqliteStore::open(path).expect("it opens");
    for number in 1..=count {
        store.commit(create(number)).await.expect("it is written");
    }
}

#[tokio::test]
async fn what_was_written_is_there_when_it_is_opened_again() {
    let (_scratch, path) = scratch();
    with_sessions(&path, 5).await;
    let store = SqliteStore::open(&path).unwrap();
    for number in 1..=5 {
        assert!(whole(&store, number).await);
    }
    assert!(!whole(&store, 6).await);
    assert_eq!(store.path(), path);
}

#[test]
fn a_new_database_is_for_its_user_alone_and_carries_our_mark() {
    let (_scratch, path) = scratch();
    let store = SqliteStore::open(&path).unwrap();
    for suffix in ["", "-wal", "-shm"] {
        let file = format!("{}{suffix}", path.display());
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{file}");
    }
    drop(store);
    let header = std::fs::read(&path).unwrap();
    assert_eq!(&header[68..72], b"HRTH");
    assert_eq!(check(&path).unwrap().format, FORMAT);
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let (_scratch, path) = scratch();
    let long = "not a database, but long enough for a header ".repeat(50);
    for text in ["x", long.as_str(), "SQLite format 3\0"] {
        std::fs::write(&path, text).unwrap();
        let error = SqliteStore::open(&path).unwrap_err();
        assert!(matches!(error, OpenError::Corrupt { .. }), "{error:?}");
        assert!(error.to_string().contains("hearth.db") && error.hint().contains("hearth store check"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        assert_eq!(check(&path).unwrap().problems().collect::<Vec<_>>(), ["the file is not a database"]);
    }
}

#[tokio::test]
async fn a_database_that_was_cut_off_is_refused() {
    let (_scratch, path) = scratch();
    with_sessions(&path, 50).await;
    let length = std::fs::metadata(&path).unwrap().len();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length / 2).unwrap();
    let error = SqliteStore::open(&path).unwrap_err();
    assert!(matches!(&error, OpenError::Corrupt { detail, .. } if detail.contains("cut off")), "{error:?}");
    assert!(check(&path).unwrap().damage[0].contains("cut off"));
}

#[tokio::test]
async fn a_database_whose_schema_is_overwritten_is_refused() {
    let (_scratch, path) = scratch();
    with_sessions(&path, 5).await;
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100..4096].fill(0xAA);
    std::fs::write(&path, bytes).unwrap();
    let error = SqliteStore::open(&path).unwrap_err();
    assert!(matches!(error, OpenError::Corrupt { .. }), "{error:?}");
    assert!(!check(&path).unwrap().damage.is_empty());
}

#[tokio::test]
async fn damage_behind_the_first_page_is_told_when_it_is_read_and_found_by_check() {
    let (_scratch, path) = scratch();
    with_sessions(&path, 50).await;
    let mut bytes = std::fs::read(&path).unwrap();
    // The schema itself fills more than one page.
    let connection = Connection::open(&path).unwrap();
    let mut roots =
        connection.prepare("SELECT rootpage FROM sqlite_schema WHERE tbl_name = 'sessions'").unwrap();
    for root in roots.query_map([], |row| row.get::<_, u32>(0)).unwrap() {
        let end = usize::try_from(root.unwrap()).unwrap() * 4096;
        bytes[end - 4096..end].fill(0xAA);
    }
    drop(roots);
    drop(connection);
    std::fs::write(&path, bytes).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    let error = store.session(&crate::sample::name(1)).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged(_)), "{error:?}");
    assert!(store.commit(create(51)).await.is_err());
    assert!(!check(&path).unwrap().damage.is_empty());
}

#[tokio::test]
async fn sessions_of_the_first_format_are_found_by_their_labels() {
    let (_scratch, path) = scratch();
    let mut change = create(1);
    let [SessionWrite::Insert(session)] = change.sessions.as_mut_slice() else { panic!("one session") };
    session.config.labels.insert("team".to_owned(), "it's".to_owned());
    let session = session.clone();
    let old = Connection::open(&path).unwrap();
    old.execute_batch(include_str!("../../migrations/0001_sessions.sql")).unwrap();
    old.pragma_update(None, "application_id", 0x4852_5448).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    old.execute(
        "INSERT INTO sessions VALUES (?1, 'p', 'l', 's1', '1970-01-01T00:00:00.000000000Z', 'CREATING',
                                      '1970-01-01T00:00:00.000000000Z', 0, 0, 1, ?2)",
        [session.uuid.to_string(), serde_json::to_string(&session).unwrap()],
    )
    .unwrap();
    drop(old);
    let store = SqliteStore::open(&path).unwrap();
    let filter = Filter::parse("labels.team = \"it's\" AND state = CREATING", Schema::Sessions).unwrap();
    let query = SessionQuery { parent: session.name.parent().clone(), filter, after: None, limit: 9 };
    let found = store.sessions(&query).await.unwrap();
    assert_eq!(found.iter().map(|found| found.uuid).collect::<Vec<_>>(), [session.uuid]);
    drop(store);
    assert_eq!(check(&path).unwrap().contradictions, [] as [String; 0]);
}

#[test]
fn a_database_of_a_newer_version_is_refused_with_both_numbers() {
    let (_scratch, path) = scratch();
    drop(SqliteStore::open(&path).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    for error in [SqliteStore::open(&path).unwrap_err(), check(&path).unwrap_err()] {
        assert!(matches!(error, OpenError::Newer { found: 99, known: FORMAT, .. }), "{error:?}");
        assert!(error.to_string().contains("format 99"), "{error}");
    }
}

#[test]
fn a_database_of_another_program_is_refused_and_not_touched() {
    let (_scratch, path) = scratch();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE photos (name TEXT)").unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = SqliteStore::open(&path).unwrap_err();
    assert!(matches!(error, OpenError::Foreign { .. }), "{error:?}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_database_that_another_program_keeps_to_itself_is_told_apart() {
    let (_scratch, path) = scratch();
    drop(SqliteStore::open(&path).unwrap());
    let other = Connection::open(&path).unwrap();
    other.pragma_update(None, "locking_mode", "exclusive").unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = SqliteStore::open(&path).unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }), "{error:?}");
    drop(other);
    SqliteStore::open(&path).unwrap();
}

#[test]
fn a_place_that_cannot_be_written_is_told_with_the_systems_words() {
    let (scratch, path) = scratch();
    std::fs::write(&path, "").unwrap();
    for place in
        [scratch.path().join("absent/hearth.db"), path.join("below"), PathBuf::from("/proc/hearth.db")]
    {
        let error = SqliteStore::open(&place).unwrap_err();
        assert!(matches!(error, OpenError::NotWritable { .. }), "{}: {error:?}", place.display());
        assert!(std::error::Error::source(&error).is_some());
    }
    let error = SqliteStore::open(scratch.path()).unwrap_err();
    assert!(matches!(error, OpenError::NotWritable { .. }), "{error:?}");
}

#[test]
fn an_empty_file_becomes_a_database() {
    let (_scratch, path) = scratch();
    std::fs::write(&path, "").unwrap();
    drop(SqliteStore::open(&path).unwrap());
    assert_eq!(check(&path).unwrap().format, FORMAT);
}
