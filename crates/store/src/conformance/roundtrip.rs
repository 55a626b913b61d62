//! What is written is what is read, whatever it is.

use hearth_core::config::RuntimeConfig;
use hearth_core::filter::Filter;
use hearth_core::operation::OperationKind;
use hearth_core::session::Session;

use super::generate::{any_operation, any_session, samples};
use super::sample::*;
use crate::{Change, OperationQuery, SessionQuery, SessionWrite};

/// So many that each choice of the generators is taken many times.
const SAMPLES: usize = 96;

/// By uuid, by name and in a list; as it was made, and as it was changed to.
pub async fn every_field_of_a_session_reads_back_as_written(store: SharedStore) {
    let mut values = samples(any_session(), 2 * SAMPLES);
    let laters = values.split_off(SAMPLES);
    for (first, later) in values.into_iter().zip(laters) {
        let expected = Session { generation: 1, ..first.clone() };
        let made = created(&store, &first).await;
        assert_eq!(made, expected);
        let identity = expected.clone();
        let changed = Session {
            name: identity.name,
            uuid: identity.uuid,
            created_at: identity.created_at,
            generation: 1,
            ..later
        };
        store.commit(update(&changed)).await.expect("the generation is right");
        let expected = Session { generation: 2, ..changed };
        assert_eq!(by_uuid(&store, &expected).await, Some(expected.clone()));
        assert_eq!(store.session(&expected.name).await.expect("readable"), Some(expected.clone()));
        let query = SessionQuery {
            parent: expected.name.parent().clone(),
            filter: Filter::all(),
            after: None,
            limit: SAMPLES,
        };
        assert!(store.sessions(&query).await.expect("readable").contains(&expected));
        assert!(store.sessions_with_id(expected.name.id(), 2).await.expect("readable").contains(&expected));
        assert_eq!(store.unsettled().await.expect("readable").contains(&expected.uuid), !expected.settled());
    }
}

/// By id and in a list.
pub async fn every_field_of_an_operation_reads_back_as_written(store: SharedStore) {
    for operation in samples(any_operation(), SAMPLES) {
        store.commit(put(std::slice::from_ref(&operation))).await.expect("an operation is written");
        assert_eq!(store.operation(operation.id).await.expect("readable"), Some(operation.clone()));
        let query = OperationQuery {
            parent: operation.session.parent().clone(),
            filter: Filter::all(),
            after: None,
            limit: SAMPLES,
        };
        assert!(store.operations(&query).await.expect("readable").contains(&operation));
    }
}

/// Far more than any request may carry.
pub async fn a_session_of_a_megabyte_reads_back_as_written(store: SharedStore) {
    let mut big = session("big", 1);
    let value = "ü\n".repeat(500);
    let properties = (0..700).map(|number| (format!("spark.key.{number}"), value.clone())).collect();
    big.config.runtime = Some(RuntimeConfig { properties, ..RuntimeConfig::default() });
    let made = created(&store, &big).await;
    assert_eq!(made, Session { generation: 1, ..big });
    let mut change = update(&ended(&made, at(1)));
    change.sessions.push(SessionWrite::Insert(Box::new(Session { generation: 0, ..session("small", 2) })));
    store.commit(change).await.expect("the generation is right");
    assert_eq!(by_uuid(&store, &made).await.map(|found| found.config), Some(made.config));
}

/// Neither an error nor something else.
pub async fn what_is_not_there_reads_as_nothing(store: SharedStore) {
    let absent = session("absent", 1);
    let key = key("absent", OperationKind::Create);
    assert_eq!(store.session(&absent.name).await.expect("readable"), None);
    assert_eq!(by_uuid(&store, &absent).await, None);
    assert_eq!(store.operation(operation_id(1)).await.expect("readable"), None);
    assert_eq!(store.request(&key).await.expect("readable"), None);
    assert_eq!(store.activity(absent.uuid).await.expect("readable"), None);
    assert!(store.unsettled().await.expect("readable").is_empty());
    assert!(store.sessions_with_id("absent", 10).await.expect("readable").is_empty());
    assert!(store.ended_before(at(9), 10).await.expect("readable").is_empty());
    assert!(store.finished_before(at(9), 10).await.expect("readable").is_empty());
    let sessions = SessionQuery { parent: parent(), filter: Filter::all(), after: None, limit: 10 };
    assert!(store.sessions(&sessions).await.expect("readable").is_empty());
    let operations = OperationQuery { parent: parent(), filter: Filter::all(), after: None, limit: 10 };
    assert!(store.operations(&operations).await.expect("readable").is_empty());
    // Nothing was made by looking for it.
    store.commit(Change::default()).await.expect("there is nothing to refuse");
}
