//! Warm pools in the simulated world.

use std::time::Duration;

use hearth_control::ControlError;
use hearth_control::sessions::{CreateSession, EndSession};
use hearth_control::templates::TemplateBody;
use hearth_core::config::{RuntimeConfig, SessionConfig};
use hearth_core::engine::ExitStatus;
use hearth_core::operation::Operation;
use hearth_core::pool::PoolEngine;
use hearth_core::pool::demand::HALF_LIFE;
use hearth_core::pool::recipe::EngineFrom;
use hearth_core::session::{Session, StateLabel};
use hearth_core::timeline::Milestone;
use hearth_driver::fake::{EnginePlan, Entry, What};

use crate::crash::Crash;
use crate::world::{DAY, ENGINE_MEMORY, MINUTE, Server, Simulation, caller, config, living, name, parent};

const START: Duration = Duration::from_secs(2);
const LIMIT: Duration = Duration::from_secs(60);

/// A world with these pools, whose engines take two seconds to start.
fn world(pools: &[&str]) -> Simulation {
    let mut world = Simulation::new();
    world.engines.plan_by_default(EnginePlan { memory: ENGINE_MEMORY, ..EnginePlan::starts_after(START) });
    world.pools.pools = pools.iter().map(|pool| pool.parse().unwrap()).collect();
    world
}

async fn create(server: &Server, id: &str, config: SessionConfig) -> Result<Operation, ControlError> {
    let request = CreateSession {
        parent: parent(),
        session_id: id.to_owned(),
        name: String::new(),
        config,
        request_id: None,
    };
    server.control.create_session(&caller(), request).await
}

async fn active(world: &Simulation, server: &mut Server, id: &str) -> Session {
    let reached = world.run(server, LIMIT, async || world.state(id).await == Some(StateLabel::Active)).await;
    assert!(reached, "{:?}", world.session(id).await);
    world.session(id).await.unwrap()
}

async fn ready(world: &Simulation, server: &mut Server, count: usize) -> Vec<PoolEngine> {
    let enough = async || {
        let engines = world.pool_engines().await;
        engines.len() == count && engines.iter().all(PoolEngine::ready)
    };
    assert!(world.run(server, LIMIT, enough).await, "{:?}", world.pool_engines().await);
    world.pool_engines().await
}

fn with_property(key: &str, value: &str) -> SessionConfig {
    let properties = [(key.to_owned(), value.to_owned())].into();
    SessionConfig { runtime: Some(RuntimeConfig { properties, ..RuntimeConfig::default() }), ..config() }
}

#[tokio::test]
async fn a_session_gets_an_engine_that_is_ready_and_another_is_made() {
    let world = world(&["default=1"]);
    let mut server = world.server(Crash::never()).await;
    let engine = ready(&world, &mut server, 1).await.remove(0);
    world.pass_time(&mut server, 3 * MINUTE).await;
    let asked_at = world.now();
    create(&server, "demo", config()).await.unwrap();
    let session = active(&world, &mut server, "demo").await;
    assert_eq!(session.uuid.engine_id(), engine.id);
    assert!(session.state_at < asked_at + START, "it did not wait for a start");
    let steps: Vec<_> = session.timeline.iter().map(|(milestone, _)| milestone).collect();
    assert_eq!(steps, [Milestone::Accepted, Milestone::HandedOver, Milestone::ProtocolUp, Milestone::Active]);
    assert!(
        session.timeline.iter().all(|(_, at)| at >= asked_at),
        "what came before is no part of its start"
    );
    let told = session.engine_from.unwrap().handed_over(asked_at).unwrap();
    assert_eq!(told, "warm: the engine was made 3 min 2 s before");
    let next = ready(&world, &mut server, 1).await.remove(0);
    assert_ne!(next.id, engine.id);
    world.check_settled(&mut server).await;
}

#[tokio::test]
async fn labels_and_times_are_no_hindrance_and_what_a_launch_decides_is_named() {
    let world = world(&["default=2"]);
    let mut server = world.server(Crash::never()).await;
    ready(&world, &mut server, 2).await;
    let mut labelled = living(DAY, DAY);
    labelled.labels.insert("team".to_owned(), "blue".to_owned());
    labelled.runtime = with_property("spark.app.name", "mine").runtime;
    create(&server, "labelled", labelled).await.unwrap();
    assert!(active(&world, &mut server, "labelled").await.handed_over());
    create(&server, "special", with_property("fixed.size", "3")).await.unwrap();
    let special = active(&world, &mut server, "special").await;
    let note = special.engine_from.and_then(|from| from.note()).unwrap();
    assert_eq!(note, "Property fixed.size is fixed at launch, and the pool of any has none");
}

