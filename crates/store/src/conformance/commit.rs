//! Commits: the guards, their order, and that a refused change leaves nothing.

use hearth_core::filter::Filter;
use hearth_core::lease::Fence;
use hearth_core::name::Parent;
use hearth_core::operation::{OperationKind, RequestKey};
use hearth_core::session::Session;

use super::sample::*;
use crate::{Change, CommitError, SessionQuery, SessionWrite};

/// A create writes all three of its parts.
pub async fn a_commit_writes_the_session_the_operation_and_the_request_id(store: SharedStore) {
    let change = create("demo", 1, "r");
    store.commit(change.clone()).await.expect("a create is written");
    let expected = Session { generation: 1, ..session("demo", 1) };
    assert_eq!(store.session(&name("demo")).await.expect("readable"), Some(expected.clone()));
    assert_eq!(store.session_by_uuid(expected.uuid).await.expect("readable"), Some(expected));
    assert_eq!(store.operation(operation_id(1)).await.expect("readable"), Some(change.operations[0].clone()));
    let key = key("r", OperationKind::Create);
    assert_eq!(store.request(&key).await.expect("readable"), Some(operation_id(1)));
}

/// Generations count from 1.
pub async fn a_new_session_has_generation_one_whatever_it_carries(store: SharedStore) {
    let copy = Session { generation: 41, ..session("demo", 1) };
    assert_eq!(created(&store, &copy).await.generation, 1);
}

/// Each update is one generation further, and is what is read then.
pub async fn an_update_grows_the_generation_by_one(store: SharedStore) {
    let mut known = created(&store, &session("demo", 1)).await;
    for generation in 2..=5 {
        let changed = ended(&known, at(generation));
        store.commit(update(&changed)).await.expect("the generation is right");
        known = Session { generation: changed.generation + 1, ..changed };
        assert_eq!(by_uuid(&store, &known).await, Some(known.clone()));
        assert_eq!(store.session(&known.name).await.expect("readable"), Some(known.clone()));
    }
    assert_eq!(known.generation, 5);
}

/// An older generation is refused, and so is one that does not exist yet.
pub async fn an_update_of_another_generation_is_refused(store: SharedStore) {
    let first = created(&store, &session("demo", 1)).await;
    store.commit(update(&ended(&first, at(1)))).await.expect("the generation is right");
    let before = by_uuid(&store, &first).await;
    for generation in [0, 1, 3] {
        let stale = Session { generation, ..first.clone() };
        assert!(matches!(store.commit(update(&stale)).await, Err(CommitError::Conflict)), "{generation}");
    }
    assert_eq!(by_uuid(&store, &first).await, before);
}

/// A session that is not there has no generation.
pub async fn an_update_or_removal_of_a_session_that_is_gone_is_refused(store: SharedStore) {
    let absent = Session { generation: 1, ..session("demo", 1) };
    assert!(matches!(store.commit(update(&absent)).await, Err(CommitError::Conflict)));
    assert!(matches!(store.commit(remove(&absent)).await, Err(CommitError::Conflict)));
    assert_eq!(by_uuid(&store, &absent).await, None);
}

/// What changed since it was read is not removed.
pub async fn a_removal_of_another_generation_is_refused(store: SharedStore) {
    let known = created(&store, &session("demo", 1)).await;
    let stale = Session { generation: 2, ..known.clone() };
    assert!(matches!(store.commit(remove(&stale)).await, Err(CommitError::Conflict)));
    assert_eq!(by_uuid(&store, &known).await, Some(known));
}

/// A second session of a name is refused, and says which.
pub async fn a_name_can_be_taken_once(store: SharedStore) {
    let first = created(&store, &session("demo", 1)).await;
    match store.commit(insert(&session("demo", 2))).await {
        Err(CommitError::SessionExists(taken)) => assert_eq!(taken, name("demo")),
        other => panic!("a taken name was answered with {other:?}"),
    }
    let twice = Change {
        sessions: [3, 4].map(|n| SessionWrite::Insert(Box::new(session("twin", n)))).into(),
        ..Change::default()
    };
    assert!(matches!(store.commit(twice).await, Err(CommitError::SessionExists(_))));
    assert_eq!(store.session(&name("demo")).await.expect("readable"), Some(first));
    assert_eq!(store.session(&name("twin")).await.expect("readable"), None);
}

/// Another session may have the name then, and is another.
pub async fn a_name_is_free_again_after_the_removal_of_its_session(store: SharedStore) {
    let first = created(&store, &session("demo", 1)).await;
    store.commit(remove(&first)).await.expect("the generation is right");
    assert_eq!(store.session(&first.name).await.expect("readable"), None);
    assert_eq!(by_uuid(&store, &first).await, None);
    let second = created(&store, &session("demo", 2)).await;
    assert_eq!(store.session(&first.name).await.expect("readable"), Some(second));
    assert_eq!(by_uuid(&store, &first).await, None);
    assert!(matches!(store.commit(update(&first)).await, Err(CommitError::Conflict)));
}

