//! What sessions use, in virtual time and through crashes.

use std::time::Duration;

use hearth_core::session::StateLabel;
use hearth_core::usage::{SAMPLE_INTERVAL, Used};
use hearth_driver::fake::EnginePlan;

use crate::crash::Crash;
use crate::lifetimes::{DAY, MINUTE, active, create, living, reaches};
use crate::world::{Simulation, caller, name};

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

#[tokio::test]
async fn a_session_that_does_nothing_is_not_written() {
    let world = Simulation::new();
    let mut server = world.server(Crash::never()).await;
    create(&server, living(14 * DAY, 14 * DAY)).await;
    let began = active(&world, &mut server).await;
    world.pass_time(&mut server, 60 * MINUTE).await;
    assert_eq!(world.session("demo").await.unwrap().generation, began.generation);
}
