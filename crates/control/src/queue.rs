//! The one queue of the reconciler: which session is to be looked at when.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hearth_core::Timestamp;
use hearth_core::id::SessionUuid;
use hearth_core::session::later;
use tokio::sync::Notify;

/// The shortest wait before a pass that failed is tried again.
const FIRST_RETRY: Duration = Duration::from_millis(5);
/// The longest.
const LAST_RETRY: Duration = Duration::from_secs(2);

/// Sessions by the time they are due. Each is in it once; while one is being looked at it is not handed out again.
#[derive(Debug, Default)]
pub struct Queue {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    due: BTreeSet<(Timestamp, SessionUuid)>,
    /// Those to look at when nothing is due. One that was looked at meanwhile may still be in here.
    when_idle: VecDeque<SessionUuid>,
    entries: HashMap<SessionUuid, Entry>,
    /// Those that were looked at and need nothing unless something changes.
    settled: HashSet<SessionUuid>,
}

#[derive(Debug, Default)]
struct Entry {
    due_at: Option<Timestamp>,
    when_idle: bool,
    busy: bool,
    failures: u32,
}

/// When a session is to be looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requeue {
    /// At once.
    Soon,
    /// Not before this time, unless something changes.
    At(Timestamp),
    /// After a wait that grows each time in a row.
    Retry,
    /// Only when something changes.
    Never,
}

impl Queue {
    /// Asks that a session be looked at by `at`.
    pub fn push(&self, uuid: SessionUuid, at: Timestamp) {
        let mut state = self.state();
        if state.push(uuid, at) {
            drop(state);
            self.changed.notify_one();
        }
    }

    /// Asks that a session be looked at once nothing is due. For looks at all of them, which would keep those waiting
    /// whose time has come.
    pub fn push_when_idle(&self, uuid: SessionUuid) {
        let mut state = self.state();
        state.settled.remove(&uuid);
        let entry = state.entries.entry(uuid).or_default();
        if !entry.busy && !entry.when_idle {
            entry.when_idle = true;
            state.when_idle.push_back(uuid);
            drop(state);
            self.changed.notify_one();
        }
    }

    /// Whether the latest look at a session found that nothing is left to do, and nobody has asked for another one since.
    pub fn is_settled(&self, uuid: SessionUuid) -> bool {
        self.state().settled.contains(&uuid)
    }

    /// Forgets who is settled, but for these.
    pub fn keep_settled(&self, kept: &HashSet<SessionUuid>) {
        self.state().settled.retain(|uuid| kept.contains(uuid));
    }

    /// A session that is due, or else one to look at meanwhile, if there is one. [`Queue::done`] must follow.
    pub fn pop(&self, now: Timestamp) -> Option<SessionUuid> {
        let mut state = self.state();
        let due = state.due.first().filter(|(at, _)| *at <= now).map(|(_, uuid)| *uuid);
        let uuid = due.or_else(|| state.next_when_idle())?;
        let entry = state.entries.entry(uuid).or_default();
        let due_at = entry.due_at.take();
        entry.when_idle = false;
        entry.busy = true;
        if let Some(at) = due_at {
            state.due.remove(&(at, uuid));
        }
        Some(uuid)
    }

