//! Kinds of failure, as callers tell them apart.

use serde::{Deserialize, Serialize};

/// What a failure means for its caller.
///
/// The kinds are the canonical codes of `google.rpc.Code` that the service uses; one table at the edge maps a kind
/// to a gRPC code, an HTTP status and an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorKind {
    /// The work was called off.
    Cancelled,
    /// The request can never succeed as it stands.
    InvalidArgument,
    /// It took longer than it may.
    DeadlineExceeded,
    /// What was named does not exist.
    NotFound,
    /// The name is taken.
    AlreadyExists,
    /// The caller may not do this.
    PermissionDenied,
    /// There is not enough of something.
    ResourceExhausted,
    /// The thing is not in a state that allows this.
    FailedPrecondition,
    /// Another transition is in progress.
    Aborted,
    /// The method is not served.
    Unimplemented,
    /// A fault of the service.
    Internal,
    /// A fault that may pass; trying again is right.
    Unavailable,
    /// The caller did not say who it is, or not credibly.
    Unauthenticated,
}
