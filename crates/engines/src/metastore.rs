//! A Hive metastore from the jars of an installed Spark: where tables of several sessions are written down.
//!
//! It is no session's engine, but runs in the same way, so that it outlives the service as engines do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hearth_core::Timestamp;
use hearth_core::engine::{EngineSpec, PortSource, Protocol, StopSignal, WORK_DIR};
use hearth_core::id::EngineId;

use crate::jvm::Jvm;

/// What the script writes directly before the address.
const LISTENING: &str = "The metastore listens on ";
/// The script, in the scratch directory.
const SCRIPT: &str = "metastore.py";
/// Memory of its JVM. Measured: 250 MB resident with a few tables.
const HEAP: &str = "512m";

/// What a start needs to know.
#[derive(Debug, Clone)]
pub struct Metastore {
    /// What it is named after.
    pub id: EngineId,
    /// The root of the Python environment with Spark.
    pub environment: PathBuf,
    /// Where its database and, unless tables say otherwise, their files are kept.
    pub directory: PathBuf,
    /// The port it had before, so that sessions find it again; 0 for any.
    pub port: u16,
    /// The most its log may take on disk, in bytes.
    pub log_limit: u64,
    /// When it is ended even if no server is there to ask for it.
    pub deadline: Timestamp,
}

/// How to start a metastore.
pub fn spec(metastore: Metastore, jvm: &Jvm) -> EngineSpec {
    let shown = |path: &Path| path.display().to_string();
    let mut args = vec![
        format!("{WORK_DIR}/{SCRIPT}"),
        shown(&metastore.directory),
        metastore.port.to_string(),
        shown(&jvm.program),
    ];
    args.extend(jvm.flags(HEAP));
    // It starts once and then waits: the quick compiler is enough.
    args.push("-XX:TieredStopAtLevel=1".to_owned());
    // Where Derby writes its own log.
    args.push(format!("-Dderby.system.home={WORK_DIR}"));
    EngineSpec {
        id: metastore.id,
        program: metastore.environment.join("bin/python"),
        args,
        env: BTreeMap::new(),
        files: BTreeMap::from([(SCRIPT.to_owned(), include_str!("metastore/serve.py").to_owned())]),
        port: PortSource::LogLine(LISTENING.to_owned()),
        ui: None,
        protocol: Protocol::HiveMetastore,
        stop_signal: StopSignal::Terminate,
        log_head: String::new(),
        log_limit: metastore.log_limit,
        deadline: metastore.deadline,
        spare: None,
    }
}

/// The properties of a session whose tables are written down in the metastore at `uris`. Databases that it makes are
/// kept in `warehouse`, where that is known: they have to outlive the session.
pub fn properties(uris: &str, warehouse: Option<&Path>) -> BTreeMap<String, String> {
    let mut properties = BTreeMap::new();
    let mut set = |key: &str, value: String| properties.insert(key.to_owned(), value);
    set("spark.sql.catalogImplementation", "hive".to_owned());
    set("spark.hadoop.hive.metastore.uris", uris.to_owned());
    if let Some(warehouse) = warehouse {
        set("spark.sql.warehouse.dir", warehouse.display().to_string());
    }
    properties
}