/// A name is unique with its project and location.
pub async fn the_same_id_may_exist_in_other_projects_and_locations(store: SharedStore) {
    let parents = [("p", "l"), ("p", "m"), ("q", "l")];
    for (number, (project, location)) in (1..).zip(parents) {
        let parent = Parent { project: project.to_owned(), location: location.to_owned() };
        let made = created(&store, &session_named(parent.session("demo"), number, at(0))).await;
        assert_eq!(store.session(&made.name).await.expect("readable"), Some(made));
    }
}

/// A uuid stands for one session.
pub async fn a_known_uuid_is_refused(store: SharedStore) {
    let first = created(&store, &session("demo", 1)).await;
    assert!(matches!(store.commit(insert(&session("other", 1))).await, Err(CommitError::Conflict)));
    assert_eq!(by_uuid(&store, &first).await, Some(first));
    assert_eq!(store.session(&name("other")).await.expect("readable"), None);
}

/// The second write would have to carry a generation that is not there yet.
pub async fn a_change_that_writes_a_session_twice_is_refused(store: SharedStore) {
    let known = created(&store, &session("demo", 1)).await;
    let mut change = update(&ended(&known, at(1)));
    change.sessions.extend(update(&known).sessions);
    assert!(matches!(store.commit(change).await, Err(CommitError::Conflict)));
    let mut change = remove(&known);
    change.sessions.extend(update(&known).sessions);
    assert!(matches!(store.commit(change).await, Err(CommitError::Conflict)));
    assert_eq!(by_uuid(&store, &known).await, Some(known));
}

/// The guards look at what was there before.
pub async fn a_change_cannot_reuse_a_name_that_it_frees(store: SharedStore) {
    let known = created(&store, &session("demo", 1)).await;
    let mut change = remove(&known);
    change.sessions.extend(insert(&session("demo", 2)).sessions);
    assert!(matches!(store.commit(change).await, Err(CommitError::SessionExists(_))));
    assert_eq!(by_uuid(&store, &known).await, Some(known));
}

/// A repeat has no effect, whatever else it asks for.
pub async fn a_repeated_request_id_is_answered_with_its_operation(store: SharedStore) {
    store.commit(create("demo", 1, "r")).await.expect("a create is written");
    match store.commit(create("other", 2, "r")).await {
        Err(CommitError::Replayed(operation)) => assert_eq!(operation, operation_id(1)),
        other => panic!("a repeated request id was answered with {other:?}"),
    }
    assert_eq!(store.session(&name("other")).await.expect("readable"), None);
    assert_eq!(store.operation(operation_id(2)).await.expect("readable"), None);
}

/// The same text in another place or for another method is another request.
pub async fn a_request_id_counts_per_project_location_and_method(store: SharedStore) {
    let subject = session("demo", 1);
    let elsewhere = |project: &str, location: &str| RequestKey {
        parent: Parent { project: project.to_owned(), location: location.to_owned() },
        ..key("r", OperationKind::Create)
    };
    let keys = [
        key("r", OperationKind::Create),
        key("r", OperationKind::Terminate),
        key("r", OperationKind::Delete),
        key("R", OperationKind::Create),
        elsewhere("q", "l"),
        elsewhere("p", "m"),
    ];
    for (number, key) in (1..).zip(&keys) {
        let operations = vec![operation(&subject, number, key.method)];
        let request = Some((key.clone(), operation_id(number)));
        store.commit(Change { request, operations, ..Change::default() }).await.expect("a new request");
    }
    for (number, key) in (1..).zip(&keys) {
        assert_eq!(store.request(key).await.expect("readable"), Some(operation_id(number)), "{key:?}");
    }
}

/// A repeat could not be answered; the caller looks again at what it based this on.
pub async fn a_request_id_for_an_operation_that_is_not_there_is_refused(store: SharedStore) {
    let key = key("r", OperationKind::Terminate);
    let change = Change { request: Some((key.clone(), operation_id(7))), ..insert(&session("demo", 1)) };
    assert!(matches!(store.commit(change).await, Err(CommitError::Conflict)));
    assert_eq!(store.request(&key).await.expect("readable"), None);
    assert_eq!(store.session(&name("demo")).await.expect("readable"), None);
    // One that was there before will do: a second request may join what the first has begun.
    let running = operation(&session("demo", 1), 7, OperationKind::Terminate);
    store.commit(put(&[running])).await.expect("an operation is written");
    let change = Change { request: Some((key.clone(), operation_id(7))), ..Change::default() };
    store.commit(change).await.expect("the operation is there");
    assert_eq!(store.request(&key).await.expect("readable"), Some(operation_id(7)));
}

