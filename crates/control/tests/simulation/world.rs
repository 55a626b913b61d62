//! The simulated world: what outlives servers, servers that come and go in it, and what must always hold.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use hearth_control::sessions::CreateSession;
use hearth_control::virtual_time::VirtualClock;
use hearth_control::world::{Answer, Launcher, Probe, Random, Start, World};
use hearth_control::{Caller, Control, Reconciler, Scope};
use hearth_core::Timestamp;
use hearth_core::admission::book::{Entry, Place};
use hearth_core::admission::{Budget, Need};
use hearth_core::clock::Clock;
use hearth_core::config::{SessionConfig, SessionKind};
use hearth_core::engine::{Endpoint, Introduction, Protocol};
use hearth_core::filter::Filter;
use hearth_core::id::{EngineId, OperationId, SessionUuid};
use hearth_core::name::{Parent, SessionName};
use hearth_core::operation::Operation;
use hearth_core::policy::SessionPolicy;
use hearth_core::pool::recipe::{Recipe, RecipeId};
use hearth_core::pool::{PoolEngine, PoolPolicy};
use hearth_core::session::{Failure, Session, StateLabel};
use hearth_core::validate::Violation;
use hearth_driver::fake::{FakeWorld, spec};
use hearth_store::{MemoryStore, OperationQuery, SessionQuery, Store};
use uuid::Uuid;

use crate::crash::{Crash, CrashingDriver, CrashingStaging, CrashingStore};
use crate::shelf::{Packs, Shelf};

pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);
/// How late an end may be (I6).
pub(crate) const LATE: Duration = Duration::from_secs(1);
/// When the simulation begins: any time will do.
const START: i64 = 1_800_000_000;
/// Within which time all must be settled once faults have stopped (I12).
const SETTLED_WITHIN: Duration = Duration::from_secs(60);

/// What an engine is taken to need, in bytes.
pub(crate) const ENGINE_MEMORY: u64 = 100 << 20;

/// How many cores a session asks for, here.
pub(crate) const CORES: &str = "fixed.cores";

/// What outlives every server: the disk, the engines, time.
pub(crate) struct Simulation {
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) engines: FakeWorld,
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) policy: SessionPolicy,
    pub(crate) pools: PoolPolicy,
    pub(crate) budget: Budget,
    random: Arc<Numbers>,
    seen: Mutex<HashMap<SessionUuid, Session>>,
}

/// A server in the simulated world.
pub(crate) struct Server {
    pub(crate) control: Control,
    pub(crate) reconciler: Reconciler,
    pub(crate) crash: Arc<Crash>,
}

/// Uuids that count up, so that every run is the same.
struct Numbers(AtomicU64);

impl Random for Numbers {
    fn uuid(&self) -> Uuid {
        Uuid::from_u64_pair(0x4ea7, self.0.fetch_add(1, Ordering::SeqCst))
    }
}

struct AnyEngine;

#[async_trait]
impl Launcher for AnyEngine {
    fn check(&self, _config: &SessionConfig) -> Vec<Violation> {
        Vec::new()
    }

    /// As many cores as a property says, and the memory of an engine for each.
    fn need(&self, config: &SessionConfig) -> Need {
        let said = config.runtime.as_ref().and_then(|runtime| runtime.properties.get(CORES));
        let cores = said.map_or(1, |cores| cores.parse().unwrap());
        Need { memory: u64::from(cores) * ENGINE_MEMORY, cores }
    }

    async fn start(&self, session: &Session, deadline: Timestamp) -> Result<Start, Failure> {
        Ok(engine(session.uuid.engine_id(), deadline))
    }

    fn recipe(&self, config: &SessionConfig) -> Option<Recipe> {
        let runtime = config.runtime.clone().unwrap_or_default();
        // What a launch decides here: the runtime, and properties that say so.
        let fixed: BTreeMap<String, String> =
            runtime.properties.into_iter().filter(|(key, _)| key.starts_with("fixed.")).collect();
        let id = RecipeId(format!("{} {fixed:?}", runtime.version));
        Some(Recipe {
            id,
            runtime: format!("any{}", runtime.version),
            kernel: config.kernel(),
            fixed,
            memory: ENGINE_MEMORY,
        })
    }

    async fn start_ahead(
        &self,
        ahead: &PoolEngine,
        _config: &SessionConfig,
        deadline: Timestamp,
    ) -> Result<Start, Failure> {
        Ok(engine(ahead.id, deadline))
    }

    fn introduction(&self, session: &Session) -> Introduction {
        Introduction { files: BTreeMap::new(), log_line: format!("for {}", session.name) }
    }
}

fn engine(id: EngineId, deadline: Timestamp) -> Start {
    Start::Engine { spec: Box::new(spec(id, deadline)), prepared: false }
}

struct Answers;

