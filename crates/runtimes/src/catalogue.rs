//! The catalogue of runtimes: what `runtimeConfig.version` can name.
//!
//! Data, parsed once: the built-in `runtimes.toml`, and an operator's file of the same form merged over it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::java::JavaNeed;
use crate::lookup::{self, Match};
use crate::runtime::{Dataset, EngineKind, Packages, Runtime};

/// The catalogue every build carries.
const BUILT_IN: &str = include_str!("../runtimes.toml");

/// Lock files that built-in entries name.
const BUILT_IN_LOCKS: &[(&str, &str)] = &[
    ("locks/sail.txt", include_str!("../locks/sail.txt")),
    ("locks/spark-3.5.txt", include_str!("../locks/spark-3.5.txt")),
    ("locks/spark-4.0.txt", include_str!("../locks/spark-4.0.txt")),
    ("locks/spark-4.1.txt", include_str!("../locks/spark-4.1.txt")),
    ("locks/spark-4.2.txt", include_str!("../locks/spark-4.2.txt")),
    ("locks/spark-4.3.txt", include_str!("../locks/spark-4.3.txt")),
];

/// What built-in entries are called in error texts.
const BUILT_IN_ORIGIN: &str = "built-in runtimes.toml";

/// All runtimes this server knows, and which one is the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    default: String,
    /// Which kinds of engine come first where several runtimes have the same alias.
    prefer: Vec<EngineKind>,
    runtimes: Vec<Runtime>,
}

/// Why a catalogue file cannot be used; every problem of the file is in it.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The file could not be read.
    #[error("could not read the runtime catalogue \"{}\"", file.display())]
    Read {
        /// The catalogue file.
        file: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file is not TOML, or has a key that does not exist or a value of the wrong type.
    #[error("cannot parse the runtime catalogue \"{file}\": {message}")]
    Syntax {
        /// The catalogue file.
        file: String,
        /// The parser's message, which names the line and the key.
        message: String,
    },
    /// The file parses and does not make sense.
    #[error("the runtime catalogue \"{file}\" is not valid: {}", problems.join("; "))]
    Invalid {
        /// The catalogue file.
        file: String,
        /// One text for each problem, each naming the runtime and the key.
        problems: Vec<String>,
    },
}

impl CatalogueError {
    /// What to do about it, as a full sentence.
    pub fn hint(&self) -> String {
        match self {
            Self::Read { .. } => {
                "Check that the file exists and can be read, or leave its path out of the configuration."
                    .into()
            }
            Self::Syntax { .. } | Self::Invalid { .. } => {
                "Correct the file; the built-in runtimes work without one.".into()
            }
        }
    }
}

impl Catalogue {
    /// The runtimes of this build.
    ///
    /// # Panics
    /// Never in a build that passes its tests: the file is part of the program.
    pub fn built_in() -> Self {
        let mut building = Building::default();
        building
            .merge(BUILT_IN, BUILT_IN_ORIGIN, &built_in_lock)
            .expect("the built-in catalogue is parsed by a test");
        building.finish(BUILT_IN_ORIGIN).expect("the built-in catalogue is checked by a test")
    }

    /// The built-in runtimes with an operator's file merged over them.
    ///
    /// # Errors
    /// When the file cannot be read, parsed, or does not make sense; all problems are told at once.
    pub fn load(operator_file: Option<&Path>) -> Result<Self, CatalogueError> {
        let Some(file) = operator_file else { return Ok(Self::built_in()) };
        let text = std::fs::read_to_string(file)
            .map_err(|source| CatalogueError::Read { file: file.to_owned(), source })?;
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        Self::merged(&text, &file.display().to_string(), &move |path| {
            let path = folder.join(path);
            std::fs::read_to_string(&path)
                .map_err(|error| format!("could not read lock file \"{}\": {error}", path.display()))
        })
    }

    /// The built-in runtimes with `text` merged over them. Lock files that `text` names are read by `read_lock`;
    /// `origin` is what error texts call the file.
    ///
    /// # Errors
    /// As [`Catalogue::load`].
    pub fn merged(text: &str, origin: &str, read_lock: &ReadLock<'_>) -> Result<Self, CatalogueError> {
        let mut building = Building::default();
        building.merge(BUILT_IN, BUILT_IN_ORIGIN, &built_in_lock)?;
        building.merge(text, origin, read_lock)?;
        building.finish(origin)
    }

