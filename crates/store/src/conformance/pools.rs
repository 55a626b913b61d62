//! Pool engines: made, changed and handed over once.

use std::time::Duration;

use hearth_core::admission::Need;
use hearth_core::id::EngineId;
use hearth_core::pool::recipe::RecipeId;
use hearth_core::pool::{PoolEngine, PoolState, Retirement};
use uuid::Uuid;

use super::sample::*;
use crate::{Change, CommitError, PoolWrite};

fn engine(number: u128, made: i64) -> PoolEngine {
    PoolEngine {
        id: EngineId(Uuid::from_u128(number)),
        pool: "sail-1".to_owned(),
        recipe: RecipeId("00ff".to_owned()),
        need: Need { memory: 1 << 40, cores: 3 },
        made_at: at(made),
        state: PoolState::Starting { start_by: at(made + 300) },
        generation: 0,
    }
}

fn change(writes: Vec<PoolWrite>) -> Change {
    Change { pool_engines: writes, ..Change::default() }
}

async fn all(store: &SharedStore) -> Vec<PoolEngine> {
    store.pool_engines().await.expect("the store can be read")
}

/// Writes a pool engine and reads it back.
async fn made(store: &SharedStore, engine: &PoolEngine) -> PoolEngine {
    store.commit(change(vec![PoolWrite::Insert(engine.clone())])).await.expect("a new engine is written");
    let found = all(store).await.into_iter().find(|found| found.id == engine.id);
    found.expect("what was written is there")
}

fn taken(answer: Result<(), CommitError>, engine: &PoolEngine) -> bool {
    matches!(answer, Err(CommitError::EngineTaken(id)) if id == engine.id)
}

/// In whatever state, with its generation beside it.
pub async fn a_pool_engine_reads_back_as_written_the_oldest_first(store: SharedStore) {
    let precise = at(20) + Duration::from_nanos(1);
    let late = PoolEngine { made_at: precise, ..engine(1, 20) };
    for engine in [&late, &engine(3, 20), &engine(2, 10)] {
        made(&store, engine).await;
    }
    let read = all(&store).await;
    let numbers: Vec<u128> = read.iter().map(|engine| engine.id.0.as_u128()).collect();
    assert_eq!(numbers, [2, 3, 1]);
    assert_eq!(read[2], PoolEngine { generation: 1, ..late });
    let failed = Retirement::Failed { message: "exit code 1\n\"no\"".to_owned() };
    for state in [PoolState::Ready { since: at(30) }, PoolState::Retiring { why: failed }] {
        let before = all(&store).await.remove(0);
        let after = PoolEngine { state, ..before.clone() };
        store.commit(change(vec![PoolWrite::Update(after.clone())])).await.expect("the generation is right");
        let read = all(&store).await.remove(0);
        assert_eq!(read, PoolEngine { generation: before.generation + 1, ..after });
    }
}

/// Neither twice, nor once it is written down as something else.
pub async fn a_pool_engine_is_handed_over_once(store: SharedStore) {
    let engine = made(&store, &engine(7, 1)).await;
    let hand_over = |id: &str, number: u128, generation: u64| Change {
        pool_engines: vec![PoolWrite::Remove { id: engine.id, generation }],
        ..create(id, number, id)
    };
    assert!(taken(store.commit(hand_over("stale", 2, 9)).await, &engine));
    store.commit(hand_over("first", 7, engine.generation)).await.expect("nobody has it yet");
    assert!(taken(store.commit(hand_over("second", 8, engine.generation)).await, &engine));
    assert_eq!(all(&store).await, []);
    assert_eq!(
        store.session(&name("first")).await.expect("readable").map(|s| s.uuid.engine_id()),
        Some(engine.id)
    );
    for id in ["stale", "second"] {
        assert_eq!(store.session(&name(id)).await.expect("readable"), None, "{id} must leave nothing");
    }
}

/// An update of another generation, of one that is gone, and a second one of the same id.
pub async fn a_write_of_a_pool_engine_that_changed_is_refused(store: SharedStore) {
    let first = made(&store, &engine(1, 1)).await;
    let again = store.commit(change(vec![PoolWrite::Insert(engine(1, 1))])).await;
    assert!(taken(again, &first));
    let update = |engine: &PoolEngine| change(vec![PoolWrite::Update(engine.clone())]);
    store.commit(update(&first)).await.expect("the generation is right");
    assert!(taken(store.commit(update(&first)).await, &first));
    let absent = engine(2, 1);
    assert!(taken(store.commit(update(&absent)).await, &absent));
    let remove = PoolWrite::Remove { id: absent.id, generation: 1 };
    assert!(taken(store.commit(change(vec![remove])).await, &absent));
    let twice = vec![PoolWrite::Insert(absent.clone()), PoolWrite::Insert(absent)];
    let refused = store.commit(change(twice)).await;
    assert!(matches!(refused, Err(CommitError::Conflict | CommitError::EngineTaken(_))), "{refused:?}");
    assert_eq!(all(&store).await.len(), 1);
}

/// However many ask at the same time.
pub async fn of_many_who_want_a_pool_engine_exactly_one_gets_it(store: SharedStore) {
    let engine = made(&store, &engine(1, 1)).await;
    let mut asking = tokio::task::JoinSet::new();
    for number in 10..30_u128 {
        let (store, engine) = (store.clone(), engine.clone());
        asking.spawn(async move {
            let id = format!("demo-{number}");
            let take = PoolWrite::Remove { id: engine.id, generation: engine.generation };
            store.commit(Change { pool_engines: vec![take], ..create(&id, number, &id) }).await.is_ok()
        });
    }
    let answers = asking.join_all().await;
    assert_eq!(answers.iter().filter(|got| **got).count(), 1);
}
