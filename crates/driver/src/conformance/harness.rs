//! What the suite needs to know of a driver's surroundings.

use std::sync::Arc;

use async_trait::async_trait;
use hearth_core::Timestamp;
use hearth_core::engine::EngineSpec;
use hearth_core::id::EngineId;

use crate::Driver;

/// A place for engines to run in, made anew for each test.
#[async_trait]
pub trait Harness: Send + Sync {
    /// A driver over that place. Each call is a server that starts anew: what ran goes on running.
    fn driver(&self) -> Arc<dyn Driver>;

    /// How to start an engine that behaves so. Its deadline is an hour away.
    fn spec(&self, id: EngineId, behaviour: Behaviour) -> EngineSpec;

    /// How often an engine of that id was really started.
    fn starts(&self, id: EngineId) -> u32;

    /// The present, as the driver sees it.
    fn now(&self) -> Timestamp;

    /// Lets a little time pass, so that engines get on: 10 to 100 ms of the driver's time.
    async fn let_time_pass(&self);

    /// Checks that nothing is left anywhere once every engine has been removed.
    fn check_nothing_is_left(&self);
}

/// How an engine of the suite behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// It listens, and ends when asked to.
    Listens,
    /// It listens, and does not end when asked to.
    ListensAndIgnoresStop,
    /// It writes the lines and exits with the code, without ever listening.
    Exits {
        /// Its exit code.
        code: i32,
        /// What it writes.
        lines: Vec<String>,
    },
    /// It writes the lines and then listens, writing no more than one line about that.
    WritesAndListens(Vec<String>),
    /// Its program does not exist.
    Missing,
}