    /// The runtime that a session's `runtimeConfig.version` names.
    ///
    /// Empty means the default. Otherwise a name (`sail`), a name with the start of its version (`sail-0.7`,
    /// `sail-0.7.2`), an alias (`3.0`) or a patch of an alias (`3.0.7`); the most exact match wins, and among equals the
    /// preferred kind of engine.
    pub fn find(&self, version: &str) -> Option<&Runtime> {
        self.find_all(version).first().copied()
    }

    /// The runtimes that a session's `runtimeConfig.version` can mean: all of the most exact match, the preferred ones
    /// first. More than one where runtimes share an alias; the first of them that is installed is to serve it.
    pub fn find_all(&self, version: &str) -> Vec<&Runtime> {
        let version = if version.is_empty() { self.default.as_str() } else { version };
        let matching = || {
            let matching = |runtime| Some((lookup::matches(runtime, version)?, runtime));
            self.runtimes.iter().filter_map(matching)
        };
        let best: Option<Match> = matching().map(|(how, _)| how).max();
        let mut found: Vec<_> =
            matching().filter(|(how, _)| Some(*how) == best).map(|(_, runtime)| runtime).collect();
        let rank = |kind| self.prefer.iter().position(|preferred| *preferred == kind);
        found.sort_by_key(|runtime| rank(runtime.engine).unwrap_or(usize::MAX));
        found
    }

    /// Everything [`Catalogue::find`] accepts in its shortest form, for error texts: names, then aliases.
    pub fn known(&self) -> Vec<String> {
        let names = self.runtimes.iter().map(|runtime| &runtime.name);
        let aliases = self.runtimes.iter().flat_map(|runtime| &runtime.aliases);
        let mut known: Vec<String> = Vec::new();
        for text in names.chain(aliases) {
            if !known.contains(text) {
                known.push(text.clone());
            }
        }
        known
    }

    /// The runtime of sessions that name none.
    ///
    /// # Panics
    /// Never: a catalogue whose default does not exist is refused when it is parsed.
    pub fn default_runtime(&self) -> &Runtime {
        self.find("").expect("the default was checked when the catalogue was parsed")
    }

    /// All runtimes, built-in ones first.
    pub fn runtimes(&self) -> &[Runtime] {
        &self.runtimes
    }

    /// The same catalogue with another default, such as one from the server's configuration.
    ///
    /// `None` when no runtime has that name or alias.
    pub fn with_default(mut self, version: &str) -> Option<Self> {
        self.default = self.find(version)?.name.clone();
        Some(self)
    }
}

/// Reads a lock file that an entry names, or says why it could not.
pub type ReadLock<'a> = dyn Fn(&str) -> Result<String, String> + 'a;

fn built_in_lock(path: &str) -> Result<String, String> {
    BUILT_IN_LOCKS
        .iter()
        .find(|(name, _)| *name == path)
        .map(|(_, text)| (*text).to_owned())
        .ok_or_else(|| format!("there is no built-in lock file \"{path}\""))
}

/// A catalogue file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CatalogueFile {
    /// Name or alias of the runtime that sessions get which name none.
    default: Option<String>,
    /// Kinds of engine in order of preference, for versions that several runtimes have as an alias.
    prefer: Option<Vec<EngineKind>>,
    #[serde(default, rename = "runtime")]
    runtimes: Vec<Entry>,
}

/// One `[[runtime]]`. Only `name` is needed where an earlier file has an entry of that name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    /// What people call it: lower-case letters, digits, dots and dashes.
    name: String,
    /// Version of the engine.
    version: Option<String>,
    /// Kind of engine: `sail`, `spark` or `kernel`.
    engine: Option<EngineKind>,
    /// One line for listings.
    description: Option<String>,
    /// Which Python makes the environment: a version requirement, a version, or the path of an interpreter.
    python: Option<String>,
    /// Path of a complete list of pinned packages, relative to this file; installed without resolving.
    lock: Option<String>,
    /// Packages to install with what they depend on, instead of `lock`; resolved at each installation.
    requirements: Option<Vec<String>>,
    /// Other names, such as the versions of a hosted service. A later file may take an alias from an earlier one.
    /// Runtimes of different kinds in one file may share one: see `prefer`.
    aliases: Option<Vec<String>>,
    /// Packages that come as source only and take long to build, by name: built once, and kept.
    sources: Option<Vec<String>>,
    /// The Java that its engine needs.
    java: Option<JavaNeed>,
    /// Environment variables of every engine of this runtime.
    environment: Option<BTreeMap<String, String>>,
    /// Spark properties of every engine of this runtime, whatever its session says: `"spark.master" = "spark://…"`.
    properties: Option<BTreeMap<String, String>>,
    /// Room the environment needs on disk (`"640MiB"`), checked before it is made.
    size: Option<String>,
    /// Data sets that the packages carry.
    #[serde(rename = "dataset")]
    datasets: Option<Vec<Dataset>>,
}

