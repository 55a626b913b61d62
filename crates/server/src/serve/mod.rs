//! `hearth serve`: puts the parts together, answers on one port, and takes the parts down in order.
//!
//! The only place that names concrete adapters. Start reading at [`run`].

mod ahead;
mod artifacts;
mod cors;
mod descriptions;
mod diagnostics;
mod directory;
mod emulation;
mod engines;
mod error;
mod front;
mod kernels;
mod launcher;
mod listener;
mod logging;
mod metastores;
mod packages;
mod pools;
mod probe;
mod routes;
mod secrets;
mod spark;
mod templates;
mod token;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hearth_api::auth::Authenticator;
use hearth_api::convert::session::Places;
use hearth_api::limits::Limits;
use hearth_api::rest::Rest;
use hearth_api::{Api, ApiSettings};
use hearth_control::world::{System, World};
use hearth_control::{Caller, Control, Reconciler, Scope};
use hearth_core::Timestamp;
use hearth_core::name::Parent;
use hearth_core::properties::PropertyPolicy;
use hearth_gateway::jupyter::{JupyterGateway, KernelWatch};
use hearth_gateway::{Gateway, GatewayConfig};
use hearth_runtimes::{Catalogue, Installer};
use hearth_staging::ObjectStaging;
use hearth_store_sqlite::{SqliteStore, StateDir};
use hearth_wire::hearth::ServerInfo;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use self::artifacts::SessionArtifacts;
use self::cors::Cors;
use self::diagnostics::SessionPacker;
use self::directory::ControlDirectory;
pub(crate) use self::emulation::Emulation;
use self::emulation::Worker;
use self::engines::Engines;
pub(crate) use self::engines::measuring;
pub(crate) use self::error::ServeError;
use self::front::Front;
use self::kernels::{Answered, Cards, Keeper, SessionKernels};
use self::metastores::Metastores;
use self::routes::Routes;
use self::secrets::EngineSecrets;
use self::spark::{
    EventDirs, History, HistoryFiles, HistoryServers, KeptFiles, SparkApplications, SparkPages,
};
pub(crate) use self::token::{READER_TOKEN_FILE, TOKEN_FILE};
use crate::config::{Auth, Config};

/// The file in the state directory that says where the service answers.
pub(crate) const ENDPOINT_FILE: &str = "endpoint";
/// The directory in the state directory that is the staging store where none is named.
const STAGING_DIR: &str = "staging";
/// How long open requests and streams have once the service is to end.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// Runs the service until it is told to end. Sessions go on without it.
///
/// # Errors
/// When the service cannot start. Once it answers, nothing that happens ends it but a signal.
pub(crate) async fn run(mut config: Config, emulation: Option<Emulation>) -> Result<(), ServeError> {
    logging::start(&config.log)?;
    let temporary = match &emulation {
        Some(emulation) => emulation.place(&mut config)?,
        None => None,
    };
    // The lock comes first: what follows may trust that no other server is in the directory.
    let lock = StateDir::lock(&config.state_dir)?;
    let listeners = listener::bind(&config.listen).await?;
    for address in config.listen.iter().filter(|address| !address.ip().is_loopback()) {
        warn!(%address, "tokens and data go over this address in the clear; put something that speaks TLS before it");
    }
    let addresses = addresses(&listeners)?;
    let mut parts = assemble(&config, lock.path(), lock.database().as_path(), &addresses, emulation)?;
    parts.worker.take_over().await?;
    templates::seed(&parts.control, &config, &owner()).await?;
    parts.worker.prepare(lock.path()).await?;

    parts.keeper.catch_up().await.map_err(|source| ServeError::Store { source: Box::new(source.into()) })?;

    let shutdown = Shutdown::default();
    let reconciling = tokio::spawn(parts.worker.run(lock.path().to_owned(), shutdown.reconciler.clone()));
    let connections = TaskTracker::new();
    for listener in listeners {
        let accepting =
            listener::accept(listener, parts.front.clone(), connections.clone(), shutdown.accepting.clone());
        connections.spawn(accepting);
    }
    let endpoint = format!("http://{}", addresses[0]);
    write_endpoint(lock.path(), &endpoint)?;
    parts.ready.send_replace(true);
    if let Some(temporary) = &temporary {
        // Data, for whoever tests against this: with it every command of ours finds address and token.
        println!("export HEARTH_STATE_DIR={}", temporary.path().display());
    }
    info!(version = env!("CARGO_PKG_VERSION"), %endpoint, fence = lock.fence(), "serving");

    wait_for_signal().await;
    info!("shutting down; sessions go on");
    parts.ready.send_replace(false);
    remove_endpoint(lock.path());
    shutdown.accepting.cancel();
    parts.control.end_watches();
    parts.keeper.close();
    parts.front.jupyter.drain(DRAIN_LIMIT).await;
    let left = parts.gateway.drain(DRAIN_LIMIT).await;
    if left > 0 {
        warn!(streams = left, "closing streams that are still open");
    }
    connections.close();
    if tokio::time::timeout(DRAIN_LIMIT, connections.wait()).await.is_err() {
        warn!(connections = connections.len(), "closing connections that are still open");
    }
    shutdown.reconciler.cancel();
    if let Err(error) = reconciling.await {
        warn!(%error, "the reconciler did not end well");
    }
    parts.ending.cancel();
    parts.tasks.close();
    parts.tasks.wait().await;
    drop(temporary);
    Ok(())
}