/// No lease, an older fence and a future one all refuse; the current one, and none, do not.
pub async fn a_change_without_the_leases_fence_is_refused(store: SharedStore) {
    let fenced =
        |fence: u64, id: &str, number| Change { fence: Some(Fence(fence)), ..insert(&session(id, number)) };
    assert!(matches!(store.commit(fenced(1, "none", 1)).await, Err(CommitError::Fenced)));
    for holder in ["a", "b"] {
        let lease = store.acquire_lease(holder, at(0), at(10), true).await.expect("readable");
        assert!(lease.is_some());
    }
    for fence in [0, 1, 3] {
        assert!(matches!(store.commit(fenced(fence, "other", 2)).await, Err(CommitError::Fenced)), "{fence}");
    }
    store.commit(fenced(2, "fenced", 3)).await.expect("this is the fence");
    store.commit(insert(&session("free", 4))).await.expect("no fence is asked for");
    let all = SessionQuery { parent: parent(), filter: Filter::all(), after: None, limit: 10 };
    assert_eq!(store.sessions(&all).await.expect("readable").len(), 2);
}

/// With everything wrong at once, the errors come in the documented order, one after the other.
pub async fn the_guards_are_checked_in_their_order(store: SharedStore) {
    store.commit(create("demo", 1, "r")).await.expect("a create is written");
    let lease = store.acquire_lease("a", at(0), at(10), false).await.expect("readable").expect("it is free");
    let stale = Session { generation: 9, ..session("demo", 1) };
    let mut change = Change {
        fence: Some(Fence(lease.fence.0 + 1)),
        request: Some((key("r", OperationKind::Create), operation_id(99))),
        sessions: update(&stale).sessions,
        ..Change::default()
    };
    // The taken name comes last, and still is told before the generation.
    change.sessions.extend(insert(&session("demo", 2)).sessions);
    assert!(matches!(store.commit(change.clone()).await, Err(CommitError::Fenced)));
    change.fence = Some(lease.fence);
    assert!(matches!(store.commit(change.clone()).await, Err(CommitError::Replayed(_))));
    change.request = Some((key("new", OperationKind::Create), operation_id(99)));
    assert!(matches!(store.commit(change.clone()).await, Err(CommitError::SessionExists(_))));
    change.sessions.pop();
    assert!(matches!(store.commit(change.clone()).await, Err(CommitError::Conflict)));
    change.sessions.clear();
    assert!(matches!(store.commit(change.clone()).await, Err(CommitError::Conflict)));
    change.request = None;
    store.commit(change).await.expect("nothing is wrong any more");
}

/// Whole or not at all: what comes before the refused part in a change is not there either.
pub async fn a_refused_change_leaves_nothing(store: SharedStore) {
    let kept = created(&store, &session("kept", 1)).await;
    let doomed = created(&store, &session("doomed", 2)).await;
    let old = operation(&kept, 3, OperationKind::Create);
    store.commit(put(std::slice::from_ref(&old))).await.expect("an operation is written");

    let fresh = session("fresh", 4);
    let changed = operation(&kept, 3, OperationKind::Delete);
    let mut change = insert(&fresh);
    change.sessions.extend(update(&ended(&kept, at(1))).sessions);
    change.sessions.extend(remove(&doomed).sessions);
    change.sessions.extend(update(&Session { generation: 7, ..session("absent", 5) }).sessions);
    change.operations = vec![changed.clone(), operation(&fresh, 4, OperationKind::Create)];
    change.removed_operations = vec![old.id];
    change.request = Some((key("r", OperationKind::Create), operation_id(4)));

    assert!(matches!(store.commit(change).await, Err(CommitError::Conflict)));
    assert_eq!(by_uuid(&store, &kept).await, Some(kept));
    assert_eq!(by_uuid(&store, &doomed).await, Some(doomed));
    assert_eq!(store.session(&fresh.name).await.expect("readable"), None);
    assert_eq!(store.operation(old.id).await.expect("readable"), Some(old));
    assert_eq!(store.operation(operation_id(4)).await.expect("readable"), None);
    let key = key("r", OperationKind::Create);
    assert_eq!(store.request(&key).await.expect("readable"), None);
    store.commit(create("fresh", 4, "r")).await.expect("nothing of the refused change is in the way");
}

/// Nothing to write is nothing to refuse.
pub async fn an_empty_change_is_written(store: SharedStore) {
    store.commit(Change::default()).await.expect("there is nothing to refuse");
}
