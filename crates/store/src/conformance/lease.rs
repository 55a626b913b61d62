//! The lease: who may act, and until when.

use hearth_core::Timestamp;
use hearth_core::lease::{Fence, Lease};

use super::sample::*;
use crate::{Change, CommitError};

async fn ask(store: &SharedStore, holder: &str, now: i64, seize: bool) -> Option<Lease> {
    store.acquire_lease(holder, at(now), at(now + 10), seize).await.expect("the store can be read")
}

fn lease(holder: &str, fence: u64, expires: i64) -> Option<Lease> {
    Some(Lease { holder: holder.to_owned(), fence: Fence(fence), expires_at: at(expires) })
}

async fn commits_under(store: &SharedStore, fence: u64) -> Result<(), CommitError> {
    store.commit(Change { fence: Some(Fence(fence)), ..Change::default() }).await
}

/// Fences count from 1.
pub async fn the_first_to_ask_gets_the_lease(store: SharedStore) {
    assert_eq!(ask(&store, "a", 0, false).await, lease("a", 1, 10));
    commits_under(&store, 1).await.expect("this is the fence");
}

/// Also when it has lapsed but nobody else has taken it.
pub async fn a_lease_is_renewed_by_its_holder_under_the_same_fence(store: SharedStore) {
    for now in [0, 5, 100] {
        assert_eq!(ask(&store, "a", now, false).await, lease("a", 1, now + 10));
    }
    assert_eq!(ask(&store, "b", 109, false).await, None);
}

/// The refusal changes nothing.
pub async fn a_lease_is_refused_to_others_until_it_lapses(store: SharedStore) {
    ask(&store, "a", 0, false).await;
    assert_eq!(ask(&store, "b", 9, false).await, None);
    commits_under(&store, 1).await.expect("it is still the first holder's");
    assert_eq!(ask(&store, "b", 10, false).await, lease("b", 2, 20));
    assert_eq!(ask(&store, "a", 11, false).await, None);
}

/// From a holder that is known to be dead.
pub async fn a_lease_can_be_seized(store: SharedStore) {
    ask(&store, "a", 0, false).await;
    assert_eq!(ask(&store, "b", 1, true).await, lease("b", 2, 11));
    assert_eq!(ask(&store, "b", 2, true).await, lease("b", 2, 12));
}

/// What its last holder has begun to write may still end; the next one fences it out.
pub async fn a_released_lease_keeps_its_fence_and_is_free_at_once(store: SharedStore) {
    ask(&store, "a", 0, false).await;
    store.release_lease("a").await.expect("it is held");
    commits_under(&store, 1).await.expect("nobody else has it yet");
    assert_eq!(ask(&store, "b", 1, false).await, lease("b", 2, 11));
    // The end of time is a time too.
    let forever = store.acquire_lease("b", at(2), Timestamp::MAX, false).await.expect("readable");
    assert_eq!(forever.map(|lease| lease.expires_at), Some(Timestamp::MAX));
    assert_eq!(ask(&store, "c", 1_000_000_000, false).await, None);
}

/// Others may say so as often as they like, also when there is none.
pub async fn a_lease_is_released_only_by_its_holder(store: SharedStore) {
    store.release_lease("a").await.expect("there is nothing to release");
    ask(&store, "a", 0, false).await;
    store.release_lease("b").await.expect("it is not theirs");
    assert_eq!(ask(&store, "b", 1, false).await, None);
}

/// Even with a change that is otherwise right.
pub async fn a_lease_that_changed_hands_fences_its_old_holder_out(store: SharedStore) {
    ask(&store, "a", 0, false).await;
    let known = created(&store, &session("demo", 1)).await;
    ask(&store, "b", 10, false).await;
    let change = Change { fence: Some(Fence(1)), ..update(&ended(&known, at(11))) };
    assert!(matches!(store.commit(change.clone()).await, Err(CommitError::Fenced)));
    assert_eq!(by_uuid(&store, &known).await, Some(known));
    store.commit(Change { fence: Some(Fence(2)), ..change }).await.expect("the new holder may");
}
