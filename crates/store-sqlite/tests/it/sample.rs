//! Sessions to write, and short ways to write them.

use hearth_core::Timestamp;
use hearth_core::config::{SessionConfig, SessionKind};
use hearth_core::id::{OperationId, SessionUuid};
use hearth_core::name::{Parent, SessionName};
use hearth_core::operation::{Operation, OperationKind, RequestKey};
use hearth_core::policy::SessionPolicy;
use hearth_core::session::Session;
use hearth_store::{Change, SessionWrite, Store};
use hearth_store_sqlite::SqliteStore;
use uuid::Uuid;

/// The format that databases have now.
pub(crate) const FORMAT: u32 = 4;

pub(crate) fn name(number: u128) -> SessionName {
    Parent { project: "p".to_owned(), location: "l".to_owned() }.session(format!("s{number}"))
}

pub(crate) fn operation_id(number: u128) -> OperationId {
    OperationId(Uuid::from_u128(number))
}

pub(crate) fn key(number: u128) -> RequestKey {
    let request_id = format!("r{number}").parse().expect("a request id");
    RequestKey { parent: name(number).parent().clone(), method: OperationKind::Create, request_id }
}

/// A session, its create operation and its request id, all of this number.
pub(crate) fn create(number: u128) -> Change {
    let config = SessionConfig { kind: Some(SessionKind::SparkConnect), ..SessionConfig::default() };
    let (uuid, now) = (SessionUuid(Uuid::from_u128(number)), Timestamp::UNIX_EPOCH);
    let policy = SessionPolicy::default();
    let session =
        Session::new(name(number), uuid, config, "ada".to_owned(), operation_id(number), now, &policy);
    let operation = Operation {
        id: operation_id(number),
        kind: OperationKind::Create,
        session: session.name.clone(),
        session_uuid: uuid,
        created_at: now,
        labels: session.config.labels.clone(),
        done: None,
    };
    Change {
        request: Some((key(number), operation.id)),
        sessions: vec![SessionWrite::Insert(Box::new(session))],
        operations: vec![operation],
        ..Change::default()
    }
}

/// Whether all that [`create`] writes is there; it panics if only some of it is.
pub(crate) async fn whole(store: &SqliteStore, number: u128) -> bool {
    let session = store.session(&name(number)).await.expect("readable").is_some();
    let operation = store.operation(operation_id(number)).await.expect("readable").is_some();
    let request = store.request(&key(number)).await.expect("readable").is_some();
    assert_eq!(
        (session, operation, request),
        (session, session, session),
        "half of change {number} is there"
    );
    session
}
