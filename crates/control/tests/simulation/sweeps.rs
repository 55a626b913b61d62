//! What regular looks at all sessions and engines find, and what they cost.

use std::time::Duration;

use hearth_control::sessions::EndSession;
use hearth_core::id::EngineId;
use hearth_core::session::{StateLabel, later};
use hearth_driver::Driver as _;
use hearth_driver::fake::{Method, What, spec};
use uuid::Uuid;

use crate::crash::Crash;
use crate::world::{MINUTE, Simulation, active, caller, config, create, name, reaches};

/// Long enough for many looks at everything.
const LONG: Duration = Duration::from_secs(600);

#[tokio::test]
async fn an_ended_session_costs_no_looks_though_its_log_is_still_there() {
    let world = Simulation::new();
    let mut server = world.server(Crash::never()).await;
    create(&server, config()).await;
    let id = active(&world, &mut server).await.uuid.engine_id();
    let looks = || {
        let entries = world.engines.entries_of(id);
        entries.iter().filter(|entry| entry.what == What::Called(Method::Observe)).count()
    };
    let before = looks();
    world.pass_time(&mut server, LONG).await;
    assert!(looks() > before, "one that lives is looked at now and then");
    let end = EndSession { name: name("demo"), request_id: None };
    server.control.terminate_session(&caller(), end).await.unwrap();
    reaches(&world, &mut server, StateLabel::Terminated, MINUTE).await;
    world.pass_time(&mut server, MINUTE).await;
    let before = looks();
    world.pass_time(&mut server, LONG).await;
    assert_eq!((looks(), world.engines.traces()), (before, vec![id]));
    // A server that has just started knows nothing of that.
    drop(server);
    let mut server = world.server(Crash::never()).await;
    world.pass_time(&mut server, LONG).await;
    assert!((1..=2).contains(&(looks() - before)), "{} looks", looks() - before);
}

#[tokio::test]
async fn an_engine_that_nobody_knows_is_ended_and_cleared_away() {
    let world = Simulation::new();
    let mut server = world.server(Crash::never()).await;
    create(&server, config()).await;
    let known = active(&world, &mut server).await.uuid.engine_id();
    let stray = EngineId(Uuid::from_u128(7));
    world.engines.driver().ensure(&spec(stray, later(world.now(), 10 * LONG))).await.unwrap();
    world.pass_time(&mut server, MINUTE).await;
    assert_eq!(world.engines.traces(), vec![known]);
    let counts = world.engines.counts(stray);
    assert_eq!((counts.stop_asked, counts.ended), (1, 1), "it was asked, and ended");
    assert!(world.engines.live().contains(&known));
}
