//! Time that is moved, and what happens on the way.

use std::time::Duration;

use hearth_core::session::{StateLabel, later};
use hearth_emulator::fault::{Effect, Fault};
use hearth_emulator::{EmulatorError, Target};

use crate::world::{World, name};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::test]
async fn each_thing_happens_at_its_own_time_however_far_the_clock_is_moved() {
    let world = World::new();
    world.create("short", 9 * DAY).await;
    world.create("long", 14 * DAY).await;
    let began = world.emulator.clock().now;
    let happened = world.emulator.advance(Target::By(15 * DAY)).await.unwrap();
    let told: Vec<_> = happened
        .iter()
        .map(|happened| (happened.session.id(), happened.notice.what.label(), happened.notice.at))
        .collect();
    let at = |by| later(began, by);
    let ends = |id: &'static str, ttl: Duration| {
        [
            (id, "end-near", at(ttl - 5 * MINUTE)),
            (id, "end-near", at(ttl - MINUTE)),
            (id, "ending", at(ttl)),
            (id, "terminated", at(ttl)),
        ]
    };
    assert_eq!(told, [ends("short", 9 * DAY), ends("long", 14 * DAY)].concat());
    assert_eq!(world.emulator.clock().now, at(15 * DAY));
}

#[tokio::test]
async fn records_go_when_their_retention_is_over() {
    let world = World::new();
    world.create("gone", DAY).await;
    world.emulator.advance(Target::By(7 * DAY)).await.unwrap();
    assert_eq!(world.session("gone").await.state.label(), StateLabel::Terminated);
    world.emulator.advance(Target::By(2 * DAY)).await.unwrap();
    assert!(world.control.session(&name("gone")).await.is_err());
    assert_eq!(world.emulator.clock().next, None);
}

#[tokio::test]
async fn the_clock_goes_from_change_to_change() {
    let world = World::new();
    let effect = Effect::SlowStart { by: 90 * SECOND };
    world.emulator.faults().add(Fault { sessions: String::new(), left: Some(1), effect });
    world.create("slow", DAY).await;
    let began = world.emulator.clock();
    assert_eq!(began.next, Some(later(began.now, 90 * SECOND)));
    world.emulator.advance(Target::Next).await.unwrap();
    assert_eq!(Some(world.emulator.clock().now), began.next);
    assert_eq!(world.session("slow").await.state.label(), StateLabel::Active);
    assert!(world.emulator.faults().list().is_empty());
}

#[tokio::test]
async fn the_clock_is_never_moved_back_or_past_a_year() {
    let world = World::new();
    let now = world.emulator.clock().now;
    let before = now.checked_sub(SECOND).unwrap();
    for target in [Target::To(before), Target::By(367 * DAY), Target::By(Duration::MAX)] {
        let refused = world.emulator.advance(target).await;
        assert!(matches!(refused, Err(EmulatorError::Unreachable { .. })), "{target:?}");
    }
    assert_eq!(world.emulator.clock().now, now);
    world.emulator.advance(Target::Next).await.unwrap();
    assert_eq!(world.emulator.clock().now, now, "nothing comes next");
}

#[tokio::test]
async fn a_clock_that_runs_makes_things_happen_by_itself() {
    let world = World::new();
    let effect = Effect::SlowStart { by: Duration::from_millis(20) };
    world.emulator.faults().add(Fault { sessions: String::new(), left: None, effect });
    let operation = world.create("runs", DAY).await;
    world.emulator.set_clock(true).await.unwrap();
    let done = world.control.wait_operation(operation, 60 * SECOND).await.unwrap();
    assert!(done.done.is_some());
    assert_eq!(world.session("runs").await.state.label(), StateLabel::Active);
}
