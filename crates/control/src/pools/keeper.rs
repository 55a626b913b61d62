//! Keeps as many engines ready as are wanted: one decision at a time, each written down before it is carried out.

use hearth_core::Timestamp;
use hearth_core::admission::Need;
use hearth_core::config::{RuntimeConfig, SessionConfig, SessionKind};
use hearth_core::id::EngineId;
use hearth_core::lease::Fence;
use hearth_core::name::Parent;
use hearth_core::pool::demand::Demand;
use hearth_core::pool::plan::{self, Kept, Limits, Move, Pool, next_move};
use hearth_core::pool::recipe::Recipe;
use hearth_core::pool::{PoolEngine, PoolState, PoolSubject, Retirement};
use hearth_core::session::later;
use hearth_core::template;
use hearth_store::{Change, PoolWrite};
use tracing::info;

use super::Defined;
use crate::Control;
use crate::error::ControlError;
use crate::pass::PassError;

/// How many decisions one look makes at most. The rest is for the next look, so that sessions do not wait.
const MOVES: usize = 64;

impl Control {
    /// Looks at the pools if it is time.
    ///
    /// # Errors
    /// When a part of the world is out of reach. Trying again later is right.
    pub(crate) async fn keep_pools(&self, fence: Fence, now: Timestamp) -> Result<(), PassError> {
        if now < self.pools.due_at() {
            return Ok(());
        }
        // Whoever asks for a look meanwhile moves this forward again.
        self.pools.state().due_at = later(now, plan::LOOK);
        self.define_pools().await?;
        for _ in 0..MOVES {
            let engines = self.world.store.pool_engines().await?;
            match self.decide(&engines, now).await {
                Move::Start(index) => self.make(index, fence, now).await?,
                Move::Retire(id, why) => {
                    let found = engines.into_iter().find(|engine| engine.id == id);
                    if let Some(engine) = found {
                        self.retire(engine, why, fence).await?;
                    }
                }
                Move::WaitUntil(at) => {
                    if at == Timestamp::MAX {
                        self.pools.state().due_at = at;
                    } else {
                        self.pools.look_by(at);
                    }
                    return Ok(());
                }
            }
        }
        self.pools.look_by(now);
        Ok(())
    }

    async fn decide(&self, engines: &[PoolEngine], now: Timestamp) -> Move {
        let mut kept = Vec::with_capacity(engines.len());
        for engine in engines {
            let seen = if engine.ready() { self.memory_of(engine.id).await } else { None };
            kept.push(Kept { engine: engine.clone(), memory: seen.unwrap_or_else(|| self.estimate(engine)) });
        }
        let mut state = self.pools.state();
        if !std::mem::replace(&mut state.recalled, true) {
            // What an earlier server kept ready was asked for: it is not thrown away because nobody remembers.
            for engine in engines.iter().filter(|engine| !engine.retiring()) {
                let count = engines.iter().filter(|other| other.recipe == engine.recipe).count();
                state.demand.insert(engine.recipe.clone(), Demand::of(count, now));
            }
        }
        state.forget_the_gone(engines);
        let pools: Vec<Pool> = state
            .defined
            .iter()
            .map(|defined| {
                let recipe = defined.made_from.as_ref().map(|(_, recipe)| recipe);
                let id = recipe.map(|recipe| &recipe.id);
                Pool {
                    recipe: id.cloned(),
                    least: defined.size.least,
                    most: defined.size.most,
                    wanted: id.and_then(|id| state.demand.get(id)).map_or(0, |demand| demand.wanted(now)),
                    memory: recipe.map_or(0, |recipe| recipe.memory),
                    need: defined
                        .made_from
                        .as_ref()
                        .map_or_else(Need::default, |(config, _)| self.world.launcher.need(config)),
                    held_until: id.and_then(|id| state.trouble.get(id)).map(|trouble| trouble.until),
                }
            })
            .collect();
        let policy = &self.pools.policy;
        let limits = Limits {
            memory: policy.memory,
            max_age: policy.max_age,
            quiet_from: state.quiet_from(),
            room: self.room.for_pools(now),
        };
        next_move(&pools, &kept, &limits, now)
    }

    /// The memory an engine takes now, if anybody can tell.
    pub(super) async fn memory_of(&self, id: EngineId) -> Option<u64> {
        let usage = self.world.driver.usage(id).await.ok().flatten()?;
        Some(usage.memory).filter(|memory| *memory > 0)
    }

