//! Waiting for an operation, and reading how it ended.

use hearth_wire::dataproc::Session;
use hearth_wire::longrunning::Operation;
use hearth_wire::longrunning::operation::Result as Ended;
use tokio::time::Instant;

use crate::client::Client;
use crate::error::{ClientError, Refusal};

/// What is seen while waiting.
#[derive(Debug)]
pub enum Tick<'t> {
    /// The operation runs.
    Running(&'t Operation),
    /// The service does not answer just now.
    Away(&'t ClientError),
}

impl Client {
    /// Waits until an operation is done, and returns it. Looks often at first and then each second; `on_tick` hears
    /// of every look but the last. A service that goes away is waited for, as long as the retry policy says.
    ///
    /// # Errors
    /// When the operation cannot be read. That it failed is no error here: see [`outcome`].
    ///
    /// # Cancel safety
    /// The operation goes on without anybody waiting.
    pub async fn wait(
        &self,
        mut operation: Operation,
        mut on_tick: impl FnMut(Tick<'_>),
    ) -> Result<Operation, ClientError> {
        let mut away_since: Option<Instant> = None;
        let mut polls = self.retry().polls();
        while !operation.done {
            if away_since.is_none() {
                on_tick(Tick::Running(&operation));
            }
            tokio::time::sleep(polls.next().unwrap_or(self.retry().longest_poll)).await;
            match self.look_at_operation(&operation.name).await {
                Ok(seen) => {
                    operation = seen;
                    away_since = None;
                }
                Err(failure) if failure.may_pass() => {
                    let since = *away_since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= self.retry().outage {
                        return Err(failure);
                    }
                    on_tick(Tick::Away(&failure));
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(operation)
    }

    /// Waits for an operation whose result is a session, and returns that.
    ///
    /// # Errors
    /// When the operation cannot be read or has failed.
    pub async fn wait_for_session(
        &self,
        operation: Operation,
        on_tick: impl FnMut(Tick<'_>),
    ) -> Result<Session, ClientError> {
        session_of(&self.wait(operation, on_tick).await?)
    }
}

/// The result of an operation that is done.
///
/// # Errors
/// When it failed.
pub fn outcome(operation: &Operation) -> Result<&prost_types::Any, ClientError> {
    match &operation.result {
        Some(Ended::Response(response)) => Ok(response),
        Some(Ended::Error(status)) => Err(ClientError::OperationFailed {
            operation: operation.name.clone(),
            refusal: Refusal::from_rpc(status),
        }),
        None => Err(ClientError::BrokenAnswer { what: "a finished operation without a result" }),
    }
}

/// The session that an operation which is done resulted in.
///
/// # Errors
/// When it failed, or results in something else.
pub fn session_of(operation: &Operation) -> Result<Session, ClientError> {
    outcome(operation)?
        .to_msg()
        .map_err(|_| ClientError::BrokenAnswer { what: "the result of the operation is no session" })
}
