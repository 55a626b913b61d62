//! The REPL of a Scala kernel: Scala's own, in a JVM of the kernel's that is driven through Py4J.
//!
//! Where Spark has no Connect server the REPL is in the driver's JVM (`classic.rs`). Why so, and not through a terminal or
//! a program of ours: docs/adr/0011-scala-kernels.md.

use std::collections::BTreeMap;

use hearth_core::engine::{EngineSpec, WORK_DIR};
use hearth_core::session::Session;
use serde_json::{Value, json};

use super::FOLDER;
use crate::Launch;
use crate::jvm::{Jvm, argument_file};
use crate::spark::repl;

/// The file of the JVM's flags, in the folder of the host's files.
const ARGUMENTS: &str = "repl.args";

/// Serves the JVM's objects, on a port that the system picks, to who has the token that it writes first.
pub(super) const MAIN: [&str; 3] = ["py4j.GatewayServer", "--enable-auth", "0"];

/// Programs of the kernel, beside those that every kernel has.
pub(super) const PROGRAMS: [(&str, &str); 4] = [
    ("hearth_scala.py", include_str!("scala.py")),
    ("notebook.scala", include_str!("notebook.scala")),
    ("remote.scala", include_str!("remote.scala")),
    ("classic.scala", include_str!("classic.scala")),
];

/// What the kernel is told of its REPL's JVM where Spark is beside it, and the files that it is started from.
pub(super) fn jvm(
    session: &Session,
    launch: &Launch,
    jvm: &Jvm,
    spark: &EngineSpec,
) -> (Value, BTreeMap<String, String>) {
    let arguments = argument_file(&repl::arguments(session, launch, jvm));
    let settings = json!({
        "program": jvm.program,
        "args": [format!("@{WORK_DIR}/{FOLDER}/{ARGUMENTS}")],
        "main": MAIN,
        "env": spark.env,
    });
    (settings, BTreeMap::from([(format!("{FOLDER}/{ARGUMENTS}"), arguments)]))
}
