//! The JVM of a Scala REPL that is a client of a session's Spark.

use std::collections::BTreeMap;

use hearth_core::admission::Need;
use hearth_core::session::Session;

use super::need::memory;
use super::{jvm_arguments, settings};
use crate::Launch;
use crate::jvm::Jvm;

/// The room that the JVM takes: a heap as large as the driver's. It waits for Spark most of the time.
pub fn need(given: &BTreeMap<String, String>) -> Need {
    Need { memory: memory(given), cores: 0 }
}

/// The flags of the JVM, with its class path. What it logs is said where Spark's own is.
pub(crate) fn arguments(session: &Session, launch: &Launch, jvm: &Jvm) -> Vec<String> {
    let none = BTreeMap::new();
    let given = session.config.runtime.as_ref().map_or(&none, |runtime| &runtime.properties);
    let home = launch.site_packages.join("pyspark");
    // The client's classes before the server's, which have the same names and fit only themselves.
    let client = format!("{}/jars/connect-repl/*", home.display());
    jvm_arguments(given, format!("{client}:{}", settings::class_path(&home, given)), jvm)
}
