//! Sessions, operations, templates and changes that the statements are made with.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hearth_core::Timestamp;
use hearth_core::config::{SessionConfig, SessionKind};
use hearth_core::id::{OperationId, SessionUuid, TemplateUuid};
use hearth_core::name::{Parent, SessionName};
use hearth_core::operation::{Done, Operation, OperationKind, Outcome, RequestKey};
use hearth_core::policy::SessionPolicy;
use hearth_core::session::{EndReason, Session, SessionState};
use hearth_core::template::Template;
use hearth_core::usage::UsageRecord;
use uuid::Uuid;

use crate::{Change, SessionWrite, Store, TemplateWrite};

/// What the statements get: they share it between tasks.
pub(super) type SharedStore = Arc<dyn Store>;

/// A second of the year 2026, so that times in failures are easy to read.
pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + second).expect("a time of this century")
}

pub(super) fn parent() -> Parent {
    Parent { project: "p".to_owned(), location: "l".to_owned() }
}

pub(super) fn name(id: &str) -> SessionName {
    parent().session(id)
}

pub(super) fn operation_id(number: u128) -> OperationId {
    OperationId(Uuid::from_u128(number))
}

/// A session in CREATING, whose uuid and create operation have this number.
pub(super) fn session_named(name: SessionName, number: u128, created_at: Timestamp) -> Session {
    let config = SessionConfig { kind: Some(SessionKind::SparkConnect), ..SessionConfig::default() };
    let uuid = SessionUuid(Uuid::from_u128(number));
    let creator = "ada@example.org".to_owned();
    Session::new(name, uuid, config, creator, operation_id(number), created_at, &SessionPolicy::default())
}

pub(super) fn session(id: &str, number: u128) -> Session {
    session_named(name(id), number, at(0))
}

/// The session as it ended, at this time.
pub(super) fn ended(session: &Session, state_at: Timestamp) -> Session {
    let state = SessionState::Terminated { reason: EndReason::Ttl(Duration::from_secs(600)) };
    Session { state, state_at, open_operations: Vec::new(), ..session.clone() }
}

/// An operation that runs, about this session.
pub(super) fn operation(session: &Session, number: u128, kind: OperationKind) -> Operation {
    Operation {
        id: operation_id(number),
        kind,
        session: session.name.clone(),
        session_uuid: session.uuid,
        created_at: session.created_at,
        labels: session.config.labels.clone(),
        done: None,
    }
}

/// The operation as it succeeded, at this time.
pub(super) fn finished(operation: &Operation, session: &Session, at: Timestamp) -> Operation {
    let frozen = Box::new(Session { generation: 0, ..session.clone() });
    Operation { done: Some(Done { at, outcome: Outcome::Succeeded(frozen) }), ..operation.clone() }
}

pub(super) fn key(request_id: &str, method: OperationKind) -> RequestKey {
    RequestKey { parent: parent(), method, request_id: request_id.parse().expect("a request id") }
}

pub(super) fn insert(session: &Session) -> Change {
    Change { sessions: vec![SessionWrite::Insert(Box::new(session.clone()))], ..Change::default() }
}

pub(super) fn update(session: &Session) -> Change {
    Change { sessions: vec![SessionWrite::Update(Box::new(session.clone()))], ..Change::default() }
}

pub(super) fn remove(session: &Session) -> Change {
    let usage = UsageRecord::of(session).map(Box::new);
    let write = SessionWrite::Remove { uuid: session.uuid, generation: session.generation, usage };
    Change { sessions: vec![write], ..Change::default() }
}

pub(super) fn put(operations: &[Operation]) -> Change {
    Change { operations: operations.to_vec(), ..Change::default() }
}

/// A template that sets a kind and nothing else, whose uuid has this number.
pub(super) fn template(id: &str, number: u128, created_at: Timestamp) -> Template {
    Template {
        name: parent().template(id),
        uuid: TemplateUuid(Uuid::from_u128(number)),
        creator: "ada@example.org".to_owned(),
        created_at,
        updated_at: created_at,
        description: String::new(),
        display_name: String::new(),
        labels: BTreeMap::new(),
        config: SessionConfig { kind: Some(SessionKind::SparkConnect), ..SessionConfig::default() },
    }
}

pub(super) fn insert_templates(templates: &[Template]) -> Change {
    let insert = |template: &Template| TemplateWrite::Insert(Box::new(template.clone()));
    Change { templates: templates.iter().map(insert).collect(), ..Change::default() }
}

/// A change as a create request makes it: session, operation and request id, all of this number.
pub(super) fn create(id: &str, number: u128, request_id: &str) -> Change {
    let session = session(id, number);
    let operation = operation(&session, number, OperationKind::Create);
    Change {
        request: Some((key(request_id, OperationKind::Create), operation.id)),
        operations: vec![operation],
        ..insert(&session)
    }
}

/// Writes a new session and reads it back.
pub(super) async fn created(store: &SharedStore, session: &Session) -> Session {
    store.commit(insert(session)).await.expect("a new session is written");
    by_uuid(store, session).await.expect("what was written is there")
}

/// Reads a session anew.
pub(super) async fn by_uuid(store: &SharedStore, session: &Session) -> Option<Session> {
    store.session_by_uuid(session.uuid).await.expect("the store can be read")
}
