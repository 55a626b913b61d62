//! A clock that is moved by hand, for simulation and emulation. It stands still in between, or runs on with real time.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use hearth_core::Timestamp;
use hearth_core::clock::Clock;
use hearth_core::session::later;
use tokio::sync::Notify;

use crate::world::Timer;

/// The longest sleep at a stretch while it runs: what [`tokio::time::sleep`] is sure to take.
const LONGEST_SLEEP: Duration = Duration::from_secs(24 * 3600);

/// A clock that is moved by hand.
#[derive(Debug)]
pub struct VirtualClock {
    reading: Mutex<Reading>,
    moved: Notify,
}

/// What the clock showed at a moment of real time; without one it shows that still.
#[derive(Debug, Clone, Copy)]
struct Reading {
    at: Timestamp,
    since: Option<Instant>,
}

impl VirtualClock {
    /// A clock that shows `now` and stands still.
    pub fn new(now: Timestamp) -> Self {
        Self { reading: Mutex::new(Reading { at: now, since: None }), moved: Notify::new() }
    }

    /// Moves the clock on to `at`. It never goes back.
    pub fn move_to(&self, at: Timestamp) {
        self.change(|reading| reading.at = at.max(reading.at));
    }

    /// Sets the clock to `at`, which may lie before what it shows. Only for a world that is replaced as a whole.
    pub fn set(&self, at: Timestamp) {
        self.change(|reading| reading.at = at);
    }

    /// Lets the clock run on with real time.
    pub fn run(&self) {
        self.change(|reading| reading.since = Some(Instant::now()));
    }

    /// Lets the clock stand still.
    pub fn stop(&self) {
        self.change(|reading| reading.since = None);
    }

    /// Whether it runs.
    pub fn runs(&self) -> bool {
        self.reading().since.is_some()
    }

    fn change(&self, change: impl FnOnce(&mut Reading)) {
        let mut reading = self.reading();
        // From what it shows now, so that no time is lost or counted twice.
        reading.at = reading.now();
        reading.since = reading.since.map(|_| Instant::now());
        change(&mut reading);
        drop(reading);
        self.moved.notify_waiters();
    }

    fn reading(&self) -> MutexGuard<'_, Reading> {
        // Every change is one assignment.
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reading {
    /// In whole microseconds, which is what answers show.
    fn now(&self) -> Timestamp {
        let Some(since) = self.since else { return self.at };
        let passed = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
        later(self.at, Duration::from_micros(passed))
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        self.reading().now()
    }
}

#[async_trait]
impl Timer for VirtualClock {
    async fn sleep_until(&self, at: Timestamp) {
        let moved = self.moved.notified();
        let reading = *self.reading();
        let left = Duration::try_from(at.duration_since(reading.now())).unwrap_or(Duration::ZERO);
        if left.is_zero() {
            return;
        }
        match reading.since {
            None => moved.await,
            Some(_) => {
                tokio::select! {
                    () = moved => {}
                    () = tokio::time::sleep(left.min(LONGEST_SLEEP)) => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn it_stands_still_until_it_is_moved_and_never_moves_back() {
        let clock = VirtualClock::new(at(100));
        assert_eq!((clock.now(), clock.now()), (at(100), at(100)));
        clock.move_to(at(200));
        clock.move_to(at(150));
        assert_eq!(clock.now(), at(200));
        clock.set(at(50));
        assert_eq!(clock.now(), at(50));
    }

    #[test]
    fn it_runs_on_from_where_it_was_moved_to_and_stops_where_it_is() {
        let clock = VirtualClock::new(at(100));
        clock.run();
        clock.move_to(at(200));
        let first = clock.now();
        assert!(first >= at(200));
        while clock.now() == first {}
        clock.stop();
        let stopped = clock.now();
        assert!(stopped > first);
        assert_eq!(clock.now(), stopped);
    }

    #[tokio::test]
    async fn sleepers_wake_when_it_is_moved_or_runs_there() {
        let clock = Arc::new(VirtualClock::new(at(100)));
        clock.sleep_until(at(100)).await;
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move {
                while clock.now() < at(10_000) {
                    clock.sleep_until(at(10_000)).await;
                }
            }
        });
        tokio::task::yield_now().await;
        clock.move_to(at(10_000));
        sleeper.await.unwrap();
        clock.run();
        let soon = later(clock.now(), Duration::from_millis(2));
        while clock.now() < soon {
            clock.sleep_until(soon).await;
        }
    }
}