    /// Takes a session back after a look at it.
    pub fn done(&self, uuid: SessionUuid, requeue: Requeue, now: Timestamp) {
        let mut state = self.state();
        let entry = state.entries.entry(uuid).or_default();
        entry.busy = false;
        entry.failures = if requeue == Requeue::Retry { entry.failures.saturating_add(1) } else { 0 };
        let wait =
            LAST_RETRY.min(FIRST_RETRY * 2_u32.saturating_pow(entry.failures.saturating_sub(1).min(16)));
        let signalled = entry.due_at.take();
        let wanted = match requeue {
            Requeue::Soon => Some(now),
            Requeue::At(at) => Some(at),
            Requeue::Retry => Some(later(now, wait)),
            Requeue::Never => None,
        };
        match (signalled, wanted) {
            (None, None) => {
                state.entries.remove(&uuid);
                state.settled.insert(uuid);
            }
            (signalled, wanted) => {
                let at = [signalled, wanted].into_iter().flatten().min().unwrap_or(now);
                state.push(uuid, at);
            }
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Makes whoever waits for a change look again.
    pub fn wake(&self) {
        self.changed.notify_one();
    }

    /// When there is a session to look at next: the earliest time there is, if at once.
    pub fn next_due(&self) -> Option<Timestamp> {
        let state = self.state();
        if state.when_idle.is_empty() { state.due.first().map(|(at, _)| *at) } else { Some(Timestamp::MIN) }
    }

    /// Returns when something was added since the last call returned.
    ///
    /// # Cancel safety
    /// Safe: a change that is not seen here is seen by the next call.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Forgets everything. Not while a session is being looked at.
    pub(crate) fn clear(&self) {
        *self.state() = State::default();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics between two related changes.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next_when_idle(&mut self) -> Option<SessionUuid> {
        while let Some(uuid) = self.when_idle.pop_front() {
            if self.entries.get(&uuid).is_some_and(|entry| entry.when_idle) {
                return Some(uuid);
            }
        }
        None
    }

    /// Whether this made a session due earlier than it was.
    fn push(&mut self, uuid: SessionUuid, at: Timestamp) -> bool {
        self.settled.remove(&uuid);
        let entry = self.entries.entry(uuid).or_default();
        if entry.due_at.is_some_and(|due_at| due_at <= at) {
            return false;
        }
        let before = entry.due_at.replace(at);
        if entry.busy {
            return false;
        }
        if let Some(before) = before {
            self.due.remove(&(before, uuid));
        }
        self.due.insert((at, uuid));
        true
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn session(n: u128) -> SessionUuid {
        SessionUuid(Uuid::from_u128(n))
    }

    #[test]
    fn sessions_come_out_when_due_and_the_earliest_request_counts() {
        let queue = Queue::default();
        queue.push(session(1), at(10));
        queue.push(session(2), at(5));
        queue.push(session(1), at(20));
        assert_eq!(queue.pop(at(4)), None);
        assert_eq!(queue.pop(at(10)), Some(session(2)));
        assert_eq!(queue.pop(at(10)), Some(session(1)));
        assert_eq!(queue.pop(at(99)), None);
    }

    #[test]
    fn a_session_being_looked_at_is_not_handed_out_again_but_the_signal_is_kept() {
        let queue = Queue::default();
        queue.push(session(1), at(0));
        assert_eq!(queue.pop(at(0)), Some(session(1)));
        queue.push(session(1), at(1));
        assert_eq!(queue.pop(at(1)), None);
        queue.done(session(1), Requeue::At(at(50)), at(1));
        assert_eq!(queue.pop(at(1)), Some(session(1)));
        queue.done(session(1), Requeue::Never, at(1));
        assert_eq!(queue.next_due(), None);
    }

    #[test]
    fn what_is_due_comes_before_what_is_looked_at_when_idle_and_each_comes_once() {
        let queue = Queue::default();
        for n in 1..=3 {
            queue.push_when_idle(session(n));
            queue.push_when_idle(session(n));
        }
        queue.push(session(3), at(5));
        queue.push(session(2), at(20));
        queue.push(session(4), at(10));
        assert!(queue.next_due().is_some_and(|due| due <= at(0)));
        assert_eq!(queue.pop(at(10)), Some(session(3)));
        assert_eq!(queue.pop(at(10)), Some(session(4)));
        assert_eq!(queue.pop(at(10)), Some(session(1)));
        assert_eq!(queue.pop(at(10)), Some(session(2)));
        assert_eq!((queue.pop(at(10)), queue.next_due()), (None, None), "the look was what it was due for");
        queue.push_when_idle(session(2));
        queue.done(session(2), Requeue::At(at(20)), at(10));
        assert_eq!((queue.pop(at(10)), queue.next_due()), (None, Some(at(20))), "it was just looked at");
    }

    #[test]
    fn a_session_is_settled_until_somebody_asks_for_it() {
        let queue = Queue::default();
        let look = |requeue| {
            assert_eq!(queue.pop(at(0)), Some(session(1)));
            queue.done(session(1), requeue, at(0));
            queue.is_settled(session(1))
        };
        queue.push(session(1), at(0));
        assert!(!look(Requeue::Soon));
        assert!(look(Requeue::Never));
        queue.push_when_idle(session(1));
        assert!(look(Requeue::Never));
        queue.push(session(1), at(0));
        assert!(!queue.is_settled(session(1)));
        assert!(look(Requeue::Never));
        queue.keep_settled(&HashSet::from([session(1)]));
        assert!(queue.is_settled(session(1)));
        queue.keep_settled(&HashSet::from([session(2)]));
        assert!(!queue.is_settled(session(1)));
    }

    #[test]
    fn failures_in_a_row_wait_longer_each_time() {
        let queue = Queue::default();
        let mut now = at(0);
        let mut waits = Vec::new();
        queue.push(session(1), now);
        for _ in 0..12 {
            assert_eq!(queue.pop(now), Some(session(1)));
            queue.done(session(1), Requeue::Retry, now);
            let due = queue.next_due().unwrap();
            waits.push(due.duration_since(now));
            now = due;
        }
        assert!(waits.is_sorted());
        assert_eq!(Duration::try_from(waits[0]).unwrap(), FIRST_RETRY);
        assert_eq!(Duration::try_from(waits[11]).unwrap(), LAST_RETRY);
    }
}
