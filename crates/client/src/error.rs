//! Why a call failed.

use std::error::Error;

use hearth_wire::rpc;
use prost::Message;
use tonic::{Code, Status};

/// Why a call failed, in the words its caller reads.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address of the service cannot be used.
    #[error("cannot use \"{endpoint}\" as the address of the service: {reason}")]
    InvalidEndpoint {
        /// The address.
        endpoint: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The token cannot be sent.
    #[error("the token has characters that cannot be sent")]
    InvalidToken,
    /// No connection could be made.
    #[error("no service answers at {endpoint}")]
    Unreachable {
        /// The address of the service.
        endpoint: String,
        /// What the attempt ended with.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The connection ended, or nothing came over it, before the call was answered.
    #[error("the service at {endpoint} did not finish its answer")]
    Interrupted {
        /// The address of the service.
        endpoint: String,
        /// How it ended.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// Something answered that does not speak the API.
    #[error("what answers at {endpoint} is not this service")]
    Foreign {
        /// The address.
        endpoint: String,
        /// What it answered.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The service refused the call.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The call was accepted, and what it started failed.
    #[error("{refusal}")]
    OperationFailed {
        /// The operation.
        operation: String,
        /// What it ended with.
        refusal: Refusal,
    },
    /// The answer is not what the API says it is.
    #[error("the service answered with something that cannot be understood: {what}")]
    BrokenAnswer {
        /// What is wrong with it.
        what: &'static str,
    },
}

/// What the service said when it refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The gRPC code.
    pub code: Code,
    /// The text.
    pub message: String,
    /// The fields that broke a rule, each with the rule.
    pub violations: Vec<(String, String)>,
}

/// Kinds of failure, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request is wrong whatever the state of things.
    Invalid,
    /// What was named does not exist.
    NotFound,
    /// The name is taken.
    AlreadyExists,
    /// The state of things does not allow it, or something else is under way.
    Conflict,
    /// The caller may not.
    PermissionDenied,
    /// The caller is not known.
    Unauthenticated,
    /// There is no room for it.
    Exhausted,
    /// It was cancelled.
    Cancelled,
    /// The service does not do this.
    Unimplemented,
    /// The service cannot be reached, or cannot do it now.
    Unavailable,
    /// A fault of the service.
    Internal,
}

impl ClientError {
    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::InvalidEndpoint { .. } | Self::InvalidToken => ErrorKind::Invalid,
            Self::Unreachable { .. } | Self::Interrupted { .. } | Self::Foreign { .. } => {
                ErrorKind::Unavailable
            }
            Self::Refused(refusal) | Self::OperationFailed { refusal, .. } => refusal.kind(),
            Self::BrokenAnswer { .. } => ErrorKind::Internal,
        }
    }

    /// What to do about it, as a full sentence.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::InvalidEndpoint { .. } => "Give an address such as `http://127.0.0.1:8470`.",
            Self::InvalidToken => {
                "Check that the token was copied whole and alone: `hearth token` prints it."
            }
            Self::Unreachable { .. } => "Is the service running? Start it with `hearth serve`.",
            Self::Interrupted { .. } => {
                "Try again. If it stays so, check the address: another program may answer there."
            }
            Self::Foreign { .. } => {
                "It is another program. Give the address of the service with `--endpoint`."
            }
            Self::Refused(refusal) => return refusal.hint().map(str::to_owned),
            Self::OperationFailed { .. } | Self::BrokenAnswer { .. } => return None,
        };
        Some(hint.to_owned())
    }

    /// Whether the same call may succeed a little later.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Interrupted { .. } => true,
            Self::Refused(refusal) => refusal.code == Code::Unavailable,
            _ => false,
        }
    }

    /// Sorts what tonic reports: its own troubles with the connection, and answers of the service.
    pub(crate) fn from_status(status: Status, endpoint: &str) -> Self {
        let endpoint = endpoint.to_owned();
        let chain = || std::iter::successors(status.source(), |error| (*error).source());
        if chain().any(|error| error.is::<tonic::ConnectError>()) {
            return Self::Unreachable { endpoint, source: deepest(chain()) };
        }
        // What tonic says of an HTTP answer that is no gRPC answer.
        if status.message().contains("grpc-status header missing") {
            return Self::Foreign { endpoint, source: status.message().into() };
        }
        if chain().next().is_some() {
            return Self::Interrupted { endpoint, source: deepest(chain()) };
        }
        Self::Refused(Refusal::from_status(&status))
    }
}

impl Refusal {
    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self.code {
            Code::InvalidArgument | Code::OutOfRange => ErrorKind::Invalid,
            Code::NotFound => ErrorKind::NotFound,
            Code::AlreadyExists => ErrorKind::AlreadyExists,
            Code::FailedPrecondition | Code::Aborted => ErrorKind::Conflict,
            Code::PermissionDenied => ErrorKind::PermissionDenied,
            Code::Unauthenticated => ErrorKind::Unauthenticated,
            Code::ResourceExhausted => ErrorKind::Exhausted,
            Code::Cancelled => ErrorKind::Cancelled,
            Code::Unimplemented => ErrorKind::Unimplemented,
            Code::Unavailable | Code::DeadlineExceeded => ErrorKind::Unavailable,
            Code::Ok | Code::Unknown | Code::Internal | Code::DataLoss => ErrorKind::Internal,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self.kind() {
            ErrorKind::Unauthenticated => Some(
                "The service wants another token. On its machine `hearth token` prints it; give it with \
                 `--token-file` or HEARTH_TOKEN.",
            ),
            ErrorKind::PermissionDenied => Some("Ask whoever runs the service for access."),
            ErrorKind::Unavailable => Some("Try again in a moment; `hearth doctor` looks for the cause."),
            ErrorKind::Internal => Some("The log of the service says more."),
            _ => None,
        }
    }

    pub(crate) fn from_rpc(status: &rpc::Status) -> Self {
        Self {
            code: Code::from_i32(status.code),
            message: status.message.clone(),
            violations: status.details.iter().flat_map(violations).collect(),
        }
    }

    fn from_status(status: &Status) -> Self {
        let details = rpc::Status::decode(status.details()).map(|whole| whole.details).unwrap_or_default();
        Self {
            code: status.code(),
            message: status.message().to_owned(),
            violations: details.iter().flat_map(violations).collect(),
        }
    }
}

fn violations(detail: &prost_types::Any) -> Vec<(String, String)> {
    let found = detail.to_msg::<rpc::BadRequest>().map(|found| found.field_violations).unwrap_or_default();
    found.into_iter().map(|violation| (violation.field, violation.description)).collect()
}

/// The last cause: the ones above it repeat what we say ourselves.
fn deepest<'e>(chain: impl Iterator<Item = &'e (dyn Error + 'static)>) -> Box<dyn Error + Send + Sync> {
    chain.last().map_or_else(String::new, ToString::to_string).into()
}
