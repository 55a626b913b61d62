//! Errors on the wire: codes, HTTP statuses and the JSON body (CONTRACT sections 4.1 and 4.2).

use prost::Name;
use prost_types::Any;
use tonic::Code;

use crate::{
    json::{self, Style},
    rpc::{ErrorInfo, Status},
};

/// Form of errors, chosen by `$.xgafv`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ErrorFormat {
    /// With the older list of errors beside the rest.
    V1,
    /// Code, message, status and details.
    #[default]
    V2,
}

/// What one gRPC code is called elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeNames {
    /// HTTP status.
    pub http: u16,
    /// Canonical name, as in `google.rpc.Code`.
    pub name: &'static str,
    /// Word in the older list of errors.
    pub reason: &'static str,
}

/// HTTP status and names of a gRPC code. The one table that says so.
pub fn names(code: Code) -> CodeNames {
    let (http, name, reason) = match code {
        Code::Ok => (200, "OK", ""),
        Code::Cancelled => (499, "CANCELLED", "cancelled"),
        Code::Unknown => (500, "UNKNOWN", "backendError"),
        Code::InvalidArgument => (400, "INVALID_ARGUMENT", "badRequest"),
        Code::DeadlineExceeded => (504, "DEADLINE_EXCEEDED", "backendError"),
        Code::NotFound => (404, "NOT_FOUND", "notFound"),
        Code::AlreadyExists => (409, "ALREADY_EXISTS", "alreadyExists"),
        Code::PermissionDenied => (403, "PERMISSION_DENIED", "forbidden"),
        Code::ResourceExhausted => (429, "RESOURCE_EXHAUSTED", "rateLimitExceeded"),
        Code::FailedPrecondition => (400, "FAILED_PRECONDITION", "failedPrecondition"),
        Code::Aborted => (409, "ABORTED", "aborted"),
        Code::OutOfRange => (400, "OUT_OF_RANGE", "badRequest"),
        Code::Unimplemented => (501, "UNIMPLEMENTED", "notImplemented"),
        Code::Internal => (500, "INTERNAL", "backendError"),
        Code::Unavailable => (503, "UNAVAILABLE", "backendError"),
        Code::DataLoss => (500, "DATA_LOSS", "backendError"),
        Code::Unauthenticated => (401, "UNAUTHENTICATED", "authError"),
    };
    CodeNames { http, name, reason }
}

/// The JSON body of a failed call. Its HTTP status is that of [`names`]. Of `style`, the mask is not used:
/// it is about answers.
pub fn error_body(
    code: Code,
    message: &str,
    details: &[Any],
    format: ErrorFormat,
    style: Style<'_>,
) -> Vec<u8> {
    let CodeNames { http, name, reason } = names(code);
    let mut body = json::Builder::new(Style { mask: None, ..style });
    body.object(|body| {
        body.member("error");
        body.object(|body| {
            body.member("code");
            body.number(i64::from(http));
            body.member("message");
            body.string(message);
            if format == ErrorFormat::V1 {
                body.member("errors");
                body.list(|body| {
                    body.item();
                    body.object(|body| legacy_entry(body, code, message, reason, details));
                });
            }
            body.member("status");
            body.string(name);
            if !details.is_empty() {
                body.member("details");
                body.list(|body| {
                    for detail in details {
                        body.item();
                        body.any(detail);
                    }
                });
            }
        });
    });
    body.finish()
}

/// The binary `google.rpc.Status` of a failure, as gRPC carries it in `grpc-status-details-bin`.
pub fn status(code: Code, message: &str, details: Vec<Any>) -> Status {
    Status { code: i32::from(code), message: message.to_owned(), details }
}

/// Members of the one entry of the older list.
fn legacy_entry(body: &mut json::Builder<'_>, code: Code, message: &str, reason: &str, details: &[Any]) {
    let missing = code == Code::Unauthenticated && details.iter().any(says_credentials_missing);
    body.member("message");
    body.string(if missing { "Login Required." } else { message });
    body.member("domain");
    body.string("global");
    body.member("reason");
    body.string(if missing { "required" } else { reason });
    if code == Code::Unauthenticated {
        body.member("location");
        body.string("Authorization");
        body.member("locationType");
        body.string("header");
    }
}

fn says_credentials_missing(detail: &Any) -> bool {
    detail.to_msg::<ErrorInfo>().is_ok_and(|info| info.reason == "CREDENTIALS_MISSING")
}

/// Packs a message with the type URL that the API uses, `type.googleapis.com/` and the full name.
pub fn pack<M: prost::Message + Name>(message: &M) -> Any {
    Any { type_url: M::type_url(), value: message.encode_to_vec() }
}