#[tokio::test]
async fn of_many_creates_as_many_start_warm_as_there_are_engines_and_the_rest_start_cold() {
    let world = world(&["default=2"]);
    let mut server = world.server(Crash::never()).await;
    ready(&world, &mut server, 2).await;
    let ids: Vec<String> = (0..5).map(|number| format!("demo-{number}")).collect();
    let creates = ids.iter().map(|id| create(&server, id, config()));
    futures::future::try_join_all(creates).await.unwrap();
    let mut warm = 0;
    for id in &ids {
        let session = active(&world, &mut server, id).await;
        match session.engine_from.unwrap() {
            EngineFrom::Pool { .. } => warm += 1,
            from => assert!(from.note().unwrap().contains("was ready"), "{from:?}"),
        }
    }
    assert_eq!(warm, 2);
    let status = server.control.pools().await.unwrap().remove(0);
    assert_eq!((status.handed_over, status.missed), (2, 3));
    world.check_settled(&mut server).await;
}

#[tokio::test]
async fn an_engine_that_dies_in_the_pool_is_not_handed_over_and_is_replaced() {
    let world = world(&["default=1"]);
    let mut server = world.server(Crash::never()).await;
    let engine = ready(&world, &mut server, 1).await.remove(0);
    world.engines.end(engine.id, ExitStatus::Signal(9), &[]);
    // Nobody has heard of it yet.
    create(&server, "demo", config()).await.unwrap();
    let session = active(&world, &mut server, "demo").await;
    assert!(!session.handed_over());
    let next = ready(&world, &mut server, 1).await.remove(0);
    assert_ne!(next.id, engine.id);
    world.check_settled(&mut server).await;
    assert!(!world.engines.traces().contains(&engine.id));
}

#[tokio::test]
async fn engines_that_cannot_be_started_are_tried_more_and_more_seldom() {
    let world = world(&["default=1"]);
    world.engines.plan_by_default(EnginePlan::fails_to_start(ExitStatus::Code(1), &["no such library"]));
    let mut server = world.server(Crash::never()).await;
    let begun = world.now();
    world.pass_time(&mut server, Duration::from_secs(3600)).await;
    let started = |entry: &&Entry| entry.what == What::Started;
    let starts = world.engines.journal().entries().iter().filter(started).count();
    assert!((4..=16).contains(&starts), "{starts} starts in an hour");
    let status = server.control.pools().await.unwrap().remove(0);
    let (message, until) = status.trouble.unwrap();
    assert!(message.contains("no such library"), "{message}");
    assert!(until > begun);
    assert_eq!(world.engines.traces().len(), 0);
    // As soon as it can be, it is.
    world.engines.plan_by_default(EnginePlan::default());
    let there = async || world.has_ready().await;
    assert!(world.run(&mut server, Duration::from_secs(700), there).await);
    assert_eq!(server.control.pools().await.unwrap().remove(0).trouble, None);
}

#[tokio::test]
async fn a_killed_server_leaves_its_pool_to_the_next_one() {
    let world = world(&["default=1..2"]);
    let mut server = world.server(Crash::never()).await;
    ready(&world, &mut server, 1).await;
    create(&server, "first", config()).await.unwrap();
    active(&world, &mut server, "first").await;
    create(&server, "second", config()).await.unwrap();
    active(&world, &mut server, "second").await;
    let before = ready(&world, &mut server, 2).await;
    drop(server);
    world.clock.move_to(world.now() + MINUTE);
    let mut server = world.server(Crash::never()).await;
    create(&server, "demo", config()).await.unwrap();
    let session = active(&world, &mut server, "demo").await;
    assert_eq!(session.uuid.engine_id(), before[0].id);
    world.pass_time(&mut server, MINUTE).await;
    assert!(
        world.pool_engines().await.iter().any(|engine| engine.id == before[1].id),
        "what was wanted stays"
    );
}

#[tokio::test]
async fn without_a_server_engines_end_by_themselves_and_a_session_keeps_its_own_time() {
    let world = world(&["default=1"]);
    let mut server = world.server(Crash::never()).await;
    ready(&world, &mut server, 1).await;
    create(&server, "demo", living(DAY, DAY)).await.unwrap();
    let session = active(&world, &mut server, "demo").await;
    let left = ready(&world, &mut server, 1).await.remove(0);
    // An hour of looking after it does not let it end.
    world.pass_time(&mut server, 60 * MINUTE).await;
    assert_eq!(ready(&world, &mut server, 1).await.remove(0), left);
    drop(server);
    world.clock.move_to(world.now() + 60 * MINUTE);
    world.engines.settle();
    assert_eq!(world.engines.live(), [session.uuid.engine_id()]);
    let mut server = world.server(Crash::never()).await;
    let replaced =
        async || world.pool_engines().await.iter().any(|engine| engine.ready() && engine.id != left.id);
    assert!(world.run(&mut server, LIMIT, replaced).await);
    world.check_settled(&mut server).await;
    assert_eq!(world.state("demo").await, Some(StateLabel::Active));
    assert!(!world.engines.traces().contains(&left.id));
}

