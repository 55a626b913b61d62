//! What Spark properties mean for an engine's start.

mod settable;

use std::collections::BTreeMap;
use std::path::Path;

use hearth_core::config::SessionConfig;
use hearth_core::properties::APP_NAME;
use hearth_core::validate::Violation;

pub use self::settable::settable;

/// Prefixes of properties that set environment variables: of the Spark driver, and of its executors. Where both
/// are one process the driver's wins.
const ENVIRONMENT_PREFIXES: [&str; 2] = ["spark.executorEnv.", "spark.dataproc.driverEnv."];

/// The property that names jars.
pub(crate) const JARS: &str = "spark.jars";

/// The property that names Python modules and archives of them, as `spark-submit --py-files` does. Spark's own for it
/// cannot be set (contract, section 6).
pub(crate) const PYTHON_FILES: &str = "spark.dataproc.python.files";

/// The variable that says where Python finds modules.
pub(crate) const PYTHON_PATH: &str = "PYTHONPATH";

/// What the keys of properties for Sail itself begin with.
const SAIL_PREFIX: &str = "sail.";

/// Properties of Spark that Sail has a setting of the same meaning for, and its variable.
///
/// Memory is not among them: Spark's is the size of a process, Sail's the share of it that queries may take.
const SAIL_EQUIVALENTS: [(&str, &str); 1] =
    [("spark.default.parallelism", "SAIL_EXECUTION__DEFAULT_PARALLELISM")];

/// The variables that set Sail up as properties say: `sail.a.b_c` is `SAIL_A__B_C`, Sail's own form of its
/// configuration keys. These win over properties of Spark that mean the same.
///
/// Keys that Sail could not have are left out, as are values no variable can hold.
pub fn sail(properties: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    let sound = |value: &String| !value.contains('\0');
    for (key, variable) in SAIL_EQUIVALENTS {
        // A number, or Sail would not start.
        if let Some(value) = properties.get(key).filter(|value| value.parse::<u32>().is_ok_and(|n| n > 0)) {
            variables.insert(variable.to_owned(), value.clone());
        }
    }
    for (key, value) in properties {
        let word =
            |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_');
        if let Some(name) = key.strip_prefix(SAIL_PREFIX)
            && name.split('.').all(word)
            && sound(value)
        {
            variables.insert(format!("SAIL_{}", name.to_ascii_uppercase().replace('.', "__")), value.clone());
        }
    }
    variables
}

/// Whether a property of this key decides something of Sail's that only a launch can decide. No other property has any
/// effect on Sail's own start.
pub fn fixed_for_sail(key: &str) -> bool {
    key.starts_with(SAIL_PREFIX)
        || key == PYTHON_FILES
        || SAIL_EQUIVALENTS.iter().any(|(known, _)| *known == key)
        || ENVIRONMENT_PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}

/// Whether a property decides something of Spark's that only a launch can decide. The application's name is for people,
/// and they are shown the session's.
pub fn fixed_for_spark(key: &str, value: &str) -> bool {
    key != APP_NAME && !settable::settable(key, value)
}

/// The files of this machine among those that a property names, separated by commas. Other stores are Spark's to ask.
pub(crate) fn local_files<'p>(
    properties: &'p BTreeMap<String, String>,
    key: &str,
) -> impl Iterator<Item = &'p str> + use<'p> {
    let names = properties.get(key).map(String::as_str).unwrap_or_default().split(',');
    let files = names.map(|name| {
        let name = name.trim();
        name.strip_prefix("file://").or(name.strip_prefix("file:")).unwrap_or(name)
    });
    files.filter(|file| file.starts_with('/'))
}

/// What is wrong with a property that names a file of this machine which is not there: an engine would start all the
/// same, and classes or modules be missing later.
pub fn lost_file(config: &SessionConfig, exists: impl Fn(&Path) -> bool) -> Option<Violation> {
    let properties = &config.runtime.as_ref()?.properties;
    [JARS, PYTHON_FILES].into_iter().find_map(|key| {
        let lost = local_files(properties, key).find(|file| !exists(Path::new(file)))?;
        Some(invalid(&format!("spark:{key} names '{lost}', which is no file on the service's machine")))
    })
}

/// What is wrong with the properties of a session.
pub(crate) fn invalid(problem: &str) -> Violation {
    let field = "session.runtime_config.properties".to_owned();
    Violation { field, description: format!("Invalid properties: {problem}") }
}

/// Where Python finds the modules that the session names: archives and folders as they are, a single module in its
/// folder.
fn python_path(properties: &BTreeMap<String, String>) -> Vec<&str> {
    let folder = |file: &'_ str| file.rsplit_once('/').map_or(0, |(folder, _)| folder.len());
    let file_or_folder = |file| if str::ends_with(file, ".py") { &file[..folder(file)] } else { file };
    local_files(properties, PYTHON_FILES).map(file_or_folder).collect()
}

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
    let modules = python_path(properties);
    if !modules.is_empty() {
        let own = variables.get(PYTHON_PATH).map(String::as_str).into_iter();
        let path = own.filter(|path| !path.is_empty()).chain(modules).collect::<Vec<_>>().join(":");
        variables.insert(PYTHON_PATH.to_owned(), path);
    }
    variables
}

#[cfg(test)]
mod tests {
    use hearth_core::config::RuntimeConfig;

    use super::*;

    fn map<const N: usize>(entries: [(&str, &str); N]) -> BTreeMap<String, String> {
        BTreeMap::from(entries.map(|(key, value)| (key.to_owned(), value.to_owned())))
    }

    #[test]
    fn keys_of_sail_become_its_variables_and_win_over_sparks() {
        let properties = map([
            ("sail.runtime.memory_pool.type", "greedy"),
            ("spark.default.parallelism", "3"),
            ("sail.", "nameless"),
            ("sail..x", "hole"),
            ("sail.a-b", "dash"),
            ("spark.driver.memory", "4g"),
        ]);
        let expected = map([
            ("SAIL_RUNTIME__MEMORY_POOL__TYPE", "greedy"),
            ("SAIL_EXECUTION__DEFAULT_PARALLELISM", "3"),
        ]);
        assert_eq!(sail(&properties), expected);
        let both = map([("spark.default.parallelism", "3"), ("sail.execution.default_parallelism", "5")]);
        assert_eq!(sail(&both), map([("SAIL_EXECUTION__DEFAULT_PARALLELISM", "5")]));
        assert_eq!(sail(&map([("spark.default.parallelism", "many")])), map([]));
    }

    #[test]
    fn python_files_of_this_machine_are_on_pythons_path_after_what_the_session_says() {
        let properties = map([
            ("spark.dataproc.python.files", "/lib/a.zip, file:///lib/one.py,gs://bucket/b.zip,/lib/folder"),
            ("spark.dataproc.driverEnv.PYTHONPATH", "/own"),
        ]);
        assert_eq!(environment(&properties), map([("PYTHONPATH", "/own:/lib/a.zip:/lib:/lib/folder")]));
        let text = "Invalid properties: spark:spark.dataproc.python.files names '/lib/one.py', which is no file on the \
                    service's machine";
        let runtime = Some(RuntimeConfig { properties, ..RuntimeConfig::default() });
        let config = SessionConfig { runtime, ..SessionConfig::default() };
        let lost = lost_file(&config, |path| path != Path::new("/lib/one.py")).unwrap();
        assert_eq!(lost.description, text);
        assert_eq!(lost_file(&config, |_| true), None);
        assert_eq!(environment(&map([("spark.dataproc.python.files", "gs://bucket/b.zip")])), map([]));
    }

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
