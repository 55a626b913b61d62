//! The use cases of Hearth and the reconciler that makes them come true.
//!
//! Sees the store, the driver and the rest of the world as traits, never an adapter; knows nothing of the wire.
//! Requests write intent and return an operation ([`Control`]); only the [`Reconciler`] touches engines, under the
//! lease. Start reading at [`sessions`] for the former and [`pass`] for the latter.

pub mod activity;
mod admission;
pub mod diagnostics;
pub mod error;
pub mod insight;
pub mod operations;
mod output;
pub mod page;
pub mod pass;
pub mod pools;
pub mod queue;
pub mod reconciler;
pub mod sessions;
pub mod templates;
pub mod usage;
pub mod virtual_time;
mod waiters;
pub mod watch;
pub mod world;

use std::sync::Arc;

use hearth_core::Timestamp;
use hearth_core::admission::Budget;
pub use hearth_core::caller::{Caller, Scope};
use hearth_core::policy::SessionPolicy;
use hearth_core::pool::PoolPolicy;
use hearth_core::properties::PropertyPolicy;
use hearth_core::session::Session;
use tokio::sync::Semaphore;

pub use crate::error::ControlError;
pub use crate::reconciler::Reconciler;

use crate::activity::ActivityTracker;
use crate::admission::Room;
use crate::output::KEEPERS;
use crate::pools::Pools;
use crate::queue::Queue;
use crate::waiters::Waiters;
use crate::watch::Watchers;
use crate::world::World;

/// The use cases. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Control {
    pub(crate) world: World,
    pub(crate) policy: Arc<SessionPolicy>,
    pub(crate) properties: Arc<PropertyPolicy>,
    pub(crate) activity: Arc<ActivityTracker>,
    pub(crate) room: Arc<Room>,
    pub(crate) pools: Arc<Pools>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) waiters: Arc<Waiters>,
    pub(crate) watchers: Arc<Watchers>,
    pub(crate) extending: Arc<tokio::sync::Mutex<()>>,
    pub(crate) keepers: Arc<Semaphore>,
}

impl Control {
    /// The use cases over a world.
    pub fn new(world: World, policy: SessionPolicy) -> Self {
        let activity = Arc::new(ActivityTracker::new(world.clock.clone()));
        Self {
            world,
            policy: Arc::new(policy),
            properties: Arc::default(),
            activity,
            room: Arc::new(Room::new(Budget::default())),
            pools: Arc::new(Pools::new(PoolPolicy::default())),
            queue: Arc::default(),
            waiters: Arc::default(),
            watchers: Arc::default(),
            extending: Arc::default(),
            keepers: Arc::new(Semaphore::new(KEEPERS)),
        }
    }

    /// The same with a deployment's own rules for Spark properties.
    #[must_use]
    pub fn with_properties(self, properties: PropertyPolicy) -> Self {
        Self { properties: Arc::new(properties), ..self }
    }

    /// The same with limits to the room that all engines together take.
    #[must_use]
    pub fn with_budget(self, budget: Budget) -> Self {
        Self { room: Arc::new(Room::new(budget)), ..self }
    }

    /// The same with engines kept ready.
    #[must_use]
    pub fn with_pools(self, policy: PoolPolicy) -> Self {
        Self { pools: Arc::new(Pools::new(policy)), ..self }
    }

    /// Who uses which session now.
    pub fn activity(&self) -> &Arc<ActivityTracker> {
        &self.activity
    }

    /// The time by the world's clock.
    pub fn now(&self) -> Timestamp {
        self.world.clock.now()
    }

    /// Returns when a session is to be looked at earlier than was known when this was last asked.
    ///
    /// # Cancel safety
    /// Safe: what is not seen here is seen by the next call.
    pub async fn work_added(&self) {
        self.queue.changed().await;
    }

    /// When the next session is due to be looked at.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.queue.next_due()
    }

    /// Forgets everything that is remembered beside the store, once what is in that was replaced as a whole. Whoever
    /// watches or waits looks again. Not while a pass runs; a reconciler that is made anew finds what is to be done.
    pub fn start_over(&self) {
        self.queue.clear();
        self.room.clear();
        self.activity.clear();
        self.waiters.all_ended();
        self.watchers.all_changed();
    }

    /// Properties that the engine of a session was not launched with, and that each of its Spark sessions gets.
    pub fn settings(&self, session: &Session) -> Vec<(String, String)> {
        self.world.launcher.settings(session)
    }

    /// The deployment's decisions.
    pub fn policy(&self) -> &SessionPolicy {
        &self.policy
    }
}
