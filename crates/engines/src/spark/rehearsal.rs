//! A start of Spark that is for nobody: what it loads is archived, for the starts that follow.

use hearth_core::Timestamp;
use hearth_core::config::{RuntimeConfig, SessionConfig};
use hearth_core::engine::{EngineSpec, WORK_DIR};
use hearth_core::policy::SessionPolicy;
use hearth_core::session::Session;

use crate::Launch;
use crate::jvm::Jvm;

/// The file in which the driver of a rehearsal says where it is.
pub const REHEARSAL_GATEWAY: &str = "gateway";

/// What a client asks during the rehearsal: a program for PySpark, which takes the address of the server from its
/// standard input, or the path of a driver's file. The more of Spark it touches, the less is left to load in a real session.
pub const REHEARSAL_QUERIES: &str = include_str!("rehearsal.py");

/// The name of the session that the rehearsal is for. It is in no store.
const NAME: &str = "projects/hearth/locations/local/sessions/rehearsal";

/// Its uuid, and that of its operation.
const UUID: &str = "00000000-0000-4000-8000-000000000000";

/// How to start Spark for a rehearsal: as for a session without settings of its own.
pub fn rehearsal(launch: Launch, jvm: &Jvm) -> EngineSpec {
    super::spec(&nobodys(), launch, jvm)
}

/// The same for a Spark without a Connect server: a driver as kernels start it. Where it listens, and its secret, it says in
/// the file [`REHEARSAL_GATEWAY`] of its scratch directory; it ends with its standard input.
pub fn rehearsal_of_driver(launch: Launch, jvm: &Jvm) -> EngineSpec {
    let mut spec = super::driver(&nobodys(), launch, jvm);
    spec.args.push(super::GATEWAY.to_owned());
    let file = format!("{WORK_DIR}/{REHEARSAL_GATEWAY}");
    spec.env.insert(super::GATEWAY_TELLS.to_owned(), file);
    spec
}

fn nobodys() -> Session {
    let properties = [("spark.driver.memory", "1g"), ("spark.app.name", "rehearsal")];
    let properties = properties.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let config = SessionConfig {
        runtime: Some(RuntimeConfig { properties, ..RuntimeConfig::default() }),
        ..SessionConfig::default()
    };
    Session::new(
        NAME.parse().expect("a constant name, parsed by a test"),
        UUID.parse().expect("a constant uuid, parsed by a test"),
        config,
        String::new(),
        UUID.parse().expect("a constant uuid, parsed by a test"),
        Timestamp::UNIX_EPOCH,
        &SessionPolicy::default(),
    )
}
