//! What callers do with operations: get, list, wait, cancel, delete.

use std::time::Duration;

use hearth_core::filter::{Filter, Schema};
use hearth_core::id::OperationId;
use hearth_core::name::{OperationName, Parent};
use hearth_core::operation::{Done, Operation, OperationKind, Outcome};
use hearth_core::session::later;
use hearth_core::transition::SessionEvent;
use hearth_store::{Change, CommitError, OperationQuery};

use crate::error::ControlError;
use crate::page::{self, Page};
use crate::sessions::{cancelled, store_error};
use crate::{Caller, Control};

/// How often a cancel reads its session anew when that changed under its hands.
const ATTEMPTS: usize = 16;

/// A request for a page of operations.
#[derive(Debug, Clone)]
pub struct ListOperations {
    /// Of which project and location.
    pub parent: Parent,
    /// How many; 0 for the default.
    pub page_size: i32,
    /// Where to go on.
    pub page_token: String,
    /// Which, in the language of filters; empty for all.
    pub filter: String,
}

impl Control {
    /// An operation by its name.
    ///
    /// # Errors
    /// When there is none, or the store has a problem.
    pub async fn operation(&self, name: &OperationName) -> Result<Operation, ControlError> {
        let id = name.id.ok_or(ControlError::OperationNotFound)?;
        let operation = self.operation_by_id(id).await?;
        if *operation.session.parent() == name.parent {
            Ok(operation)
        } else {
            Err(ControlError::OperationNotFound)
        }
    }

    pub(crate) async fn operation_by_id(&self, id: OperationId) -> Result<Operation, ControlError> {
        self.world.store.operation(id).await?.ok_or(ControlError::OperationNotFound)
    }

    /// A page of operations, newest first.
    ///
    /// # Errors
    /// When the page is asked for wrongly, or the store has a problem.
    pub async fn list_operations(&self, request: ListOperations) -> Result<Page<Operation>, ControlError> {
        let size = page::page_size(request.page_size)?;
        let filter = Filter::parse(&request.filter, Schema::Operations)?;
        let of = page::question("operations", &request.parent, &request.filter);
        let after = match page::read_token(&request.page_token, &of)? {
            Some((at, id)) => Some((at, id.parse().map_err(|_| page::invalid_token())?)),
            None => None,
        };
        let query = OperationQuery { parent: request.parent, filter, after, limit: size + 1 };
        let items = self.world.store.operations(&query).await?;
        Ok(Page::of(items, size, &of, |operation| (operation.created_at, operation.id.to_string())))
    }

    /// Waits until the operation has ended or the time is over, and gives it as it is then.
    ///
    /// # Errors
    /// When the store has a problem. What was waited for goes on all the same.
    ///
    /// # Cancel safety
    /// Safe: nothing but the waiting stops.
    pub async fn wait_operation(
        &self,
        operation: Operation,
        time: Duration,
    ) -> Result<Operation, ControlError> {
        if operation.done.is_some() || time.is_zero() {
            return Ok(operation);
        }
        let ended = self.waiters.watch(operation.id);
        let notified = ended.notified();
        tokio::pin!(notified);
        // Registered before the store is asked, so that an end in between is not missed.
        notified.as_mut().enable();
        let current = self.operation_by_id(operation.id).await?;
        if current.done.is_none() {
            let timed_out = tokio::time::timeout(time, notified).await.is_err();
            if timed_out {
                self.waiters.unwatch(operation.id);
            }
            return self.operation_by_id(operation.id).await;
        }
        self.waiters.unwatch(operation.id);
        Ok(current)
    }

    /// Calls an operation off if it can be: a creation that still runs. All else is left alone.
    ///
    /// # Errors
    /// When there is no such operation, or the store has a problem.
    pub async fn cancel_operation(&self, caller: &Caller, name: &OperationName) -> Result<(), ControlError> {
        for _ in 0..ATTEMPTS {
            let operation = self.operation(name).await?;
            if operation.done.is_some() || operation.kind != OperationKind::Create {
                return Ok(());
            }
            let Some(session) = self.world.store.session_by_uuid(operation.session_uuid).await? else {
                return Ok(());
            };
            let now = self.world.clock.now();
            let stop_by = later(now, self.policy.stop_timeout);
            let event = SessionEvent::GivenUp { failure: cancelled(caller), stop_by };
            // It got ready (or failed) just now: too late to call off.
            let Ok(transition) = session.after(&event, now) else { return Ok(()) };
            let change = self.change_of(transition).await?;
            match self.world.store.commit(change).await {
                Ok(()) => {
                    self.queue.push(session.uuid, now);
                    return Ok(());
                }
                Err(CommitError::Conflict) => {}
                Err(error) => return Err(store_error(error, &session.name)),
            }
        }
        Ok(())
    }

    /// Removes the record of an operation that has ended.
    ///
    /// # Errors
    /// When there is none, it still runs, or the store has a problem.
    pub async fn delete_operation(&self, name: &OperationName) -> Result<(), ControlError> {
        let operation = self.operation(name).await?;
        if operation.done.is_none() {
            return Err(ControlError::OperationRunning(operation.name()));
        }
        let change = Change { removed_operations: vec![operation.id], ..Change::default() };
        let committed = self.world.store.commit(change).await;
        committed.map_err(|error| store_error(error, &operation.session))
    }

    /// The operations with these outcomes, as they are once they have ended.
    pub(crate) async fn finished(
        &self,
        outcomes: Vec<(OperationId, Outcome)>,
    ) -> Result<Vec<Operation>, ControlError> {
        let mut operations = Vec::with_capacity(outcomes.len());
        for (id, outcome) in outcomes {
            // One whose record is gone has nobody who could ask for its outcome.
            if let Some(mut operation) = self.world.store.operation(id).await? {
                let at = self.world.clock.now().max(operation.created_at);
                operation.done.get_or_insert(Done { at, outcome });
                operations.push(operation);
            }
        }
        Ok(operations)
    }
}
