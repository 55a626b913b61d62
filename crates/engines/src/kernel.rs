//! A Jupyter kernel with `spark` bound to a Spark of its own: one engine, whose root process is the kernel's host.
//!
//! ```text
//! shim ─ host (Python) ┬─ Spark: what the runtime's engine would be by itself
//!                      ├─ relay (`hearth kernel-relay`): the engine's port
//!                      └─ kernel: forked from the host, again at each restart
//! ```
//!
//! The kernel of a Scala session has its REPL in a JVM of its own (`scala.rs`); its host forks it while Spark starts.
//! Where Spark has no Connect server the driver itself is in the kernel's JVM, and the host starts none (`classic.rs`).
//! Why they are together, and what each is for, is in docs/adr/0008-kernels.md and 0012-classic-kernels.md.

mod classic;
mod scala;

use std::collections::BTreeMap;
use std::path::PathBuf;

use hearth_core::admission::Need;
use hearth_core::engine::{EngineSpec, PortSource, Protocol, Spare, StopSignal, WORK_DIR};
use hearth_core::session::Session;
use serde_json::{Value, json};

use crate::jvm::Jvm;
use crate::{Launch, identity, properties, spark};

/// The room that a kernel takes beside its Spark: 144 MB were measured for the host and 159 MB for a kernel with Spark
/// bound. What they do waits for Spark most of the time.
pub const NEED: Need = Need { memory: 320 << 20, cores: 0 };

/// The folder of the host's own files in the scratch directory, which is the notebook's folder itself.
const FOLDER: &str = "kernel";

/// The program of the host, and the modules of the kernel.
const PROGRAMS: [(&str, &str); 8] = [
    ("host.py", include_str!("kernel/host.py")),
    ("hearth_imports.py", include_str!("kernel/imports.py")),
    ("hearth_kernel.py", include_str!("kernel/kernel.py")),
    ("hearth_binding.py", include_str!("kernel/binding.py")),
    ("hearth_classic.py", include_str!("kernel/classic.py")),
    ("hearth_jvm.py", include_str!("kernel/jvm.py")),
    ("hearth_debugger.py", include_str!("kernel/debugger.py")),
    ("hearth_outputs.py", include_str!("kernel/outputs.py")),
];

/// What a process does that gets ready to be a kernel's host, and how it is told that.
const SPARE: &str = concat!(include_str!("kernel/imports.py"), include_str!("kernel/spare.py"));
const RUN: &str = "import json, sys; exec(json.loads(sys.stdin.readline()))";

/// What variables begin with that matter to a process from its start, so that none that has started can take them over.
const FROM_THE_START: [&str; 6] = ["PYTHON", "LD_", "LC_", "LANG", "TZ", "MALLOC_"];

/// The file, in the scratch directory, of what a kernel may be told after it has started: see [`told`].
pub const TOLD: &str = "kernel/session.json";

/// What the properties begin with that a session of Spark Connect can set for itself.
const SQL: &str = "spark.sql.";

/// Stands in the host's settings for the scratch directory. What it becomes need not be fit for JSON.
const HERE: &str = "{here}";

/// What a kernel's engine is made of beside Spark.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The command that runs the relay.
    pub relay: Vec<String>,
    /// What stands directly before the relay's address in the engine's log.
    pub relay_listening: &'static str,
    /// The program that installs packages, where there is one.
    pub uv: Option<PathBuf>,
    /// The variables that tell it where packages come from.
    pub uv_variables: BTreeMap<String, String>,
    /// The names of variables that would tell it so, and hold what is not for notebooks.
    pub uv_withheld: Vec<String>,
}

/// The language of a kernel's cells.
#[derive(Debug, Clone)]
pub enum Language {
    /// Python.
    Python,
    /// Scala, whose REPL runs in this Java; within Spark's own JVM where that is the kernel's.
    Scala(Jvm),
}

/// Where the Spark of a kernel is.
#[derive(Debug, Clone)]
pub enum Place {
    /// Beside it, with a Connect server: how it would be started as an engine by itself.
    Beside(Box<EngineSpec>),
    /// In a JVM that each kernel starts for itself, of this Java.
    Within(Jvm),
}

