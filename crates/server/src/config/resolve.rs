//! From sources to a checked configuration, or to everything that is wrong with them.

use std::collections::BTreeMap;

use super::checks;
use super::error::{ConfigError, ConfigErrors, Problem, UnknownVariable};
use super::file;
use super::model::Config;
use super::parse::{Context, store};
use super::settings::{SETTINGS, find};
use super::source::{Assignment, Directories, Origin, Raw, Sources};
use super::suggest::nearest;

/// Variables that start with `HEARTH_` and are not settings: one names the file, the others are for our own client
/// commands. (`HEARTH_PROJECT` is for both, and a setting.)
const OTHER_VARIABLES: [&str; 4] = ["HEARTH_CONFIG", "HEARTH_ENDPOINT", "HEARTH_TOKEN", "HEARTH_LOCATION"];

/// A configuration and how it came about.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    /// What holds.
    pub(crate) config: Config,
    /// Where each setting came from, by key. Every key is there.
    pub(crate) origins: BTreeMap<&'static str, Origin>,
    /// Variables that were ignored.
    pub(crate) warnings: Vec<UnknownVariable>,
}

impl Loaded {
    /// Whether anybody has set this key.
    pub(crate) fn named(&self, key: &str) -> bool {
        self.origins.get(key).is_some_and(|origin| *origin != Origin::Default)
    }
}

/// Puts the sources on top of each other: defaults, file, environment, flags.
///
/// # Errors
/// Everything that is wrong in any of them, not only the first. Values that are overridden are checked too: they
/// would fail as soon as the overriding one is gone.
pub(crate) fn resolve(sources: &Sources) -> Result<Loaded, ConfigErrors> {
    let mut layers = Layers::new(&sources.directories);
    if let Some(file) = &sources.file {
        match &file.text {
            Ok(text) => {
                let (assignments, errors) = file::assignments(&file.path, text);
                layers.errors.extend(errors);
                assignments.into_iter().for_each(|assignment| layers.apply(&assignment));
            }
            Err(reason) => {
                let origin = Origin::File { path: file.path.clone(), line: None };
                layers.errors.push(ConfigError {
                    key: None,
                    origin,
                    problem: Problem::Unreadable(reason.clone()),
                });
            }
        }
    }
    let warnings = layers.environment(sources);
    sources.flags.iter().for_each(|assignment| layers.apply(assignment));
    let checks = checks::check(&layers.config, &layers.origins, &layers.broken());
    layers.errors.extend(checks);
    if layers.errors.is_empty() {
        Ok(Loaded { config: layers.config, origins: layers.origins, warnings })
    } else {
        // Source by source, and a file from top to bottom; the sort keeps the order of the rest.
        layers.errors.sort_by_key(|error| match &error.origin {
            Origin::File { line, .. } => (1, line.unwrap_or(0)),
            origin => (origin.rank(), 0),
        });
        Err(ConfigErrors(layers.errors))
    }
}

/// The configuration while it is being put together.
struct Layers<'d> {
    directories: &'d Directories,
    config: Config,
    origins: BTreeMap<&'static str, Origin>,
    errors: Vec<ConfigError>,
}

impl<'d> Layers<'d> {
    fn new(directories: &'d Directories) -> Self {
        let origins = SETTINGS.iter().map(|setting| (setting.key, Origin::Default)).collect();
        Self { directories, config: Config::defaults(directories), origins, errors: Vec::new() }
    }

    /// Applies the variables in the table's order, and finds those that are in nobody's.
    fn environment(&mut self, sources: &Sources) -> Vec<UnknownVariable> {
        for setting in SETTINGS {
            let variable = setting.variable();
            let Some((_, value)) = sources.environment.iter().find(|(name, _)| *name == variable) else {
                continue;
            };
            // An empty variable is one that is not set: there is no other way to unset one in many tools.
            if value.is_empty() {
                continue;
            }
            let origin = Origin::Variable(variable);
            match value.to_str() {
                Some(text) => {
                    let raw = Raw::Text(text.to_owned());
                    self.apply(&Assignment { key: setting.key.to_owned(), raw, origin });
                }
                None => self.refuse(setting.key, origin, Problem::NotUnicode),
            }
        }
        let known: Vec<String> = SETTINGS.iter().map(|setting| setting.variable()).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).chain(OTHER_VARIABLES).collect();
        let unknown = sources.environment.iter().filter(|(name, _)| !known.contains(&name.as_str()));
        unknown
            .map(|(name, _)| UnknownVariable {
                name: name.clone(),
                near: nearest(name, known.iter().copied()).map(str::to_owned),
            })
            .collect()
    }

    fn apply(&mut self, assignment: &Assignment) {
        let Assignment { key, raw, origin } = assignment;
        let Some(setting) = find(key) else {
            return self.refuse(key, origin.clone(), Problem::UnknownKey { near: file::near_key(key) });
        };
        if *raw == Raw::Missing {
            return self.refuse(key, origin.clone(), Problem::NoValue);
        }
        let earlier = self.origins.get(setting.key).filter(|earlier| earlier.rank() == origin.rank());
        if let Some(earlier) = earlier {
            return self.refuse(key, origin.clone(), Problem::SetTwice(earlier.clone()));
        }
        let context = Context { directories: self.directories, commas: origin.rank() > 1 };
        if let Err(problems) = store(&setting.kind, &mut self.config, raw, context) {
            problems.into_iter().for_each(|problem| self.refuse(key, origin.clone(), problem));
        }
        self.origins.insert(setting.key, origin.clone());
    }

    fn refuse(&mut self, key: &str, origin: Origin, problem: Problem) {
        self.errors.push(ConfigError { key: Some(key.to_owned()), origin, problem });
    }

    /// The keys that an error was found for; what they hold is not what was meant.
    fn broken(&self) -> Vec<String> {
        self.errors.iter().filter_map(|error| error.key.clone()).collect()
    }
}
