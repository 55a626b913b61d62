//! Kernels whose Spark has no Connect server: its driver is in the JVM that the kernel starts for itself.
//!
//! Why so, and what ends with what: docs/adr/0012-classic-kernels.md.

use std::collections::BTreeMap;

use hearth_core::engine::EngineSpec;
use serde_json::{Value, json};

use super::{Language, scala};
use crate::spark::GATEWAY;

/// What PySpark takes from its own process's environment: where Spark is, and which Python its functions run in.
const VARIABLES: [&str; 2] = ["SPARK_HOME", "PYSPARK_PYTHON"];

/// What the kernel is told of the JVM that it starts for its driver.
pub(super) fn jvm(language: &Language, spark: &EngineSpec) -> Value {
    let main = match language {
        Language::Python => json!([GATEWAY]),
        Language::Scala(_) => json!(scala::MAIN),
    };
    json!({
        "program": spark.program,
        "args": spark.args,
        "main": main,
        "env": spark.env,
    })
}

/// What the kernel itself has in its environment.
pub(super) fn environment(spark: &EngineSpec) -> Value {
    let found = VARIABLES.iter().filter_map(|name| spark.env.get_key_value(*name));
    json!(found.collect::<BTreeMap<_, _>>())
}
