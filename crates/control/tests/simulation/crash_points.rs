//! Every point between two effects of create, terminate and delete: the server dies there, another starts, the client
//! asks again, and all must hold that is promised.

use std::time::Duration;

use hearth_control::ControlError;
use hearth_control::sessions::{CreateSession, EndSession};
use hearth_core::error::ErrorKind;
use hearth_core::id::EngineId;
use hearth_core::operation::{Operation, OperationKind, Outcome};
use hearth_core::session::StateLabel;
use hearth_driver::fake::EnginePlan;

use crate::crash::{Crash, Side};
use crate::world::{Server, Simulation, caller, config, name, parent};

/// How long an operation may take here; the start takes 200 ms of virtual time.
const LIMIT: Duration = Duration::from_secs(60);

/// What the client asks for, in order. Each request carries its own request id, and is made again, unchanged, until it
/// is answered.
type Plan = &'static [OperationKind];

const CREATE: Plan = &[OperationKind::Create];
const TERMINATE: Plan = &[OperationKind::Create, OperationKind::Terminate];
const DELETE: Plan = &[OperationKind::Create, OperationKind::Delete];
const WHOLE_LIFE: Plan = &[OperationKind::Create, OperationKind::Terminate, OperationKind::Delete];

async fn ask(server: &Server, kind: OperationKind) -> Result<Operation, ControlError> {
    let request_id = Some(format!("request-{}", kind.label()).parse().unwrap());
    match kind {
        OperationKind::Create => {
            let create = CreateSession {
                parent: parent(),
                session_id: "demo".to_owned(),
                name: String::new(),
                config: config(),
                request_id,
            };
            server.control.create_session(&caller(), create).await
        }
        OperationKind::Terminate => {
            server.control.terminate_session(&caller(), EndSession { name: name("demo"), request_id }).await
        }
        OperationKind::Delete => {
            server.control.delete_session(&caller(), EndSession { name: name("demo"), request_id }).await
        }
    }
}

/// Lives through a plan with servers that die as told, each at its own effect, and a last one that does not. Whether
/// every crash was reached.
async fn live_through(plan: Plan, crashes: &[(u64, Side)], wait_for_each: bool, pools: &[&str]) -> bool {
    let mut world = Simulation::new();
    world.pools.pools = pools.iter().map(|pool| pool.parse().unwrap()).collect();
    world.engines.plan_by_default(EnginePlan::starts_after(Duration::from_millis(200)));
    let mut left = crashes.iter();
    let mut next = || left.next().map(|(at, side)| Crash::at(*at, *side));
    let mut crash = next();
    let mut server = world.server(crash.clone().unwrap_or_else(Crash::never)).await;
    let mut answers: Vec<Operation> = Vec::new();
    for kind in plan {
        let ready = async || world.has_ready().await;
        while *kind == OperationKind::Create
            && !pools.is_empty()
            && !world.run(&mut server, LIMIT, ready).await
        {
            assert!(server.crash.dead(), "no engine gets ready with crashes {crashes:?}");
            crash = next();
            server = world.server(crash.clone().unwrap_or_else(Crash::never)).await;
        }
        let answered = loop {
            match ask(&server, *kind).await {
                Ok(operation) => break operation,
                Err(error) if server.crash.dead() => {
                    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                    crash = next();
                    server = world.server(crash.clone().unwrap_or_else(Crash::never)).await;
                }
                Err(error) => panic!("{kind:?} with crashes {crashes:?}: {error}"),
            }
        };
        answers.push(answered.clone());
        // Some clients wait for each operation; others delete what is still being created.
        let wait = wait_for_each || kind == plan.last().unwrap();
        let done =
            async || world.operation(answered.id).await.is_some_and(|operation| operation.done.is_some());
        while wait && !world.run(&mut server, LIMIT, done).await {
            assert!(server.crash.dead(), "{kind:?} never ended with crashes {crashes:?}");
            crash = next();
            server = world.server(crash.clone().unwrap_or_else(Crash::never)).await;
        }
    }
    let reached = crash.is_none() && left.next().is_none();
    // From here on nobody dies any more.
    let mut server = world.server(Crash::never()).await;
    // I4: asking again gives the same answer and has no second effect.
    for (kind, first) in plan.iter().zip(&answers) {
        assert_eq!(ask(&server, *kind).await.unwrap().id, first.id, "crashes {crashes:?}");
    }
    world.check_settled(&mut server).await;
    // I1, I5: what was answered has happened, and its operation says so.
    for answer in &answers {
        let operation = world.operation(answer.id).await.expect("an acknowledged operation is kept");
        let done = operation.done.unwrap_or_else(|| panic!("{:?} has no end", operation.kind));
        assert!(done.at >= operation.created_at);
        if wait_for_each {
            assert!(
                matches!(done.outcome, Outcome::Succeeded(_)),
                "{:?}: {:?}",
                operation.kind,
                done.outcome
            );
        }
    }
    let expected = match plan.last().unwrap() {
        OperationKind::Create => Some(StateLabel::Active),
        OperationKind::Terminate => Some(StateLabel::Terminated),
        OperationKind::Delete => None,
    };
    assert_eq!(world.state("demo").await, expected, "crashes {crashes:?}");
    if expected.is_none() {
        let left = world.engines.traces();
        let pooled = world.pool_engines().await;
        let kept = |id: &EngineId| pooled.iter().any(|engine| engine.id == *id);
        assert!(left.iter().all(kept), "traces are left with crashes {crashes:?}");
    }
    reached
}

