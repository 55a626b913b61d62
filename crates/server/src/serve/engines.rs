//! What runs engines and what asks them: the real thing, or nothing at all for load tests.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use hearth_control::world::{Answer, Probe, System};
use hearth_core::engine::{Endpoint, Protocol};
use hearth_core::id::SessionUuid;
use hearth_driver::Driver;
use hearth_driver::fake::FakeWorld;
use hearth_driver_process::{Cgroups, ProcessDriver, ProcessDriverConfig, ShimCommand};
use hearth_runtimes::{Catalogue, Installer};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::ServeError;
use super::kernels::{Answered, Cards};
use super::launcher::{CatalogueLauncher, Environments};
use super::metastores::{Managed, Metastores};
use super::packages::Layers;
use super::probe::NetworkProbe;
use super::secrets::EngineSecrets;
use super::spark::{EventDirs, HistoryServers};
use crate::config::{Config, EngineDriver, Metastore};

/// Where what runs for several sessions has its directories, within the state directory.
const SERVICES: &str = "services";
/// Where managed metastores keep what they know, within the state directory.
const METASTORES: &str = "metastores";

/// The parts of the world that have to do with engines.
pub(super) struct Engines {
    pub(super) driver: Arc<dyn Driver>,
    pub(super) launcher: Arc<CatalogueLauncher>,
    pub(super) probe: Arc<dyn Probe>,
    /// By what it is measured what engines use, in words.
    pub(super) measured_by: String,
    /// What installs packages for them; none where there are no engines.
    pub(super) installer: Option<Installer>,
    pub(super) metastores: Arc<Metastores>,
    /// Runtimes that kernels can run on.
    pub(super) cards: Arc<dyn Cards>,
    /// Kernels that have answered for the first time.
    pub(super) kernels: mpsc::UnboundedReceiver<Answered>,
}

/// By what this process can measure what engines use: where to make control groups, if anywhere, and that in words.
pub(crate) fn measuring() -> (Option<Cgroups>, String) {
    match Cgroups::find() {
        Ok(cgroups) => {
            let text = cgroups.to_string();
            (Some(cgroups), text)
        }
        Err(reason) => (None, format!("/proc, as {reason}")),
    }
}

impl Engines {
    /// What the configuration asks for.
    pub(super) fn new(
        config: &Config,
        state_dir: &Path,
        catalogue: Arc<Catalogue>,
        secrets: Arc<EngineSecrets>,
    ) -> Result<Self, ServeError> {
        let program = std::env::current_exe().map_err(|source| ServeError::OwnProgram { source })?;
        let launcher = |environments, metastores| {
            launcher(config, catalogue.clone(), environments, metastores, secrets.clone(), program.clone())
        };
        let (answered, kernels) = mpsc::unbounded_channel();
        match config.driver {
            EngineDriver::Process => {
                let shim = ShimCommand { program: program.clone(), args: vec!["shim".to_owned()] };
                let run_in = |dir| ProcessDriverConfig::new(state_dir.join(dir), shim.clone());
                let mut process = run_in("engines");
                let (cgroups, measured_by) = measuring();
                info!(by = measured_by, "measuring what engines use");
                process.cgroups = cgroups;
                process.spares_for = config.spare_process;
                let installer = Installer::new(&config.runtimes_dir);
                let managed = if config.metastores.iter().any(|one| one.metastore == Metastore::Managed) {
                    Some(Managed {
                        driver: Arc::new(ProcessDriver::start(run_in(SERVICES))?),
                        dir: state_dir.join(METASTORES),
                        catalogue: catalogue.clone(),
                        installer: installer.clone(),
                        log_limit: config.session.log_limit,
                        started: Mutex::default(),
                    })
                } else {
                    None
                };
                let metastores = Arc::new(Metastores::new(&config.metastores, managed));
                let launcher = launcher(
                    Environments::Installed(installer.clone(), Layers::default(), EventDirs::new(state_dir)),
                    metastores.clone(),
                );
                Ok(Self {
                    driver: Arc::new(ProcessDriver::start(process)?),
                    cards: launcher.clone(),
                    launcher,
                    metastores,
                    probe: Arc::new(NetworkProbe { secrets, kernels: answered }),
                    measured_by,
                    installer: Some(installer),
                    kernels,
                })
            }
            EngineDriver::Fake => {
                warn!("sessions have no engines: the driver is \"fake\"");
                let world = FakeWorld::without_entries(Arc::new(System));
                let driver = world.driver();
                // Ends with the process; there is nothing to take down.
                TaskTracker::new().spawn(async move { world.keep_settled().await });
                let metastores = Arc::new(Metastores::new(&config.metastores, None));
                let launcher = launcher(Environments::None, metastores.clone());
                Ok(Self {
                    driver: Arc::new(driver),
                    cards: launcher.clone(),
                    launcher,
                    metastores,
                    probe: Arc::new(AlwaysReady),
                    measured_by: String::new(),
                    installer: None,
                    kernels,
                })
            }
        }
    }
}

/// Starts sessions on the runtimes of a catalogue, from these environments; `program` is this one.
pub(super) fn launcher(
    config: &Config,
    catalogue: Arc<Catalogue>,
    environments: Environments,
    metastores: Arc<Metastores>,
    secrets: Arc<EngineSecrets>,
    program: PathBuf,
) -> Arc<CatalogueLauncher> {
    let (log_limit, memory) = (config.session.log_limit, machine_memory());
    let history_servers = HistoryServers::new(&config.history_servers);
    Arc::new(CatalogueLauncher {
        catalogue,
        environments,
        log_limit,
        memory,
        secrets,
        metastores,
        history_servers,
        program,
    })
}

/// Bytes of memory that this machine has.
pub(super) fn machine_memory() -> u64 {
    let system = rustix::system::sysinfo();
    // In units of so many bytes.
    system.totalram.saturating_mul(system.mem_unit.into())
}

/// Cores that this machine has.
pub(super) fn machine_cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Takes every engine to be ready: where there is none, nobody can be asked.
struct AlwaysReady;

#[async_trait]
impl Probe for AlwaysReady {
    async fn ask(&self, _session: SessionUuid, _endpoint: &Endpoint, _protocol: Protocol) -> Answer {
        Answer::Good
    }
}
