//! One pass over one pool engine.

use std::time::Duration;

use hearth_core::Timestamp;
use hearth_core::engine::{Observed, Protocol};
use hearth_core::id::EngineId;
use hearth_core::lease::Fence;
use hearth_core::pool::step::{PoolStep, next_step};
use hearth_core::pool::{PoolEngine, PoolState, Retirement};
use hearth_core::session::later;
use hearth_store::PoolWrite;
use tracing::{debug, info, warn};

use super::{ATTENDING, UNATTENDED};
use crate::Control;
use crate::pass::PassError;
use crate::queue::Requeue;
use crate::world::{Answer, Start};

/// How often a start that waits for packages is looked at. Nobody waits for it.
const PREPARING: Duration = Duration::from_millis(500);

impl Control {
    /// Looks at an engine that is no session's, and takes it one step further if it is a pool's.
    ///
    /// # Errors
    /// When a part of the world is out of reach. Trying again later is right.
    pub(crate) async fn pool_pass(&self, id: EngineId, fence: Fence) -> Result<Requeue, PassError> {
        let world = &self.world;
        let engines = world.store.pool_engines().await?;
        let found = engines.into_iter().find(|engine| engine.id == id);
        self.book_engine(id, found.as_ref());
        let Some(engine) = found else { return self.stray_pass(id).await };
        let observed = world.driver.observe(id).await?;
        let step = next_step(&engine, &observed, world.clock.now(), &self.policy);
        debug!(engine = %id, pool = engine.pool, ?step, "decided");
        match step {
            PoolStep::Launch => return self.launch_ahead(engine, fence).await,
            PoolStep::Probe => return self.probe_ahead(engine, &observed, fence).await,
            PoolStep::Retire(why) => self.give_up(engine, why, fence).await?,
            PoolStep::Stop { grace } => world.driver.stop(id, grace).await?,
            PoolStep::Forget => world.driver.remove(id).await?,
            PoolStep::Remove => {
                let generation = engine.generation;
                self.forget_files(id).await;
                if self.commit_engine(PoolWrite::Remove { id, generation }, fence).await? {
                    self.book_engine(id, None);
                }
                self.pools.look_by(world.clock.now());
                return Ok(Requeue::Never);
            }
            PoolStep::Keep => return self.attend(&engine).await,
            PoolStep::WaitUntil(at) => return Ok(Requeue::At(at)),
        }
        Ok(Requeue::Soon)
    }

    /// Ends an engine that nobody knows, and clears away what it left.
    async fn stray_pass(&self, id: EngineId) -> Result<Requeue, PassError> {
        let world = &self.world;
        // Again: a session may have taken the engine from its pool between the looks at both.
        if world.store.session_by_uuid(id.session_uuid()).await?.is_some() {
            return Ok(Requeue::Soon);
        }
        let grace = self.policy.stop_grace;
        match world.driver.observe(id).await? {
            Observed::Absent => return Ok(Requeue::Never),
            Observed::Exited(_) => world.driver.remove(id).await?,
            Observed::Stopping => {
                return Ok(Requeue::At(later(world.clock.now(), grace + Duration::from_secs(1))));
            }
            Observed::Starting | Observed::Listening(_) | Observed::Ready(_) => {
                warn!(engine = %id, "ending an engine that has no session");
                world.driver.stop(id, grace).await?;
            }
        }
        Ok(Requeue::Soon)
    }

    /// Moves the deadline of an engine on, by which it ends when no server looks after it any more.
    ///
    /// In a pass, because a session that takes the engine sets its own deadline in a pass too: those of one uuid follow
    /// each other.
    async fn attend(&self, engine: &PoolEngine) -> Result<Requeue, PassError> {
        let now = self.world.clock.now();
        let last = self.pools.state().attended.get(&engine.id).copied();
        let due = last.map_or(now, |at| later(at, ATTENDING));
        if now < due {
            return Ok(Requeue::At(due));
        }
        self.world.driver.set_deadline(engine.id, self.unattended_until(now)).await?;
        self.pools.state().attended.insert(engine.id, now);
        Ok(Requeue::At(later(now, ATTENDING)))
    }

    /// When an engine is ended unless a server moves that on: a session that takes it then has the time that a start may
    /// take to set a deadline of its own.
    fn unattended_until(&self, now: Timestamp) -> Timestamp {
        later(now, UNATTENDED + self.policy.start_timeout + self.policy.stop_timeout)
    }

    async fn launch_ahead(&self, engine: PoolEngine, fence: Fence) -> Result<Requeue, PassError> {
        let Some(config) = self.pools.settings(&engine.recipe) else {
            self.retire(engine, Retirement::Stale, fence).await?;
            return Ok(Requeue::Soon);
        };
        let now = self.world.clock.now();
        match self.world.launcher.start_ahead(&engine, &config, self.unattended_until(now)).await {
            Ok(Start::Engine { spec, .. }) => {
                self.world.driver.ensure(&spec).await?;
                Ok(Requeue::Soon)
            }
            Ok(Start::Preparing) => Ok(Requeue::At(later(now, PREPARING))),
            Err(failure) => {
                self.give_up(engine, Retirement::Failed { message: failure.message }, fence).await?;
                Ok(Requeue::Soon)
            }
        }
    }

    async fn probe_ahead(
        &self,
        engine: PoolEngine,
        observed: &Observed,
        fence: Fence,
    ) -> Result<Requeue, PassError> {
        let (Observed::Listening(listening) | Observed::Ready(listening)) = observed else {
            return Ok(Requeue::Soon);
        };
        let uuid = engine.id.session_uuid();
        // One whose settings are not known is retired by the next look at the pools.
        let settings = self.pools.settings(&engine.recipe);
        let protocol = settings.map_or(Protocol::SparkConnect, |config| config.protocol());
        match self.world.probe.ask(uuid, &listening.endpoint, protocol).await {
            Answer::Good => {}
            Answer::NotYet => return Ok(Requeue::Retry),
            Answer::Error(text) => {
                let message = format!("The engine has started and cannot be used: {text}");
                self.give_up(engine, Retirement::Failed { message }, fence).await?;
                return Ok(Requeue::Soon);
            }
        }
        // A kernel has asked its Spark by itself.
        if protocol == Protocol::SparkConnect {
            self.world.probe.warm_up(uuid, &listening.endpoint).await;
        }
        let since = self.world.clock.now();
        let ready = PoolEngine { state: PoolState::Ready { since }, ..engine };
        if self.commit_engine(PoolWrite::Update(ready.clone()), fence).await? {
            info!(pool = ready.pool, engine = %ready.id, "an engine is ready");
            if self.pools.succeeded(&ready.recipe) {
                info!(pool = ready.pool, "engines can be started again");
            }
            self.pools.look_by(since);
        }
        Ok(Requeue::Soon)
    }

    /// Ends an engine that went wrong, and lets the next of its recipe wait.
    async fn give_up(&self, engine: PoolEngine, why: Retirement, fence: Fence) -> Result<(), PassError> {
        let now = self.world.clock.now();
        if let Retirement::Failed { message } = &why
            && self.pools.failed(&engine.recipe, message, now)
        {
            // Once: those that follow are tried more and more seldom, and `hearth pools` shows the last.
            warn!(pool = engine.pool, reason = message, "an engine could not be kept ready");
        }
        self.retire(engine, why, fence).await
    }
}