#[tokio::test]
async fn a_pool_follows_what_is_asked_for_within_its_memory() {
    let mut world = world(&["default=0..9"]);
    world.pools.memory = 3 * ENGINE_MEMORY;
    let mut server = world.server(Crash::never()).await;
    world.pass_time(&mut server, MINUTE).await;
    assert_eq!(world.pool_engines().await, [], "nobody asks, and nothing is kept");
    create(&server, "demo-0", config()).await.unwrap();
    ready(&world, &mut server, 1).await;
    for number in 1..6 {
        create(&server, &format!("demo-{number}"), config()).await.unwrap();
        active(&world, &mut server, &format!("demo-{number}")).await;
    }
    ready(&world, &mut server, 3).await;
    assert_eq!(server.control.pools().await.unwrap().remove(0).target, 6);
    world.pass_time(&mut server, 10 * HALF_LIFE).await;
    assert_eq!(world.pool_engines().await, [], "and again nobody asks");
    world.check_settled(&mut server).await;
}

#[tokio::test]
async fn a_pool_that_is_taken_out_of_the_configuration_goes_with_its_engines() {
    let mut world = world(&["default=1", "other=1"]);
    let mut server = world.server(Crash::never()).await;
    ready(&world, &mut server, 2).await;
    world.pools.pools.clear();
    let mut server = world.server(Crash::never()).await;
    let gone = async || world.pool_engines().await.is_empty() && world.engines.traces().is_empty();
    assert!(world.run(&mut server, LIMIT, gone).await);
}

#[tokio::test]
async fn engines_do_not_grow_old_in_a_pool() {
    let mut world = world(&["default=1"]);
    world.pools.max_age = 10 * MINUTE;
    let mut server = world.server(Crash::never()).await;
    let first = ready(&world, &mut server, 1).await.remove(0);
    world.pass_time(&mut server, 11 * MINUTE).await;
    let second = ready(&world, &mut server, 1).await.remove(0);
    assert_ne!(first.id, second.id);
    world.check_settled(&mut server).await;
}

#[tokio::test]
async fn a_pool_of_a_template_serves_its_sessions_and_follows_its_changes() {
    let pool = format!("{}=1", parent().template("tuned"));
    let world = world(&[&pool]);
    let mut server = world.server(Crash::never()).await;
    world.pass_time(&mut server, MINUTE).await;
    assert_eq!(world.pool_engines().await, [], "the template is not there yet");
    let body = |size: &str| TemplateBody {
        name: parent().template("tuned").to_string(),
        config: with_property("fixed.size", size),
        ..TemplateBody::default()
    };
    server.control.create_template(&caller(), &parent(), body("3")).await.unwrap();
    world.pass_time(&mut server, MINUTE).await;
    let engine = ready(&world, &mut server, 1).await.remove(0);
    let from_template = SessionConfig { template: "tuned".to_owned(), ..config() };
    create(&server, "demo", from_template).await.unwrap();
    assert_eq!(active(&world, &mut server, "demo").await.uuid.engine_id(), engine.id);
    let before = ready(&world, &mut server, 1).await.remove(0);
    server.control.update_template(&parent().template("tuned"), body("4")).await.unwrap();
    world.pass_time(&mut server, MINUTE).await;
    assert_ne!(ready(&world, &mut server, 1).await.remove(0).recipe, before.recipe);
}

#[tokio::test]
async fn what_an_engine_used_before_it_was_handed_over_is_nobodys() {
    let world = world(&["default=1"]);
    world.engines.plan_by_default(EnginePlan {
        milli_cores: 1000,
        memory: ENGINE_MEMORY,
        ..EnginePlan::starts_after(START)
    });
    let mut server = world.server(Crash::never()).await;
    ready(&world, &mut server, 1).await;
    world.pass_time(&mut server, 60 * MINUTE).await;
    create(&server, "demo", config()).await.unwrap();
    active(&world, &mut server, "demo").await;
    world.pass_time(&mut server, MINUTE).await;
    let end = EndSession { name: name("demo"), request_id: None };
    server.control.terminate_session(&caller(), end).await.unwrap();
    let over = async || world.state("demo").await == Some(StateLabel::Terminated);
    assert!(world.run(&mut server, LIMIT, over).await);
    let cpu = world.session("demo").await.unwrap().used.cpu.as_secs();
    assert!((59..=62).contains(&cpu), "{cpu} s of one minute");
}
