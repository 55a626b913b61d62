//! Whether a session may have been written since.

use super::sample::*;

/// So that what was read of it can be kept until then.
pub async fn each_write_of_a_session_gives_it_another_version(store: SharedStore) {
    let absent = session("demo", 1);
    let mut seen = vec![store.version(absent.uuid)];
    let known = created(&store, &absent).await;
    seen.push(store.version(known.uuid));
    store.commit(update(&ended(&known, at(2)))).await.expect("the generation is right");
    seen.push(store.version(known.uuid));
    let known = by_uuid(&store, &known).await.expect("it is there");
    assert_eq!(store.version(known.uuid), seen[2], "reading is no write");
    store.commit(remove(&known)).await.expect("the generation is right");
    seen.push(store.version(known.uuid));
    assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
}

/// So that which session a name means can be kept until then.
pub async fn names_have_another_version_once_one_was_taken_or_freed(store: SharedStore) {
    let mut seen = vec![store.names_version()];
    let known = created(&store, &session("demo", 1)).await;
    seen.push(store.names_version());
    store.commit(update(&ended(&known, at(2)))).await.expect("the generation is right");
    assert_eq!(store.names_version(), seen[1], "the names are as they were");
    let known = by_uuid(&store, &known).await.expect("it is there");
    store.commit(remove(&known)).await.expect("the generation is right");
    seen.push(store.names_version());
    assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
}
