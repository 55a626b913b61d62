//! Sail: a Spark Connect server without a JVM.

use std::collections::BTreeMap;

use hearth_core::admission::Need;
use hearth_core::engine::{EngineSpec, PortSource, Protocol, StopSignal, WORK_DIR};
use hearth_core::session::Session;

use crate::{Launch, identity, packages, properties};

/// What Sail writes directly before the address it listens on (measured with 0.7.2).
const LISTENING: &str = "Starting the Spark Connect server on ";

/// The room that one takes. It has no limit of memory of its own: 0.7.2 was measured at 45 MB before its first query and
/// 103 MB after it, and this leaves some for what it then works on.
pub const NEED: Need = Need { memory: 512 << 20, cores: 1 };

/// The variable that says where Sail runs queries: `local`, `local-cluster` or `kubernetes-cluster`.
const MODE: &str = "SAIL_MODE";

/// In its own process, with threads.
const LOCAL: &str = "local";

/// How to start Sail for a session.
///
/// Sail takes its settings from the environment alone, and picks its port itself, so that two engines started at
/// the same moment never meet on one.
pub fn spec(session: &Session, launch: Launch) -> EngineSpec {
    let mut env = launch.variables.clone();
    env.insert("SAIL_EXECUTION__DEFAULT_PARALLELISM".to_owned(), launch.cores.to_string());
    if let Some(runtime) = &session.config.runtime {
        env.extend(properties::sail(&runtime.properties));
        env.extend(identity::without_reserved(properties::environment(&runtime.properties)));
    }
    env.extend(identity::variables(session));
    // How it runs is the operator's decision: in one process, unless the runtime's entry in the catalogue says otherwise.
    let operators = properties::sail(&launch.properties);
    let mode = operators.get(MODE).or(launch.variables.get(MODE)).map_or(LOCAL, String::as_str).to_owned();
    env.extend(operators);
    // From here on it is what the service relies on, whatever the session says.
    let mut set = |name: &str, value: String| env.insert(name.to_owned(), value);
    // The line with the port is logged at this level; everything else only when it is a warning.
    set("RUST_LOG", "warn,sail_cli=info".to_owned());
    set(MODE, mode);
    set("SAIL_RUNTIME__TEMPORARY_FILES__PATHS", format!("[\"{WORK_DIR}\"]"));
    // The session's own end is Hearth's business: a Spark session that is merely quiet keeps its views.
    set("SAIL_SPARK__SESSION_TIMEOUT_SECS", (14 * 24 * 3600).to_string());
    let mut files = BTreeMap::new();
    packages::make_addable(&launch, &mut env, &mut files);
    let mut set = |name: &str, value: String| env.insert(name.to_owned(), value);
    // Python functions run in the interpreter that Sail was started with: the layer's, where there is one.
    let python = launch.layer.as_ref().unwrap_or(&launch.environment);
    set("VIRTUAL_ENV", python.display().to_string());
    let (program, module): (_, &[&str]) = match &launch.layer {
        Some(layer) => (layer.join("bin/python"), &["-m", "pysail"]),
        None => (launch.environment.join("bin/sail"), &[]),
    };
    let serve = ["spark", "server", "--ip", "127.0.0.1", "--port", "0"];
    EngineSpec {
        id: session.uuid.engine_id(),
        program,
        args: module.iter().chain(&serve).map(|arg| (*arg).to_owned()).collect(),
        env,
        files,
        port: PortSource::LogLine(LISTENING.to_owned()),
        ui: None,
        protocol: Protocol::SparkConnect,
        // SIGTERM ends Sail at once; SIGINT lets it finish what it writes.
        stop_signal: StopSignal::Interrupt,
        log_head: identity::log_head(session, &launch.runtime),
        log_limit: launch.log_limit,
        deadline: launch.deadline,
        spare: None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use hearth_core::Timestamp;
    use hearth_core::config::{RuntimeConfig, SessionConfig};
    use hearth_core::id::{OperationId, SessionUuid};
    use hearth_core::policy::SessionPolicy;

    use super::*;
    use crate::Secret;

    fn map<const N: usize>(entries: [(&str, &str); N]) -> BTreeMap<String, String> {
        BTreeMap::from(entries.map(|(key, value)| (key.to_owned(), value.to_owned())))
    }

    fn start(properties: BTreeMap<String, String>, layer: Option<&str>) -> EngineSpec {
        start_on(properties, layer, map([]))
    }

    /// On a runtime with properties of the operator's.
    fn start_on(
        properties: BTreeMap<String, String>,
        layer: Option<&str>,
        operators: BTreeMap<String, String>,
    ) -> EngineSpec {
        let config = SessionConfig {
            labels: map([("team", "blue"), ("cost-center", "7")]),
            runtime: Some(RuntimeConfig { properties, ..RuntimeConfig::default() }),
            user: "ana@example.com".to_owned(),
            ..SessionConfig::default()
        };
        let session = Session::new(
            "projects/p/locations/l/sessions/etl".parse().unwrap(),
            SessionUuid("0190a3c2-0000-4000-8000-000000000001".parse().unwrap()),
            config,
            "bob@example.com".to_owned(),
            OperationId("0190a3c2-0000-4000-8000-000000000002".parse().unwrap()),
            Timestamp::UNIX_EPOCH,
            &SessionPolicy::default(),
        );
        let launch = Launch {
            runtime: "sail-1".to_owned(),
            environment: PathBuf::from("/base"),
            layer: layer.map(PathBuf::from),
            site_packages: PathBuf::from("/base/lib/python3/site-packages"),
            secret: Secret::new("hush".to_owned()),
            events: None,
            variables: map([("FROM_RUNTIME", "1")]),
            properties: operators,
            cores: 2,
            log_limit: 1 << 20,
            deadline: Timestamp::UNIX_EPOCH,
        };
        spec(&session, launch)
    }

    #[test]
    fn the_engine_is_told_whose_it_is() {
        let spec = start(map([]), None);
        for (name, value) in [
            ("HEARTH_LABEL_TEAM", "blue"),
            ("HEARTH_LABEL_COST_CENTER", "7"),
            ("HEARTH_LABELS", r#"{"cost-center":"7","team":"blue"}"#),
            ("HEARTH_SESSION", "projects/p/locations/l/sessions/etl"),
            ("HEARTH_SESSION_UUID", "0190a3c2-0000-4000-8000-000000000001"),
            ("HEARTH_CREATOR", "bob@example.com"),
            ("HEARTH_USER", "ana@example.com"),
            ("FROM_RUNTIME", "1"),
            ("SAIL_EXECUTION__DEFAULT_PARALLELISM", "2"),
        ] {
            assert_eq!(spec.env.get(name).map(String::as_str), Some(value), "{name}");
        }
        assert!(!format!("{spec:?}").contains("hush"), "Sail asks nobody for it");
        assert!(spec.log_head.contains("sessions/etl") && spec.log_head.ends_with("\"team\":\"blue\"}\n"));
    }

    #[test]
    fn properties_reach_the_engine_but_not_what_the_service_relies_on() {
        let spec = start(
            map([
                ("spark.default.parallelism", "5"),
                ("sail.mode", "kubernetes-cluster"),
                ("spark.dataproc.driverEnv.HEARTH_LABEL_TEAM", "red"),
                ("spark.dataproc.driverEnv.HEARTH_TOKEN", "x"),
                ("spark.dataproc.driverEnv.RUST_LOG", "off"),
                ("spark.dataproc.driverEnv.GREETING", "hello"),
            ]),
            None,
        );
        for (name, value) in [
            ("SAIL_EXECUTION__DEFAULT_PARALLELISM", Some("5")),
            ("SAIL_MODE", Some("local")),
            ("HEARTH_LABEL_TEAM", Some("blue")),
            ("HEARTH_TOKEN", None),
            ("RUST_LOG", Some("warn,sail_cli=info")),
            ("GREETING", Some("hello")),
        ] {
            assert_eq!(spec.env.get(name).map(String::as_str), value, "{name}");
        }
    }

    #[test]
    fn the_operator_alone_decides_whether_it_runs_as_a_cluster() {
        let asked = map([("sail.mode", "local-cluster"), ("sail.cluster.worker_task_slots", "64")]);
        assert_eq!(start(asked.clone(), None).env["SAIL_MODE"], "local");
        let operators = [("sail.mode", "kubernetes-cluster"), ("sail.cluster.worker_task_slots", "2")];
        let spec = start_on(asked, None, map(operators));
        assert_eq!(spec.env["SAIL_MODE"], "kubernetes-cluster");
        assert_eq!(spec.env["SAIL_CLUSTER__WORKER_TASK_SLOTS"], "2");
    }

    #[test]
    fn packages_can_be_added_while_it_runs_after_what_the_session_says() {
        let spec = start(map([]), Some("/layer"));
        assert_eq!(spec.env["PYTHONPATH"], "{work}/packages");
        assert!(spec.files.contains_key("packages/README"));
        let roots: packages::Roots = serde_json::from_str(&spec.files[packages::ROOTS]).unwrap();
        let expected = ("sail-1", "/base".into(), Some("/layer".into()));
        assert_eq!((roots.runtime.as_str(), roots.environment, roots.layer), expected);
        let own = start(map([("spark.dataproc.driverEnv.PYTHONPATH", "/own")]), None);
        assert_eq!(own.env["PYTHONPATH"], "/own:{work}/packages");
    }

    #[test]
    fn a_session_with_a_layer_runs_in_the_layers_python() {
        assert_eq!(start(map([]), None).program, PathBuf::from("/base/bin/sail"));
        let spec = start(map([]), Some("/layer"));
        assert_eq!(spec.program, PathBuf::from("/layer/bin/python"));
        assert_eq!(spec.args[..4], ["-m", "pysail", "spark", "server"]);
        assert_eq!(spec.env["VIRTUAL_ENV"], "/layer");
    }
}
