//! Sessions that wait for room: whose turn it is, what becomes of them, and crashes at any point of it.

use std::time::Duration;

use hearth_control::sessions::{CreateSession, EndSession};
use hearth_control::{Caller, Control, ControlError};
use hearth_core::admission::{Admission, Budget};
use hearth_core::config::SessionConfig;
use hearth_core::error::ErrorKind;
use hearth_core::operation::{Operation, Outcome};
use hearth_core::pool::PoolEngine;
use hearth_core::session::{Session, SessionState, StateLabel};
use hearth_core::timeline::Milestone;
use hearth_driver::fake::EnginePlan;

use crate::crash::{Crash, Side};
use crate::world::{CORES, ENGINE_MEMORY, MINUTE, Server, Simulation, caller, config, living, name, parent};

const START: Duration = Duration::from_secs(2);

/// A world with room for so many cores, whose engines take two seconds to start.
fn world(cores: u32) -> Simulation {
    let mut world = Simulation::new();
    world.engines.plan_by_default(EnginePlan { memory: ENGINE_MEMORY, ..EnginePlan::starts_after(START) });
    world.budget = Budget { memory: Some(u64::from(cores) * ENGINE_MEMORY), cores: Some(cores) };
    world
}

fn asking(cores: u32) -> SessionConfig {
    let mut config = config();
    config.runtime.get_or_insert_default().properties.insert(CORES.to_owned(), cores.to_string());
    config
}

async fn create(
    control: &Control,
    user: &str,
    id: &str,
    config: SessionConfig,
) -> Result<Operation, ControlError> {
    let request = CreateSession {
        parent: parent(),
        session_id: id.to_owned(),
        name: String::new(),
        config,
        request_id: Some(format!("create-{id}").parse().unwrap()),
    };
    let caller = Caller { name: user.to_owned(), ..caller() };
    control.create_session(&caller, request).await
}

async fn end(control: &Control, id: &str) -> Result<Operation, ControlError> {
    let request_id = Some(format!("end-{id}").parse().unwrap());
    control.terminate_session(&caller(), EndSession { name: name(id), request_id }).await
}

async fn delete(server: &Server, id: &str) -> Operation {
    let request = EndSession { name: name(id), request_id: None };
    server.control.delete_session(&caller(), request).await.unwrap()
}

async fn reaches(world: &Simulation, server: &mut Server, id: &str, state: StateLabel) -> Session {
    let reached = world.run(server, 10 * MINUTE, async || world.state(id).await == Some(state)).await;
    assert!(reached, "{:?}", world.session(id).await);
    world.session(id).await.unwrap()
}

async fn waits(world: &Simulation, id: &str) -> bool {
    world.session(id).await.is_some_and(|session| {
        matches!(session.state, SessionState::Creating { admission: Admission::Waiting, .. })
    })
}

async fn is_told_to_wait(world: &Simulation, server: &mut Server, id: &str) -> Session {
    assert!(
        world.run(server, MINUTE, async || waits(world, id).await).await,
        "{:?}",
        world.session(id).await
    );
    world.session(id).await.unwrap()
}

async fn outcome(world: &Simulation, operation: &Operation) -> Outcome {
    world.operation(operation.id).await.unwrap().done.unwrap().outcome
}

