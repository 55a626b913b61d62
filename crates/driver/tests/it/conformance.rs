//! The fake through the suite that every driver passes.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hearth_core::Timestamp;
use hearth_core::clock::Clock;
use hearth_core::engine::{EngineSpec, ExitStatus};
use hearth_core::id::EngineId;
use hearth_core::session::later;
use hearth_driver::Driver;
use hearth_driver::conformance::{Behaviour, Harness};
use hearth_driver::fake::{EnginePlan, FakeWorld, OnStart, OnStop, spec};

use crate::clock::ManualClock;

struct FakeHarness {
    clock: Arc<ManualClock>,
    world: FakeWorld,
}

impl FakeHarness {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new());
        let world = FakeWorld::new(Arc::clone(&clock) as Arc<dyn Clock>);
        Self { clock, world }
    }
}

#[async_trait]
impl Harness for FakeHarness {
    fn driver(&self) -> Arc<dyn Driver> {
        Arc::new(self.world.driver())
    }

    fn spec(&self, id: EngineId, behaviour: Behaviour) -> EngineSpec {
        let base = EnginePlan::starts_after(Duration::from_millis(100));
        let plan = match behaviour {
            Behaviour::Listens => base,
            Behaviour::ListensAndIgnoresStop => EnginePlan { on_stop: OnStop::Ignores, ..base },
            Behaviour::Exits { code, lines } => {
                EnginePlan { on_start: OnStart::Fails { status: ExitStatus::Code(code), lines }, ..base }
            }
            Behaviour::WritesAndListens(log) => EnginePlan { log, ..base },
            Behaviour::Missing => {
                EnginePlan::fails_to_start(ExitStatus::NotStarted, &["no such program: /bin/engine"])
            }
        };
        self.world.plan(id, plan);
        spec(id, later(self.now(), Duration::from_secs(3600)))
    }

    fn starts(&self, id: EngineId) -> u32 {
        self.world.counts(id).started
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn let_time_pass(&self) {
        self.clock.advance(Duration::from_millis(50));
        self.world.settle();
    }

    fn check_nothing_is_left(&self) {
        assert!(self.world.traces().is_empty());
        assert_eq!(self.world.next_change(), None);
    }
}

hearth_driver::driver_conformance!(FakeHarness::new());
