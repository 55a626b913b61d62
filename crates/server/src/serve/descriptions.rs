//! The API described for machines: OpenAPI and the discovery document. They say nothing of anyone, so anyone may ask.

use axum::body::Body;
use hearth_wire::description;
use http::header::{CONTENT_TYPE, HOST};
use http::uri::Authority;
use http::{HeaderValue, Method, Request, Response};

/// The only version there is of the API.
const VERSION: &str = "v1";

/// The description that a request asks for, if it asks for one.
pub(super) fn answer<B>(request: &Request<B>) -> Option<Response<Body>> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return None;
    }
    match request.uri().path() {
        "/openapi.json" => Some(json(Body::from(description::OPENAPI))),
        "/$discovery/rest" if version(request.uri().query()) => {
            Some(json(Body::from(description::discovery(&root(request)))))
        }
        _ => None,
    }
}

fn version(query: Option<&str>) -> bool {
    let asked = hearth_wire::parameters::parse_query(query.unwrap_or_default());
    asked.iter().filter(|(name, _)| name == "version").all(|(_, version)| version == VERSION)
}

/// Where the caller has found us.
fn root<B>(request: &Request<B>) -> String {
    let named = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let authority =
        named.and_then(|host| host.parse::<Authority>().ok()).or(request.uri().authority().cloned());
    // An authority has no characters that JSON would have to escape.
    let plain = authority.filter(|authority| !authority.as_str().contains(['"', '\\', '@']));
    plain.map_or_else(|| "/".to_owned(), |authority| format!("http://{authority}/"))
}

fn json(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let label = HeaderValue::from_static("application/json; charset=UTF-8");
    response.headers_mut().insert(CONTENT_TYPE, label);
    response
}