#[tokio::test]
async fn a_session_waits_until_another_has_ended_and_then_has_the_whole_time_for_its_start() {
    let mut world = world(4);
    world.policy.start_timeout = 3 * START;
    let mut server = world.server(Crash::never()).await;
    create(&server.control, "ada", "first", asking(3)).await.unwrap();
    reaches(&world, &mut server, "first", StateLabel::Active).await;
    let operation = create(&server.control, "bob", "second", asking(2)).await.unwrap();
    let waiting = is_told_to_wait(&world, &mut server, "second").await;
    assert!(waiting.state_message.starts_with("It waits for memory and cores: asks for "), "{waiting:?}");
    let explained = server.control.explain_session(&name("second")).await.unwrap().1;
    assert!(explained.reason.contains("1 session of 1 user holds it"), "{explained:?}");
    world.pass_time(&mut server, 4 * MINUTE).await;
    assert!(waits(&world, "second").await, "longer than a start may take");
    let freed_at = world.now();
    end(&server.control, "first").await.unwrap();
    let active = reaches(&world, &mut server, "second", StateLabel::Active).await;
    let took = Duration::try_from(active.state_at.duration_since(freed_at)).unwrap();
    assert!(
        took < world.policy.stop_grace + 2 * START,
        "it is let in at once, not at a look now and then: {took:?}"
    );
    let steps: Vec<_> = active.timeline.iter().map(|(milestone, _)| milestone).take(3).collect();
    assert_eq!(steps, [Milestone::Accepted, Milestone::Admitted, Milestone::Placed]);
    let told: Vec<_> = active.notices.iter().map(|notice| notice.what.label()).collect();
    assert_eq!(told, ["created", "waiting", "admitted", "active"]);
    assert_eq!(active.state_message, "");
    assert!(matches!(outcome(&world, &operation).await, Outcome::Succeeded(_)));
    world.check_settled(&mut server).await;
}

#[tokio::test]
async fn users_take_turns_and_each_users_sessions_come_in_order() {
    let world = world(2);
    let mut server = world.server(Crash::never()).await;
    for (user, id) in
        [("ada", "ada-1"), ("ada", "ada-2"), ("ada", "ada-3"), ("ada", "ada-4"), ("bob", "bob-1")]
    {
        create(&server.control, user, id, asking(1)).await.unwrap();
        world.pass_time(&mut server, Duration::from_millis(10)).await;
    }
    let mut order = Vec::new();
    for ends in ["ada-1", "ada-2", "bob-1", "ada-3"] {
        reaches(&world, &mut server, ends, StateLabel::Active).await;
        end(&server.control, ends).await.unwrap();
        reaches(&world, &mut server, ends, StateLabel::Terminated).await;
        order.push(ends);
    }
    reaches(&world, &mut server, "ada-4", StateLabel::Active).await;
    let mut came = Vec::new();
    for id in ["ada-1", "ada-2", "ada-3", "ada-4", "bob-1"] {
        came.push((world.session(id).await.unwrap().timeline.at(Milestone::Placed).unwrap(), id));
    }
    came.sort_unstable();
    let came: Vec<_> = came.into_iter().map(|(_, id)| id).collect();
    // The first two started together; then it was bob's turn, who had none.
    assert_eq!(came[2..], ["bob-1", "ada-3", "ada-4"]);
}

#[tokio::test]
async fn a_session_that_never_fits_fails_at_once_and_one_that_waited_too_long_then() {
    let mut world = world(4);
    world.policy.wait_timeout = MINUTE;
    let mut server = world.server(Crash::never()).await;
    let asked_at = world.now();
    let never = create(&server.control, "ada", "never", asking(5)).await.unwrap();
    let failed = reaches(&world, &mut server, "never", StateLabel::Failed).await;
    assert!(failed.state_at.duration_since(asked_at).as_secs() < 1);
    assert!(failed.state_message.starts_with("Insufficient 'CPUS' quota. Requested 5.0, available 4.0."));
    let kind = |outcome| match outcome {
        Outcome::Failed { kind, .. } => Some(kind),
        Outcome::Succeeded(_) => None,
    };
    assert_eq!(kind(outcome(&world, &never).await), Some(ErrorKind::ResourceExhausted));
    create(&server.control, "ada", "first", asking(4)).await.unwrap();
    let late = create(&server.control, "ada", "late", asking(1)).await.unwrap();
    let failed = reaches(&world, &mut server, "late", StateLabel::Failed).await;
    assert!(
        failed.state_message.contains("It waited 1 min for room. 1 session of 1 user holds it."),
        "{failed:?}"
    );
    assert_eq!(kind(outcome(&world, &late).await), Some(ErrorKind::ResourceExhausted));
    assert_eq!(world.state("first").await, Some(StateLabel::Active));
    world.check_settled(&mut server).await;
    assert_eq!(world.engines.traces().len(), 1, "nothing was made of those that had no room");
}

