//! Recipes: what of an engine is decided at its launch. Engines of one recipe can stand in for one another.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::Kernel;
use crate::words;

/// Tells recipes apart: a digest of everything that a launch decides, and of nothing that differs between sessions.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecipeId(pub String);

/// What of a session's engine is decided at its launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// Tells it from others.
    pub id: RecipeId,
    /// The full name of its runtime.
    pub runtime: String,
    /// The kernel, if there is one.
    pub kernel: Option<Kernel>,
    /// The properties that are fixed at launch, as far as they were given, for words.
    pub fixed: BTreeMap<String, String>,
    /// How much memory an engine of this recipe takes while nobody uses it, estimated, in bytes.
    pub memory: u64,
}

impl Recipe {
    /// What its engines are, as pools are named: the runtime, and the kernel where there is one.
    pub fn subject(&self) -> String {
        let kernel = self.kernel.map(|kernel| format!("/{}", kernel.as_str()));
        format!("{}{}", self.runtime, kernel.unwrap_or_default())
    }
}

/// Where a session's engine came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EngineFrom {
    /// From a pool.
    Pool {
        /// When it was made.
        made_at: Timestamp,
        /// The processor time it had used when it was handed over.
        #[serde(default)]
        cpu: std::time::Duration,
    },
    /// From a launch of its own.
    Launch {
        /// Why none of a pool was taken.
        missed: Missed,
    },
}

/// Why a session did not get an engine of a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missed {
    /// None is kept of its runtime.
    NoPool {
        /// The runtime, and the kernel where there is one.
        runtime: String,
    },
    /// The session sets what only a launch can set.
    Fixed {
        /// The pool that comes closest.
        pool: String,
        /// The first property that differs, and how; `None` for something that is no property.
        property: Option<(String, Difference)>,
    },
    /// The engines there were are taken, or not ready yet.
    NoneReady {
        /// The pool.
        pool: String,
    },
}

/// How a property of a session differs from that of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Difference {
    /// The pool does not have it.
    PoolHasNone,
    /// The pool has another value.
    PoolHasAnother,
    /// Only the pool has it.
    OnlyPoolHasIt,
}

/// Why a session of this recipe does not get an engine although there are these pools, each by its name.
pub fn missed<'a>(recipe: &Recipe, pools: impl IntoIterator<Item = (&'a str, &'a Recipe)>) -> Missed {
    let mut closest: Option<(usize, Missed)> = None;
    for (name, pool) in pools {
        if pool.id == recipe.id {
            return Missed::NoneReady { pool: name.to_owned() };
        }
        if pool.subject() != recipe.subject() {
            continue;
        }
        let differences = differences(&recipe.fixed, &pool.fixed);
        if closest.as_ref().is_none_or(|(count, _)| differences.len() < *count) {
            let property = differences.first().cloned();
            closest = Some((differences.len(), Missed::Fixed { pool: name.to_owned(), property }));
        }
    }
    closest.map_or_else(|| Missed::NoPool { runtime: recipe.subject() }, |(_, missed)| missed)
}

/// In which properties a session and a pool differ: those the session sets come first.
fn differences(
    session: &BTreeMap<String, String>,
    pool: &BTreeMap<String, String>,
) -> Vec<(String, Difference)> {
    let set = session.iter().filter_map(|(key, value)| match pool.get(key) {
        None => Some((key.clone(), Difference::PoolHasNone)),
        Some(other) if other != value => Some((key.clone(), Difference::PoolHasAnother)),
        Some(_) => None,
    });
    let left_out = pool
        .keys()
        .filter(|key| !session.contains_key(*key))
        .map(|key| (key.clone(), Difference::OnlyPoolHasIt));
    set.chain(left_out).collect()
}

impl EngineFrom {
    /// What made the start slower than it could have been, as a sentence; nothing for one that was warm.
    pub fn note(&self) -> Option<String> {
        match self {
            Self::Pool { .. } => None,
            Self::Launch { missed } => Some(missed.to_string()),
        }
    }

    /// How it came to its engine, as the timeline tells it, if it came from a pool.
    pub fn handed_over(&self, at: Timestamp) -> Option<String> {
        match self {
            Self::Pool { made_at, .. } => {
                Some(format!("warm: the engine was made {} before", words::until(*made_at, at)))
            }
            Self::Launch { .. } => None,
        }
    }
}

impl std::fmt::Display for Missed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoPool { runtime } => {
                write!(f, "No engines of {runtime} are kept ready: the setting `pools.engines` says of which")
            }
            Self::Fixed { pool, property: Some((key, difference)) } => {
                write!(f, "Property {key} is fixed at launch, and ")?;
                match difference {
                    Difference::PoolHasNone => write!(f, "the pool of {pool} has none"),
                    Difference::PoolHasAnother => write!(f, "the pool of {pool} has another value"),
                    Difference::OnlyPoolHasIt => write!(f, "only the pool of {pool} has it"),
                }
            }
            Self::Fixed { pool, property: None } => {
                write!(f, "Engines of the pool of {pool} are set up otherwise than this session's")
            }
            Self::NoneReady { pool } => {
                write!(f, "No engine of the pool of {pool} was ready: `hearth pools` shows how many it has")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(id: &str, runtime: &str, fixed: &[(&str, &str)]) -> Recipe {
        let fixed = fixed.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Recipe { id: RecipeId(id.to_owned()), runtime: runtime.to_owned(), kernel: None, fixed, memory: 1 }
    }

    fn told(wanted: &Recipe, pools: &[(&str, &Recipe)]) -> String {
        missed(wanted, pools.iter().copied()).to_string()
    }

    #[test]
    fn the_property_that_prevents_a_warm_start_is_named_by_the_pool_that_comes_closest() {
        let plain = recipe("a", "sail-1", &[]);
        let tuned = recipe("b", "sail-1", &[("sail.x", "1"), ("spark.default.parallelism", "4")]);
        let pools = [("sail-1", &plain), ("tuned", &tuned)];
        let wanted = recipe("c", "sail-1", &[("spark.default.parallelism", "8")]);
        assert_eq!(
            told(&wanted, &pools),
            "Property spark.default.parallelism is fixed at launch, and the pool of sail-1 has none"
        );
        let near = recipe("d", "sail-1", &[("sail.x", "1"), ("spark.default.parallelism", "8")]);
        assert!(told(&near, &pools).ends_with("the pool of tuned has another value"));
        let less = recipe("e", "sail-1", &[("sail.x", "1")]);
        assert!(told(&less, &pools[1..]).contains("only the pool of tuned has it"));
        assert!(told(&recipe("f", "sail-1", &[]), &pools).contains("set up otherwise"));
    }

    #[test]
    fn a_pool_that_is_empty_and_a_runtime_without_one_are_told() {
        let plain = recipe("a", "sail-1", &[]);
        assert!(told(&plain, &[("sail-1", &plain)]).starts_with("No engine of the pool of sail-1 was ready"));
        let other = recipe("b", "spark-4", &[]);
        assert!(told(&other, &[("sail-1", &plain)]).starts_with("No engines of spark-4 are kept ready"));
        let notebook = Recipe { kernel: Some(Kernel::Python), ..recipe("c", "sail-1", &[]) };
        assert!(
            told(&notebook, &[("sail-1", &plain)]).starts_with("No engines of sail-1/python are kept ready")
        );
    }
}
