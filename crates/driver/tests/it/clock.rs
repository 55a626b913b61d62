//! A clock that tests move.

use std::sync::Mutex;
use std::time::Duration;

use hearth_core::Timestamp;
use hearth_core::clock::Clock;

pub(crate) struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    pub(crate) fn new() -> Self {
        Self(Mutex::new("2026-01-01T00:00:00Z".parse().unwrap()))
    }

    pub(crate) fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(by).unwrap();
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}
