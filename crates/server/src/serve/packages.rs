//! The packages a session asks for: read from its settings, and installed beside the passes that wait for them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hearth_core::config::SessionConfig;
use hearth_core::validate::Violation;
use hearth_runtimes::{Environment, Installer, LayerError, LayerSpec, Progress, Requirements, Runtime};
use tracing::{debug, info};

/// The properties that name packages: ours, and the one that clusters of the hosted service have.
pub(super) const PROPERTIES: [&str; 2] = ["spark.dataproc.python.packages", "dataproc:pip.packages"];
/// The field that they are in.
const FIELD: &str = "session.runtime_config.properties";

/// What a session's layer is to hold; `None` when it needs none.
///
/// # Errors
/// When a property names something that is no package.
pub(super) fn wanted(config: &SessionConfig) -> Result<Option<LayerSpec>, Violation> {
    let Some(runtime) = &config.runtime else { return Ok(None) };
    let mut requirements = Requirements::default();
    for property in PROPERTIES {
        let Some(text) = runtime.properties.get(property) else { continue };
        let read = Requirements::parse(text).map_err(|error| Violation {
            field: FIELD.to_owned(),
            description: format!("Invalid value for property 'spark:{property}': {error}"),
        })?;
        requirements.extend(read);
    }
    if requirements.is_empty() {
        return Ok(None);
    }
    Ok(Some(LayerSpec { requirements, index: index(config) }))
}

/// The index that a session's packages come from, if it names one.
pub(super) fn index(config: &SessionConfig) -> Option<String> {
    let repository = config.runtime.as_ref()?.repository.as_ref()?;
    repository.pypi.clone().filter(|index| !index.is_empty())
}

/// Takes out what names packages.
pub(super) fn leave_out(config: &mut SessionConfig) {
    if let Some(runtime) = &mut config.runtime {
        runtime.properties.retain(|key, _| !PROPERTIES.contains(&key.as_str()));
    }
}

/// Makes layers, each in a thread of its own, so that nothing waits for an index.
#[derive(Clone, Default)]
pub(super) struct Layers {
    /// By the environment below and what is wanted over it.
    installations: Arc<Mutex<HashMap<Key, Installation>>>,
}

type Key = (PathBuf, Vec<String>, Option<String>);

enum Installation {
    Running,
    Failed(LayerError, Instant),
}

/// How long a failure stands for everyone who waited for the same; who comes later tries anew. Longer than it takes
/// all of them to ask once more.
const FAILURE_STANDS: Duration = Duration::from_secs(3);

impl Layers {
    /// The layer, or `None` while it is being made: ask again soon.
    ///
    /// # Errors
    /// When it could not be made just now. Who asks later tries anew.
    pub(super) fn get(
        &self,
        installer: &Installer,
        runtime: &Runtime,
        base: &Environment,
        spec: &LayerSpec,
    ) -> Result<Option<Environment>, LayerError> {
        if let Some(layer) = installer.layer(base, spec) {
            return Ok(Some(layer));
        }
        let requirements = spec.requirements.iter().map(str::to_owned).collect();
        let key: Key = (base.root.clone(), requirements, spec.index.clone());
        let mut installations = self.lock();
        match installations.get(&key) {
            Some(Installation::Failed(error, at)) if at.elapsed() < FAILURE_STANDS => {
                return Err(error.clone());
            }
            Some(Installation::Running) => {}
            Some(Installation::Failed(..)) | None => {
                installations.insert(key.clone(), Installation::Running);
                self.start(key, installer, runtime, base, spec);
            }
        }
        Ok(None)
    }

    /// A thread, not a task: it may be cut off when the service ends, and the service does not wait for it.
    fn start(
        &self,
        key: Key,
        installer: &Installer,
        runtime: &Runtime,
        base: &Environment,
        spec: &LayerSpec,
    ) {
        let (layers, installer, runtime) = (self.clone(), installer.clone(), runtime.clone());
        let (base, spec) = (base.clone(), spec.clone());
        std::thread::spawn(move || {
            info!(packages = ?spec.requirements.iter().collect::<Vec<_>>(), "installing packages of a session");
            let outcome = installer.ensure_layer(&runtime, &base, &spec, &Told);
            let mut installations = layers.lock();
            installations.remove(&key);
            if let Err(error) = outcome {
                info!(%error, "could not install packages of a session");
                installations.insert(key, Installation::Failed(error, Instant::now()));
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Installation>> {
        // Every change is one insertion or removal, whole whatever panicked around it.
        self.installations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes what an installation says to the server's log.
pub(super) struct Told;

impl Progress for Told {
    fn step(&self, text: &str) {
        debug!(step = text, "installing packages");
    }

    fn detail(&self, text: &str) {
        debug!(detail = text, "installing packages");
    }
}

#[cfg(test)]
mod tests {
    use hearth_core::config::{RepositoryConfig, RuntimeConfig};

    use super::*;

    fn config(properties: &[(&str, &str)], pypi: Option<&str>) -> SessionConfig {
        let properties = properties.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let repository = pypi.map(|pypi| RepositoryConfig { pypi: Some(pypi.to_owned()) });
        let runtime =
            RuntimeConfig { properties: properties.collect(), repository, ..RuntimeConfig::default() };
        SessionConfig { runtime: Some(runtime), ..SessionConfig::default() }
    }

    #[test]
    fn packages_of_both_properties_come_from_the_sessions_index() {
        let config = config(
            &[("spark.dataproc.python.packages", "b>=1,<2"), ("dataproc:pip.packages", "a==1")],
            Some("http://index/simple"),
        );
        let wanted = wanted(&config).unwrap().unwrap();
        assert_eq!(wanted.requirements.iter().collect::<Vec<_>>(), ["a==1", "b>=1,<2"]);
        assert_eq!(wanted.index.as_deref(), Some("http://index/simple"));
    }

    #[test]
    fn without_packages_there_is_no_layer_and_a_bad_one_is_told_with_its_property() {
        assert_eq!(wanted(&SessionConfig::default()).unwrap(), None);
        assert_eq!(wanted(&config(&[("spark.app.name", "x")], Some("http://index/"))).unwrap(), None);
        assert_eq!(wanted(&config(&[("spark.dataproc.python.packages", " , ")], None)).unwrap(), None);
        let bad = wanted(&config(&[("dataproc:pip.packages", "-r x")], None)).unwrap_err();
        assert!(bad.description.contains("dataproc:pip.packages") && bad.field == FIELD);
    }
}