/// A catalogue while files are merged into it.
#[derive(Debug, Default)]
struct Building {
    default: Option<String>,
    prefer: Vec<EngineKind>,
    runtimes: Vec<Runtime>,
}

impl Building {
    fn merge(&mut self, text: &str, origin: &str, read_lock: &ReadLock<'_>) -> Result<(), CatalogueError> {
        let file: CatalogueFile = toml::from_str(text).map_err(|error| CatalogueError::Syntax {
            file: origin.to_owned(),
            message: error.to_string().trim_end().to_owned(),
        })?;
        let mut problems = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        for entry in &file.runtimes {
            if seen.contains(&entry.name.as_str()) {
                problems.push(format!("runtime \"{}\" is there twice", entry.name));
                continue;
            }
            seen.push(&entry.name);
            self.merge_entry(entry, &seen, read_lock, &mut problems);
        }
        check_aliases(&file.runtimes, &self.runtimes, &mut problems);
        if file.default.is_some() {
            self.default = file.default;
        }
        if let Some(prefer) = file.prefer {
            self.prefer = prefer;
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(CatalogueError::Invalid { file: origin.to_owned(), problems })
        }
    }

    /// `seen` are the names of this file so far.
    fn merge_entry(
        &mut self,
        entry: &Entry,
        seen: &[&str],
        read_lock: &ReadLock<'_>,
        problems: &mut Vec<String>,
    ) {
        let before = self.runtimes.iter().position(|runtime| runtime.name == entry.name);
        let base = before.map(|at| self.runtimes[at].clone());
        match runtime_of(entry, base, read_lock) {
            Ok(runtime) => {
                // An operator's alias is taken from whoever had it.
                for other in self.runtimes.iter_mut().filter(|other| !seen.contains(&other.name.as_str())) {
                    other.aliases.retain(|alias| !runtime.aliases.contains(alias));
                }
                match before {
                    Some(at) => self.runtimes[at] = runtime,
                    None => self.runtimes.push(runtime),
                }
            }
            Err(mut found) => problems.append(&mut found),
        }
    }

    fn finish(self, origin: &str) -> Result<Catalogue, CatalogueError> {
        let invalid =
            |problem: String| CatalogueError::Invalid { file: origin.to_owned(), problems: vec![problem] };
        let Some(default) = self.default else {
            return Err(invalid("key `default` is missing".into()));
        };
        let catalogue = Catalogue { default: String::new(), prefer: self.prefer, runtimes: self.runtimes };
        let known = catalogue.known().join(", ");
        catalogue
            .with_default(&default)
            .filter(|_| !default.is_empty())
            .ok_or_else(|| invalid(format!("key `default`: no runtime \"{default}\"; known are {known}")))
    }
}

/// Two runtimes of one file and one kind must not want the same alias, and no alias may hide a name.
fn check_aliases(entries: &[Entry], runtimes: &[Runtime], problems: &mut Vec<String>) {
    let mut owners: BTreeMap<(&str, Option<EngineKind>), &str> = BTreeMap::new();
    let kind = |name: &str| runtimes.iter().find(|runtime| runtime.name == name).map(|found| found.engine);
    for entry in entries {
        for alias in entry.aliases.iter().flatten() {
            if let Some(other) = owners.insert((alias, kind(&entry.name)), &entry.name) {
                problems.push(format!(
                    "runtime \"{}\", key `aliases`: \"{alias}\" is already an alias of \"{other}\"",
                    entry.name
                ));
            }
            if runtimes.iter().any(|runtime| runtime.name == *alias) {
                problems.push(format!(
                    "runtime \"{}\", key `aliases`: \"{alias}\" is the name of a runtime",
                    entry.name
                ));
            }
        }
    }
}

