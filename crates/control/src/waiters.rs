//! Requests that wait for an operation to end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hearth_core::id::OperationId;
use tokio::sync::Notify;

/// Who waits for which operation. Nothing depends on it: a waiter that is missed just waits out its time.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    waiting: Mutex<HashMap<OperationId, Arc<Notify>>>,
}

impl Waiters {
    /// Something that is notified when the operation ends.
    pub(crate) fn watch(&self, id: OperationId) -> Arc<Notify> {
        self.waiting().entry(id).or_default().clone()
    }

    /// Tells those who wait that the operation has ended.
    pub(crate) fn ended(&self, id: OperationId) {
        if let Some(notify) = self.waiting().remove(&id) {
            notify.notify_waiters();
        }
    }

    /// Lets everybody look again, whatever they wait for.
    pub(crate) fn all_ended(&self) {
        for notify in std::mem::take(&mut *self.waiting()).into_values() {
            notify.notify_waiters();
        }
    }

    /// Forgets an operation that nobody else waits for.
    pub(crate) fn unwatch(&self, id: OperationId) {
        let mut waiting = self.waiting();
        if waiting.get(&id).is_some_and(|notify| Arc::strong_count(notify) <= 2) {
            waiting.remove(&id);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<OperationId, Arc<Notify>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
