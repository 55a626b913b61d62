//! From failures to what callers of gRPC and REST are told.

use bytes::Bytes;
use hearth_control::ControlError;
use hearth_core::error::ErrorKind;
use hearth_core::validate::Violation;
use hearth_wire::error::pack;
use hearth_wire::rpc;
use prost::Message;
use tonic::{Code, Status};
use tracing::error;

/// What answers name as the service (contract, section 14).
pub(crate) const SERVICE: &str = "dataproc.googleapis.com";

/// The one table from kinds of failure to gRPC codes. HTTP statuses follow from the code.
pub fn code(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::Cancelled => Code::Cancelled,
        ErrorKind::InvalidArgument => Code::InvalidArgument,
        ErrorKind::DeadlineExceeded => Code::DeadlineExceeded,
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::AlreadyExists => Code::AlreadyExists,
        ErrorKind::PermissionDenied => Code::PermissionDenied,
        ErrorKind::ResourceExhausted => Code::ResourceExhausted,
        ErrorKind::FailedPrecondition => Code::FailedPrecondition,
        ErrorKind::Aborted => Code::Aborted,
        ErrorKind::Unimplemented => Code::Unimplemented,
        ErrorKind::Internal => Code::Internal,
        ErrorKind::Unavailable => Code::Unavailable,
        ErrorKind::Unauthenticated => Code::Unauthenticated,
    }
}

/// The kind that a code stands for; `None` for those that the service does not use.
pub fn kind(of: Code) -> Option<ErrorKind> {
    use ErrorKind as K;
    let kinds = [
        K::Cancelled,
        K::InvalidArgument,
        K::DeadlineExceeded,
        K::NotFound,
        K::AlreadyExists,
        K::PermissionDenied,
        K::ResourceExhausted,
        K::FailedPrecondition,
        K::Aborted,
        K::Unimplemented,
        K::Internal,
        K::Unavailable,
        K::Unauthenticated,
    ];
    kinds.into_iter().find(|kind| code(*kind) == of)
}

/// What a caller is told about a failed request. A fault of ours is logged here, once, with its causes.
pub fn status(failure: ControlError) -> Status {
    let kind = failure.kind();
    let ours = !matches!(failure, ControlError::Ending(_));
    if ours && matches!(kind, ErrorKind::Internal | ErrorKind::Unavailable) {
        error!(error = &failure as &dyn std::error::Error, "request failed");
    }
    let message = failure.to_string();
    let violations = failure.violations();
    let details = match kind {
        _ if !violations.is_empty() => vec![bad_request(&violations)],
        ErrorKind::FailedPrecondition => vec![precondition(&message)],
        _ => Vec::new(),
    };
    with_details(code(kind), message, details)
}

/// A status that carries details, as gRPC clients read them.
pub fn with_details(code: Code, message: String, details: Vec<prost_types::Any>) -> Status {
    if details.is_empty() {
        return Status::new(code, message);
    }
    let whole = rpc::Status { code: code.into(), message: message.clone(), details };
    Status::with_details(code, message, Bytes::from(whole.encode_to_vec()))
}

/// Why a call was refused, as programs read it, as a detail.
pub fn error_info<const N: usize>(
    reason: &str,
    domain: &str,
    metadata: [(&str, String); N],
) -> prost_types::Any {
    let metadata = metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    pack(&rpc::ErrorInfo { reason: reason.to_owned(), domain: domain.to_owned(), metadata })
}

/// Fields that broke a rule, as a detail.
pub fn bad_request(violations: &[Violation]) -> prost_types::Any {
    let field_violations = violations
        .iter()
        .map(|violation| rpc::bad_request::FieldViolation {
            field: violation.field.clone(),
            description: violation.description.clone(),
            ..Default::default()
        })
        .collect();
    pack(&rpc::BadRequest { field_violations })
}

fn precondition(message: &str) -> prost_types::Any {
    let violation = rpc::precondition_failure::Violation {
        r#type: "STATE".to_owned(),
        subject: message.split(' ').find(|word| word.starts_with("projects/")).unwrap_or_default().to_owned(),
        description: message.to_owned(),
    };
    pack(&rpc::PreconditionFailure { violations: vec![violation] })
}
