//! gRPC statuses: what a refused or broken call is answered.

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Response};

/// The trailer with the number of the status.
pub(crate) const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
/// The trailer with the text of the status, percent-encoded.
pub(crate) const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
/// The content type of every gRPC answer of our own.
pub(crate) const GRPC_TYPE: HeaderValue = HeaderValue::from_static("application/grpc");

/// A status code of gRPC, numbered as in its specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the codes are described in gRPC's specification")]
pub enum Code {
    Ok = 0,
    Cancelled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
}

impl Code {
    /// The code of this number; one that the specification does not have is unknown.
    pub fn numbered(number: i32) -> Self {
        use Code as C;
        let all = [
            C::Ok,
            C::Cancelled,
            C::Unknown,
            C::InvalidArgument,
            C::DeadlineExceeded,
            C::NotFound,
            C::AlreadyExists,
            C::PermissionDenied,
            C::ResourceExhausted,
            C::FailedPrecondition,
            C::Aborted,
            C::OutOfRange,
            C::Unimplemented,
            C::Internal,
            C::Unavailable,
            C::DataLoss,
            C::Unauthenticated,
        ];
        all.into_iter().find(|code| *code as i32 == number).unwrap_or(C::Unknown)
    }
}

/// Why a call is not carried out, in the words its caller reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// What programs read.
    pub code: Code,
    /// What people read.
    pub message: String,
}

impl Refusal {
    /// A refusal with this code and text.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The refusal as trailers of a call that already has an answer.
    pub(crate) fn trailers(&self) -> HeaderMap {
        let mut trailers = HeaderMap::with_capacity(2);
        trailers.insert(GRPC_STATUS, HeaderValue::from(self.code as u16));
        if let Ok(message) = HeaderValue::try_from(percent_encode(&self.message)) {
            trailers.insert(GRPC_MESSAGE, message);
        }
        trailers
    }

    /// The refusal as the whole answer: gRPC's trailers-only form.
    pub fn response(&self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.headers_mut() = self.trailers();
        response.headers_mut().insert(CONTENT_TYPE, GRPC_TYPE);
        if self.code == Code::Unimplemented {
            // What a client that compresses is told it may send instead.
            response.headers_mut().insert("grpc-accept-encoding", HeaderValue::from_static("identity"));
        }
        response
    }
}

/// The code that an HTTP/2 error code stands for (gRPC over HTTP/2, section "Errors").
pub(crate) fn code_of_reset(reason: h2::Reason) -> Code {
    match reason {
        h2::Reason::REFUSED_STREAM => Code::Unavailable,
        h2::Reason::CANCEL => Code::Cancelled,
        h2::Reason::ENHANCE_YOUR_CALM => Code::ResourceExhausted,
        h2::Reason::INADEQUATE_SECURITY => Code::PermissionDenied,
        _ => Code::Internal,
    }
}

/// The reason with which the peer reset this one stream; `None` if the whole connection was lost.
pub(crate) fn reset_reason(error: &h2::Error) -> Option<h2::Reason> {
    error.reason().filter(|_| error.is_reset())
}

/// `text` as `grpc-message` wants it: printable ASCII without `%`, all else as `%XX` of its UTF-8.
fn percent_encode(text: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'%' | 0..=0x1f | 0x7f..=0xff => {
                write!(encoded, "%{byte:02X}").expect("writing to a string cannot fail");
            }
            _ => encoded.push(char::from(byte)),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_printable_ascii_on_the_wire() {
        assert_eq!(percent_encode("100 % \"ü\"\n"), "100 %25 \"%C3%BC\"%0A");
    }

    #[test]
    fn a_refusal_is_a_whole_answer_without_a_body() {
        let response = Refusal::new(Code::NotFound, "no such thing").response();
        assert_eq!(response.status(), http::StatusCode::OK);
        assert_eq!(response.headers()["grpc-status"], "5");
        assert_eq!(response.headers()["grpc-message"], "no such thing");
        assert_eq!(response.headers()["content-type"], "application/grpc");
    }
}
