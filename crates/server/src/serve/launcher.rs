//! From a session to its engine: the catalogue finds the runtime, and its kind says how it is started.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use hearth_control::world::Launcher;
use hearth_core::Timestamp;
use hearth_core::config::{SessionConfig, SessionKind};
use hearth_core::engine::EngineSpec;
use hearth_core::error::ErrorKind;
use hearth_core::session::{Failure, Session};
use hearth_core::validate::Violation;
use hearth_engines::{Launch, sail};
use hearth_runtimes::{Catalogue, EngineKind, Installer, Runtime};

/// Starts sessions on the runtimes of a catalogue.
pub(crate) struct CatalogueLauncher {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) environments: Environments,
    pub(crate) log_limit: u64,
}

/// Where the environments of runtimes are.
pub(crate) enum Environments {
    /// Where they were installed.
    Installed(Installer),
    /// Nowhere: nothing is going to run.
    None,
}

impl Environments {
    /// The root of a runtime's environment, if it can be used.
    fn root(&self, runtime: &Runtime) -> Option<PathBuf> {
        match self {
            Self::Installed(installer) => installer.installed(runtime).map(|environment| environment.root),
            Self::None => Some(PathBuf::new()),
        }
    }
}

impl CatalogueLauncher {
    fn runtime(&self, config: &SessionConfig) -> Result<&Runtime, Violation> {
        let version = config.version();
        self.catalogue.find(version).ok_or_else(|| {
            let known = self.catalogue.known().join(", ");
            let field = "session.runtime_config.version";
            let description = format!("Unknown runtime version '{version}'. Known versions: {known}");
            Violation { field: field.to_owned(), description }
        })
    }
}

#[async_trait]
impl Launcher for CatalogueLauncher {
    fn check(&self, config: &SessionConfig) -> Vec<Violation> {
        let runtime = match self.runtime(config) {
            Ok(runtime) => runtime,
            Err(violation) => return vec![violation],
        };
        match (&config.kind, runtime.engine) {
            (Some(SessionKind::Jupyter { .. }), _) => {
                let description = "This service runs no Jupyter kernels yet. Use spark_connect_session, and \
                                   connect a notebook of your own to it";
                vec![Violation {
                    field: "session.jupyter_session".to_owned(),
                    description: description.to_owned(),
                }]
            }
            (_, EngineKind::Sail) => Vec::new(),
            (_, EngineKind::Spark | EngineKind::Kernel) => {
                let description = format!(
                    "Runtime '{}' has an engine that this service cannot start yet",
                    runtime.full_name()
                );
                vec![Violation { field: "session.runtime_config.version".to_owned(), description }]
            }
        }
    }

    async fn engine_spec(&self, session: &Session, deadline: Timestamp) -> Result<EngineSpec, Failure> {
        let failed = |message: String| Failure { kind: ErrorKind::FailedPrecondition, message };
        let runtime = self.runtime(&session.config).map_err(|violation| failed(violation.description))?;
        let Some(environment) = self.environments.root(runtime) else {
            let name = runtime.full_name();
            return Err(failed(format!(
                "Runtime '{name}' is not installed. Run `hearth runtimes install {name}` and create the session again"
            )));
        };
        let launch = Launch {
            runtime: runtime.full_name(),
            environment,
            layer: None,
            variables: runtime.environment.clone(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            log_limit: self.log_limit,
            deadline,
        };
        match runtime.engine {
            EngineKind::Sail => Ok(sail::spec(session, launch)),
            EngineKind::Spark | EngineKind::Kernel => Err(failed(format!(
                "Runtime '{}' has an engine that cannot be started yet",
                runtime.full_name()
            ))),
        }
    }
}
