//! From a session to its engine: the catalogue finds the runtime, and its kind says how it is started.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use hearth_control::world::{Launcher, Start};
use hearth_core::Timestamp;
use hearth_core::admission::Need;
use hearth_core::config::{Kernel, SessionConfig, SessionKind};
use hearth_core::engine::{Introduction, Protocol};
use hearth_core::error::ErrorKind;
use hearth_core::pool::PoolEngine;
use hearth_core::pool::recipe::Recipe;
use hearth_core::session::{Failure, Session};
use hearth_core::validate::Violation;
use hearth_engines::jvm::{Archive, Jvm};
use hearth_engines::{Launch, identity, kernel, properties, sail, spark};
use hearth_runtimes::{
    Catalogue, EngineKind, Environment, Installer, Java, JavaError, LayerError, LayerSpec, Runtime,
};

use super::engines::machine_cores;
use super::kernels::{Card, Cards, entitled};
use super::metastores::{Connection, Metastores};
use super::packages::{self, Layers};
use super::secrets::EngineSecrets;
use super::spark::{EventDirs, HistoryServers};
use crate::archive;

/// Starts sessions on the runtimes of a catalogue.
pub(crate) struct CatalogueLauncher {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) environments: Environments,
    pub(crate) log_limit: u64,
    /// Bytes of memory that this machine has.
    pub(crate) memory: u64,
    pub(crate) secrets: Arc<EngineSecrets>,
    pub(crate) metastores: Arc<Metastores>,
    pub(crate) history_servers: HistoryServers,
    /// This program, which is also the relay of kernels.
    pub(crate) program: PathBuf,
}

/// Where the environments of runtimes are.
pub(crate) enum Environments {
    /// Where they were installed; and where engines write event logs.
    Installed(Installer, Layers, EventDirs),
    /// Nowhere: nothing is going to run.
    None,
}

/// What a session's engine runs from.
enum Roots {
    /// The runtime's environment, its packages and its Java, and the session's layer over it if it has one.
    Ready { base: PathBuf, site_packages: PathBuf, java: Option<Java>, layer: Option<PathBuf> },
    /// The layer is being made.
    Installing,
}

impl CatalogueLauncher {
    /// What the engine of a session runs from. Costs nothing for sessions without packages.
    fn roots(&self, runtime: &Runtime, config: &SessionConfig) -> Result<Roots, Failure> {
        let Environments::Installed(installer, layers, _) = &self.environments else {
            let site_packages = PathBuf::new();
            return Ok(Roots::Ready { base: PathBuf::new(), site_packages, java: None, layer: None });
        };
        let Some(base) = installer.installed(runtime) else {
            let name = runtime.full_name();
            return Err(failed(format!(
                "Runtime '{name}' is not installed. Run `hearth runtimes install {name}` and create the session again"
            )));
        };
        let java = installer.java(runtime, &base).map_err(|error| failed(java_in_words(&error)))?;
        let wanted = packages::wanted(config).map_err(|violation| failed(violation.description))?;
        let layer = match wanted {
            None => None,
            Some(spec) => match layers.get(installer, runtime, &base, &spec) {
                Ok(Some(Environment { root, .. })) => Some(root),
                Ok(None) => return Ok(Roots::Installing),
                Err(error) => return Err(failed(in_words(&error))),
            },
        };
        Ok(Roots::Ready { base: base.root, site_packages: base.site_packages, java, layer })
    }
}

/// What a session runs on, as far as it is there.
pub(super) struct Foundation<'l> {
    pub(super) runtime: &'l Runtime,
    /// The packages that the session asked for, in words.
    pub(super) wanted: Option<LayerSpec>,
    pub(super) environment: Option<Environment>,
    pub(super) layer: Option<Environment>,
    pub(super) java: Option<Java>,
}

