//! What the gateway asks of whoever knows the sessions.

use std::fmt;

use async_trait::async_trait;
use hearth_core::Timestamp;
use hearth_core::caller::Caller;
use hearth_core::engine::Endpoint;
use hearth_core::id::SessionUuid;
use http::HeaderValue;

use crate::status::Refusal;

/// How a caller named the session it wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionKey {
    /// By header: the session's id, or its full name.
    Name(String),
    /// By the Spark session id of the call, which is the session's uuid.
    Uuid(SessionUuid),
}

/// The session a call goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Which session.
    pub uuid: SessionUuid,
    /// Where its engine answers.
    pub endpoint: Endpoint,
    /// What its engine is shown in place of the caller's own authorization, if anything. To be marked as sensitive, so
    /// that it is in no log.
    pub authorization: Option<HeaderValue>,
    /// Its name for people: in texts and logs.
    pub label: String,
    /// Settings that its engine was not launched with, and that each of its Spark sessions gets before its first call.
    pub settings: Vec<(String, String)>,
}

/// Knows the sessions, who may use them, and that they are used.
#[async_trait]
pub trait Directory: Send + Sync + 'static {
    /// The session that `caller` means, if it can be used now. Asked for every call, so it must be cheap.
    ///
    /// # Errors
    /// The final answer to the call. For a session that has ended it says when and why, with a code that clients do
    /// not retry ([`Code::Unavailable`](crate::Code::Unavailable) is retried for ten minutes).
    async fn find(&self, caller: &Caller, key: &SessionKey) -> Result<Target, Refusal>;

    /// Notes that a call of this session runs, until the result is dropped.
    fn enter(&self, uuid: SessionUuid) -> InUse;

    /// Notes that a use of this session ended at this time, as its engine has told.
    fn used_at(&self, _uuid: SessionUuid, _at: Timestamp) {}

    /// Notes that a call ended well. `method` is the last part of its path, such as `ExecutePlan`.
    fn answered(&self, uuid: SessionUuid, method: &str);
}

/// A running call. Dropped when the call ends in any way.
pub struct InUse(Option<Box<dyn FnOnce() + Send + Sync>>);

impl InUse {
    /// Runs `left` when the call has ended.
    pub fn new(left: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(left)))
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        if let Some(left) = self.0.take() {
            left();
        }
    }
}

impl fmt::Debug for InUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InUse")
    }
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Uuid(uuid) => uuid.fmt(f),
        }
    }
}
