//! Pages in browsers: which may call the API, and how they are told (the CORS part of the Fetch standard).

use std::sync::Arc;

use axum::body::Body;
use hearth_wire::error::{ErrorFormat, error_body};
use hearth_wire::json::Style;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ALLOW,
    CONTENT_TYPE, HOST, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use tonic::Code;

use crate::config::{AllowedOrigin, Auth, Config};

/// Methods of the API's HTTP bindings.
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PATCH, DELETE");
/// What an OPTIONS that is no preflight is told.
const ALLOWED: HeaderValue = HeaderValue::from_static("GET, POST, PATCH, DELETE, OPTIONS");
/// Headers that mean something here (contract, section 13).
const HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, x-goog-api-client, x-goog-api-key, x-goog-fieldmask, x-goog-quota-user, \
     x-goog-request-params, x-goog-user-project, x-http-method-override",
);
/// For how long a browser need not ask again, in seconds. Decision: an hour; browsers allow two at most.
const MAX_AGE: HeaderValue = HeaderValue::from_static("3600");
/// Asked by browsers when a page of the internet wants to reach a private address, as loopback is.
const REQUEST_PRIVATE: HeaderName = HeaderName::from_static("access-control-request-private-network");
const ALLOW_PRIVATE: HeaderName = HeaderName::from_static("access-control-allow-private-network");
/// Where a request comes from, as the browser itself says (Fetch Metadata).
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// What pages may do.
#[derive(Debug, Clone)]
pub(crate) struct Cors {
    allowed: Arc<[AllowedOrigin]>,
    /// Whether a page's call must be refused, and not only its answer be kept from it: without tokens a browser
    /// on this machine would lend any page its reach.
    guarded: bool,
}

impl Cors {
    pub(crate) fn new(config: &Config) -> Self {
        Self { allowed: config.cors_origins.clone().into(), guarded: config.auth == Auth::None }
    }

    /// The whole answer to a request that the API shall not see: a browser's question whether a page may call, or
    /// the call of a page that may not.
    pub(crate) fn instead<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        if request.method() == Method::OPTIONS && is_api(request.uri().path()) {
            return Some(self.preflight(request.headers()));
        }
        let foreign = self.guarded && self.is_foreign(request.headers());
        foreign.then(|| refused(request.headers()))
    }

    /// Adds what lets a browser hand the answer on to the page.
    pub(crate) fn label(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        headers.append(VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = origin.filter(|origin| self.allows(origin)) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
    }

    fn preflight(&self, asked: &HeaderMap) -> Response<Body> {
        let mut response = match asked.get(ORIGIN) {
            Some(origin) if !self.allows(origin) => refused(asked),
            _ => Response::new(Body::empty()),
        };
        if response.status() == StatusCode::OK {
            *response.status_mut() = StatusCode::NO_CONTENT;
            let headers = response.headers_mut();
            headers.insert(ALLOW, ALLOWED);
            if asked.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
                headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
                headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
                headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
            }
            if asked.contains_key(REQUEST_PRIVATE) {
                headers.insert(ALLOW_PRIVATE, HeaderValue::from_static("true"));
            }
        }
        self.label(asked.get(ORIGIN), response.headers_mut());
        for name in [ACCESS_CONTROL_REQUEST_METHOD, ACCESS_CONTROL_REQUEST_HEADERS] {
            response.headers_mut().append(VARY, name.into());
        }
        response
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        origin.to_str().is_ok_and(|origin| self.allowed.iter().any(|rule| rule.allows(origin)))
    }

    /// Whether a page made the request that is neither ours nor let in. Whoever is no browser says none of this.
    fn is_foreign(&self, headers: &HeaderMap) -> bool {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        match headers.get(ORIGIN) {
            Some(origin) => {
                let host =
                    origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
                !(self.allows(origin) || host.is_some() && host == text(HOST))
            }
            // A script or picture of another site; following a link to here is fine.
            None => text(FETCH_SITE) == Some("cross-site") && text(FETCH_MODE) != Some("navigate"),
        }
    }
}

fn is_api(path: &str) -> bool {
    path.starts_with("/v1/") || path.starts_with("/hearth/v1/")
}

fn refused(headers: &HeaderMap) -> Response<Body> {
    let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or("another site");
    let message =
        format!("Pages of {origin} may not call this service. Its setting 'cors.origins' says which may");
    let style = Style { pretty: true, ..Style::default() };
    let body = error_body(Code::PermissionDenied, &message, &[], ErrorFormat::V2, style);
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::FORBIDDEN;
    let json = HeaderValue::from_static("application/json; charset=UTF-8");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
