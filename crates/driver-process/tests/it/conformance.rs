//! The process driver through the suite that every driver passes.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hearth_core::Timestamp;
use hearth_core::engine::EngineSpec;
use hearth_core::id::EngineId;
use hearth_driver::Driver;
use hearth_driver::conformance::{Behaviour, Harness};

use crate::fixture::Fixture;

#[async_trait]
impl Harness for Fixture {
    fn driver(&self) -> Arc<dyn Driver> {
        self.driver()
    }

    fn spec(&self, id: EngineId, behaviour: Behaviour) -> EngineSpec {
        match behaviour {
            Behaviour::Listens => self.spec(id, &[]),
            Behaviour::ListensAndIgnoresStop => self.spec(id, &[("STUB_IGNORES_STOP", "1")]),
            Behaviour::Exits { code, lines } => {
                let mut spec = self.spec(id, &[("STUB_EXIT", &code.to_string())]);
                if !lines.is_empty() {
                    spec.env.insert("STUB_LINES".to_owned(), lines.join("\n"));
                }
                spec
            }
            Behaviour::WritesAndListens(lines) => self.spec(id, &[("STUB_LINES", &lines.join("\n"))]),
            Behaviour::Missing => {
                let mut spec = self.spec(id, &[]);
                spec.program = self.file("no-such-engine");
                spec
            }
        }
    }

    fn starts(&self, id: EngineId) -> u32 {
        self.starts(id)
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn let_time_pass(&self) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    fn check_nothing_is_left(&self) {
        self.check_nothing_is_left();
    }
}

hearth_driver::driver_conformance!(Fixture::new());
