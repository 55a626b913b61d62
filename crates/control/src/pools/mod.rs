//! Warm pools: what is to be kept ready, what is, and handing it over.
//!
//! [`keeper`] decides how many engines there are, [`engine`] brings each on, [`handover`] gives one to a session. All
//! but the engines' rows is known only as long as the server runs: how often engines were asked for, and which could
//! not be started.

mod engine;
mod handover;
mod keeper;
mod status;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hearth_core::Timestamp;
use hearth_core::config::SessionConfig;
use hearth_core::id::EngineId;
use hearth_core::pool::demand::{Demand, Looks};
use hearth_core::pool::recipe::{Recipe, RecipeId};
use hearth_core::pool::{PoolEngine, PoolPolicy, PoolSize};
use hearth_core::session::later;

pub use self::status::PoolStatus;

/// How long the start of an engine waits after one of its recipe could not be started; doubled for each in a row.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The longest such wait.
const LAST_PAUSE: Duration = Duration::from_secs(600);
/// How long after a create nothing is started, so that a session and its first queries have the machine.
const QUIET: Duration = Duration::from_millis(300);
/// How long starts are put off at most where sessions are created without a pause.
const QUIET_AT_MOST: Duration = Duration::from_secs(5);

/// How long engines stay when no server looks after them: long enough for it to be restarted, and short enough that one
/// that was ended for good leaves nothing running.
const UNATTENDED: Duration = Duration::from_secs(300);
/// How often their deadline is moved on.
const ATTENDING: Duration = Duration::from_secs(60);

/// What is known of pools.
#[derive(Debug)]
pub(crate) struct Pools {
    policy: PoolPolicy,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The pools as they were understood last, in the order of the policy.
    defined: Vec<Defined>,
    demand: HashMap<RecipeId, Demand>,
    /// Looks at what can be started.
    looks: Looks,
    trouble: HashMap<RecipeId, Trouble>,
    counts: HashMap<RecipeId, Counts>,
    /// When the deadline of each engine was moved on last.
    attended: HashMap<EngineId, Timestamp>,
    /// When the pools are to be looked at.
    due_at: Timestamp,
    last_create: Option<Timestamp>,
    last_start: Option<Timestamp>,
    /// Whether the engines of an earlier server were counted as asked for.
    recalled: bool,
}

/// A pool, and what its engines are made from now.
#[derive(Debug, Clone)]
struct Defined {
    size: PoolSize,
    /// What people call it.
    name: String,
    /// Absent while none can be made: the template is gone, or the runtime not installed.
    made_from: Option<(SessionConfig, Recipe)>,
}

/// What went wrong with the last start.
#[derive(Debug, Clone)]
struct Trouble {
    failures: u32,
    until: Timestamp,
    message: String,
}

/// How often sessions got an engine, and how often none was there.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    handed_over: u64,
    missed: u64,
}

impl Pools {
    pub(crate) fn new(policy: PoolPolicy) -> Self {
        let state = State {
            defined: Vec::new(),
            demand: HashMap::new(),
            looks: Looks::default(),
            trouble: HashMap::new(),
            counts: HashMap::new(),
            attended: HashMap::new(),
            due_at: Timestamp::MIN,
            last_create: None,
            last_start: None,
            recalled: false,
        };
        Self { policy, state: Mutex::new(state) }
    }

    /// When the pools are to be looked at next.
    pub(crate) fn due_at(&self) -> Timestamp {
        self.state().due_at
    }

    /// Asks that the pools be looked at by `at`.
    fn look_by(&self, at: Timestamp) {
        let mut state = self.state();
        state.due_at = state.due_at.min(at);
    }

    /// Whether anything is to be kept ready.
    fn any(&self) -> bool {
        !self.policy.pools.is_empty()
    }

    /// The settings that engines of a recipe are made from, if a pool has it.
    fn settings(&self, recipe: &RecipeId) -> Option<SessionConfig> {
        let state = self.state();
        let mut made_from = state.defined.iter().filter_map(|defined| defined.made_from.as_ref());
        made_from.find(|(_, known)| known.id == *recipe).map(|(config, _)| config.clone())
    }

    /// Notes that a session was created, and whether it got an engine of a pool.
    fn created(&self, recipe: &RecipeId, handed_over: bool, now: Timestamp) {
        let mut state = self.state();
        state.last_create = Some(now);
        state.due_at = state.due_at.min(now);
        // What no pool has is not counted: there could be any number of recipes.
        if state.has(recipe) {
            state.demand.entry(recipe.clone()).or_default().note(now);
            let counts = state.counts.entry(recipe.clone()).or_default();
            if handed_over {
                counts.handed_over += 1;
            } else {
                counts.missed += 1;
            }
        }
    }

    /// Notes that a session of this recipe is likely to be created soon.
    fn expected(&self, recipe: &RecipeId, now: Timestamp) {
        let mut state = self.state();
        // Before the first look at the pools nobody knows; what belongs to none is forgotten by that.
        if state.defined.is_empty() || state.has(recipe) {
            state.demand.entry(recipe.clone()).or_default().expect(now);
            state.due_at = state.due_at.min(now);
        }
    }

    /// Notes that an engine could not be started, or was lost. Whether it is the first in a row.
    fn failed(&self, recipe: &RecipeId, message: &str, now: Timestamp) -> bool {
        let mut state = self.state();
        let failures = state.trouble.get(recipe).map_or(0, |trouble| trouble.failures);
        let pause = LAST_PAUSE.min(FIRST_PAUSE * 2_u32.saturating_pow(failures.min(16)));
        let message = message.to_owned();
        let trouble = Trouble { failures: failures + 1, until: later(now, pause), message };
        state.trouble.insert(recipe.clone(), trouble);
        failures == 0
    }

    /// Notes that an engine is ready. Whether there was trouble before.
    fn succeeded(&self, recipe: &RecipeId) -> bool {
        self.state().trouble.remove(recipe).is_some()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics between two related changes.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether a pool has engines of this recipe.
    fn has(&self, recipe: &RecipeId) -> bool {
        let mut known = self.defined.iter().filter_map(|defined| defined.made_from.as_ref());
        known.any(|(_, known)| known.id == *recipe)
    }

    /// From when on engines may be started: some time after the last create, but not put off for ever.
    fn quiet_from(&self) -> Timestamp {
        let after_create = self.last_create.map_or(Timestamp::MIN, |at| later(at, QUIET));
        let at_most = self.last_start.map_or(Timestamp::MAX, |at| later(at, QUIET_AT_MOST));
        after_create.min(at_most)
    }

    /// Forgets what belongs to engines that are gone, and to recipes that no pool has any more.
    fn forget_the_gone(&mut self, engines: &[PoolEngine]) {
        self.attended.retain(|id, _| engines.iter().any(|engine| engine.id == *id));
        let known: Vec<RecipeId> = self
            .defined
            .iter()
            .filter_map(|defined| defined.made_from.as_ref().map(|(_, recipe)| recipe.id.clone()))
            .collect();
        self.demand.retain(|recipe, _| known.contains(recipe));
        self.trouble.retain(|recipe, _| known.contains(recipe));
        self.counts.retain(|recipe, _| known.contains(recipe));
    }
}
