//! What is kept of ended sessions: output and diagnostics, through crashes and with a store that does not answer.

use std::time::Duration;

use hearth_control::ControlError;
use hearth_control::sessions::EndSession;
use hearth_core::engine::ExitStatus;
use hearth_core::session::StateLabel;
use hearth_driver::fake::EnginePlan;

use crate::crash::{Crash, Side};
use crate::shelf::Mood;
use crate::world::{MINUTE, Server, Simulation, active, caller, config, create, name, reaches};

/// When the engine dies by itself, after its session has become active.
const DIES: Duration = Duration::from_secs(30);

fn dying() -> Simulation {
    let world = Simulation::new();
    world.engines.plan_by_default(EnginePlan::exits_after(DIES, ExitStatus::Signal(9)));
    world
}

async fn settles(world: &Simulation, server: &mut Server) {
    let settled = async || world.session("demo").await.is_none_or(|session| session.settled());
    assert!(world.run(server, MINUTE, settled).await, "{:?}", world.session("demo").await);
}

async fn delete(server: &Server) {
    let end = EndSession { name: name("demo"), request_id: None };
    server.control.delete_session(&caller(), end).await.unwrap();
}

#[tokio::test]
async fn a_failed_session_has_an_archive_until_it_is_removed() {
    let world = dying();
    let mut server = world.server(Crash::never()).await;
    create(&server, config()).await;
    let failed = reaches(&world, &mut server, StateLabel::Failed, MINUTE).await;
    settles(&world, &mut server).await;
    let archive = world.shelf.archive(failed.uuid).unwrap();
    assert!(archive.starts_with("FAILED; The engine ended by itself (signal 9)"), "{archive}");
    assert!(archive.ends_with("1 operations; engine true"), "{archive}");
    let kept = world.session("demo").await.unwrap();
    assert!(kept.keeping.diagnosed_at.is_some_and(|at| at >= failed.state_at), "{kept:?}");
    assert_eq!((kept.state_at, &kept.history), (failed.state_at, &failed.history));
    let (_, piece) = server.control.diagnostics(&name("demo"), 3, 3).await.unwrap();
    assert_eq!((piece.content.as_slice(), piece.size), (&archive.as_bytes()[3..6], archive.len() as u64));
    delete(&server).await;
    world.check_settled(&mut server).await;
    assert!(world.session("demo").await.is_none() && world.shelf.sessions().is_empty());
}

#[tokio::test]
async fn a_session_that_ends_as_it_should_has_an_archive_only_when_asked_for() {
    let world = Simulation::new();
    let mut server = world.server(Crash::never()).await;
    create(&server, config()).await;
    let session = active(&world, &mut server).await;
    let none = server.control.diagnostics(&name("demo"), 0, 1).await.unwrap_err();
    assert!(matches!(none, ControlError::NoDiagnostics(_)), "{none}");
    let asked = server.control.diagnose_session(&name("demo")).await.unwrap();
    let archive = world.shelf.archive(session.uuid).unwrap();
    assert!(archive.starts_with("ACTIVE") && archive.len() as u64 == asked.size, "{archive}");
    let end = EndSession { name: name("demo"), request_id: None };
    server.control.terminate_session(&caller(), end).await.unwrap();
    reaches(&world, &mut server, StateLabel::Terminated, MINUTE).await;
    settles(&world, &mut server).await;
    assert_eq!(world.shelf.archive(session.uuid), Some(archive.clone()), "what was asked for stays");
    // Once it has ended there is nothing new to tell.
    let again = server.control.diagnose_session(&name("demo")).await.unwrap();
    assert_eq!(world.shelf.archive(session.uuid), Some(archive));
    assert_eq!(again.session.keeping.diagnosed_at, asked.session.keeping.diagnosed_at);
}

#[tokio::test]
async fn a_crash_at_any_point_of_a_failure_still_leaves_an_archive_and_a_delete_nothing() {
    for at in 0.. {
        let mut reached = false;
        for side in [Side::Before, Side::After] {
            let world = dying();
            let mut healthy = world.server(Crash::never()).await;
            create(&healthy, config()).await;
            let session = active(&world, &mut healthy).await;
            let mut server = world.server(Crash::at(at, side)).await;
            let settled = async || world.session("demo").await.is_some_and(|session| session.settled());
            reached |= !world.run(&mut server, MINUTE, settled).await;
            let mut server = world.server(Crash::never()).await;
            settles(&world, &mut server).await;
            world.check_settled(&mut server).await;
            let archive = world.shelf.archive(session.uuid);
            assert!(archive.is_some_and(|text| text.starts_with("FAILED")), "{side:?} {at}");
            assert!(world.session("demo").await.unwrap().keeping.diagnosed_at.is_some(), "{side:?} {at}");
            delete(&server).await;
            world.check_settled(&mut server).await;
            assert!(world.shelf.sessions().is_empty(), "{side:?} {at}");
        }
        if !reached {
            // At least: the lease, the end, the archive, its mark.
            assert!(at >= 4, "{at}");
            return;
        }
    }
}

/// Its time is that of the machine, which here jumps to whatever is waited for.
#[tokio::test(start_paused = true)]
async fn a_store_that_refuses_or_never_answers_holds_up_no_end() {
    for mood in [Mood::Refuses, Mood::Hangs] {
        let world = dying();
        world.shelf.be(mood);
        let mut server = world.server(Crash::never()).await;
        create(&server, config()).await;
        let failed = reaches(&world, &mut server, StateLabel::Failed, MINUTE).await;
        settles(&world, &mut server).await;
        let kept = world.session("demo").await.unwrap().keeping;
        assert_eq!((kept.due(), kept.diagnosed_at), (false, None), "{mood:?}");
        let asked = server.control.diagnose_session(&name("demo")).await.unwrap_err();
        assert!(matches!(asked, ControlError::Staging(_)), "{mood:?}: {asked}");
        // Whoever asks once it works again has it.
        world.shelf.be(Mood::Works);
        server.control.diagnose_session(&name("demo")).await.unwrap();
        assert!(world.shelf.archive(failed.uuid).is_some());
        world.shelf.be(mood);
        delete(&server).await;
        let gone = async || world.session("demo").await.is_none();
        assert!(world.run(&mut server, MINUTE, gone).await, "{mood:?}");
        world.check_engines();
    }
}

#[tokio::test]
async fn output_that_was_not_taken_at_the_end_is_kept_right_after_it() {
    let world = Simulation::new();
    world.engines.plan_by_default(EnginePlan::fails_to_start(ExitStatus::Code(1), &["last words"]));
    world.shelf.be(Mood::RefusesOnce);
    let mut server = world.server(Crash::never()).await;
    create(&server, config()).await;
    let failed = reaches(&world, &mut server, StateLabel::Failed, MINUTE).await;
    settles(&world, &mut server).await;
    assert_eq!(world.shelf.outputs(failed.uuid), 1);
}