/// Visits every effect of a plan. The number of points is returned, so that a plan without any is noticed.
async fn every_point(plan: Plan, wait_for_each: bool, pools: &[&str]) -> u64 {
    for at in 0.. {
        let mut reached = false;
        for side in [Side::Before, Side::After] {
            reached |= live_through(plan, &[(at, side)], wait_for_each, pools).await;
        }
        if !reached {
            return at;
        }
    }
    unreachable!("the loop has no end of its own")
}

#[tokio::test]
async fn a_crash_at_any_point_of_a_create_loses_nothing_and_starts_nothing_twice() {
    // At least: the lease, the intent, the launch, the readiness.
    assert!(every_point(CREATE, true, &[]).await >= 4);
}

#[tokio::test]
async fn a_crash_at_any_point_of_a_terminate_still_ends_the_session() {
    assert!(every_point(TERMINATE, true, &[]).await >= 7);
}

#[tokio::test]
async fn a_crash_at_any_point_of_a_delete_still_removes_the_session() {
    assert!(every_point(DELETE, true, &[]).await >= 8);
}

#[tokio::test]
async fn a_crash_at_any_point_of_a_whole_life_leaves_nothing_over() {
    assert!(every_point(WHOLE_LIFE, true, &[]).await >= 9);
}

#[tokio::test]
async fn a_crash_at_any_point_of_a_delete_during_a_create_leaves_nothing_over() {
    assert!(every_point(DELETE, false, &[]).await >= 4);
}

#[tokio::test]
async fn two_crashes_at_any_two_points_of_a_whole_life_leave_nothing_over() {
    let points = every_point(WHOLE_LIFE, true, &[]).await;
    for first in 0..points {
        for second in 0..points {
            for sides in
                [(Side::Before, Side::After), (Side::After, Side::Before), (Side::After, Side::After)]
            {
                live_through(WHOLE_LIFE, &[(first, sides.0), (second, sides.1)], true, &[]).await;
            }
        }
    }
}

#[tokio::test]
async fn a_crash_at_any_point_around_a_hand_over_loses_nothing_and_hands_nothing_over_twice() {
    // Beside what a cold start has: the row, its readiness, the hand-over, the introduction, the refill.
    assert!(every_point(CREATE, true, &["default=1"]).await >= 10);
    let points = every_point(CREATE, true, &["default=2..3"]).await;
    assert!(points >= 10, "{points}");
}

#[tokio::test]
async fn a_crash_at_any_point_of_a_life_that_began_warm_leaves_nothing_over() {
    assert!(every_point(WHOLE_LIFE, true, &["default=1"]).await >= 14);
    assert!(every_point(DELETE, false, &["default=1"]).await >= 10);
}

#[tokio::test]
async fn two_crashes_at_any_two_points_around_a_hand_over_leave_nothing_over() {
    let points = every_point(CREATE, true, &["default=1"]).await;
    for first in 0..points {
        for second in 0..points {
            for sides in [(Side::Before, Side::After), (Side::After, Side::Before)] {
                live_through(CREATE, &[(first, sides.0), (second, sides.1)], true, &["default=1"]).await;
            }
        }
    }
}
