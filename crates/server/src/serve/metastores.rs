//! Metastores that sessions name: where they are, and those that the service runs itself.
//!
//! A managed metastore is started when a session first asks for it, under a supervisor of its own, so that it goes on
//! while the service is down. It is looked after as long as a session uses it, and ended some time after the last.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use hearth_core::Timestamp;
use hearth_core::config::SessionConfig;
use hearth_core::engine::Observed;
use hearth_core::error::ErrorKind;
use hearth_core::explain::LAST_LINES;
use hearth_core::id::EngineId;
use hearth_core::session::{Failure, later};
use hearth_core::validate::Violation;
use hearth_driver::{Driver, DriverError};
use hearth_engines::jvm::Jvm;
use hearth_engines::metastore;
use hearth_runtimes::{Catalogue, EngineKind, Installer};
use hearth_store::Store;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::{Metastore, NamedMetastore};

/// The field that names one.
const FIELD: &str = "session.environment_config.peripherals_config.metastore_service";
/// The jar without which Hive's metastore does not start. Spark has it up to 4.0.
const NEEDED_JAR: &str = "jackson-mapper-asl-";
/// How often it is seen to that those in use run, at the least.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// How long one runs that nobody uses. Starting it anew takes some ten seconds.
const LINGER: Duration = Duration::from_secs(600);
/// How long one runs while no server is there to ask for longer.
const ALONE: Duration = Duration::from_secs(24 * 3600);
/// How long one has to end before it is killed: Derby writes down what it has.
const GRACE: Duration = Duration::from_secs(10);

/// The metastores of the configuration.
pub(crate) struct Metastores {
    known: BTreeMap<String, Metastore>,
    /// What runs the managed ones, if there are any.
    managed: Option<Managed>,
}

/// How managed metastores are run.
pub(crate) struct Managed {
    pub(crate) driver: Arc<dyn Driver>,
    /// Where each has a directory.
    pub(crate) dir: PathBuf,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) installer: Installer,
    pub(crate) log_limit: u64,
    /// Those that were started and have not been seen listening since.
    pub(crate) started: Mutex<BTreeSet<EngineId>>,
}

/// What a session gets of its metastore.
pub(crate) enum Connection {
    /// Properties that lead there; none for a session without one.
    Ready(BTreeMap<String, String>),
    /// It is being started.
    Starting,
}

impl Metastores {
    pub(crate) fn new(known: &[NamedMetastore], managed: Option<Managed>) -> Self {
        let known = known.iter().map(|one| (one.name.clone(), one.metastore.clone())).collect();
        Self { known, managed }
    }

    /// What is wrong with a new session's choice, for an engine of this kind.
    pub(crate) fn check(&self, config: &SessionConfig, engine: EngineKind) -> Option<Violation> {
        let name = self.asked(config)?;
        let violation = |description| Some(Violation { field: FIELD.to_owned(), description });
        if !self.known.contains_key(name) {
            let known = self.known.keys().cloned().collect::<Vec<_>>().join(", ");
            return violation(format!("Unknown metastore '{name}'. Known metastores: {known}"));
        }
        if engine == EngineKind::Sail {
            // It would read what Spark wrote as empty tables, without a word.
            return violation(format!(
                "A session on Sail cannot use metastore '{name}'. Choose a runtime with Apache Spark: \
                 `hearth runtimes list` shows which there are"
            ));
        }
        None
    }

    /// Whether a session is to be connected to one.
    pub(crate) fn is_asked(&self, config: &SessionConfig) -> bool {
        self.asked(config).is_some()
    }

    /// What leads a session to its metastore. Returns at once: a managed one is started beside it.
    pub(crate) async fn connect(&self, config: &SessionConfig) -> Result<Connection, Failure> {
        let Some(name) = self.asked(config) else { return Ok(Connection::Ready(BTreeMap::new())) };
        match (self.known.get(name), &self.managed) {
            (Some(Metastore::At(uris)), _) => Ok(Connection::Ready(metastore::properties(uris, None))),
            (Some(Metastore::Managed), Some(managed)) => managed.connect(name).await,
            // Nothing is going to run.
            (Some(Metastore::Managed), None) => Ok(Connection::Ready(BTreeMap::new())),
            (None, _) => {
                Err(failed(format!("Metastore '{name}' is not configured any more. See `spark.metastores`")))
            }
        }
    }

    /// The metastore that a session names; none where no metastores are configured, and the name is only kept.
    fn asked<'c>(&self, config: &'c SessionConfig) -> Option<&'c str> {
        let service = &config.environment.as_ref()?.peripherals.as_ref()?.metastore_service;
        let name = service.rsplit('/').next()?;
        (!self.known.is_empty() && !name.is_empty()).then_some(name)
    }

    /// Sees to it that managed metastores run while sessions use them, until `shutdown`. They go on after it.
    pub(crate) async fn keep(self: Arc<Self>, store: Arc<dyn Store>, shutdown: CancellationToken) {
        let Some(managed) = &self.managed else { return };
        let mut last_used: BTreeMap<String, Timestamp> = BTreeMap::new();
        let mut changes = managed.driver.changes();
        let mut heed = true;
        loop {
            let look = async {
                tokio::select! {
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                    Some(_) = changes.next(), if heed => {}
                }
            };
            if shutdown.run_until_cancelled(look).await.is_none() {
                return;
            }
            // One that cannot be kept up is not tried over and over.
            heed = true;
            let now = Timestamp::now();
            for (name, _) in self.known.iter().filter(|(_, one)| **one == Metastore::Managed) {
                let used = self.in_use(name, &*store).await;
                let since = last_used.entry(name.clone()).or_insert(now);
                if used {
                    *since = now;
                }
                let kept = if used {
                    managed.connect(name).await.map(drop).map_err(|failure| failure.message)
                } else if later(*since, LINGER) <= now {
                    managed.end(name).await.map_err(|error| error.to_string())
                } else {
                    Ok(())
                };
                if let Err(error) = kept {
                    heed = false;
                    warn!(metastore = name, error, "could not look after a metastore");
                }
            }
        }
    }

    async fn in_use(&self, name: &str, store: &dyn Store) -> bool {
        // When in doubt it is.
        let Ok(unsettled) = store.unsettled().await else { return true };
        for uuid in unsettled {
            match store.session_by_uuid(uuid).await {
                Ok(Some(session)) if self.asked(&session.config) == Some(name) => return true,
                Ok(_) => {}
                Err(_) => return true,
            }
        }
        false
    }
}

