//! What is wrong with a session's settings for Spark on this machine.

use std::collections::BTreeMap;

use hearth_core::config::SessionConfig;
use hearth_core::validate::Violation;

use super::settings;
use crate::properties::invalid;

/// Bytes in a gibibyte.
const GIBIBYTE: f64 = (1_u64 << 30) as f64;

/// What is wrong with what the caller gave, on a machine with so many bytes of memory.
pub fn check(config: &SessionConfig, machine: u64) -> Vec<Violation> {
    let Some(runtime) = &config.runtime else { return Vec::new() };
    let given = &runtime.properties;
    let problems = [memory(given, machine), java_options(given)];
    problems.into_iter().flatten().map(|problem| invalid(&problem)).collect()
}

/// A driver that this machine cannot hold: it would be killed in the middle of a query.
fn memory(given: &BTreeMap<String, String>, machine: u64) -> Option<String> {
    let size = given.get(settings::MEMORY)?;
    let needed = super::need::memory(given);
    (needed > machine).then(|| {
        let shown = |bytes: u64| format!("{:.1} GiB", bytes as f64 / GIBIBYTE);
        format!(
            "spark:{} of {size} needs {} with its overhead, and this machine has {}",
            settings::MEMORY,
            shown(needed),
            shown(machine)
        )
    })
}

/// Options that the JVM, or Spark, would refuse.
fn java_options(given: &BTreeMap<String, String>) -> Option<String> {
    let Some(options) = settings::java_options(given) else {
        return Some("the quotes of spark:spark.driver.extraJavaOptions do not match".to_owned());
    };
    let heap = options.iter().find(|option| option.starts_with("-Xmx"))?;
    Some(format!("spark:spark.driver.extraJavaOptions cannot set {heap}: use spark:{}", settings::MEMORY))
}
