//! Error bodies: CONTRACT sections 4.1 and 4.2.

use hearth_wire::{
    Violations,
    error::{ErrorFormat, error_body, names, pack, status},
    json::Style,
    rpc,
};
use serde_json::{Value, json};
use tonic::Code;

fn body(code: Code, message: &str, details: &[prost_types::Any], format: ErrorFormat) -> Value {
    serde_json::from_slice(&error_body(code, message, details, format, Style::default())).unwrap()
}

#[test]
fn codes_have_their_http_status_and_name() {
    let table = [
        (1, 499, "CANCELLED"),
        (2, 500, "UNKNOWN"),
        (3, 400, "INVALID_ARGUMENT"),
        (4, 504, "DEADLINE_EXCEEDED"),
        (5, 404, "NOT_FOUND"),
        (6, 409, "ALREADY_EXISTS"),
        (7, 403, "PERMISSION_DENIED"),
        (8, 429, "RESOURCE_EXHAUSTED"),
        (9, 400, "FAILED_PRECONDITION"),
        (10, 409, "ABORTED"),
        (11, 400, "OUT_OF_RANGE"),
        (12, 501, "UNIMPLEMENTED"),
        (13, 500, "INTERNAL"),
        (14, 503, "UNAVAILABLE"),
        (15, 500, "DATA_LOSS"),
        (16, 401, "UNAUTHENTICATED"),
    ];
    for (number, http, name) in table {
        let found = names(Code::from(number));
        assert_eq!((found.http, found.name), (http, name));
        assert_eq!(rpc::Code::try_from(number).unwrap().as_str_name(), name);
    }
}

#[test]
fn the_default_body_has_code_message_and_status() {
    let text = error_body(
        Code::NotFound,
        "Not found: x",
        &[],
        ErrorFormat::V2,
        Style { pretty: true, ..Default::default() },
    );
    assert_eq!(
        String::from_utf8(text).unwrap(),
        "{\n  \"error\": {\n    \"code\": 404,\n    \"message\": \"Not found: x\",\n    \"status\": \"NOT_FOUND\"\n  }\n}"
    );
}

#[test]
fn field_violations_are_a_detail_and_an_empty_path_is_left_out() {
    let mut violations = Violations::default();
    violations.push("session", "one");
    violations.push("", "two");
    let body = body(
        Code::InvalidArgument,
        &violations.to_string(),
        &[pack(&violations.bad_request())],
        ErrorFormat::V2,
    );
    assert_eq!(
        body,
        json!({"error": {"code": 400, "message": "one\ntwo", "status": "INVALID_ARGUMENT", "details": [{
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [{"field": "session", "description": "one"}, {"description": "two"}]
        }]}})
    );
}

#[test]
fn the_older_body_has_a_list_of_errors_too() {
    let info = rpc::ErrorInfo {
        reason: "CREDENTIALS_MISSING".into(),
        domain: "googleapis.com".into(),
        metadata: [("method".into(), "m".into())].into(),
    };
    assert_eq!(
        body(Code::Unauthenticated, "no", &[pack(&info)], ErrorFormat::V1),
        json!({"error": {"code": 401, "message": "no", "status": "UNAUTHENTICATED",
            "errors": [{"message": "Login Required.", "domain": "global", "reason": "required",
                        "location": "Authorization", "locationType": "header"}],
            "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "CREDENTIALS_MISSING",
                         "domain": "googleapis.com", "metadata": {"method": "m"}}]}})
    );
    let reason = |code| body(code, "m", &[], ErrorFormat::V1)["error"]["errors"][0]["reason"].clone();
    for (code, expected) in [
        (Code::InvalidArgument, "badRequest"),
        (Code::OutOfRange, "badRequest"),
        (Code::FailedPrecondition, "failedPrecondition"),
        (Code::NotFound, "notFound"),
        (Code::AlreadyExists, "alreadyExists"),
        (Code::Aborted, "aborted"),
        (Code::PermissionDenied, "forbidden"),
        (Code::Unauthenticated, "authError"),
        (Code::ResourceExhausted, "rateLimitExceeded"),
        (Code::Unimplemented, "notImplemented"),
        (Code::Internal, "backendError"),
        (Code::Unknown, "backendError"),
        (Code::Unavailable, "backendError"),
    ] {
        assert_eq!(reason(code), expected);
    }
}

#[test]
fn a_status_for_grpc_carries_the_same() {
    let status = status(Code::Aborted, "m", Vec::new());
    assert_eq!((status.code, &*status.message), (10, "m"));
}
