//! Operations: the stored record of a request that takes time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::ErrorKind;
use crate::id::{OperationId, RequestId, SessionUuid};
use crate::name::{Parent, SessionName, operation_name};
use crate::session::Session;

/// A long-running request, polled by clients until it has an outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// Its id.
    pub id: OperationId,
    /// What it does.
    pub kind: OperationKind,
    /// The session it is about.
    pub session: SessionName,
    /// That session's uuid.
    pub session_uuid: SessionUuid,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// The session's labels.
    pub labels: BTreeMap<String, String>,
    /// How it ended; `None` while it runs.
    pub done: Option<Done>,
}

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OperationKind {
    /// Makes a session.
    Create,
    /// Ends a session.
    Terminate,
    /// Ends a session if need be, and removes it.
    Delete,
}

/// The end of an operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// When it ended.
    pub at: Timestamp,
    /// How.
    pub outcome: Outcome,
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It did what it should. The session is kept as it was at that moment.
    Succeeded(Box<Session>),
    /// It did not.
    Failed {
        /// The kind of failure.
        kind: ErrorKind,
        /// Why, for people.
        message: String,
    },
}

/// What a caller's request id is remembered under (contract, section 5.6).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestKey {
    /// The project and location of the request.
    pub parent: Parent,
    /// The method.
    pub method: OperationKind,
    /// The caller's mark.
    pub request_id: RequestId,
}

impl Operation {
    /// The operation's full name, in the form that answers carry.
    pub fn name(&self) -> String {
        operation_name(self.session.parent(), self.id)
    }
}

impl OperationKind {
    /// What the operation's metadata says of it in words (contract, section 9).
    pub fn description(self) -> &'static str {
        match self {
            Self::Create => "Create session",
            Self::Terminate => "Terminate session",
            Self::Delete => "Delete session",
        }
    }

    /// The kind in the API's spelling.
    pub fn label(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Terminate => "TERMINATE",
            Self::Delete => "DELETE",
        }
    }
}
