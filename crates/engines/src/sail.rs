//! Sail: a Spark Connect server without a JVM.

use std::collections::BTreeMap;

use hearth_core::engine::{EngineSpec, PortSource, Protocol, StopSignal, WORK_DIR};
use hearth_core::session::Session;

use crate::{Launch, properties};

/// What Sail writes directly before the address it listens on (measured with 0.7.2).
const LISTENING: &str = "Starting the Spark Connect server on ";

/// How to start Sail for a session.
///
/// Sail takes its settings from the environment alone, and picks its port itself, so that two engines started at
/// the same moment never meet on one.
pub fn spec(session: &Session, launch: Launch) -> EngineSpec {
    let mut env = launch.variables.clone();
    if let Some(runtime) = &session.config.runtime {
        env.extend(properties::environment(&runtime.properties));
    }
    let mut set = |name: &str, value: String| env.insert(name.to_owned(), value);
    // The line with the port is logged at this level; everything else only when it is a warning.
    set("RUST_LOG", "warn,sail_cli=info".to_owned());
    set("SAIL_MODE", "local".to_owned());
    set("SAIL_EXECUTION__DEFAULT_PARALLELISM", launch.cores.to_string());
    set("SAIL_RUNTIME__TEMPORARY_FILES__PATHS", format!("[\"{WORK_DIR}\"]"));
    // The session's own end is Hearth's business: a Spark session that is merely quiet keeps its views.
    set("SAIL_SPARK__SESSION_TIMEOUT_SECS", (14 * 24 * 3600).to_string());
    // Python functions run in the engine's own environment.
    set("VIRTUAL_ENV", launch.environment.display().to_string());
    set("HEARTH_SESSION", session.name.to_string());
    EngineSpec {
        id: session.uuid.engine_id(),
        program: launch.environment.join("bin/sail"),
        args: ["spark", "server", "--ip", "127.0.0.1", "--port", "0"].map(str::to_owned).to_vec(),
        env,
        files: BTreeMap::new(),
        port: PortSource::LogLine(LISTENING.to_owned()),
        protocol: Protocol::SparkConnect,
        // SIGTERM ends Sail at once; SIGINT lets it finish what it writes.
        stop_signal: StopSignal::Interrupt,
        log_limit: launch.log_limit,
        deadline: launch.deadline,
    }
}
