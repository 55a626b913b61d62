//! What sessions use, in virtual time and through crashes.

use std::time::Duration;

use hearth_control::usage::AskUsage;
use hearth_core::session::StateLabel;
use hearth_core::usage::{GroupBy, SAMPLE_INTERVAL, Total, Used};
use hearth_driver::fake::EnginePlan;

use crate::crash::Crash;
use crate::world::{DAY, MINUTE, Simulation, active, caller, create, living, name, reaches};

fn half_a_core() -> EnginePlan {
    EnginePlan { milli_cores: 500, memory: 1 << 30, ..EnginePlan::default() }
}

#[tokio::test]
async fn what_an_engine_used_is_on_disk_to_the_last_moment_once_it_has_ended() {
    let world = Simulation::new();
    world.engines.plan_by_default(half_a_core());
    let mut server = world.server(Crash::never()).await;
    create(&server, living(60 * MINUTE, 20 * MINUTE)).await;
    let began = active(&world, &mut server).await;
    let in_use = server.control.activity().enter(began.uuid);
    world.pass_time(&mut server, 10 * MINUTE).await;
    drop(in_use);
    let ended = reaches(&world, &mut server, StateLabel::Terminated, 60 * MINUTE).await;
    // Half of thirty minutes, and of the moment from listening to being active.
    let cpu = ended.used.cpu.as_secs();
    assert!((900..905).contains(&cpu), "{cpu}");
    assert_eq!(ended.used.busy.as_secs(), 10 * 60);
    assert_eq!(ended.used.peak_memory, 1 << 30);
}

#[tokio::test]
async fn a_server_that_dies_again_and_again_loses_at_most_one_sample_each_time_and_nothing_goes_down() {
    let world = Simulation::new();
    world.engines.plan_by_default(half_a_core());
    let mut server = world.server(Crash::never()).await;
    create(&server, living(DAY, DAY)).await;
    let began = active(&world, &mut server).await;
    let mut before = Used::default();
    for life in 1..=12_u32 {
        let in_use = server.control.activity().enter(began.uuid);
        world.pass_time(&mut server, Duration::from_secs(100)).await;
        // Dies before the call's end is seen.
        std::mem::forget(in_use);
        drop(server);
        server = world.server(Crash::never()).await;
        let used = world.session("demo").await.unwrap().used;
        assert!(used.cpu >= before.cpu && used.busy >= before.busy && used.peak_memory >= before.peak_memory);
        let lost = Duration::from_secs(100) * life - used.busy;
        assert!(lost <= SAMPLE_INTERVAL * life, "{lost:?} lost in {life} lives");
        before = used;
    }
    let end = hearth_control::sessions::EndSession { name: name("demo"), request_id: None };
    server.control.terminate_session(&caller(), end).await.unwrap();
    let ended = reaches(&world, &mut server, StateLabel::Terminated, MINUTE).await;
    // The engine counts for itself, so nothing of its own time is lost.
    let cpu = ended.used.cpu.as_secs();
    assert!((600..605).contains(&cpu), "{cpu}");
}

fn everything() -> AskUsage {
    AskUsage { project: None, location: None, by: GroupBy::User, since: None, until: None }
}

#[tokio::test]
async fn what_was_used_never_goes_down_through_crashes_the_end_and_the_removal() {
    let world = Simulation::new();
    world.engines.plan_by_default(half_a_core());
    let mut server = world.server(Crash::never()).await;
    create(&server, living(DAY, DAY)).await;
    let began = active(&world, &mut server).await;
    let mut before = Total::default();
    let mut grows = |now: Total| {
        assert!(now.sessions == 1, "{now:?}");
        assert!(now.active_seconds >= before.active_seconds, "{before:?} {now:?}");
        assert!(now.milli_dcu_seconds >= before.milli_dcu_seconds, "{before:?} {now:?}");
        assert!(now.cpu >= before.cpu && now.memory_mib_seconds >= before.memory_mib_seconds);
        assert!(now.idle_seconds >= before.idle_seconds, "{before:?} {now:?}");
        assert!(now.idle_milli_dcu_seconds >= before.idle_milli_dcu_seconds, "{before:?} {now:?}");
        before = now;
        now
    };
    for _ in 0..6 {
        let in_use = server.control.activity().enter(began.uuid);
        for _ in 0..7 {
            world.pass_time(&mut server, Duration::from_secs(11)).await;
            grows(server.control.usage(&everything()).await.unwrap().used.total);
        }
        // Dies before the call's end is seen.
        std::mem::forget(in_use);
        drop(server);
        server = world.server(Crash::never()).await;
        grows(server.control.usage(&everything()).await.unwrap().used.total);
        world.pass_time(&mut server, MINUTE).await;
        grows(server.control.usage(&everything()).await.unwrap().used.total);
    }
    let delete = || hearth_control::sessions::EndSession { name: name("demo"), request_id: None };
    server.control.terminate_session(&caller(), delete()).await.unwrap();
    reaches(&world, &mut server, StateLabel::Terminated, MINUTE).await;
    let ended = grows(server.control.usage(&everything()).await.unwrap().used.total);
    // Half a core, and a GiB, for all of its life.
    let whole = ended.active_seconds;
    assert!((whole / 2..=whole / 2 + 5).contains(&ended.cpu.as_secs()), "{ended:?}");
    assert!(ended.memory_mib_seconds >= (whole - SAMPLE_INTERVAL.as_secs() - 1) * 1024, "{ended:?}");
    server.control.delete_session(&caller(), delete()).await.unwrap();
    world.pass_time(&mut server, MINUTE).await;
    assert!(world.session("demo").await.is_none());
    assert_eq!(server.control.usage(&everything()).await.unwrap().used.total, ended, "removed, and counted");
}

#[tokio::test]
async fn the_use_of_removed_sessions_is_counted_for_its_retention() {
    let mut world = Simulation::new();
    // Short, as time passes step by step here.
    (world.policy.retention, world.policy.usage_retention) = (DAY / 2, DAY);
    let mut server = world.server(Crash::never()).await;
    create(&server, living(60 * MINUTE, 20 * MINUTE)).await;
    active(&world, &mut server).await;
    reaches(&world, &mut server, StateLabel::Terminated, 60 * MINUTE).await;
    let policy = server.control.policy().clone();
    world.pass_time(&mut server, policy.retention + MINUTE).await;
    assert!(world.session("demo").await.is_none(), "past the retention of sessions");
    assert_eq!(server.control.usage(&everything()).await.unwrap().used.total.active_seconds, 20 * 60);
    world.pass_time(&mut server, policy.usage_retention - policy.retention).await;
    assert_eq!(server.control.usage(&everything()).await.unwrap().used.total, Total::default());
}

#[tokio::test]
async fn a_session_that_does_nothing_is_not_written() {
    let world = Simulation::new();
    let mut server = world.server(Crash::never()).await;
    create(&server, living(14 * DAY, 14 * DAY)).await;
    let began = active(&world, &mut server).await;
    world.pass_time(&mut server, 60 * MINUTE).await;
    assert_eq!(world.session("demo").await.unwrap().generation, began.generation);
}
