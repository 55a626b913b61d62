//! Giving a pool engine to a session.
//!
//! The session takes the engine's id as its uuid, in the transaction that removes the engine's row. From then on it is
//! a session whose engine happens to run already, and the reconciler finds that out as it does after any restart.

use std::time::Duration;

use hearth_core::Timestamp;
use hearth_core::admission::Need;
use hearth_core::config::SessionConfig;
use hearth_core::engine::Observed;
use hearth_core::id::SessionUuid;
use hearth_core::pool::PoolEngine;
use hearth_core::pool::recipe::{EngineFrom, Recipe, missed};
use hearth_core::session::{Session, later};
use hearth_driver::DriverError;
use hearth_store::PoolWrite;
use tracing::debug;

use crate::Control;
use crate::error::ControlError;

/// The pool engines that a new session could have.
#[derive(Debug, Default)]
pub(crate) struct Offers {
    /// What the session's engine is made by; `None` where nothing is kept ready.
    recipe: Option<Recipe>,
    /// Those that were ready, the youngest first.
    engines: Vec<PoolEngine>,
}

/// A new session's uuid, where its engine comes from, and what is to be written with it.
pub(crate) struct Seat {
    pub(crate) uuid: SessionUuid,
    pub(crate) from: Option<EngineFrom>,
    pub(crate) write: Option<PoolWrite>,
}

impl Control {
    /// Looks for engines that a session with these effective settings could have.
    ///
    /// # Errors
    /// When the store has a problem.
    pub(crate) async fn offers(
        &self,
        config: &SessionConfig,
        need: Need,
        now: Timestamp,
    ) -> Result<Offers, ControlError> {
        if !self.pools.any() {
            return Ok(Offers::default());
        }
        let Some(recipe) = self.world.launcher.recipe(config) else { return Ok(Offers::default()) };
        let mut engines = self.world.store.pool_engines().await?;
        let max_age = self.pools.policy.max_age;
        engines.retain(|engine| {
            let same = engine.recipe == recipe.id && engine.need == need;
            engine.ready() && same && now < later(engine.made_at, max_age)
        });
        if self.room.wanted() {
            // Whoever waits is before whoever asks now, and may have the room.
            engines.clear();
        }
        engines.reverse();
        Ok(Offers { recipe: Some(recipe), engines })
    }

    /// The next engine that lives, the oldest first, or a uuid for one that is to be launched.
    pub(crate) async fn seat(&self, offers: &mut Offers) -> Seat {
        while let Some(engine) = offers.engines.pop() {
            match self.world.driver.observe(engine.id).await {
                Ok(Observed::Listening(_) | Observed::Ready(_)) => {
                    let cpu = self.cpu_of(&engine).await;
                    return Seat {
                        uuid: engine.id.session_uuid(),
                        from: Some(EngineFrom::Pool { made_at: engine.made_at, cpu }),
                        write: Some(PoolWrite::Remove { id: engine.id, generation: engine.generation }),
                    };
                }
                other => {
                    debug!(engine = %engine.id, ?other, "a pool engine is not there any more");
                    self.queue.push(engine.id.session_uuid(), self.world.clock.now());
                }
            }
        }
        let from = offers.recipe.as_ref().map(|recipe| {
            let state = self.pools.state();
            let defined = state.defined.iter();
            let pools = defined.filter_map(|pool| Some((pool.name.as_str(), &pool.made_from.as_ref()?.1)));
            EngineFrom::Launch { missed: missed(recipe, pools) }
        });
        Seat { uuid: SessionUuid(self.world.random.uuid()), from, write: None }
    }

    /// Has the pools looked at now: what they are made from may have changed.
    pub(crate) fn look_at_pools(&self) {
        if self.pools.any() {
            self.pools.look_by(self.world.clock.now());
            self.queue.wake();
        }
    }

    /// Notes that somebody looks at what can be started, the first of which has these settings. Who has just come is
    /// likely to start it, and finds an engine that is ready or on its way; who looks again and again changes nothing.
    pub fn looked_at(&self, config: SessionConfig) {
        let now = self.world.clock.now();
        if !self.pools.any() || !self.pools.state().looks.note(now) {
            return;
        }
        if let Some(recipe) = self.world.launcher.recipe(&self.of_nobody(config)) {
            self.pools.expected(&recipe.id, now);
            self.queue.wake();
        }
    }

    /// Notes that a session was made, so that the next finds an engine too.
    pub(crate) fn seated(&self, offers: &Offers, session_got_one: bool, now: Timestamp) {
        if let Some(recipe) = &offers.recipe {
            self.pools.created(&recipe.id, session_got_one, now);
        }
    }

    /// The processor time that an engine used before it was anybody's.
    async fn cpu_of(&self, engine: &PoolEngine) -> Duration {
        let usage = self.world.driver.usage(engine.id).await.ok().flatten();
        usage.map_or(Duration::ZERO, |usage| usage.cpu)
    }

    /// Tells an engine that was handed over whose it is, before the session is active: how long it may live, and what
    /// a cold start has in its environment.
    ///
    /// # Errors
    /// When the driver has a problem. Repeating it does no harm.
    pub(crate) async fn welcome(&self, session: &Session) -> Result<(), DriverError> {
        let now = self.world.clock.now();
        let life = self.policy.start_timeout + session.ttl(&self.policy) + self.policy.stop_timeout;
        let id = session.uuid.engine_id();
        self.world.driver.set_deadline(id, later(now, life)).await?;
        self.world.driver.introduce(id, &self.world.launcher.introduction(session)).await
    }
}
