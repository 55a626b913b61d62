//! When sessions were last used.

use std::time::Duration;

use super::sample::*;

/// Whatever the order in which uses are told, within one call and across calls.
pub async fn the_latest_use_of_a_session_is_kept(store: SharedStore) {
    let (one, two) = (created(&store, &session("one", 1)).await, created(&store, &session("two", 2)).await);
    let latest = async |session: &hearth_core::session::Session| {
        store.activity(session.uuid).await.expect("the store can be read")
    };
    assert_eq!(latest(&one).await, None);
    let precise = at(20) + Duration::from_nanos(1);
    store
        .note_activity(&[(one.uuid, at(20)), (one.uuid, precise), (one.uuid, at(10)), (two.uuid, at(5))])
        .await
        .expect("uses are noted");
    assert_eq!(latest(&one).await, Some(precise));
    assert_eq!(latest(&two).await, Some(at(5)));
    store.note_activity(&[(one.uuid, at(20)), (two.uuid, at(6))]).await.expect("uses are noted");
    assert_eq!(latest(&one).await, Some(precise));
    assert_eq!(latest(&two).await, Some(at(6)));
    store.note_activity(&[]).await.expect("there is nothing to refuse");
}

/// The use of a session may be told after it is gone; the others told with it still count.
pub async fn uses_of_sessions_that_are_gone_are_ignored(store: SharedStore) {
    let known = created(&store, &session("known", 1)).await;
    let absent = session("absent", 2);
    store.note_activity(&[(absent.uuid, at(1)), (known.uuid, at(1))]).await.expect("uses are noted");
    assert_eq!(store.activity(absent.uuid).await.expect("readable"), None);
    assert_eq!(store.activity(known.uuid).await.expect("readable"), Some(at(1)));
    created(&store, &absent).await;
    assert_eq!(store.activity(absent.uuid).await.expect("readable"), None);
}

/// A session of the same name begins without any.
pub async fn the_activity_of_a_session_goes_with_it(store: SharedStore) {
    let first = created(&store, &session("demo", 1)).await;
    store.note_activity(&[(first.uuid, at(1))]).await.expect("uses are noted");
    store.commit(remove(&first)).await.expect("the generation is right");
    assert_eq!(store.activity(first.uuid).await.expect("readable"), None);
    let second = created(&store, &session("demo", 2)).await;
    assert_eq!(store.activity(second.uuid).await.expect("readable"), None);
}

/// Using a session does not get in the way of changing it, nor the other way round.
pub async fn activity_does_not_touch_the_generation(store: SharedStore) {
    let known = created(&store, &session("demo", 1)).await;
    store.note_activity(&[(known.uuid, at(1))]).await.expect("uses are noted");
    assert_eq!(by_uuid(&store, &known).await, Some(known.clone()));
    store.commit(update(&ended(&known, at(2)))).await.expect("the generation is right");
    assert_eq!(store.activity(known.uuid).await.expect("readable"), Some(at(1)));
}
