//! A driver without engines: scripted, deterministic, and as fast as memory.
//!
//! A [`FakeWorld`] holds what would be processes; it outlives its [`FakeDriver`]s as processes outlive a server. What
//! each engine does (how long it takes to start, whether it fails, when it ends, whether it heeds a stop) is written
//! in an [`EnginePlan`], and faults of the driver itself are injected as [`Fault`]s. Everything that is asked and
//! everything that comes of it is in a [`Journal`].
//!
//! Time is the world's clock. Nothing happens between two looks at it: whoever moves a virtual clock calls
//! [`FakeWorld::settle`] afterwards, and finds out from [`FakeWorld::next_change`] how far to move it; under a clock
//! that runs by itself, [`FakeWorld::keep_settled`] does both.

mod driver;
mod engine;
mod journal;
mod plan;
mod world;

pub use driver::FakeDriver;
pub use engine::SavedEngine;
pub use journal::{Counts, Entry, Journal, What};
pub use plan::{EnginePlan, ExitPlan, Fault, Method, OnStart, OnStop};
pub use world::FakeWorld;

use std::collections::BTreeMap;

use hearth_core::Timestamp;
use hearth_core::engine::{EngineSpec, PortSource, Protocol, StopSignal};
use hearth_core::id::EngineId;

/// How to start an engine that does as its plan says. No program is run.
pub fn spec(id: EngineId, deadline: Timestamp) -> EngineSpec {
    EngineSpec {
        id,
        program: "/bin/engine".into(),
        args: Vec::new(),
        env: BTreeMap::new(),
        files: BTreeMap::new(),
        port: PortSource::LogLine("listening on ".to_owned()),
        ui: None,
        protocol: Protocol::SparkConnect,
        stop_signal: StopSignal::Terminate,
        log_head: String::new(),
        log_limit: 1 << 20,
        deadline,
        spare: None,
    }
}