impl CatalogueLauncher {
    /// What a session of this configuration runs on. Nothing is installed for it; `None` when no runtime fits.
    pub(super) fn foundation(&self, config: &SessionConfig) -> Option<Foundation<'_>> {
        let runtime = self.runtime(config).ok()?;
        let wanted = packages::wanted(config).ok().flatten();
        let Environments::Installed(installer, ..) = &self.environments else {
            return Some(Foundation { runtime, wanted, environment: None, layer: None, java: None });
        };
        let environment = installer.installed(runtime);
        let base = environment.as_ref();
        let layer = base.zip(wanted.as_ref()).and_then(|(base, wanted)| installer.layer(base, wanted));
        let java = base.and_then(|base| installer.java(runtime, base).ok().flatten());
        Some(Foundation { runtime, wanted, environment, layer, java })
    }
}

/// The directory that a session's engine writes its event log into. None is made for an engine that is nobody's and is
/// only looked at.
fn event_dir(events: &EventDirs, session: &Session) -> Result<PathBuf, Failure> {
    if session.uuid.0.is_nil() {
        return Ok(events.of(session.uuid));
    }
    events.ensure(session.uuid).map_err(|error| {
        let message = format!("Could not make the directory of the session's event log: {error}");
        Failure { kind: ErrorKind::Unavailable, message }
    })
}

/// How a Java is started. Where nothing is going to run there is none, and any will do.
fn jvm(java: Option<&Java>, environment: &Path) -> Jvm {
    let Some(java) = java else { return Jvm { program: "java".into(), major: 17, archive: None } };
    let archive = archive::path(environment, java);
    let archive = archive.exists().then_some(Archive::Use(archive));
    Jvm { program: java.program(), major: java.major, archive }
}

pub(super) fn failed(message: String) -> Failure {
    Failure { kind: ErrorKind::FailedPrecondition, message }
}

fn java_in_words(error: &JavaError) -> String {
    format!("R{}. {}", error.to_string().split_at(1).1, error.hint())
}

/// What went wrong, what the tool said last, and what to do.
pub(super) fn in_words(error: &LayerError) -> String {
    let mut text = format!("C{}", error.to_string().split_at(1).1);
    for line in error.detail() {
        text.push('\n');
        text.push_str(line);
    }
    text.push('\n');
    text.push_str(error.hint());
    text
}

impl CatalogueLauncher {
    fn kernel_parts(&self) -> kernel::Parts {
        let uv = match &self.environments {
            Environments::Installed(installer, ..) => installer.tool(),
            Environments::None => None,
        };
        let relay = vec![self.program.display().to_string(), "kernel-relay".to_owned()];
        let (uv_variables, uv_withheld) = entitled(std::env::vars());
        kernel::Parts { relay, relay_listening: hearth_relay::LISTENING, uv, uv_variables, uv_withheld }
    }

    /// The runtime that serves a session: of those that its version can mean, the first that is installed.
    pub(super) fn runtime(&self, config: &SessionConfig) -> Result<&Runtime, Violation> {
        let version = config.version();
        let meant = self.catalogue.find_all(version);
        let installed = |runtime: &&&Runtime| self.is_installed(runtime);
        meant.iter().find(installed).or(meant.first()).copied().ok_or_else(|| {
            let known = self.catalogue.known().join(", ");
            let field = "session.runtime_config.version";
            let description = format!("Unknown runtime version '{version}'. Known versions: {known}");
            Violation { field: field.to_owned(), description }
        })
    }

    /// The room that the engine of a session takes.
    fn need_of(&self, runtime: &Runtime, config: &SessionConfig) -> Need {
        let none = BTreeMap::new();
        let given = config.runtime.as_ref().map_or(&none, |runtime| &runtime.properties);
        let spark = match runtime.engine {
            EngineKind::Sail => sail::NEED,
            EngineKind::Spark | EngineKind::Kernel => {
                spark::need(given, &runtime.properties, machine_cores())
            }
        };
        match config.protocol() {
            // Elsewhere the driver is in the REPL's own JVM.
            Protocol::Jupyter if is_scala(config) && runtime.engine == EngineKind::Spark => {
                spark.and(kernel::NEED).and(spark::repl::need(given))
            }
            Protocol::Jupyter => spark.and(kernel::NEED),
            Protocol::SparkConnect | Protocol::HiveMetastore => spark,
        }
    }

