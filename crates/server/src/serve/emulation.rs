//! An emulated world in the place of a real one: for tests of clients.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hearth_control::Reconciler;
use hearth_control::world::World;
use hearth_core::Timestamp;
use hearth_core::staged::Places;
use hearth_emulator::{Running, Start};
use hearth_runtimes::Catalogue;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::kernels::Cards;
use super::launcher::Environments;
use super::metastores::Metastores;
use super::secrets::EngineSecrets;
use super::{ServeError, engines};
use crate::config::Config;

/// The file in a state directory that an emulator leaves, for the next one there to go on from.
const STATE_FILE: &str = "emulator.json";
/// Where answers say that output of emulated sessions is. The same for every emulator, so that one that was loaded
/// from another's state answers alike.
const STAGING: &str = "emulator://staging";

/// The places of an emulator, which keeps nothing there.
pub(super) fn staging() -> Places {
    Places { default: STAGING.to_owned(), ..Places::default() }
}

/// What an emulator is to be.
#[derive(Debug, Clone)]
pub(crate) struct Emulation {
    /// The saved state to begin with.
    pub(crate) load: Option<PathBuf>,
    /// What its clock shows at first; the machine's time without it.
    pub(crate) at: Option<Timestamp>,
    /// Whether its clock stands still until it is moved.
    pub(crate) stand_still: bool,
    /// Whether the state directory was named: then what there is at the end is kept there. Else it is a temporary one.
    pub(crate) keep: bool,
}

/// Who makes happen what was asked for.
pub(super) enum Worker {
    /// The reconciler, in real time.
    Real(Box<Reconciler>),
    /// An emulator, and what was asked of it.
    Emulated(Box<Running>, Emulation),
}

impl Emulation {
    /// A temporary state directory, if none was named. It is gone when the result is dropped.
    pub(super) fn place(&self, config: &mut Config) -> Result<Option<TempDir>, ServeError> {
        if self.keep {
            return Ok(None);
        }
        let made = tempfile::Builder::new().prefix("hearth-emulator-").tempdir();
        let directory = made.map_err(|source| ServeError::Temporary { source })?;
        directory.path().clone_into(&mut config.state_dir);
        Ok(Some(directory))
    }

    /// The world to be emulated, as it begins.
    pub(super) fn start(&self) -> Start {
        Start::new(self.at, !self.stand_still)
    }

    /// Has the emulator begin with what is in a file, or go on from what the one before it left here.
    async fn prepare(&self, running: &mut Running, state_dir: &Path) -> Result<(), ServeError> {
        let left = state_dir.join(STATE_FILE);
        match &self.load {
            Some(path) => {
                let document = read(path)?;
                running
                    .load(&document)
                    .await
                    .map_err(|source| ServeError::Load { path: path.clone(), source })
            }
            None if self.keep && left.exists() => {
                let document = read(&left)?;
                running.resume(&document).await.map_err(|source| ServeError::Load { path: left, source })
            }
            None => Ok(()),
        }
    }
}

/// The world of an emulator: real but for its time, its engines and its store.
pub(super) fn world(
    start: &Start,
    config: &Config,
    catalogue: Arc<Catalogue>,
    secrets: Arc<EngineSecrets>,
) -> (World, Arc<dyn Cards>) {
    let metastores = Arc::new(Metastores::new(&config.metastores, None));
    // Nothing runs, so no program does.
    let program = PathBuf::new();
    let launcher = engines::launcher(config, catalogue, Environments::None, metastores, secrets, program);
    (start.world(launcher.clone()), launcher)
}

impl Worker {
    /// Takes over what is there. Whoever acted before is dead: the lock of the state directory says so.
    pub(super) async fn take_over(&mut self) -> Result<(), ServeError> {
        match self {
            Self::Real(reconciler) => {
                reconciler.seize().await.map_err(|source| ServeError::Store { source: Box::new(source) })
            }
            // There is nothing yet.
            Self::Emulated(..) => Ok(()),
        }
    }

    /// Begins with what is to be there from the start.
    pub(super) async fn prepare(&mut self, state_dir: &Path) -> Result<(), ServeError> {
        match self {
            Self::Real(_) => Ok(()),
            Self::Emulated(running, emulation) => emulation.prepare(running, state_dir).await,
        }
    }

    /// Works until `shutdown`.
    pub(super) async fn run(self, state_dir: PathBuf, shutdown: CancellationToken) {
        match self {
            Self::Real(reconciler) => reconciler.run(shutdown).await,
            Self::Emulated(running, emulation) => {
                let document = running.run(shutdown).await;
                let path = state_dir.join(STATE_FILE);
                if emulation.keep
                    && let Err(error) = std::fs::write(&path, document)
                {
                    warn!(path = %path.display(), %error, "could not keep what there was");
                }
            }
        }
    }
}

fn read(path: &Path) -> Result<String, ServeError> {
    std::fs::read_to_string(path).map_err(|source| ServeError::SavedState {
        what: "read",
        path: path.to_owned(),
        source,
    })
}