#[async_trait]
impl Probe for Answers {
    async fn ask(&self, _session: SessionUuid, _endpoint: &Endpoint, _protocol: Protocol) -> Answer {
        Answer::Good
    }
}

impl Simulation {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(VirtualClock::new(Timestamp::from_second(START).unwrap()));
        Self {
            engines: FakeWorld::new(clock.clone()),
            clock,
            store: Arc::default(),
            shelf: Arc::default(),
            policy: SessionPolicy::default(),
            pools: PoolPolicy::default(),
            budget: Budget::default(),
            random: Arc::new(Numbers(AtomicU64::new(1))),
            seen: Mutex::default(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Starts a server that knows every earlier one to be dead.
    pub(crate) async fn server(&self, crash: Arc<Crash>) -> Server {
        let world = World {
            store: Arc::new(CrashingStore { inner: self.store.clone(), crash: crash.clone() }),
            driver: Arc::new(CrashingDriver { inner: self.engines.driver(), crash: crash.clone() }),
            launcher: Arc::new(AnyEngine),
            probe: Arc::new(Answers),
            staging: Some(Arc::new(CrashingStaging { inner: self.shelf.clone(), crash: crash.clone() })),
            packer: Some(Arc::new(Packs)),
            clock: self.clock.clone(),
            timer: self.clock.clone(),
            random: self.random.clone(),
        };
        let control =
            Control::new(world, self.policy.clone()).with_pools(self.pools.clone()).with_budget(self.budget);
        let mut reconciler = Reconciler::new(control.clone());
        // A server that dies here never acted at all.
        let _ = reconciler.seize().await;
        Server { control, reconciler, crash }
    }

    /// Lets the server do what is due, and moves time on to what is due next, but not past `until`.
    pub(crate) async fn step(&self, server: &mut Server, until: Timestamp) {
        let due = server.reconciler.turn().await.unwrap_or(self.now());
        self.check_states().await;
        let next = [Some(due), self.engines.next_change(), Some(until)].into_iter().flatten().min().unwrap();
        // A failed turn is tried again a little later, as the loop's retries are.
        let at_least = self.now().checked_add(Duration::from_millis(1)).unwrap();
        self.clock.move_to(next.max(at_least).min(until));
        // What is due happens by itself, and is heard of, as with engines that are processes.
        self.engines.settle();
    }

    /// Lets time pass until `done`, at most for `limit`. Whether it came to that; not when the server died.
    pub(crate) async fn run(
        &self,
        server: &mut Server,
        limit: Duration,
        mut done: impl AsyncFnMut() -> bool,
    ) -> bool {
        let until = self.now().checked_add(limit).unwrap();
        loop {
            if server.crash.dead() {
                return false;
            }
            if done().await {
                return true;
            }
            if self.now() >= until {
                let _ = server.reconciler.turn().await;
                return done().await;
            }
            self.step(server, until).await;
        }
    }

    /// Lets time pass.
    pub(crate) async fn pass_time(&self, server: &mut Server, time: Duration) {
        self.run(server, time, async || false).await;
    }

    pub(crate) async fn operation(&self, id: OperationId) -> Option<Operation> {
        self.store.operation(id).await.unwrap()
    }

    pub(crate) async fn session(&self, id: &str) -> Option<Session> {
        self.store.session(&name(id)).await.unwrap()
    }

    pub(crate) async fn state(&self, id: &str) -> Option<StateLabel> {
        self.session(id).await.map(|session| session.state.label())
    }

    async fn all_sessions(&self) -> Vec<Session> {
        let query = SessionQuery { parent: parent(), filter: Filter::all(), after: None, limit: usize::MAX };
        self.store.sessions(&query).await.unwrap()
    }

    async fn all_operations(&self) -> Vec<Operation> {
        let query =
            OperationQuery { parent: parent(), filter: Filter::all(), after: None, limit: usize::MAX };
        self.store.operations(&query).await.unwrap()
    }

    /// I3: only the edges of the diagram, and times that never go back.
    async fn check_states(&self) {
        use StateLabel::{Active, Creating, Failed, Terminated, Terminating};
        let sessions = self.all_sessions().await;
        for engine in self.pool_engines().await {
            let uuid = engine.id.session_uuid();
            assert!(!sessions.iter().any(|session| session.uuid == uuid), "{engine:?} is a session's too");
        }
        self.check_budget(&sessions).await;
        let mut seen = self.seen.lock().unwrap();
        for session in sessions {
            let mut path: Vec<_> = session.history.iter().map(|past| (past.state, past.at)).collect();
            path.push((session.state.label(), session.state_at));
            assert_eq!(path[0].0, Creating);
            for edge in path.windows(2) {
                let legal = matches!(
                    (edge[0].0, edge[1].0),
                    (Creating, Active | Failed)
                        | (Active, Terminating | Failed)
                        | (Terminating, Terminated | Failed)
                );
                assert!(legal, "{path:?}");
                assert!(edge[0].1 <= edge[1].1, "{path:?}");
            }
            if let Some(before) = seen.insert(session.uuid, session.clone()) {
                assert!(before.generation <= session.generation);
                assert!(before.history.len() <= session.history.len());
            }
        }
    }

    /// What has room, sessions and engines made ahead, never takes more than there is.
    async fn check_budget(&self, sessions: &[Session]) {
        let holds = |session: &&Session| {
            Entry::of(session).is_some_and(|entry| matches!(entry.place, Place::Holds { .. }))
        };
        let of_sessions = sessions.iter().filter(holds).map(|session| session.need);
        let pooled = self.pool_engines().await;
        let used =
            of_sessions.chain(pooled.iter().map(|engine| engine.need)).fold(Need::default(), Need::and);
        assert!(self.budget.fits(Need::default(), used), "{used:?} of {:?}", self.budget);
    }

    /// I2 at every moment: no engine was ever started twice.
    pub(crate) fn check_engines(&self) {
        assert!(self.engines.journal().most_starts() <= 1, "an engine was started twice");
    }

    /// What must hold once faults have stopped: everything ends, nothing is left over (I2, I5, I12).
    pub(crate) async fn check_settled(&self, server: &mut Server) {
        let settled = self
            .run(server, SETTLED_WITHIN, async || {
                let operations_done =
                    self.all_operations().await.iter().all(|operation| operation.done.is_some());
                let at_rest = self
                    .all_sessions()
                    .await
                    .iter()
                    .all(|session| session.settled() || session.state.label() == StateLabel::Active);
                let pools_at_rest = self.pool_engines().await.iter().all(|engine| !engine.retiring());
                operations_done && at_rest && pools_at_rest && self.strays().await.is_empty()
            })
            .await;
        assert!(settled, "not settled within {SETTLED_WITHIN:?}: {:#?}", self.all_operations().await);
        self.check_engines();
        let sessions = self.all_sessions().await;
        for session in &sessions {
            assert!(session.open_operations.is_empty(), "{session:?}");
        }
        for kept in self.shelf.sessions() {
            assert!(sessions.iter().any(|session| session.uuid == kept), "{kept} left something behind");
        }
    }

    /// Every pool engine there is.
    pub(crate) async fn pool_engines(&self) -> Vec<PoolEngine> {
        self.store.pool_engines().await.unwrap()
    }

    /// Whether an engine is there to be handed over.
    pub(crate) async fn has_ready(&self) -> bool {
        self.pool_engines().await.iter().any(PoolEngine::ready)
    }

    /// Traces of engines that neither a session nor a pool accounts for.
    pub(crate) async fn strays(&self) -> Vec<EngineId> {
        let (sessions, pooled) = (self.all_sessions().await, self.pool_engines().await);
        let known = |id: &EngineId| {
            sessions.iter().any(|session| session.uuid.engine_id() == *id)
                || pooled.iter().any(|engine| engine.id == *id)
        };
        self.engines.traces().into_iter().filter(|id| !known(id)).collect()
    }
}

pub(crate) fn parent() -> Parent {
    Parent { project: "p".to_owned(), location: "l".to_owned() }
}

pub(crate) fn name(id: &str) -> SessionName {
    parent().session(id)
}

pub(crate) fn caller() -> Caller {
    Caller { name: "someone@example.com".to_owned(), scope: Scope::Full }
}

pub(crate) fn config() -> SessionConfig {
    SessionConfig { kind: Some(SessionKind::SparkConnect), ..SessionConfig::default() }
}

/// Asks for the session `demo`.
pub(crate) async fn create(server: &Server, config: SessionConfig) -> Operation {
    let create = CreateSession {
        parent: parent(),
        session_id: "demo".to_owned(),
        name: String::new(),
        config,
        request_id: None,
    };
    server.control.create_session(&caller(), create).await.unwrap()
}

/// Settings of a session with these limits.
pub(crate) fn living(ttl: Duration, idle_ttl: Duration) -> SessionConfig {
    let mut config = config();
    let execution = config.execution_mut();
    (execution.ttl, execution.idle_ttl) = (Some(ttl), Some(idle_ttl));
    config
}

/// Lets time pass until `demo` can be used.
pub(crate) async fn active(world: &Simulation, server: &mut Server) -> Session {
    let reached =
        world.run(server, MINUTE, async || world.state("demo").await == Some(StateLabel::Active)).await;
    assert!(reached, "{:?}", world.session("demo").await);
    world.session("demo").await.unwrap()
}

/// Lets time pass until `demo` is in this state.
pub(crate) async fn reaches(
    world: &Simulation,
    server: &mut Server,
    state: StateLabel,
    limit: Duration,
) -> Session {
    let reached = world.run(server, limit, async || world.state("demo").await == Some(state)).await;
    assert!(reached, "{:?}", world.session("demo").await);
    world.session("demo").await.unwrap()
}