impl Managed {
    async fn connect(&self, name: &str) -> Result<Connection, Failure> {
        let unreachable =
            |error: DriverError| failed(format!("Metastore '{name}' could not be reached: {error}"));
        let id = id(name);
        match self.driver.observe(id).await.map_err(unreachable)? {
            Observed::Listening(listening) | Observed::Ready(listening) => {
                self.started().remove(&id);
                let deadline = later(Timestamp::now(), ALONE);
                self.driver.set_deadline(id, deadline).await.map_err(unreachable)?;
                let directory = self.dir.join(name);
                // Kept for a start after this one; if that is lost, sessions of then cannot find it, and say so.
                let _ = std::fs::write(directory.join(PORT), listening.endpoint.port.to_string());
                let uri = format!("thrift://{}", listening.endpoint);
                Ok(Connection::Ready(metastore::properties(&uri, Some(&directory.join("warehouse")))))
            }
            Observed::Starting | Observed::Stopping => Ok(Connection::Starting),
            Observed::Exited(exit) => {
                self.driver.remove(id).await.map_err(unreachable)?;
                if self.started().remove(&id) {
                    // It cannot be started: to try over and over would help nobody.
                    let last = exit.tail.join("\n");
                    return Err(failed(format!(
                        "Metastore '{name}' ended with {}{LAST_LINES}{last}",
                        exit.status
                    )));
                }
                Ok(Connection::Starting)
            }
            Observed::Absent => {
                let (environment, jvm) = self.spark(name)?;
                let directory = self.dir.join(name);
                let port = free_port(&directory).map_err(|error| {
                    failed(format!("The directory of metastore '{name}' cannot be used: {error}"))
                })?;
                let wanted = metastore::Metastore {
                    id,
                    environment,
                    directory,
                    port,
                    log_limit: self.log_limit,
                    deadline: later(Timestamp::now(), ALONE),
                };
                info!(metastore = name, port, "starting a metastore");
                self.driver.ensure(&metastore::spec(wanted, &jvm)).await.map_err(unreachable)?;
                self.started().insert(id);
                Ok(Connection::Starting)
            }
        }
    }

    async fn end(&self, name: &str) -> Result<(), DriverError> {
        let id = id(name);
        match self.driver.observe(id).await? {
            Observed::Absent => Ok(()),
            Observed::Exited(_) => self.driver.remove(id).await,
            Observed::Starting | Observed::Listening(_) | Observed::Ready(_) | Observed::Stopping => {
                info!(metastore = name, "ending a metastore that nobody uses");
                self.driver.stop(id, GRACE).await
            }
        }
    }

    fn started(&self) -> MutexGuard<'_, BTreeSet<EngineId>> {
        // Every change is one insertion or removal.
        self.started.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An installed Spark whose jars a metastore can run from, and its Java.
    fn spark(&self, name: &str) -> Result<(PathBuf, Jvm), Failure> {
        for runtime in self.catalogue.runtimes().iter().filter(|runtime| runtime.engine == EngineKind::Spark)
        {
            let Some(environment) = self.installer.installed(runtime) else { continue };
            if !has_jar(&environment.site_packages.join("pyspark/jars")) {
                continue;
            }
            if let Ok(Some(java)) = self.installer.java(runtime, &environment) {
                let jvm = Jvm { program: java.program(), major: java.major, archive: None };
                return Ok((environment.root, jvm));
            }
        }
        Err(failed(format!(
            "Metastore '{name}' runs from the jars of Apache Spark 4.0, which is not installed. Run `hearth runtimes \
             install spark-4.0` and create the session again"
        )))
    }
}

fn failed(message: String) -> Failure {
    Failure { kind: ErrorKind::FailedPrecondition, message }
}

/// What a managed metastore is called among engines: the same for a name at every start.
fn id(name: &str) -> EngineId {
    let digest = Sha256::digest(format!("hearth metastore {name}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    EngineId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

/// The file with the port it had last, in its directory.
const PORT: &str = "port";

/// The port that the metastore of this directory had before, if it is free; sessions know that one.
fn free_port(directory: &Path) -> io::Result<u16> {
    std::fs::create_dir_all(directory)?;
    let before = std::fs::read_to_string(directory.join(PORT)).ok().and_then(|text| text.trim().parse().ok());
    Ok(before.filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap_or(0))
}

fn has_jar(jars: &Path) -> bool {
    let entries = std::fs::read_dir(jars).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).any(|name| name.starts_with(NEEDED_JAR))
}