/// What ends when, on the way down.
#[derive(Default)]
struct Shutdown {
    accepting: CancellationToken,
    reconciler: CancellationToken,
}

struct Parts {
    control: Control,
    worker: Worker,
    front: Arc<Front>,
    gateway: Gateway,
    keeper: Keeper,
    ready: watch::Sender<bool>,
    tasks: TaskTracker,
    /// Ends what looks after something as long as the service runs.
    ending: CancellationToken,
}

fn assemble(
    config: &Config,
    state_dir: &Path,
    database: &Path,
    addresses: &[SocketAddr],
    emulation: Option<Emulation>,
) -> Result<Parts, ServeError> {
    let owner = owner();
    let mut own_secrets = Vec::new();
    let authenticator = match config.auth {
        Auth::Token => {
            let mut token = |file| {
                let token = token::ensure(state_dir, file)
                    .map_err(|source| ServeError::Token { path: state_dir.join(file), source })?;
                own_secrets.push(token.clone());
                Ok::<_, ServeError>(token)
            };
            let reader = Caller { scope: Scope::ReadOnly, ..owner.clone() };
            Authenticator::tokens(vec![
                (token(token::TOKEN_FILE)?, owner),
                (token(token::READER_TOKEN_FILE)?, reader),
            ])
        }
        Auth::None => Authenticator::anonymous(owner),
    };
    let catalogue = Catalogue::load(config.catalogue.as_deref())?;
    let known = catalogue.known();
    let catalogue = catalogue.with_default(&config.default_runtime).ok_or_else(|| {
        ServeError::DefaultRuntime { name: config.default_runtime.clone(), known: known.clone() }
    })?;
    pools::check(&config.pools, &catalogue)?;
    let catalogue = Arc::new(catalogue);
    let secrets = EngineSecrets::open(state_dir)
        .map_err(|source| ServeError::Token { path: state_dir.join(secrets::KEY_FILE), source })?;
    let secrets = Arc::new(secrets);
    let start = emulation.map(|emulation| (emulation.start(), emulation));
    let addresses = Addresses {
        spark_connect: format!("sc://{}", advertised(config, addresses)),
        web: format!("http://{}", advertised(config, addresses)),
    };
    let Place { world, places, spark, measured_by, installer, metastores, cards, kernels } = match &start {
        Some((start, _)) => {
            let (world, cards) = emulation::world(start, config, catalogue.clone(), secrets.clone());
            Place {
                world,
                places: addresses.places(emulation::staging()),
                spark: SparkApplications {
                    staging: ObjectStaging::in_memory(&emulation::staging().default),
                    events: EventDirs::new(state_dir),
                    history: None,
                },
                measured_by: String::new(),
                installer: None,
                metastores: None,
                cards,
                // There are none.
                kernels: mpsc::unbounded_channel().1,
            }
        }
        None => {
            let made = Made { addresses, secrets: secrets.clone(), own_secrets };
            real_world(config, state_dir, database, catalogue.clone(), made)?
        }
    };
    let (driver, store) = (world.driver.clone(), world.store.clone());
    let budget = config.budget(engines::machine_memory(), engines::machine_cores(), start.is_some());
    if budget.limited() {
        // As bytes and cores; one that is not limited is left out.
        info!(memory = budget.memory, cores = budget.cores, "room for sessions");
    }
    let control = Control::new(world, config.session.clone())
        .with_properties(property_policy(config))
        .with_budget(budget);
    // What a test sees must come of what it asked for, so nothing is started ahead in an emulated world.
    let control = if start.is_some() { control } else { control.with_pools(config.pools.clone()) };
    let (worker, emulator) = match start {
        Some((start, emulation)) => {
            let (emulator, running) = start.begin(control.clone());
            (Worker::Emulated(Box::new(running), emulation), Some(emulator))
        }
        None => (Worker::Real(Box::new(Reconciler::new(control.clone()))), None),
    };
    let tasks = TaskTracker::new();
    let ending = CancellationToken::new();
    if let Some(metastores) = metastores {
        tasks.spawn(metastores.keep(store, ending.clone()));
    }
    let artifacts =
        SessionArtifacts { control: control.clone(), driver, catalogue: catalogue.clone(), installer };
    let directory = Arc::new(ControlDirectory {
        control: control.clone(),
        secrets: secrets.clone(),
        tasks: tasks.clone(),
        emulated: emulator.is_some(),
        routes: Routes::default(),
    });
    let gateway = Gateway::with_artifacts(directory.clone(), Arc::new(artifacts), GatewayConfig::default());
    let watch = KernelWatch::new(directory);
    let keeper = Keeper::new(control.clone(), secrets.clone(), watch.clone(), cards.clone());
    keeper.listen(kernels);
    let of_sessions = SessionKernels {
        control: control.clone(),
        keeper: keeper.clone(),
        cards,
        parent: Parent { project: config.project.clone(), location: config.default_location.clone() },
        tasks: tasks.clone(),
    };
    let jupyter = JupyterGateway::new(Arc::new(of_sessions), watch);
    let settings = ApiSettings {
        create_hold: config.create_hold,
        places,
        projects: config.projects.clone(),
        locations: config.locations.clone(),
        price: config.price.clone(),
        info: ServerInfo { measured_by, ..server_info(config, &catalogue, known, control.now()) },
        limits: Limits::per_minute(config.session_operations_per_minute, config.reads_per_minute),
    };
    let max_body = usize::try_from(config.max_body).unwrap_or(usize::MAX);
    let pages = SparkPages::new(
        control.clone(),
        authenticator.clone(),
        secrets,
        spark.history.clone(),
        Arc::new(HistoryServers::new(&config.history_servers)),
    );
    let mut api = Api::new(control.clone(), Arc::new(spark), settings);
    if let Some(emulator) = emulator {
        api = api.emulated(emulator);
    }
    let rest = Rest::new(api.rest_routes(max_body), authenticator.clone(), max_body);
    let (ready, is_ready) = watch::channel(false);
    let front = Arc::new(Front {
        authenticator,
        rest,
        grpc: with_common_services(api.routes(max_body))?,
        gateway: gateway.clone(),
        jupyter,
        pages,
        cors: Cors::new(config),
        ready: is_ready,
    });
    Ok(Parts { control, worker, front, gateway, keeper, ready, tasks, ending })
}

