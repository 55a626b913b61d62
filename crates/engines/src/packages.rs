//! Packages that are added to an engine while it runs: where its Python looks for them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hearth_core::engine::WORK_DIR;
use serde::{Deserialize, Serialize};

use crate::Launch;
use crate::properties::PYTHON_PATH;

/// The directory for them in the engine's scratch directory.
pub const ADDED: &str = "packages";

/// Packages of many makers that each have a part in one folder, and of which runtimes have a part. Python goes on
/// looking for parts only where there was one when it met the first.
const SHARED: [&str; 1] = ["google"];

/// What stands in these directories, so that they exist.
const README: &str = "Packages that were added to this session while it ran.\n";

/// The file in the scratch directory that says what the engine's Python runs from: a [`Roots`] as JSON. What the session's
/// version means may be another runtime by the time packages are added.
pub const ROOTS: &str = "packages.json";

/// What the Python of an engine runs from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roots {
    /// Name and version of the runtime.
    pub runtime: String,
    /// The root of the runtime's environment.
    pub environment: PathBuf,
    /// The root of the session's own over it, if it has one.
    pub layer: Option<PathBuf>,
}

/// Sets up an engine so that its Python finds what is put into [`ADDED`] later: from the start the directory is there and
/// on Python's path, since Python never looks again for a directory that was missing. What the session says of that path
/// comes first.
pub fn make_addable(
    launch: &Launch,
    env: &mut BTreeMap<String, String>,
    files: &mut BTreeMap<String, String>,
) {
    let added = format!("{WORK_DIR}/{ADDED}");
    let path = match env.get(PYTHON_PATH).filter(|path| !path.is_empty()) {
        Some(path) => format!("{path}:{added}"),
        None => added,
    };
    env.insert(PYTHON_PATH.to_owned(), path);
    files.insert(format!("{ADDED}/README"), README.to_owned());
    files.extend(SHARED.map(|shared| (format!("{ADDED}/{shared}/README"), README.to_owned())));
    let roots = Roots {
        runtime: launch.runtime.clone(),
        environment: launch.environment.clone(),
        layer: launch.layer.clone(),
    };
    // Only a path that is no text has no JSON; nothing can be added then.
    if let Ok(roots) = serde_json::to_string(&roots) {
        files.insert(ROOTS.to_owned(), roots);
    }
}