#[tokio::test]
async fn one_that_is_called_off_while_it_waits_lets_the_next_pass() {
    let world = world(4);
    let mut server = world.server(Crash::never()).await;
    create(&server.control, "ada", "first", asking(2)).await.unwrap();
    reaches(&world, &mut server, "first", StateLabel::Active).await;
    create(&server.control, "bob", "large", asking(4)).await.unwrap();
    is_told_to_wait(&world, &mut server, "large").await;
    world.pass_time(&mut server, MINUTE).await;
    create(&server.control, "cy", "small", asking(1)).await.unwrap();
    is_told_to_wait(&world, &mut server, "small").await;
    let removed = delete(&server, "large").await;
    let gone = async || world.session("large").await.is_none();
    assert!(world.run(&mut server, MINUTE, gone).await);
    assert!(matches!(outcome(&world, &removed).await, Outcome::Succeeded(_)));
    reaches(&world, &mut server, "small", StateLabel::Active).await;
    world.check_settled(&mut server).await;
}

#[tokio::test]
async fn a_ttl_counts_from_when_a_session_is_active_however_long_it_waited() {
    let world = world(1);
    let mut server = world.server(Crash::never()).await;
    create(&server.control, "ada", "first", living(10 * MINUTE, 10 * MINUTE)).await.unwrap();
    reaches(&world, &mut server, "first", StateLabel::Active).await;
    world.pass_time(&mut server, 7 * MINUTE).await;
    create(&server.control, "ada", "second", living(10 * MINUTE, 10 * MINUTE)).await.unwrap();
    let began = reaches(&world, &mut server, "second", StateLabel::Active).await;
    assert!(began.timeline.at(Milestone::Admitted).unwrap() >= began.created_at + 2 * MINUTE);
    world.pass_time(&mut server, 9 * MINUTE).await;
    assert_eq!(world.state("second").await, Some(StateLabel::Active));
    reaches(&world, &mut server, "second", StateLabel::Terminated).await;
}

#[tokio::test]
async fn a_smaller_budget_after_a_restart_ends_nothing_and_lets_nobody_else_in() {
    let mut world = world(4);
    let mut server = world.server(Crash::never()).await;
    create(&server.control, "ada", "first", asking(2)).await.unwrap();
    let first = reaches(&world, &mut server, "first", StateLabel::Active).await;
    drop(server);
    // What it was let in with is in its record; the new server must not reckon it anew.
    world.budget.cores = Some(2);
    let mut server = world.server(Crash::never()).await;
    create(&server.control, "bob", "second", asking(1)).await.unwrap();
    is_told_to_wait(&world, &mut server, "second").await;
    assert_eq!(world.session("first").await.unwrap().need, first.need);
    drop(server);
    world.budget = Budget::default();
    let mut server = world.server(Crash::never()).await;
    reaches(&world, &mut server, "second", StateLabel::Active).await;
    world.check_settled(&mut server).await;
}

#[tokio::test]
async fn engines_made_ahead_give_way_and_their_room_goes_with_them() {
    let mut world = world(3);
    world.pools.pools = vec!["default=2".parse().unwrap()];
    let mut server = world.server(Crash::never()).await;
    let ready = async |count| {
        let engines = world.pool_engines().await;
        engines.len() == count && engines.iter().all(PoolEngine::ready)
    };
    assert!(world.run(&mut server, MINUTE, async || ready(2).await).await);
    // One has its room from a pool, and needs none besides; then there is room for one more engine.
    create(&server.control, "ada", "warm", config()).await.unwrap();
    let warm = reaches(&world, &mut server, "warm", StateLabel::Active).await;
    assert!(warm.handed_over());
    assert!(world.run(&mut server, MINUTE, async || ready(2).await).await);
    // Two cores are there only where both pool engines are.
    create(&server.control, "bob", "large", asking(2)).await.unwrap();
    let large = reaches(&world, &mut server, "large", StateLabel::Active).await;
    let waited = large.timeline.at(Milestone::Admitted).unwrap().duration_since(large.created_at);
    assert!(Duration::try_from(waited).unwrap() < 2 * world.policy.stop_grace, "{waited:?}");
    assert!(world.pool_engines().await.is_empty());
    world.pass_time(&mut server, 5 * MINUTE).await;
    assert!(world.pool_engines().await.is_empty(), "there is no room for any");
    end(&server.control, "large").await.unwrap();
    assert!(world.run(&mut server, MINUTE, async || ready(2).await).await, "now there is");
    world.check_settled(&mut server).await;
}