    fn estimate(&self, engine: &PoolEngine) -> u64 {
        let state = self.pools.state();
        let mut recipes = state.defined.iter().filter_map(|defined| defined.made_from.as_ref());
        recipes.find(|(_, recipe)| recipe.id == engine.recipe).map_or(0, |(_, recipe)| recipe.memory)
    }

    /// Writes down an engine that is to be made; a pass makes it.
    async fn make(&self, index: usize, fence: Fence, now: Timestamp) -> Result<(), PassError> {
        let made = self.pools.state().defined.get(index).and_then(|defined| {
            let (config, recipe) = defined.made_from.as_ref()?;
            let need = self.world.launcher.need(config);
            Some((defined.name.clone(), recipe.id.clone(), need))
        });
        let Some((pool, recipe, need)) = made else { return Ok(()) };
        let engine = PoolEngine {
            id: EngineId(self.world.random.uuid()),
            pool,
            recipe,
            need,
            made_at: now,
            state: PoolState::Starting { start_by: later(now, self.policy.start_timeout) },
            generation: 0,
        };
        let id = engine.id;
        info!(pool = engine.pool, engine = %id, "making an engine ready");
        self.pools.state().last_start = Some(now);
        // Before it is written: a pass beside this one must not give its room to a session.
        if !self.room.spare(&engine) {
            return Ok(());
        }
        let written = self.commit_engine(PoolWrite::Insert(engine), fence).await;
        if !matches!(written, Ok(true)) {
            self.book_engine(id, None);
        }
        written?;
        self.queue.push(id.session_uuid(), now);
        Ok(())
    }

    /// Writes down that an engine is to be ended, so that no session gets it any more; passes end it.
    pub(super) async fn retire(
        &self,
        engine: PoolEngine,
        why: Retirement,
        fence: Fence,
    ) -> Result<(), PassError> {
        let id = engine.id;
        info!(pool = engine.pool, engine = %id, %why, "ending an engine that was kept ready");
        let retiring = PoolEngine { state: PoolState::Retiring { why }, ..engine };
        if self.commit_engine(PoolWrite::Update(retiring.clone()), fence).await? {
            self.book_engine(id, Some(&retiring));
        }
        self.queue.push(id.session_uuid(), self.world.clock.now());
        Ok(())
    }

    /// Whether it was written; not when a session or another server was faster, and the engine is to be read again.
    pub(super) async fn commit_engine(&self, write: PoolWrite, fence: Fence) -> Result<bool, PassError> {
        self.commit(Change { fence: Some(fence), pool_engines: vec![write], ..Change::default() }).await
    }

    /// Understands the policy anew: templates and installed runtimes may have changed.
    async fn define_pools(&self) -> Result<(), PassError> {
        let mut defined = Vec::with_capacity(self.pools.policy.pools.len());
        for size in &self.pools.policy.pools {
            let made_from = self.made_from(&size.of).await?;
            let name = match (&size.of, &made_from) {
                (PoolSubject::Runtime { .. }, Some((_, recipe))) => recipe.subject(),
                (subject, _) => subject.to_string(),
            };
            defined.push(Defined { size: size.clone(), name, made_from });
        }
        self.pools.state().defined = defined;
        Ok(())
    }

    /// What the engines of a pool are made from: what a session would have that says nothing more.
    async fn made_from(&self, subject: &PoolSubject) -> Result<Option<(SessionConfig, Recipe)>, PassError> {
        let config = match subject {
            PoolSubject::Runtime { version, kernel } => {
                let runtime = RuntimeConfig { version: version.clone(), ..RuntimeConfig::default() };
                let jupyter =
                    |kernel| SessionKind::Jupyter { kernel: Some(kernel), display_name: String::new() };
                let kind = kernel.map(jupyter);
                SessionConfig { kind, runtime: Some(runtime), ..SessionConfig::default() }
            }
            PoolSubject::Template(name) => match self.template(name).await {
                Ok(found) => template::merge(&found, SessionConfig::default()),
                Err(ControlError::TemplateNotFound(_)) => return Ok(None),
                Err(error) => return Err(error.into()),
            },
        };
        let config = self.of_nobody(config);
        Ok(self.world.launcher.recipe(&config).map(|recipe| (config, recipe)))
    }

    /// These settings as a session that is nobody's yet would have them.
    pub(super) fn of_nobody(&self, config: SessionConfig) -> SessionConfig {
        let nobody = Parent { project: "-".to_owned(), location: "-".to_owned() }.session("pool");
        let mut config = self.effective(config, &nobody);
        config.kind.get_or_insert(SessionKind::SparkConnect);
        config
    }
}
