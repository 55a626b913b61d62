//! A clock that stands still until it is moved, for simulation and emulation.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use hearth_core::Timestamp;
use hearth_core::clock::Clock;
use tokio::sync::Notify;

use crate::world::Timer;

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct VirtualClock {
    now: Mutex<Timestamp>,
    moved: Notify,
}

impl VirtualClock {
    /// A clock that shows `now`.
    pub fn new(now: Timestamp) -> Self {
        Self { now: Mutex::new(now), moved: Notify::new() }
    }

    /// Moves the clock on to `at`. It never goes back.
    pub fn move_to(&self, at: Timestamp) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = at.max(*now);
        drop(now);
        self.moved.notify_waiters();
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Timer for VirtualClock {
    async fn sleep_until(&self, at: Timestamp) {
        let moved = self.moved.notified();
        if self.now() < at {
            moved.await;
        }
    }
}
