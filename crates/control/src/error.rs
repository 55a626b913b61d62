//! Why a request was not carried out.

use hearth_core::error::ErrorKind;
use hearth_core::filter::FilterError;
use hearth_core::id::InvalidRequestId;
use hearth_core::name::{InvalidName, InvalidSessionId, SessionName, TemplateName};
use hearth_core::session::StateLabel;
use hearth_core::validate::Violation;
use hearth_store::StoreError;

/// Why a request was not carried out, in the words its caller reads. The texts are the contract's (section 14).
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// No such session.
    #[error("Not found: Session {0}")]
    SessionNotFound(String),
    /// No such session template.
    #[error("Not found: Session Template {0}")]
    TemplateNotFound(String),
    /// No such operation.
    #[error("Operation not found")]
    OperationNotFound,
    /// The session's name is taken.
    #[error("Already exists: Failed to create session: Session {0}")]
    SessionExists(SessionName),
    /// The template's name is taken.
    #[error("Already exists: Failed to create session template: Session Template {0}")]
    TemplateExists(TemplateName),
    /// A filter that cannot be used.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// A session id of the wrong form.
    #[error(transparent)]
    SessionId(#[from] InvalidSessionId),
    /// A request id of the wrong form.
    #[error(transparent)]
    RequestId(#[from] InvalidRequestId),
    /// A name of the wrong form.
    #[error("Invalid resource name: {0}")]
    Name(#[from] InvalidName),
    /// One or more fields that break a rule.
    #[error("{}", join(.0))]
    Invalid(Vec<Violation>),
    /// The session is not in a state for this.
    #[error("{}", wrong_state(.name, .state))]
    NotActive {
        /// The session.
        name: SessionName,
        /// The state it is in.
        state: StateLabel,
    },
    /// The session cannot be given more time in this state.
    #[error("Session {name} is not active but {state}: only an active session can be extended")]
    CannotExtend {
        /// The session.
        name: SessionName,
        /// The state it is in.
        state: StateLabel,
    },
    /// The server ends, and the session cannot be watched through it any more.
    #[error("The service is ending. Watch session {0} again from the last event on")]
    Ending(SessionName),
    /// The operation still runs.
    #[error("Operation {0} is still running and cannot be deleted")]
    OperationRunning(String),
    /// The session changed again and again while the request tried to write.
    #[error("Session {0} is being changed by other requests. Try again")]
    Busy(SessionName),
    /// The template was written by others while the request tried to.
    #[error("Session Template {0} is being changed by other requests. Try again")]
    TemplateBusy(TemplateName),
    /// The store has a problem.
    #[error("The service could not reach its store. Nothing was changed")]
    Store(#[from] StoreError),
    /// The driver has a problem.
    #[error("The service could not reach the engine")]
    Driver(#[from] hearth_driver::DriverError),
    /// The staging store has a problem.
    #[error("The service could not use its staging store. Run `hearth doctor` on its machine to see why")]
    Staging(#[from] crate::world::StagingError),
    /// There is nowhere to keep anything.
    #[error("The service has no staging store")]
    NoStaging,
    /// No archive of the session was written, or it is gone.
    #[error(
        "Not found: Diagnostics of session {0}. They are written when a session fails and when asked for"
    )]
    NoDiagnostics(SessionName),
}

impl ControlError {
    /// A rule that one field broke.
    pub fn field(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self::Invalid(vec![Violation { field: field.into(), description: description.into() }])
    }

    /// What the failure means for its caller.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::SessionNotFound(_)
            | Self::TemplateNotFound(_)
            | Self::OperationNotFound
            | Self::NoDiagnostics(_) => ErrorKind::NotFound,
            Self::SessionExists(_) | Self::TemplateExists(_) => ErrorKind::AlreadyExists,
            Self::SessionId(_) | Self::RequestId(_) | Self::Name(_) | Self::Filter(_) | Self::Invalid(_) => {
                ErrorKind::InvalidArgument
            }
            Self::NotActive { state: StateLabel::Creating, .. } | Self::Busy(_) | Self::TemplateBusy(_) => {
                ErrorKind::Aborted
            }
            Self::NotActive { .. }
            | Self::CannotExtend { .. }
            | Self::OperationRunning(_)
            | Self::NoStaging => ErrorKind::FailedPrecondition,
            Self::Store(StoreError::Unavailable(_))
            | Self::Driver(_)
            | Self::Staging(_)
            | Self::Ending(_) => ErrorKind::Unavailable,
            Self::Store(StoreError::Damaged(_)) => ErrorKind::Internal,
        }
    }

    /// The fields to name in the answer's details.
    pub fn violations(&self) -> Vec<Violation> {
        let one = |field: &str| vec![Violation { field: field.to_owned(), description: self.to_string() }];
        match self {
            Self::Invalid(violations) => violations.clone(),
            Self::SessionId(_) => one("session_id"),
            Self::RequestId(_) => one("request_id"),
            Self::Name(_) => one("name"),
            Self::Filter(_) => one("filter"),
            _ => Vec::new(),
        }
    }
}

fn join(violations: &[Violation]) -> String {
    let mut lines: Vec<&str> = violations.iter().map(|violation| violation.description.as_str()).collect();
    lines.dedup();
    lines.join("\n")
}

fn wrong_state(name: &SessionName, state: &StateLabel) -> String {
    match state {
        StateLabel::Creating => format!("Session {name} is still being created"),
        StateLabel::Terminating => format!("Session {name} is already being terminated"),
        StateLabel::Terminated | StateLabel::Failed => format!("Session {name} is already terminated"),
        StateLabel::Active => format!("Session {name} is active"),
    }
}
