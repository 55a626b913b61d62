//! The JSON of Jupyter's REST API.

use axum::body::Body;
use hearth_core::Timestamp;
use hearth_jupyter::State;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Map, Value, json};

use super::kernels::{Kernel, KernelSpec, Listed};
use crate::status::{Code, Refusal};

/// What the names of resources begin with where clients look for them.
const RESOURCE_HOST: &str = "//dataproc.googleapis.com/";
/// The member of a kernel's metadata, and of a spec's resources, that says what it belongs to.
const PARENT: &str = "endpointParentResource";

/// An answer with this JSON.
pub(super) fn json_answer(status: StatusCode, value: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// An error, as Jupyter's clients read it.
pub(super) fn error(status: StatusCode, message: &str) -> Response<Body> {
    let reason = status.canonical_reason().unwrap_or_default();
    json_answer(status, &json!({"reason": reason, "message": message}))
}

/// An error that whoever knows the sessions has answered.
pub(super) fn refusal(refusal: &Refusal) -> Response<Body> {
    let status = match refusal.code {
        Code::InvalidArgument | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::AlreadyExists | Code::Aborted | Code::FailedPrecondition => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    error(status, &refusal.message)
}

/// All specs.
pub(super) fn specs(listed: &Listed) -> Value {
    let specs: Map<_, _> = listed.specs.iter().map(|one| (one.name.clone(), spec(one))).collect();
    json!({"default": listed.default, "kernelspecs": specs})
}

/// One spec.
pub(super) fn spec(spec: &KernelSpec) -> Value {
    // Present even if empty, and all its values texts: clients look into it.
    let mut resources = Map::new();
    resources.insert("logo-64x64".to_owned(), json!(format!("/kernelspecs/{}/logo-64x64.png", spec.name)));
    resources.insert("logo-svg".to_owned(), json!(format!("/kernelspecs/{}/logo-svg.svg", spec.name)));
    if let Some(parent) = &spec.parent {
        resources.insert(PARENT.to_owned(), json!(format!("{RESOURCE_HOST}{parent}")));
    }
    json!({
        "name": spec.name,
        "spec": {
            "argv": [], "env": {}, "display_name": spec.display_name, "language": spec.language,
            "interrupt_mode": "message", "metadata": {},
        },
        "resources": resources,
    })
}

/// A time in the one form that Jupyter's own clients read: always with six digits.
pub(super) fn time(at: Timestamp) -> String {
    format!("{at:.6}")
}

/// One kernel.
pub(super) fn kernel(kernel: &Kernel, state: Option<&State>) -> Value {
    json!({
        "id": kernel.uuid.to_string(),
        "name": kernel.spec,
        "last_activity": time(state.map_or(kernel.started_at, |state| state.last_activity)),
        "execution_state": state.map_or("idle", |state| state.execution.as_str()),
        "connections": state.map_or(0, |state| state.connections),
        "metadata": {PARENT: format!("{RESOURCE_HOST}{}", kernel.session)},
    })
}
