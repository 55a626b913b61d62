//! Who uses which session: what runs now, and when the last call ended.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hearth_core::Timestamp;
use hearth_core::clock::Clock;
use hearth_core::id::SessionUuid;
use hearth_core::session::{Activity, later};
use hearth_core::words;

/// How often uses are written down. After a crash an idle end is late by at most this much: I6 allows 5 s.
pub const FLUSH_INTERVAL: Duration = Duration::from_secs(4);

/// Counts the calls that run, per session.
pub struct ActivityTracker {
    clock: Arc<dyn Clock>,
    uses: Mutex<HashMap<SessionUuid, Use>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Use {
    running: u32,
    last_at: Option<Timestamp>,
    noted: bool,
    queried: bool,
    /// How long calls ran since this server has looked, and since when one runs now.
    busy: Duration,
    busy_since: Option<Timestamp>,
    /// How long calls had run before.
    busy_before: Option<Duration>,
}

/// A call that runs. Dropping it ends the call.
pub struct InUse {
    tracker: Arc<ActivityTracker>,
    uuid: SessionUuid,
}

impl ActivityTracker {
    /// A tracker that nobody was seen by yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, uses: Mutex::default() }
    }

    /// Notes that a call begins.
    pub fn enter(self: &Arc<Self>, uuid: SessionUuid) -> InUse {
        let now = self.clock.now();
        let mut uses = self.uses();
        let known = uses.entry(uuid).or_default();
        known.running += 1;
        known.busy_since.get_or_insert(now);
        drop(uses);
        InUse { tracker: self.clone(), uuid }
    }

    /// Notes that a use ended at this time, which someone else has seen.
    pub fn used_at(&self, uuid: SessionUuid, at: Timestamp) {
        let at = at.min(self.clock.now());
        let mut uses = self.uses();
        let known = uses.entry(uuid).or_default();
        if Some(at) > known.last_at {
            known.last_at = Some(at);
            known.noted = false;
        }
    }

    /// Whether this is the session's first query that this server sees.
    pub fn first_query(&self, uuid: SessionUuid) -> bool {
        !std::mem::replace(&mut self.uses().entry(uuid).or_default().queried, true)
    }

    /// What is known of a session's use.
    pub fn of(&self, uuid: SessionUuid) -> Activity {
        let known = self.uses().get(&uuid).copied().unwrap_or_default();
        Activity { running: known.running, last_at: known.last_at }
    }

    /// How long calls of a session ran in all. `before` is what was written down of it, which counts when this is
    /// asked first.
    pub(crate) fn busy(&self, uuid: SessionUuid, before: Duration) -> Duration {
        let now = self.clock.now();
        let mut uses = self.uses();
        let Some(known) = uses.get_mut(&uuid) else { return before };
        let running = known.busy_since.map_or(Duration::ZERO, |since| words::between(since, now));
        *known.busy_before.get_or_insert(before) + known.busy + running
    }

    /// Whether anything is known of a session's use since this server started.
    pub(crate) fn knows(&self, uuid: SessionUuid) -> bool {
        self.uses().contains_key(&uuid)
    }

    /// Takes over what an earlier server wrote down. It may have missed as much as one interval of use, and a
    /// session must never end early, so that much is added.
    pub(crate) fn recall(&self, uuid: SessionUuid, noted: Option<Timestamp>) {
        let now = self.clock.now();
        let mut uses = self.uses();
        let known = uses.entry(uuid).or_default();
        let recalled = noted.map(|at| later(at, FLUSH_INTERVAL).min(now));
        if recalled > known.last_at {
            known.last_at = recalled;
            // It is on disk as it was; written anew, each restart would add to it.
            known.noted = true;
        }
    }

    /// The uses to write down: sessions used since this was asked last.
    pub(crate) fn take_unnoted(&self) -> Vec<(SessionUuid, Timestamp)> {
        let now = self.clock.now();
        let mut unnoted = Vec::new();
        for (uuid, known) in self.uses().iter_mut() {
            if known.running > 0 {
                unnoted.push((*uuid, now));
            } else if let (false, Some(at)) = (known.noted, known.last_at) {
                known.noted = true;
                unnoted.push((*uuid, at));
            }
        }
        unnoted
    }

    /// Forgets a session that has ended. Calls that still run do not bring it back.
    pub(crate) fn forget(&self, uuid: SessionUuid) {
        self.uses().remove(&uuid);
    }

    /// Forgets every session.
    pub(crate) fn clear(&self) {
        self.uses().clear();
    }

    fn uses(&self) -> MutexGuard<'_, HashMap<SessionUuid, Use>> {
        // Each change is one assignment, so a panic elsewhere leaves nothing half done.
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        let now = self.tracker.clock.now();
        if let Some(known) = self.tracker.uses().get_mut(&self.uuid) {
            known.running = known.running.saturating_sub(1);
            known.last_at = Some(known.last_at.map_or(now, |at| at.max(now)));
            known.noted = false;
            if known.running == 0
                && let Some(since) = known.busy_since.take()
            {
                known.busy += words::between(since, now);
            }
        }
    }
}
