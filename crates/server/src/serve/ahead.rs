//! Engines that are made ahead: what makes two of them alike, and how one is made that is nobody's yet.

use std::collections::BTreeMap;

use hearth_control::world::{Launcher as _, Start};
use hearth_core::Timestamp;
use hearth_core::config::{Kernel, RuntimeConfig, SessionConfig};
use hearth_core::engine::Introduction;
use hearth_core::id::{OperationId, SessionUuid};
use hearth_core::name::Parent;
use hearth_core::policy::SessionPolicy;
use hearth_core::pool::PoolEngine;
use hearth_core::pool::recipe::{Recipe, RecipeId};
use hearth_core::session::{Failure, Session};
use hearth_engines::{identity, properties};
use hearth_runtimes::{EngineKind, LayerSpec, Runtime};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::launcher::CatalogueLauncher;
use super::packages;

/// What Sail takes once it is warmed up, with its supervisor, in bytes: 108 to 111 MiB were measured with 0.7.2 on Linux
/// x86-64. Before its first query it is 43.
const SAIL_MEMORY: u64 = 112 << 20;

/// What Spark's JVM takes while nobody uses it, with the Connect server and its supervisor, in bytes.
const SPARK_MEMORY: u64 = 600 << 20;

/// What a Python kernel that has asked Spark a first question takes beside it, with its host and its relay, in bytes.
const KERNEL_MEMORY: u64 = 256 << 20;

/// What the JVM of a Scala kernel takes beside that: 414 MB were measured once it had connected to Spark 4.0.5.
const REPL_MEMORY: u64 = 450 << 20;

/// How many digits of the digest make a recipe's id. Enough that two never meet by chance.
const DIGITS: usize = 32;

impl CatalogueLauncher {
    /// What a session's engine is made by: everything of it that is decided at its launch.
    pub(super) fn recipe_of(&self, config: &SessionConfig) -> Option<Recipe> {
        // A metastore is told at the launch, and engines made ahead have none.
        if config.kind.is_none() || self.metastores.is_asked(config) || !self.check(config).is_empty() {
            return None;
        }
        let runtime = self.runtime(config).ok()?;
        let layer = packages::wanted(config).ok()?;
        let fixed = fixed(runtime, config);
        // Made for nobody and not run: what is left is what differs between engines of different recipes.
        let mut bare = config.clone();
        packages::leave_out(&mut bare);
        let session = nobody(SessionUuid(Uuid::nil()), runtime, &bare);
        let Ok(Start::Engine { spec, .. }) = self.engine(&session, Timestamp::UNIX_EPOCH, BTreeMap::new())
        else {
            return None;
        };
        let spec = identity::withheld(*spec, "");
        let mut digest = Sha256::new();
        digest.update(serde_json::to_vec(&spec).ok()?);
        if let Some(LayerSpec { requirements, index }) = &layer {
            digest.update(format!("{:?} {index:?}", requirements.iter().collect::<Vec<_>>()));
        }
        let mut id = hex::encode(digest.finalize());
        id.truncate(DIGITS);
        let kernel = config.kernel();
        let memory = memory(runtime, kernel);
        Some(Recipe { id: RecipeId(id), runtime: runtime.full_name(), kernel, fixed, memory })
    }

    /// An engine that is nobody's yet.
    pub(super) fn engine_ahead(
        &self,
        engine: &PoolEngine,
        config: &SessionConfig,
        deadline: Timestamp,
    ) -> Result<Start, Failure> {
        let runtime =
            self.runtime(config).map_err(|violation| super::launcher::failed(violation.description))?;
        let session = nobody(engine.id.session_uuid(), runtime, config);
        Ok(match self.engine(&session, deadline, BTreeMap::new())? {
            Start::Engine { spec, prepared } => {
                Start::Engine { spec: Box::new(identity::withheld(*spec, &engine.pool)), prepared }
            }
            Start::Preparing => Start::Preparing,
        })
    }

    /// The properties of a session that its engine, made ahead, was not launched with, and that a running Spark takes.
    pub(super) fn settings_of(&self, session: &Session) -> Vec<(String, String)> {
        let Some(given) = session.config.runtime.as_ref().filter(|_| session.handed_over()) else {
            return Vec::new();
        };
        let settable = |(key, value): &(&String, &String)| properties::settable(key, value);
        let settable = given.properties.iter().filter(settable);
        let settings: Vec<_> = settable.map(|(key, value)| (key.clone(), value.clone())).collect();
        let is_spark =
            || self.runtime(&session.config).is_ok_and(|runtime| runtime.engine == EngineKind::Spark);
        if settings.is_empty() || is_spark() { settings } else { Vec::new() }
    }

    /// What an engine is told of its session when it is handed over.
    pub(super) fn introduce(&self, session: &Session) -> Introduction {
        let runtime = self.runtime(&session.config).map(Runtime::full_name).unwrap_or_default();
        identity::introduction(session, &runtime)
    }
}

/// The session that an engine made ahead is for: nobody's, with those settings alone that a launch decides.
fn nobody(uuid: SessionUuid, runtime: &Runtime, config: &SessionConfig) -> Session {
    let given = config.runtime.clone().unwrap_or_default();
    let properties = fixed(runtime, config);
    let runtime = RuntimeConfig { properties, ..given };
    let config =
        SessionConfig { kind: config.kind.clone(), runtime: Some(runtime), ..SessionConfig::default() };
    let name = Parent { project: "-".to_owned(), location: "-".to_owned() }.session("pool");
    let (creator, operation) = (String::new(), OperationId(Uuid::nil()));
    Session::new(name, uuid, config, creator, operation, Timestamp::UNIX_EPOCH, &SessionPolicy::default())
}

/// The properties that only a launch can set.
fn fixed(runtime: &Runtime, config: &SessionConfig) -> BTreeMap<String, String> {
    let given = config.runtime.iter().flat_map(|runtime| &runtime.properties);
    let is_fixed = |key: &str, value: &str| {
        packages::PROPERTIES.contains(&key)
            || match runtime.engine {
                EngineKind::Sail => properties::fixed_for_sail(key),
                EngineKind::Spark | EngineKind::Kernel => properties::fixed_for_spark(key, value),
            }
    };
    given
        .filter(|(key, value)| is_fixed(key, value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// The memory that one takes while nobody uses it.
pub(super) fn memory(runtime: &Runtime, kernel: Option<Kernel>) -> u64 {
    let spark = match runtime.engine {
        EngineKind::Sail => SAIL_MEMORY,
        EngineKind::Spark | EngineKind::Kernel => SPARK_MEMORY,
    };
    spark
        + match kernel {
            None => 0,
            Some(Kernel::Python) => KERNEL_MEMORY,
            // There the REPL is in Spark's own JVM.
            Some(Kernel::Scala) if runtime.engine == EngineKind::Kernel => KERNEL_MEMORY,
            Some(Kernel::Scala) => KERNEL_MEMORY + REPL_MEMORY,
        }
}