    /// The engine of a session, with the properties of what it is connected to. Does not wait for anything.
    pub(super) fn engine(
        &self,
        session: &Session,
        deadline: Timestamp,
        connected: BTreeMap<String, String>,
    ) -> Result<Start, Failure> {
        let runtime = self.runtime(&session.config).map_err(|violation| failed(violation.description))?;
        let Roots::Ready { base: environment, site_packages, java, layer } =
            self.roots(runtime, &session.config)?
        else {
            return Ok(Start::Preparing);
        };
        let prepared = layer.is_some();
        let events = match (runtime.engine, &self.environments) {
            (EngineKind::Spark | EngineKind::Kernel, Environments::Installed(.., events)) => {
                Some(event_dir(events, session)?)
            }
            _ => None,
        };
        let launch = Launch {
            runtime: runtime.full_name(),
            environment,
            layer,
            site_packages,
            secret: self.secrets.of(session.uuid),
            events,
            variables: runtime.environment.clone(),
            properties: connected.into_iter().chain(runtime.properties.clone()).collect(),
            cores: machine_cores(),
            log_limit: self.log_limit,
            deadline,
        };
        let alone = || match runtime.engine {
            EngineKind::Sail => sail::spec(session, launch.clone()),
            EngineKind::Spark | EngineKind::Kernel => {
                spark::spec(session, launch.clone(), &jvm(java.as_ref(), &launch.environment))
            }
        };
        let spec = match (session.config.protocol(), runtime.engine) {
            (Protocol::Jupyter, kind) => {
                let java = jvm(java.as_ref(), &launch.environment);
                // The archive is of the classes of Spark, and the REPL's come before them.
                let repl = || Jvm { archive: None, ..java.clone() };
                let scala = is_scala(&session.config);
                let language = if scala { kernel::Language::Scala(repl()) } else { kernel::Language::Python };
                let place = match kind {
                    EngineKind::Sail | EngineKind::Spark => kernel::Place::Beside(Box::new(alone())),
                    EngineKind::Kernel => kernel::Place::Within(java),
                };
                kernel::spec(session, &launch, &self.kernel_parts(), &language, place)
            }
            (Protocol::SparkConnect | Protocol::HiveMetastore, EngineKind::Kernel) => {
                return Err(failed(kernels_only(runtime)));
            }
            (Protocol::SparkConnect | Protocol::HiveMetastore, _) => alone(),
        };
        Ok(Start::Engine { spec: Box::new(identity::with_file(spec, session)), prepared })
    }
}

/// Whether a session's cells are in Scala.
fn is_scala(config: &SessionConfig) -> bool {
    config.kernel() == Some(Kernel::Scala)
}

/// Whether a runtime has Scala kernels.
fn has_scala(runtime: &Runtime) -> bool {
    match runtime.engine {
        EngineKind::Sail => false,
        EngineKind::Spark | EngineKind::Kernel => true,
    }
}

/// Why a runtime has no engine for a session without a kernel.
fn kernels_only(runtime: &Runtime) -> String {
    let name = runtime.full_name();
    format!("Runtime '{name}' has kernels only, and no engine for a Spark Connect session")
}

/// A runtime's name for people.
fn title(runtime: &Runtime) -> String {
    match runtime.engine {
        EngineKind::Sail => format!("Sail {}", runtime.version),
        EngineKind::Spark | EngineKind::Kernel => format!("Apache Spark {}", runtime.version),
    }
}

impl CatalogueLauncher {
    fn is_installed(&self, runtime: &Runtime) -> bool {
        match &self.environments {
            Environments::Installed(installer, ..) => installer.installed(runtime).is_some(),
            Environments::None => true,
        }
    }