/// A world, and what is told of it.
struct Place {
    world: World,
    /// Where things of sessions are.
    places: Places,
    /// What tells of Spark's applications there.
    spark: SparkApplications,
    /// What measures them.
    measured_by: String,
    /// What installs packages for them; none where there are no engines.
    installer: Option<Installer>,
    /// What sessions share; none where there are no engines.
    metastores: Option<Arc<Metastores>>,
    /// Runtimes that kernels can run on.
    cards: Arc<dyn Cards>,
    /// Kernels that have answered for the first time.
    kernels: mpsc::UnboundedReceiver<Answered>,
}

/// Where clients are told to connect.
struct Addresses {
    /// With Spark Connect.
    spark_connect: String,
    /// With a browser or a notebook.
    web: String,
}

impl Addresses {
    fn places(self, staging: hearth_core::staged::Places) -> Places {
        let Self { spark_connect, web } = self;
        Places { spark_connect, web, staging }
    }
}

/// What was made before a world is.
struct Made {
    /// The addresses that lead to sessions.
    addresses: Addresses,
    /// The secrets of engines.
    secrets: Arc<EngineSecrets>,
    /// The service's own.
    own_secrets: Vec<String>,
}

/// The world as it is, and where it keeps what engines leave.
fn real_world(
    config: &Config,
    state_dir: &Path,
    database: &Path,
    catalogue: Arc<Catalogue>,
    made: Made,
) -> Result<Place, ServeError> {
    let Made { addresses, secrets, own_secrets } = made;
    let Engines { driver, launcher, probe, measured_by, installer, metastores, cards, kernels } =
        Engines::new(config, state_dir, catalogue.clone(), secrets.clone())?;
    let events_of_others = config.history_servers.iter().map(|server| server.events.as_str());
    let staging = staging(config, state_dir)?.giving_to(events_of_others)?;
    let places = addresses.places(staging.places().clone());
    let (events, history_files) = (EventDirs::new(state_dir), HistoryFiles::new(state_dir));
    let history = installer.clone().map(|installer| {
        Arc::new(History::new(history_files.clone(), staging.clone(), catalogue, installer))
    });
    let servers = Arc::new(HistoryServers::new(&config.history_servers));
    let kept =
        KeptFiles { objects: staging.clone(), events: events.clone(), history: history_files, servers };
    let packer = SessionPacker {
        places: places.clone(),
        launcher: launcher.clone(),
        engine_secrets: secrets,
        own_secrets,
    };
    let world = World {
        store: Arc::new(SqliteStore::open(database)?),
        driver,
        launcher,
        probe,
        staging: Some(Arc::new(kept)),
        packer: Some(Arc::new(packer)),
        clock: Arc::new(System),
        timer: Arc::new(System),
        random: Arc::new(System),
    };
    let spark = SparkApplications { staging, events, history };
    Ok(Place { world, places, spark, measured_by, installer, metastores: Some(metastores), cards, kernels })
}

