//! What the pools look like, for people.

use hearth_core::Timestamp;
use hearth_core::pool::{PoolEngine, PoolState};

use crate::Control;
use crate::error::ControlError;

/// A pool as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolStatus {
    /// What it is called: its runtime's full name, or its template's name.
    pub name: String,
    /// The runtime of its engines; empty while none can be made.
    pub runtime: String,
    /// Engines that can be handed over.
    pub ready: usize,
    /// Engines that are being started.
    pub starting: usize,
    /// Engines that are being ended, of whatever recipe.
    pub retiring: usize,
    /// How many it is to have now.
    pub target: u32,
    /// The least it has.
    pub least: u32,
    /// The most it has.
    pub most: u32,
    /// Memory that one engine takes: on average as seen, else as estimated, in bytes.
    pub memory_each: u64,
    /// How often a session got an engine since the service started.
    pub handed_over: u64,
    /// How often one could have had an engine and none was ready.
    pub missed: u64,
    /// Why the last start went wrong, and when the next is tried; `None` if it did not.
    pub trouble: Option<(String, Timestamp)>,
}

impl Control {
    /// The pools there are, in the order of the configuration.
    ///
    /// # Errors
    /// When the store has a problem.
    pub async fn pools(&self) -> Result<Vec<PoolStatus>, ControlError> {
        let engines = self.world.store.pool_engines().await?;
        let mut seen = Vec::new();
        for engine in engines.iter().filter(|engine| engine.ready()) {
            seen.extend(self.memory_of(engine.id).await.map(|memory| (engine.recipe.clone(), memory)));
        }
        let now = self.now();
        let state = self.pools.state();
        let status = |pool: &super::Defined| {
            let recipe = pool.made_from.as_ref().map(|(_, recipe)| recipe);
            let id = recipe.map(|recipe| &recipe.id);
            let count = |wanted: fn(&PoolEngine) -> bool| {
                engines.iter().filter(|engine| Some(&engine.recipe) == id && wanted(engine)).count()
            };
            let memory: Vec<u64> =
                seen.iter().filter(|(recipe, _)| Some(recipe) == id).map(|(_, memory)| *memory).collect();
            let measured = memory.iter().sum::<u64>().checked_div(memory.len() as u64);
            let demand = id.and_then(|id| state.demand.get(id)).map_or(0, |demand| demand.wanted(now));
            let counts = id.and_then(|id| state.counts.get(id)).copied().unwrap_or_default();
            PoolStatus {
                name: pool.name.clone(),
                runtime: recipe.map(|recipe| recipe.runtime.clone()).unwrap_or_default(),
                ready: count(PoolEngine::ready),
                starting: count(|engine| matches!(engine.state, PoolState::Starting { .. })),
                retiring: engines.iter().filter(|e| e.retiring() && e.pool == pool.name).count(),
                target: if id.is_some() { demand.clamp(pool.size.least, pool.size.most) } else { 0 },
                least: pool.size.least,
                most: pool.size.most,
                memory_each: measured.or(recipe.map(|recipe| recipe.memory)).unwrap_or_default(),
                handed_over: counts.handed_over,
                missed: counts.missed,
                trouble: id
                    .and_then(|id| state.trouble.get(id))
                    .map(|trouble| (trouble.message.clone(), trouble.until)),
            }
        };
        Ok(state.defined.iter().map(status).collect())
    }
}
