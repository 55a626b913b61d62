//! Ends that come by themselves: ttl, idle ttl, lost engines, starts that fail.

use std::time::Duration;

use hearth_core::engine::ExitStatus;
use hearth_core::error::ErrorKind;
use hearth_core::operation::Outcome;
use hearth_core::session::StateLabel;
use hearth_driver::fake::{EnginePlan, OnStart, OnStop};

use crate::crash::Crash;
use crate::world::{DAY, LATE, MINUTE, Simulation, active, caller, config, create, living, reaches};

#[tokio::test]
async fn a_session_ends_at_its_ttl_of_fourteen_days_even_when_it_is_in_use() {
    let world = Simulation::new();
    let mut server = world.server(Crash::never()).await;
    create(&server, living(14 * DAY, 14 * DAY)).await;
    let began = active(&world, &mut server).await;
    let _in_use = server.control.activity().enter(began.uuid);
    let ended = reaches(&world, &mut server, StateLabel::Terminated, 15 * DAY).await;
    let terminating_at = ended.history.last().unwrap().at;
    let lived = Duration::try_from(terminating_at.duration_since(began.state_at)).unwrap();
    assert!(lived >= 14 * DAY && lived <= 14 * DAY + LATE, "{lived:?}");
    assert_eq!(ended.state_message, "Terminated after its ttl of 1209600 s");
}

#[tokio::test]
async fn an_idle_session_ends_and_one_in_use_does_not() {
    let world = Simulation::new();
    let mut server = world.server(Crash::never()).await;
    create(&server, living(DAY, 10 * MINUTE)).await;
    let session = active(&world, &mut server).await;
    let in_use = server.control.activity().enter(session.uuid);
    world.pass_time(&mut server, 45 * MINUTE).await;
    assert_eq!(world.state("demo").await, Some(StateLabel::Active));
    drop(in_use);
    let quiet_since = world.now();
    let ended = reaches(&world, &mut server, StateLabel::Terminated, 30 * MINUTE).await;
    let idle = Duration::try_from(ended.history.last().unwrap().at.duration_since(quiet_since)).unwrap();
    assert!(idle >= 10 * MINUTE && idle <= 10 * MINUTE + LATE, "{idle:?}");
    assert_eq!(ended.state_message, "Terminated after 600 s without activity (idle ttl)");
}

#[tokio::test]
async fn a_restart_neither_forgets_a_ttl_nor_ends_an_idle_session_early() {
    let world = Simulation::new();
    let mut server = world.server(Crash::never()).await;
    create(&server, living(60 * MINUTE, 20 * MINUTE)).await;
    let began = active(&world, &mut server).await;
    world.pass_time(&mut server, 10 * MINUTE).await;
    drop(server.control.activity().enter(began.uuid));
    let quiet_since = world.now();
    world.pass_time(&mut server, 5 * MINUTE).await;
    drop(server);
    let mut server = world.server(Crash::never()).await;
    let ended = reaches(&world, &mut server, StateLabel::Terminated, 60 * MINUTE).await;
    let idle = Duration::try_from(ended.history.last().unwrap().at.duration_since(quiet_since)).unwrap();
    // After a restart ends may be 5 s late, and are never early.
    assert!(idle >= 20 * MINUTE && idle <= 20 * MINUTE + Duration::from_secs(5), "{idle:?}");
}

#[tokio::test]
async fn an_engine_that_dies_fails_its_session_within_five_seconds() {
    let world = Simulation::new();
    world.engines.plan_by_default(EnginePlan::exits_after(3 * MINUTE, ExitStatus::Signal(9)));
    let mut server = world.server(Crash::never()).await;
    create(&server, config()).await;
    let began = active(&world, &mut server).await;
    let failed = reaches(&world, &mut server, StateLabel::Failed, 10 * MINUTE).await;
    let after = Duration::try_from(failed.state_at.duration_since(began.state_at)).unwrap();
    assert!(after <= 3 * MINUTE + Duration::from_secs(5), "{after:?}");
    assert!(failed.state_message.contains("signal 9"), "{}", failed.state_message);
}

