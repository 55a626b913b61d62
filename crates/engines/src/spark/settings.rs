//! What Spark is told: properties, class path, heap, and the options of its JVM.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use hearth_core::engine::WORK_DIR;
use hearth_core::properties::{APP_NAME, memory_bytes};
use hearth_core::session::Session;

use crate::identity;
use crate::properties::{JARS, local_files};

/// Engines talk to nobody but this machine.
pub(super) const LOOPBACK: &str = "127.0.0.1";

/// How much heap a driver has when nobody says: what Spark itself gives it.
const DEFAULT_HEAP: &str = "1g";

/// Where executors run.
pub(super) const MASTER: &str = "spark.master";

/// The size of the driver's heap.
pub(super) const MEMORY: &str = "spark.driver.memory";

/// Options for the driver's JVM: those of the operator's defaults, then those of the session.
const JAVA_OPTIONS: [&str; 2] = ["spark.driver.defaultJavaOptions", "spark.driver.extraJavaOptions"];

/// Properties that a session may change, as (key, value).
const DEFAULTS: [(&str, &str); 3] = [
    // Of an engine that is made ahead, which has no session's yet. Without one PySpark makes no driver.
    (APP_NAME, "hearth"),
    // The session's own end is Hearth's business: a Spark session that is merely quiet keeps its views.
    ("spark.connect.session.manager.defaultSessionTimeout", "14d"),
    // Bars for a terminal, and there is none.
    ("spark.ui.showConsoleProgress", "false"),
];

/// The properties that Spark is started with: the session's, completed; over them the operator's; and over those what
/// the service relies on.
pub(super) fn properties(
    session: &Session,
    given: &BTreeMap<String, String>,
    operators: &BTreeMap<String, String>,
    cores: usize,
    events: Option<&Path>,
) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> =
        DEFAULTS.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    // Tables of a session that names no warehouse live as long as it does.
    all.insert("spark.sql.warehouse.dir".to_owned(), format!("{WORK_DIR}/warehouse"));
    let usable = |(key, value): &(&String, &String)| key.starts_with("spark.") && !value.contains('\0');
    let taken = |from: &BTreeMap<String, String>| -> Vec<(String, String)> {
        from.iter().filter(usable).map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    all.extend(taken(given));
    all.extend(identity::properties(session));
    let master = master(given, operators, cores);
    if is_near(&master) {
        all.insert("spark.driver.host".to_owned(), LOOPBACK.to_owned());
        all.insert("spark.driver.bindAddress".to_owned(), LOOPBACK.to_owned());
    }
    all.insert(MASTER.to_owned(), master);
    all.extend(taken(operators));
    let mut set = |key: &str, value: String| all.insert(key.to_owned(), value);
    set("spark.connect.grpc.binding.address", LOOPBACK.to_owned());
    // Zero: Spark picks a free one and writes it to its log.
    set("spark.connect.grpc.binding.port", "0".to_owned());
    set("spark.ui.port", "0".to_owned());
    // Where the gateway shows the web pages; only written into links.
    set("spark.ui.proxyBase", format!("/sessions/{}/ui", session.uuid));
    // Spark's own id is the millisecond of the start, which two sessions can share; logs are named after it.
    set("spark.test.appId", format!("local-{}", session.uuid));
    set("spark.eventLog.enabled", events.is_some().to_string());
    if let Some(events) = events {
        set("spark.eventLog.dir", events.display().to_string());
        // One file, read while it is written: as text, and whole.
        set("spark.eventLog.rolling.enabled", "false".to_owned());
        set("spark.eventLog.compress", "false".to_owned());
    }
    all
}

/// Where executors run: as the operator says, or the session where it may, or in the driver itself.
pub(super) fn master(
    given: &BTreeMap<String, String>,
    operators: &BTreeMap<String, String>,
    cores: usize,
) -> String {
    let chosen = operators.get(MASTER).or(given.get(MASTER)).filter(|master| !master.is_empty());
    chosen.cloned().unwrap_or_else(|| format!("local[{cores}]"))
}

/// Whether all that a driver talks to is on this machine, so that it need not be reached from elsewhere.
pub(super) fn is_near(master: &str) -> bool {
    if master.starts_with("local") {
        return true;
    }
    let Some(addresses) = master.strip_prefix("spark://") else { return false };
    addresses.split(',').all(|address| {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    })
}

/// The size of the heap, in the JVM's form.
pub(super) fn heap(given: &BTreeMap<String, String>) -> String {
    let size = given.get(MEMORY).map(String::as_str).filter(|size| memory_bytes(size).is_some());
    let size = size.unwrap_or(DEFAULT_HEAP);
    // Spark takes a bare number as mebibytes, the JVM as bytes.
    if size.ends_with(|c: char| c.is_ascii_digit()) { format!("{size}m") } else { size.to_owned() }
}

/// Spark's own jars first, so that an archive of their classes fits, then what the session adds.
///
/// Jars in `spark.jars` that are files of this machine are there too: Spark itself gives them only to executors.
pub(super) fn class_path(home: &Path, given: &BTreeMap<String, String>) -> String {
    let mut path = format!("{}/jars/*", home.display());
    let mut add = |entry: &str| {
        if !entry.is_empty() {
            path.push(':');
            path.push_str(entry);
        }
    };
    given.get("spark.driver.extraClassPath").into_iter().for_each(|extra| add(extra));
    local_files(given, JARS).for_each(add);
    path
}

/// The JVM options that a session asks for, `None` where quotes do not match.
pub(super) fn java_options(given: &BTreeMap<String, String>) -> Option<Vec<String>> {
    let mut options = Vec::new();
    for key in JAVA_OPTIONS {
        if let Some(text) = given.get(key) {
            options.extend(shlex::split(text)?);
        }
    }
    Some(options)
}