    /// Why a runtime cannot have a Scala kernel, and which can.
    fn no_scala(&self, runtime: &Runtime) -> Violation {
        let name = runtime.full_name();
        let able = || self.catalogue.runtimes().iter().filter(|runtime| has_scala(runtime));
        let there: Vec<_> = able()
            .filter(|runtime| self.is_installed(runtime))
            .map(|runtime| format!("'{}' ({})", runtime.name, title(runtime)))
            .collect();
        let next = match (there.is_empty(), able().next()) {
            (false, _) => format!("Create the session with runtimeConfig.version {}", there.join(" or ")),
            (true, Some(other)) => format!(
                "Run `hearth runtimes install {0}` and create the session with runtimeConfig.version '{0}' ({1})",
                other.name,
                title(other)
            ),
            (true, None) => "Use the kernel PYTHON".to_owned(),
        };
        let description = format!("Runtime '{name}' has no Scala kernel. {next}");
        Violation { field: "session.jupyter_session.kernel".to_owned(), description }
    }
}

impl Cards for CatalogueLauncher {
    fn cards(&self) -> Vec<Card> {
        let default = &self.catalogue.default_runtime().name;
        let usable = |runtime: &&Runtime| self.is_installed(runtime);
        let mut runtimes: Vec<_> = self.catalogue.runtimes().iter().filter(usable).collect();
        runtimes.sort_by_key(|runtime| runtime.name != *default);
        let card = |runtime: &Runtime| Card {
            runtime: runtime.name.clone(),
            title: title(runtime),
            scala: has_scala(runtime),
        };
        runtimes.into_iter().map(card).collect()
    }

    fn runtime_of(&self, config: &SessionConfig) -> Option<String> {
        self.runtime(config).ok().map(|runtime| runtime.name.clone())
    }
}

#[async_trait]
impl Launcher for CatalogueLauncher {
    fn check(&self, config: &SessionConfig) -> Vec<Violation> {
        let runtime = match self.runtime(config) {
            Ok(runtime) => runtime,
            Err(violation) => return vec![violation],
        };
        let metastore = self.metastores.check(config, runtime.engine);
        let mut violations = match (&config.kind, runtime.engine) {
            (_, EngineKind::Sail) if is_scala(config) => vec![self.no_scala(runtime)],
            (_, EngineKind::Sail) => packages::wanted(config).err().into_iter().collect(),
            (Some(SessionKind::SparkConnect), EngineKind::Kernel) => {
                let field = "session.runtime_config.version".to_owned();
                vec![Violation { field, description: kernels_only(runtime) }]
            }
            (_, EngineKind::Spark | EngineKind::Kernel) => {
                let checked = spark::check(config, self.memory);
                packages::wanted(config).err().into_iter().chain(checked).collect()
            }
        };
        violations.extend(properties::lost_file(config, Path::exists));
        violations.extend(metastore);
        violations.extend(self.history_servers.check(config));
        violations
    }

    fn need(&self, config: &SessionConfig) -> Need {
        // Without a runtime there is no engine either.
        self.runtime(config).map(|runtime| self.need_of(runtime, config)).unwrap_or_default()
    }

    async fn start(&self, session: &Session, deadline: Timestamp) -> Result<Start, Failure> {
        let Connection::Ready(metastore) = self.metastores.connect(&session.config).await? else {
            return Ok(Start::Preparing);
        };
        self.engine(session, deadline, metastore)
    }

    fn recipe(&self, config: &SessionConfig) -> Option<Recipe> {
        self.recipe_of(config)
    }

    async fn start_ahead(
        &self,
        engine: &PoolEngine,
        config: &SessionConfig,
        deadline: Timestamp,
    ) -> Result<Start, Failure> {
        self.engine_ahead(engine, config, deadline)
    }

    fn introduction(&self, session: &Session) -> Introduction {
        self.introduce(session)
    }

    fn settings(&self, session: &Session) -> Vec<(String, String)> {
        self.settings_of(session)
    }
}