/// The staging store that the configuration names; credentials for it are in the environment.
///
/// # Errors
/// When there is no such store.
pub(crate) fn staging(config: &Config, state_dir: &Path) -> Result<ObjectStaging, hearth_staging::OpenError> {
    let options = || {
        std::env::vars_os().filter_map(|(name, value)| name.into_string().ok().zip(value.into_string().ok()))
    };
    let store = match &config.staging_uri {
        Some(uri) => ObjectStaging::at(uri, options()),
        None => ObjectStaging::in_directory(&state_dir.join(STAGING_DIR), options()),
    }?;
    store.with_buckets(&config.staging_buckets)
}

/// What sessions may ask for of this machine, and get when they do not ask.
fn property_policy(config: &Config) -> PropertyPolicy {
    let cores = engines::machine_cores();
    let masters: Vec<String> = config.spark_masters.iter().map(ToString::to_string).collect();
    PropertyPolicy::for_machine(cores, engines::machine_memory()).with_masters(&masters)
}

/// The services that every gRPC server is expected to have: health and reflection.
fn with_common_services(api: tonic::service::Routes) -> Result<tonic::service::Routes, ServeError> {
    let (_, health) = tonic_health::server::health_reporter();
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(hearth_wire::GRPC_DESCRIPTOR_SET)
        .build_v1()
        .map_err(|source| ServeError::Reflection { source })?;
    Ok(api.add_service(health).add_service(reflection))
}

fn server_info(config: &Config, catalogue: &Catalogue, runtimes: Vec<String>, now: Timestamp) -> ServerInfo {
    ServerInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        state_dir: config.state_dir.display().to_string(),
        runtimes,
        default_runtime: catalogue.default_runtime().full_name(),
        start_time: Some(hearth_api::convert::time::timestamp(now)),
        default_project: config.project.clone(),
        default_location: config.default_location.clone(),
        ..ServerInfo::default()
    }
}

/// Where clients are told to connect. PySpark sends a token without TLS only to the name `localhost`.
fn advertised(config: &Config, addresses: &[SocketAddr]) -> String {
    match (&config.advertise, addresses.first()) {
        (Some(advertise), _) => advertise.clone(),
        (None, Some(address)) if address.ip().is_loopback() => format!("localhost:{}", address.port()),
        (None, Some(address)) => address.to_string(),
        (None, None) => String::new(),
    }
}

fn addresses(listeners: &[TcpListener]) -> Result<Vec<SocketAddr>, ServeError> {
    let addresses: Result<_, _> = listeners.iter().map(TcpListener::local_addr).collect();
    addresses.map_err(|source| ServeError::Endpoint { source })
}

fn write_endpoint(state_dir: &Path, endpoint: &str) -> Result<(), ServeError> {
    let path = state_dir.join(ENDPOINT_FILE);
    std::fs::write(path, format!("{endpoint}\n")).map_err(|source| ServeError::Endpoint { source })
}

fn remove_endpoint(state_dir: &Path) {
    if let Err(error) = std::fs::remove_file(state_dir.join(ENDPOINT_FILE)) {
        warn!(%error, "could not remove the endpoint file");
    }
}

/// Who owns what the service makes, and who everyone with the token is taken to be.
fn owner() -> Caller {
    Caller { name: format!("{}@localhost", whoami()), scope: Scope::Full }
}

/// The user the service runs as.
fn whoami() -> String {
    ["USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
        .unwrap_or_else(|| format!("uid-{}", rustix::process::getuid().as_raw()))
}

/// Returns at the first SIGINT or SIGTERM; a second one ends the process at once.
async fn wait_for_signal() {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        warn!("cannot wait for signals; only SIGKILL ends this process");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        warn!("ending at once");
        std::process::exit(130);
    });
}
