//! Operations: how they change, are found, and go.

use hearth_core::filter::Filter;
use hearth_core::operation::OperationKind;

use super::sample::*;
use crate::{Change, OperationQuery};

/// The end of an operation is written over its beginning.
pub async fn an_operation_is_replaced_by_its_later_self(store: SharedStore) {
    let subject = session("demo", 1);
    let running = operation(&subject, 1, OperationKind::Create);
    store.commit(put(std::slice::from_ref(&running))).await.expect("an operation is written");
    let done = finished(&running, &subject, at(5));
    store.commit(put(std::slice::from_ref(&done))).await.expect("an operation is written");
    assert_eq!(store.operation(running.id).await.expect("readable"), Some(done.clone()));
    let query = OperationQuery { parent: parent(), filter: Filter::all(), after: None, limit: 10 };
    assert_eq!(store.operations(&query).await.expect("readable"), [done]);
}

/// A request can be repeated after its operation has ended.
pub async fn a_replaced_operation_keeps_its_request_ids(store: SharedStore) {
    let change = create("demo", 1, "r");
    store.commit(change.clone()).await.expect("a create is written");
    let done = finished(&change.operations[0], &session("demo", 1), at(5));
    store.commit(put(&[done])).await.expect("an operation is written");
    let key = key("r", OperationKind::Create);
    assert_eq!(store.request(&key).await.expect("readable"), Some(operation_id(1)));
}

/// All of them, and none of another operation.
pub async fn removed_operations_take_their_request_ids_along(store: SharedStore) {
    for (number, request) in [(1, "one"), (2, "two")] {
        store.commit(create(&format!("demo{number}"), number, request)).await.expect("a create is written");
    }
    let again = key("again", OperationKind::Create);
    let change = Change { request: Some((again.clone(), operation_id(1))), ..Change::default() };
    store.commit(change).await.expect("the operation is there");

    let change = Change { removed_operations: vec![operation_id(1)], ..Change::default() };
    store.commit(change).await.expect("nothing refuses it");
    assert_eq!(store.operation(operation_id(1)).await.expect("readable"), None);
    for gone in [again, key("one", OperationKind::Create)] {
        assert_eq!(store.request(&gone).await.expect("readable"), None, "{gone:?}");
    }
    let two = key("two", OperationKind::Create);
    assert_eq!(store.request(&two).await.expect("readable"), Some(operation_id(2)));
    store.commit(create("demo3", 3, "one")).await.expect("the request id is free again");
}

/// It may have been removed by someone else.
pub async fn removing_an_operation_that_is_gone_is_no_error(store: SharedStore) {
    let change = Change { removed_operations: vec![operation_id(1)], ..Change::default() };
    store.commit(change).await.expect("there is nothing to refuse");
}

/// The outcome of a delete is read after the session is gone.
pub async fn operations_outlive_their_session(store: SharedStore) {
    let known = created(&store, &session("demo", 1)).await;
    let running = operation(&known, 2, OperationKind::Delete);
    store.commit(put(std::slice::from_ref(&running))).await.expect("an operation is written");
    let done = finished(&running, &known, at(5));
    store
        .commit(Change { operations: vec![done.clone()], ..remove(&known) })
        .await
        .expect("a removal is written");
    assert_eq!(by_uuid(&store, &known).await, None);
    assert_eq!(store.operation(done.id).await.expect("readable"), Some(done));
}

/// Up to and with the time that is asked for; those that still run never.
pub async fn finished_operations_are_found_by_their_end_oldest_first(store: SharedStore) {
    let subject = session("demo", 1);
    let mut operations = vec![operation(&subject, 1, OperationKind::Create)];
    for (number, second) in [(2, 30), (3, 10), (4, 20), (6, 20), (5, 20)] {
        operations.push(finished(&operation(&subject, number, OperationKind::Create), &subject, at(second)));
    }
    store.commit(put(&operations)).await.expect("operations are written");
    for (second, limit, expected) in [
        (9, 10, vec![]),
        (10, 10, vec![3]),
        (29, 10, vec![3, 4, 5, 6]),
        (99, 10, vec![3, 4, 5, 6, 2]),
        (99, 2, vec![3, 4]),
    ] {
        let expected: Vec<_> = expected.into_iter().map(operation_id).collect();
        let found = store.finished_before(at(second), limit).await.expect("readable");
        assert_eq!(found, expected, "up to {second}, at most {limit}");
    }
}

/// Page by page, those of the very same time by id, those of other parents not at all.
pub async fn operations_are_listed_newest_first_then_by_id(store: SharedStore) {
    let mut subject = session("demo", 1);
    let mut operations = Vec::new();
    for (number, second) in [(5, 1), (1, 1), (3, 2), (2, 0), (4, 1)] {
        subject.created_at = at(second);
        operations.push(operation(&subject, number, OperationKind::Terminate));
    }
    let elsewhere = session_named("projects/q/locations/l/sessions/demo".parse().expect("a name"), 9, at(1));
    operations.push(operation(&elsewhere, 9, OperationKind::Create));
    store.commit(put(&operations)).await.expect("operations are written");
    let expected: Vec<_> = [3, 1, 4, 5, 2].map(operation_id).into();
    for limit in 1..=6 {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let query = OperationQuery { parent: parent(), filter: Filter::all(), after, limit };
            let page = store.operations(&query).await.expect("readable");
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            after = Some((last.created_at, last.id));
            found.extend(page.iter().map(|operation| operation.id));
        }
        assert_eq!(found, expected, "pages of {limit}");
    }
}