/// A client that asks again whenever the server has died.
struct Client<'w> {
    world: &'w Simulation,
    server: Server,
    crashes: Vec<(u64, Side)>,
}

impl<'w> Client<'w> {
    async fn new(world: &'w Simulation, mut crashes: Vec<(u64, Side)>) -> Self {
        crashes.reverse();
        let server = world.server(next_crash(&mut crashes)).await;
        Self { world, server, crashes }
    }

    async fn restart(&mut self) {
        self.server = self.world.server(next_crash(&mut self.crashes)).await;
    }

    async fn ask(&mut self, request: impl AsyncFn(&Control) -> Result<Operation, ControlError>) -> Operation {
        loop {
            match request(&self.server.control).await {
                Ok(operation) => return operation,
                Err(error) if self.server.crash.dead() => {
                    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                    self.restart().await;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    async fn until(&mut self, what: &str, done: impl AsyncFn() -> bool) {
        while !self.world.run(&mut self.server, 2 * MINUTE, async || done().await).await {
            assert!(self.server.crash.dead(), "never: {what}");
            self.restart().await;
        }
    }
}

fn next_crash(crashes: &mut Vec<(u64, Side)>) -> std::sync::Arc<Crash> {
    crashes.pop().map_or_else(Crash::never, |(at, side)| Crash::at(at, side))
}

/// One session has the only room, two wait for it, one of them is deleted, and the other gets it. Whether every crash
/// was reached.
async fn wait_through(crashes: Vec<(u64, Side)>, pools: &[&str]) -> bool {
    let mut world = world(1);
    world.pools.pools = pools.iter().map(|pool| pool.parse().unwrap()).collect();
    let mut client = Client::new(&world, crashes).await;
    let state = async |id: &str| world.state(id).await;
    let first = client.ask(async |control| create(control, "ada", "first", config()).await).await;
    client.until("the first is active", async || state("first").await == Some(StateLabel::Active)).await;
    let second = client.ask(async |control| create(control, "ada", "second", config()).await).await;
    let third = client.ask(async |control| create(control, "bob", "third", config()).await).await;
    let both = async || waits(&world, "second").await && waits(&world, "third").await;
    client.until("two wait", both).await;
    let deleted = client
        .ask(async |control| {
            let request_id = Some("delete-third".parse().unwrap());
            control.delete_session(&caller(), EndSession { name: name("third"), request_id }).await
        })
        .await;
    client.until("the third is gone", async || state("third").await.is_none()).await;
    let ended = client.ask(async |control| end(control, "first").await).await;
    client.until("the second is active", async || state("second").await == Some(StateLabel::Active)).await;
    let reached = client.crashes.is_empty() && !client.server.crash.armed();
    let mut server = world.server(Crash::never()).await;
    world.check_settled(&mut server).await;
    for operation in [&first, &second, &deleted, &ended] {
        assert!(matches!(outcome(&world, operation).await, Outcome::Succeeded(_)), "{operation:?}");
    }
    let cancelled =
        matches!(outcome(&world, &third).await, Outcome::Failed { kind: ErrorKind::Cancelled, .. });
    assert!(cancelled, "the create of what was deleted");
    assert_eq!(state("first").await, Some(StateLabel::Terminated));
    reached
}

#[tokio::test]
async fn a_crash_at_any_point_while_sessions_wait_loses_nobody_and_lets_in_no_more_than_fit() {
    for pools in [&[] as &[&str], &["default=1"]] {
        let mut points = 0;
        loop {
            let mut reached = false;
            for side in [Side::Before, Side::After] {
                reached |= wait_through(vec![(points, side)], pools).await;
            }
            if !reached {
                break;
            }
            points += 1;
        }
        assert!(points >= 16, "{points}");
    }
}

#[tokio::test]
async fn two_crashes_at_any_two_points_while_sessions_wait_lose_nobody() {
    for first in 0..20 {
        for second in 0..20 {
            wait_through(vec![(first, Side::After), (second, Side::Before)], &[]).await;
        }
    }
}