/// The runtime an entry describes, over what an earlier file said about it.
fn runtime_of(
    entry: &Entry,
    base: Option<Runtime>,
    read_lock: &ReadLock<'_>,
) -> Result<Runtime, Vec<String>> {
    let mut problems = Vec::new();
    let mut problem =
        |key: &str, text: String| problems.push(format!("runtime \"{}\", key `{key}`: {text}", entry.name));

    if !plain(&entry.name) {
        problem("name", "must be lower-case letters, digits, dots and dashes".into());
    }
    let mut needed = |key: &str, given: Option<String>| {
        given.unwrap_or_else(|| {
            problem(key, "is missing".into());
            String::new()
        })
    };
    let base = base.as_ref();
    let version = needed("version", entry.version.clone().or(base.map(|base| base.version.clone())));
    let python = needed("python", entry.python.clone().or(base.map(|base| base.python.clone())));
    if !version.is_empty() && !plain(&version.to_ascii_lowercase().replace('+', "-")) {
        problem("version", format!("\"{version}\" is not a version"));
    }
    let engine = entry.engine.or(base.map(|base| base.engine)).unwrap_or_else(|| {
        problem("engine", "is missing".into());
        EngineKind::Sail
    });
    let packages = match (&entry.lock, &entry.requirements, base) {
        (Some(_), Some(_), _) => {
            problem("requirements", "cannot be given together with `lock`".into());
            Packages::Resolved(String::new())
        }
        (Some(path), None, _) => Packages::Locked(read_lock(path).unwrap_or_else(|text| {
            problem("lock", text);
            String::new()
        })),
        (None, Some(requirements), _) => Packages::Resolved(requirements.join("\n") + "\n"),
        (None, None, Some(base)) => {
            if base.version != version {
                problem("version", "a changed version needs its own `lock` or `requirements`".into());
            }
            base.packages.clone()
        }
        (None, None, None) => {
            problem("lock", "is missing, and so is `requirements`".into());
            Packages::Resolved(String::new())
        }
    };
    let disk_bytes = match (&entry.size, base) {
        (Some(size), _) => parse_size(size).unwrap_or_else(|| {
            problem("size", format!("\"{size}\" is not a size such as \"640MiB\""));
            0
        }),
        (None, base) => base.map_or(0, |base| base.disk_bytes),
    };
    let datasets = entry.datasets.clone().or(base.map(|base| base.datasets.clone())).unwrap_or_default();
    for dataset in &datasets {
        if !plain(&dataset.name) {
            problem("dataset", format!("\"{}\" is not a plain name", dataset.name));
        }
        if !inside(&dataset.path) {
            problem("dataset", format!("path \"{}\" leaves the packages", dataset.path));
        }
    }
    let aliases = entry.aliases.clone().or(base.map(|base| base.aliases.clone())).unwrap_or_default();
    let sources = entry.sources.clone().or(base.map(|base| base.sources.clone())).unwrap_or_default();
    let java = entry.java.clone().or(base.and_then(|base| base.java.clone()));
    if engine == EngineKind::Spark && java.is_none() {
        problem("java", "is missing; Spark needs one, as in `java = { least = 17, most = 21 }`".into());
    }
    let environment =
        entry.environment.clone().or(base.map(|base| base.environment.clone())).unwrap_or_default();
    let properties =
        entry.properties.clone().or(base.map(|base| base.properties.clone())).unwrap_or_default();
    let description =
        entry.description.clone().or(base.map(|base| base.description.clone())).unwrap_or_default();
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Runtime {
        name: entry.name.clone(),
        version,
        engine,
        description,
        python,
        packages,
        aliases,
        datasets,
        sources,
        java,
        environment,
        properties,
        disk_bytes,
        lock_hash: String::new(),
    }
    .with_lock_hash())
}

/// Whether `text` can be part of a folder's name on every system.
fn plain(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_'))
}

/// Whether a relative path stays below where it starts.
fn inside(path: &str) -> bool {
    use std::path::Component;
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

/// Bytes of a size with a unit (`KiB`, `MiB`, `GiB`).
fn parse_size(text: &str) -> Option<u64> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_at);
    let shift = match unit.trim_start() {
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
#[path = "catalogue_tests.rs"]
mod tests;
