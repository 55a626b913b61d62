//! What sessions used, while they are there and once they are removed.

use std::time::Duration;

use hearth_core::config::RuntimeConfig;
use hearth_core::session::{PastState, Session, StateLabel};
use hearth_core::usage::{UsageRecord, Used};

use super::generate::{any_session, samples};
use super::sample::*;
use crate::{Change, CommitError, UsageQuery};

fn all() -> UsageQuery {
    UsageQuery { project: None, location: None, since: hearth_core::Timestamp::MIN }
}

async fn usage(store: &SharedStore, query: &UsageQuery) -> Vec<UsageRecord> {
    let mut records = store.usage(query).await.expect("the store can be read");
    records.sort_by_key(|record| record.uuid);
    records
}

/// Active from second `from` to second `to`, and then ended.
fn lived(session: &Session, from: i64, to: i64) -> Session {
    let past = |state, second| PastState { state, message: String::new(), at: at(second) };
    let history = vec![past(StateLabel::Creating, 0), past(StateLabel::Active, from)];
    let used = Used { cpu: Duration::from_secs(3), peak_memory: 5 << 30, ..Used::default() };
    Session { history, used, ..ended(session, at(to)) }
}

/// Whatever it is: nothing is counted twice, and nothing is lost.
pub async fn what_a_session_used_reads_the_same_before_and_after_its_removal(store: SharedStore) {
    let mut expected = Vec::new();
    for session in samples(any_session(), 96) {
        let made = created(&store, &session).await;
        expected.extend(UsageRecord::of(&made));
    }
    expected.sort_by_key(|record| record.uuid);
    assert!(!expected.is_empty(), "some were active");
    assert_eq!(usage(&store, &all()).await, expected);
    let mut updated = lived(&created(&store, &session("large", 7)).await, 1, 9);
    let properties = [("spark.driver.cores".to_owned(), "64".to_owned())].into();
    updated.config.runtime = Some(RuntimeConfig { properties, ..RuntimeConfig::default() });
    updated.config.labels = [("team".to_owned(), String::new())].into();
    store.commit(update(&updated)).await.expect("the generation is right");
    let updated = Session { generation: 2, ..updated };
    let large = UsageRecord::of(&updated).expect("it was active");
    expected.push(large.clone());
    expected.sort_by_key(|record| record.uuid);
    assert_eq!(usage(&store, &all()).await, expected);
    store.commit(remove(&updated)).await.expect("the generation is right");
    assert_eq!(by_uuid(&store, &updated).await, None);
    assert_eq!(usage(&store, &all()).await, expected);
    // Another of its name does not disturb it.
    created(&store, &session("large", 8)).await;
    assert_eq!(usage(&store, &all()).await, expected);
}

/// One that never came up, for example.
pub async fn a_session_that_used_nothing_leaves_no_record_of_it(store: SharedStore) {
    let made = created(&store, &session("demo", 1)).await;
    assert_eq!(usage(&store, &all()).await, []);
    store.commit(remove(&made)).await.expect("the generation is right");
    assert_eq!(usage(&store, &all()).await, []);
    assert_eq!(store.usage_before(at(99), 10).await.expect("readable"), []);
}

/// The same of sessions that are there and of those that are not.
pub async fn use_is_asked_for_by_project_location_and_time(store: SharedStore) {
    let mut number = 0;
    for (parent, to) in [
        ("projects/p/locations/l", 10),
        ("projects/p/locations/l", 20),
        ("projects/p/locations/m", 20),
        ("projects/q/locations/l", 20),
    ] {
        for gone in [false, true] {
            number += 1;
            let parent: hearth_core::name::Parent = parent.parse().expect("a parent");
            let session = session_named(parent.session(format!("s{number}")), number, at(0));
            let made = created(&store, &lived(&session, 1, to)).await;
            if gone {
                store.commit(remove(&made)).await.expect("the generation is right");
            }
        }
    }
    let found = async |project: Option<&str>, location: Option<&str>, since| {
        let [project, location] = [project, location].map(|text| text.map(str::to_owned));
        let records = usage(&store, &UsageQuery { project, location, since: at(since) }).await;
        records.iter().map(|record| record.uuid.0.as_u128()).collect::<Vec<_>>()
    };
    assert_eq!(found(None, None, 0).await, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(found(None, None, 10).await, [1, 2, 3, 4, 5, 6, 7, 8], "at its very end it still counts");
    assert_eq!(found(None, None, 11).await, [3, 4, 5, 6, 7, 8]);
    assert_eq!(found(Some("p"), None, 0).await, [1, 2, 3, 4, 5, 6]);
    assert_eq!(found(None, Some("l"), 11).await, [3, 4, 7, 8]);
    assert_eq!(found(Some("p"), Some("l"), 11).await, [3, 4]);
    assert_eq!(found(Some("nobody"), None, 0).await, [0; 0]);
    assert_eq!(found(None, None, 21).await, [0; 0]);
}

/// The session is still there, so it would count twice.
pub async fn a_refused_removal_leaves_no_record_of_use(store: SharedStore) {
    let made = created(&store, &lived(&session("demo", 1), 1, 9)).await;
    let stale = Session { generation: 7, ..made.clone() };
    let refused = store.commit(remove(&stale)).await;
    assert!(matches!(refused, Err(CommitError::Conflict)), "{refused:?}");
    assert_eq!(usage(&store, &all()).await.len(), 1);
    assert_eq!(store.usage_before(at(99), 10).await.expect("readable"), []);
}

/// For their retention.
pub async fn records_of_use_are_found_by_their_end_oldest_first_and_removed(store: SharedStore) {
    let mut uuids = Vec::new();
    for (number, to) in [(1, 30), (2, 10), (3, 20)] {
        let made = created(&store, &lived(&session(&format!("s{number}"), number), 1, to)).await;
        store.commit(remove(&made)).await.expect("the generation is right");
        uuids.push(made.uuid);
    }
    // One that is there is not to be removed by this.
    created(&store, &lived(&session("there", 4), 1, 5)).await;
    let before = async |second, limit| store.usage_before(at(second), limit).await.expect("readable");
    assert_eq!(before(9, 10).await, []);
    assert_eq!(before(20, 10).await, [uuids[1], uuids[2]]);
    assert_eq!(before(99, 2).await, [uuids[1], uuids[2]]);
    let change = Change { removed_usage: vec![uuids[1], uuids[2], uuids[1]], ..Change::default() };
    store.commit(change).await.expect("what is not there is removed already");
    assert_eq!(before(99, 10).await, [uuids[0]]);
    assert_eq!(usage(&store, &all()).await.len(), 2);
}

/// Whoever adds up never misses it and never has it twice.
pub async fn a_session_that_is_being_removed_counts_once_at_every_moment(store: SharedStore) {
    let mut sessions = Vec::new();
    for number in 1..=40 {
        sessions.push(created(&store, &lived(&session(&format!("s{number}"), number), 1, 9)).await);
    }
    let remover = {
        let store = store.clone();
        tokio::spawn(async move {
            for session in sessions {
                store.commit(remove(&session)).await.expect("the generation is right");
            }
        })
    };
    let mut looks = 0;
    while !remover.is_finished() || looks == 0 {
        let uuids: Vec<_> = usage(&store, &all()).await.into_iter().map(|record| record.uuid).collect();
        let mut once = uuids.clone();
        once.dedup();
        assert_eq!((uuids.len(), once.len()), (40, 40));
        looks += 1;
        tokio::task::yield_now().await;
    }
    remover.await.expect("removals do not panic");
    assert_eq!(usage(&store, &all()).await.len(), 40);
}
