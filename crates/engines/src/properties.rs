//! What Spark properties mean for an engine's start.

use std::collections::BTreeMap;

/// Prefixes of properties that set environment variables: of the Spark driver, and of its executors. Where both
/// are one process the driver's wins.
const ENVIRONMENT_PREFIXES: [&str; 2] = ["spark.executorEnv.", "spark.dataproc.driverEnv."];

/// The environment variables that properties ask for.
///
/// Names that no process could have (empty, with `=` or a zero byte) are left out; so are values with a zero byte.
pub fn environment(properties: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    for prefix in ENVIRONMENT_PREFIXES {
        for (key, value) in properties {
            if let Some(name) = key.strip_prefix(prefix)
                && !name.is_empty()
                && !name.contains(['=', '\0'])
                && !value.contains('\0')
            {
                variables.insert(name.to_owned(), value.clone());
            }
        }
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drivers_environment_wins_over_the_executors() {
        let properties = BTreeMap::from(
            [
                ("spark.dataproc.driverEnv.A", "driver"),
                ("spark.executorEnv.A", "executor"),
                ("spark.executorEnv.B", "b"),
                ("spark.executorEnv.", "nameless"),
                ("spark.executorEnv.C=D", "two names"),
                ("spark.app.name", "x"),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned())),
        );
        let expected =
            BTreeMap::from([("A", "driver"), ("B", "b")].map(|(k, v)| (k.to_owned(), v.to_owned())));
        assert_eq!(environment(&properties), expected);
    }
}
