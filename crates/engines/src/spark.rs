//! Apache Spark: a driver JVM with the Spark Connect server in it, or one for a kernel to make its driver in.

mod check;
pub mod history;
mod need;
mod rehearsal;
pub mod repl;
mod settings;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use hearth_core::engine::{EngineSpec, PortSource, Protocol, StopSignal, WORK_DIR};
use hearth_core::session::Session;

use crate::jvm::{Jvm, argument_file};
use crate::{Launch, identity, packages, properties};

pub use self::check::check;
pub use self::need::need;
pub use self::rehearsal::{REHEARSAL_GATEWAY, REHEARSAL_QUERIES, rehearsal, rehearsal_of_driver};

/// What the server writes directly before the address it listens on (4.0 to 4.3).
const LISTENING: &str = "Spark Connect server started at: ";

/// What Spark writes directly before the port of its web pages.
const UI_LISTENING: &str = "Successfully started service 'SparkUI' on port ";

/// The program of the Spark Connect server.
const MAIN: &str = "org.apache.spark.sql.connect.service.SparkConnectServer";

/// The program that PySpark's own launcher starts (3.5), for a driver that PySpark makes in its JVM.
pub(crate) const GATEWAY: &str = "org.apache.spark.api.python.PythonGatewayServer";

/// The variable with the path of the file in which that says where it listens, and its secret.
const GATEWAY_TELLS: &str = "_PYSPARK_DRIVER_CONN_INFO_PATH";

/// What the properties of its server begin with.
const CONNECT: &str = "spark.connect.";

/// The file of the JVM's flags, in the scratch directory.
const ARGUMENTS: &str = "java.args";

/// The file that says what is logged, in the scratch directory.
const LOGGING: &str = "log4j2.properties";

/// Warnings, and the two lines with ports.
const LOGGING_TEXT: &str = include_str!("spark/log4j2.properties");

/// How to start Spark for a session.
///
/// Spark picks its ports itself, so that two engines started at the same moment never meet on one. All that it is told
/// is in files and variables that only its own user can read.
pub fn spec(session: &Session, launch: Launch, jvm: &Jvm) -> EngineSpec {
    let secret = launch.secret.reveal().to_owned();
    let mut spec = start(session, launch, jvm, |_| true);
    spec.args.push(MAIN.to_owned());
    // Not as a property: those can be read by everyone who can run a query.
    spec.env.insert("SPARK_CONNECT_AUTHENTICATE_TOKEN".to_owned(), secret);
    spec
}

/// How to start a JVM with all that a session's driver is to have, and no program yet: for a kernel that makes the driver
/// in there. What it listens on is the kernel's business, and its port here means nothing.
pub(crate) fn driver(session: &Session, launch: Launch, jvm: &Jvm) -> EngineSpec {
    start(session, launch, jvm, |property| !property.starts_with(CONNECT))
}

/// A start of Spark with those properties that are `wanted`.
fn start(session: &Session, launch: Launch, jvm: &Jvm, wanted: impl Fn(&str) -> bool) -> EngineSpec {
    let none = BTreeMap::new();
    let given = session.config.runtime.as_ref().map_or(&none, |runtime| &runtime.properties);
    let home = launch.site_packages.join("pyspark");

    let mut arguments = jvm_arguments(given, settings::class_path(&home, given), jvm);
    arguments.extend(settings::java_options(given).unwrap_or_default());
    let all =
        settings::properties(session, given, &launch.properties, launch.cores, launch.events.as_deref());
    let all = all.iter().filter(|(key, _)| wanted(key));
    arguments.extend(all.map(|(key, value)| format!("-D{key}={value}")));

    let mut env = launch.variables.clone();
    env.extend(identity::without_reserved(properties::environment(given)));
    env.extend(identity::variables(session));
    // From here on it is what the service relies on, whatever the session says.
    let mut set = |name: &str, value: String| env.insert(name.to_owned(), value);
    set("SPARK_HOME", home.display().to_string());
    if settings::is_near(&settings::master(given, &launch.properties, launch.cores)) {
        set("SPARK_LOCAL_IP", settings::LOOPBACK.to_owned());
    }
    set("SPARK_LOCAL_DIRS", WORK_DIR.to_owned());
    // Python functions run in the interpreter of the layer, where there is one.
    let python = launch.layer.as_ref().unwrap_or(&launch.environment);
    set("PYSPARK_PYTHON", python.join("bin/python").display().to_string());
    set("VIRTUAL_ENV", python.display().to_string());
    // How the JVM reads the flags: names and values are in this encoding.
    set("LC_ALL", "C.UTF-8".to_owned());

    let files = [(ARGUMENTS, argument_file(&arguments)), (LOGGING, LOGGING_TEXT.to_owned())];
    let mut files = files.map(|(name, text)| (name.to_owned(), text)).into();
    packages::make_addable(&launch, &mut env, &mut files);
    EngineSpec {
        id: session.uuid.engine_id(),
        program: jvm.program.clone(),
        args: vec![format!("@{WORK_DIR}/{ARGUMENTS}")],
        env,
        files,
        port: PortSource::LogLine(LISTENING.to_owned()),
        ui: Some(PortSource::LogLine(UI_LISTENING.to_owned())),
        protocol: Protocol::SparkConnect,
        stop_signal: StopSignal::Terminate,
        log_head: identity::log_head(session, &launch.runtime),
        log_limit: launch.log_limit,
        deadline: launch.deadline,
        spare: None,
    }
}

/// What a session's JVMs have in common: a heap as the session asks for, and files in the scratch directory.
fn jvm_arguments(given: &BTreeMap<String, String>, class_path: String, jvm: &Jvm) -> Vec<String> {
    let mut arguments = jvm.flags(&settings::heap(given));
    arguments.push(format!("-Djava.io.tmpdir={WORK_DIR}"));
    arguments.push(format!("-Dlog4j2.configurationFile={WORK_DIR}/{LOGGING}"));
    arguments.extend(["-cp".to_owned(), class_path]);
    arguments
}
