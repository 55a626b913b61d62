//! Packages that clients add to a running session with `addArtifacts(..., pypi=True)`.

use std::sync::Arc;

use async_trait::async_trait;
use hearth_control::Control;
use hearth_core::id::SessionUuid;
use hearth_core::session::Session;
use hearth_driver::Driver;
use hearth_engines::packages::{ADDED, ROOTS, Roots};
use hearth_gateway::{Artifacts, Caller, Code, Refusal};
use hearth_runtimes::{
    Addition, Catalogue, Environment, Installer, LayerError, LayerErrorKind, LayerSpec, Requirements,
};
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::launcher::in_words;
use super::packages::{self, Told};

/// Installs packages for the engines of a driver. Cheap to clone.
#[derive(Clone)]
pub(super) struct SessionArtifacts {
    pub(super) control: Control,
    pub(super) driver: Arc<dyn Driver>,
    pub(super) catalogue: Arc<Catalogue>,
    /// None where nothing runs.
    pub(super) installer: Option<Installer>,
}

#[async_trait]
impl Artifacts for SessionArtifacts {
    async fn add_packages(
        &self,
        caller: &Caller,
        session: SessionUuid,
        packages: &[String],
    ) -> Result<(), Refusal> {
        let requirements = requirements(packages)?;
        let session = self
            .control
            .session_by_uuid(session)
            .await
            .map_err(|error| Refusal::new(Code::Unavailable, error.to_string()))?
            .ok_or_else(|| Refusal::new(Code::NotFound, format!("Not found: Session {session}")))?;
        // Whether or not the caller waits for it: what was begun is ended and noted. Only the service's own end does not
        // wait for it.
        let (this, caller) = (self.clone(), caller.clone());
        let adding = TaskTracker::new().spawn(async move { this.add(&caller, &session, requirements).await });
        adding
            .await
            .map_err(|error| Refusal::new(Code::Internal, format!("could not add packages: {error}")))?
    }
}

impl SessionArtifacts {
    async fn add(
        &self,
        caller: &Caller,
        session: &Session,
        requirements: Requirements,
    ) -> Result<(), Refusal> {
        let _in_use = self.control.activity().enter(session.uuid);
        let (this, session_for_thread) = (self.clone(), session.clone());
        let (told, outcome) = tokio::sync::oneshot::channel();
        // A thread, not a task: it may be cut off when the service ends, and the service does not wait for it.
        std::thread::spawn(move || told.send(this.install(&session_for_thread, requirements)));
        let added = outcome.await.map_err(|_| {
            Refusal::new(Code::Internal, "the installation of packages broke off; try again")
        })??;
        if added.is_empty() {
            return Ok(());
        }
        info!(session = %session.name, packages = ?added, "packages added to a session");
        if let Err(error) = self.control.note_added_packages(caller, session.uuid, &added).await {
            warn!(session = %session.name, %error, "could not note packages that were added");
        }
        Ok(())
    }

    /// Installs what is not there yet, and returns what that was. Blocks.
    fn install(&self, session: &Session, requirements: Requirements) -> Result<Vec<String>, Refusal> {
        let cannot = |why: &str| {
            let text = format!("Session {} cannot take packages while it runs: {why}", session.name);
            Refusal::new(Code::FailedPrecondition, text)
        };
        let installer = self.installer.as_ref().ok_or_else(|| cannot("it has no engine"))?;
        // Python would not find what is in a directory that was not there when it started.
        let old = || cannot("its engine has no place for them. Create a new session");
        let scratch = self.driver.scratch(session.uuid.engine_id()).ok_or_else(old)?;
        let folder = Some(scratch.join(ADDED)).filter(|folder| folder.is_dir()).ok_or_else(old)?;
        let roots = std::fs::read(scratch.join(ROOTS)).map_err(|_| old())?;
        let roots: Roots = serde_json::from_slice(&roots).map_err(|_| old())?;
        let gone = || cannot("what its engine runs from was removed");
        let runtime = self.catalogue.find(&roots.runtime).ok_or_else(gone)?;
        let base = Environment::at(&roots.environment).ok_or_else(gone)?;
        let layer = match &roots.layer {
            Some(layer) => Some(Environment::at(layer).ok_or_else(gone)?),
            None => None,
        };
        let spec = LayerSpec { requirements, index: packages::index(&session.config) };
        let to = Addition { runtime, base: &base, layer: layer.as_ref(), folder: &folder };
        installer.add_packages(&to, &spec, &Told).map_err(|error| {
            info!(session = %session.name, %error, "could not add packages to a session");
            refusal(&error)
        })
    }
}

/// Each text is one package; what is none is named.
fn requirements(packages: &[String]) -> Result<Requirements, Refusal> {
    let mut all = Requirements::default();
    for package in packages {
        all.extend(
            Requirements::parse(package)
                .map_err(|error| Refusal::new(Code::InvalidArgument, format!("Invalid package: {error}")))?,
        );
    }
    Ok(all)
}

/// With codes that clients do not try again by themselves: nothing of this passes by itself in a moment.
fn refusal(error: &LayerError) -> Refusal {
    let code = match error.kind() {
        LayerErrorKind::NotFound => Code::NotFound,
        LayerErrorKind::Conflict | LayerErrorKind::Unreachable => Code::FailedPrecondition,
        LayerErrorKind::NoRoom => Code::ResourceExhausted,
        LayerErrorKind::Other => Code::Internal,
    };
    Refusal::new(code, in_words(error))
}