#[tokio::test]
async fn an_engine_that_exits_at_start_fails_the_session_with_its_last_lines() {
    let world = Simulation::new();
    world.engines.plan_by_default(EnginePlan::fails_to_start(ExitStatus::Code(3), &["no such module: sail"]));
    let mut server = world.server(Crash::never()).await;
    let operation = create(&server, config()).await;
    let failed = reaches(&world, &mut server, StateLabel::Failed, MINUTE).await;
    assert!(failed.state_message.contains("exit code 3"), "{}", failed.state_message);
    assert!(failed.state_message.contains("no such module: sail"), "{}", failed.state_message);
    let done = world.operation(operation.id).await.unwrap().done.unwrap();
    assert!(matches!(done.outcome, Outcome::Failed { .. }), "{done:?}");
    world.check_settled(&mut server).await;
}

#[tokio::test]
async fn a_start_that_hangs_fails_at_its_deadline_and_leaves_no_engine() {
    let world = Simulation::new();
    world.engines.plan_by_default(EnginePlan {
        on_start: OnStart::Hangs,
        on_stop: OnStop::Ignores,
        ..EnginePlan::default()
    });
    let mut server = world.server(Crash::never()).await;
    let operation = create(&server, config()).await;
    let failed = reaches(&world, &mut server, StateLabel::Failed, 10 * MINUTE).await;
    assert_eq!(failed.state_message, "The engine was not ready within 300 s");
    let done = world.operation(operation.id).await.unwrap().done.unwrap();
    assert!(matches!(done.outcome, Outcome::Failed { kind: ErrorKind::DeadlineExceeded, .. }), "{done:?}");
    world.check_settled(&mut server).await;
}

#[tokio::test]
async fn an_engine_that_cannot_be_ended_fails_its_session_and_the_delete_says_so() {
    let world = Simulation::new();
    world.engines.plan_by_default(EnginePlan { on_stop: OnStop::Survives, ..EnginePlan::default() });
    let mut server = world.server(Crash::never()).await;
    create(&server, config()).await;
    active(&world, &mut server).await;
    let request = hearth_control::sessions::EndSession { name: crate::world::name("demo"), request_id: None };
    let operation = server.control.delete_session(&caller(), request).await.unwrap();
    reaches(&world, &mut server, StateLabel::Failed, 10 * MINUTE).await;
    let done = world.operation(operation.id).await.unwrap().done.unwrap();
    assert!(matches!(done.outcome, Outcome::Failed { kind: ErrorKind::Internal, .. }), "{done:?}");
}

#[tokio::test]
async fn a_cancelled_creation_ends_failed_with_the_code_for_cancelled() {
    let world = Simulation::new();
    world.engines.plan_by_default(EnginePlan::starts_after(MINUTE));
    let mut server = world.server(Crash::never()).await;
    let operation = create(&server, config()).await;
    world.pass_time(&mut server, Duration::from_secs(5)).await;
    server.control.cancel_operation(&caller(), &operation.name().parse().unwrap()).await.unwrap();
    let failed = reaches(&world, &mut server, StateLabel::Failed, MINUTE).await;
    assert!(failed.state_message.contains("cancelled by someone@example.com"), "{}", failed.state_message);
    let done = world.operation(operation.id).await.unwrap().done.unwrap();
    assert!(matches!(done.outcome, Outcome::Failed { kind: ErrorKind::Cancelled, .. }), "{done:?}");
    world.check_settled(&mut server).await;
}

#[tokio::test]
async fn ended_sessions_and_operations_are_kept_for_their_retention_and_then_removed() {
    let world = Simulation::new();
    let mut server = world.server(Crash::never()).await;
    let operation = create(&server, living(10 * MINUTE, 10 * MINUTE)).await;
    reaches(&world, &mut server, StateLabel::Terminated, 30 * MINUTE).await;
    world.pass_time(&mut server, 6 * DAY).await;
    assert!(world.session("demo").await.is_some());
    world.pass_time(&mut server, 2 * DAY).await;
    assert!(world.session("demo").await.is_none());
    assert!(world.operation(operation.id).await.is_none());
    assert!(world.engines.traces().is_empty());
}