/// How to start a kernel for a session.
pub fn spec(
    session: &Session,
    launch: &Launch,
    parts: &Parts,
    language: &Language,
    place: Place,
) -> EngineSpec {
    let (mut spark, within) = match place {
        Place::Beside(spark) => (*spark, false),
        Place::Within(jvm) => (spark::driver(session, launch.clone(), &jvm), true),
    };
    let none = BTreeMap::new();
    let given = session.config.runtime.as_ref().map_or(&none, |runtime| &runtime.properties);
    let python = launch.layer.as_ref().unwrap_or(&launch.environment);
    let mut env = launch.variables.clone();
    env.extend(identity::without_reserved(properties::environment(given)));
    env.extend(identity::variables(session));
    env.insert("VIRTUAL_ENV".to_owned(), python.display().to_string());
    // Spark has it from the host, where it is withheld from an engine that is made ahead.
    spark.env = identity::without_reserved(spark.env);
    env.insert(identity::SECRET_VARIABLE.to_owned(), launch.secret.reveal().to_owned());

    let mut own: BTreeMap<_, _> = PROGRAMS.map(file).into();
    let mut settings = settings(parts);
    if within {
        settings["jvm"] = classic::jvm(language, &spark);
        settings["env"] = classic::environment(&spark);
    } else {
        settings["spark"] = beside(&spark);
        settings["env"] = spark.env.get(TOKEN).map_or(json!({}), |token| json!({TOKEN: token}));
    }
    settings["language"] = match language {
        Language::Python => "python",
        Language::Scala(jvm) => {
            own.extend(scala::PROGRAMS.map(file));
            if !within {
                let (repl, arguments) = scala::jvm(session, launch, jvm, &spark);
                settings["jvm"] = repl;
                own.extend(arguments);
            }
            "scala"
        }
    }
    .into();
    let settings = settings.to_string().replace(WORK_DIR, HERE);
    let mut files = spark.files;
    files.insert(TOLD.to_owned(), told(session));
    files.insert(format!("{FOLDER}/settings.json"), settings);
    files.extend(own);
    let from_the_start = |name: &String| FROM_THE_START.iter().any(|start| name.starts_with(start));
    let spare = (!env.keys().any(from_the_start))
        .then(|| Spare { args: ["-c", RUN].map(str::to_owned).to_vec(), input: json!(SPARE).to_string() });
    EngineSpec {
        id: session.uuid.engine_id(),
        program: python.join("bin/python"),
        args: ["host.py", "settings.json"].map(|name| format!("{FOLDER}/{name}")).to_vec(),
        env,
        files,
        port: PortSource::LogLine(parts.relay_listening.to_owned()),
        ui: spark.ui,
        protocol: Protocol::Jupyter,
        stop_signal: StopSignal::Terminate,
        log_head: spark.log_head,
        log_limit: spark.log_limit,
        deadline: spark.deadline,
        spare,
    }
}

/// What a kernel needs to know of its session, and can be told while it runs, as JSON: the file [`TOLD`] of an engine that
/// is launched for its session, and written at the hand-over for one that was made ahead.
pub fn told(session: &Session) -> String {
    let runtime = session.config.runtime.as_ref();
    let index = runtime.and_then(|runtime| runtime.repository.as_ref()?.pypi.as_ref());
    let properties = runtime.into_iter().flat_map(|runtime| &runtime.properties);
    let properties: BTreeMap<_, _> = properties.filter(|(key, _)| key.starts_with(SQL)).collect();
    let told = json!({
        "index": index.filter(|index| !index.is_empty()),
        "properties": properties,
        "variables": identity::variables(session),
    });
    format!("{told}\n")
}

/// One of the host's own files.
fn file((name, text): (&str, &str)) -> (String, String) {
    (format!("{FOLDER}/{name}"), text.to_owned())
}

/// What the host is told of a Spark that it starts beside the kernel.
fn beside(spark: &EngineSpec) -> Value {
    let PortSource::LogLine(listening) = &spark.port;
    let stop_signal = match spark.stop_signal {
        StopSignal::Interrupt => "SIGINT",
        StopSignal::Terminate => "SIGTERM",
    };
    // A client shows a token without TLS only to the name `localhost`.
    let host = if spark.env.contains_key(TOKEN) { "localhost" } else { "127.0.0.1" };
    json!({
        "program": spark.program, "args": spark.args, "env": spark.env, "listening": listening,
        "stop-signal": stop_signal, "host": host,
    })
}

fn settings(parts: &Parts) -> Value {
    json!({
        // Where there is none, it is in the kernel's own JVM.
        "spark": null,
        "relay": parts.relay,
        "uv": parts.uv,
        "uv-env": parts.uv_variables,
        "uv-withheld": parts.uv_withheld,
    })
}

/// The variable by which Spark and its clients learn their token.
const TOKEN: &str = "SPARK_CONNECT_AUTHENTICATE_TOKEN";
