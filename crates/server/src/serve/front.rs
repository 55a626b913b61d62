//! The one port: decides, by path and content type, what answers a request.

use axum::body::Body;
use hearth_api::auth::{Authenticator, bearer, scope_allows};
use hearth_api::rest::Rest;
use hearth_gateway::Gateway;
use hearth_gateway::jupyter::{JupyterGateway, token_in};
use http::header::{CONTENT_TYPE, ORIGIN};
use http::{HeaderValue, Request, Response, StatusCode};
use tonic::service::Routes;
use tonic::{Code, Status};
use tower::ServiceExt;

use super::cors::Cors;
use super::descriptions;
use super::spark::SparkPages;

/// Everything that answers.
pub(crate) struct Front {
    pub(crate) authenticator: Authenticator,
    pub(crate) rest: Rest,
    pub(crate) grpc: Routes,
    pub(crate) gateway: Gateway,
    pub(crate) jupyter: JupyterGateway,
    pub(crate) pages: SparkPages,
    pub(crate) cors: Cors,
    pub(crate) ready: tokio::sync::watch::Receiver<bool>,
}

/// gRPC services that anyone may ask: they say nothing of anyone's sessions.
const OPEN_SERVICES: [&str; 2] = ["/grpc.health.v1.Health/", "/grpc.reflection."];

impl Front {
    /// Answers one request.
    pub(crate) async fn call(&self, request: Request<Body>) -> Response<Body> {
        let path = request.uri().path();
        match path {
            "/healthz" => return text(StatusCode::OK, "ok\n"),
            "/readyz" if *self.ready.borrow() => return text(StatusCode::OK, "ready\n"),
            "/readyz" => return text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
            _ => {}
        }
        if let Some(answer) = self.cors.instead(&request) {
            return answer;
        }
        if let Some(mut answer) = descriptions::answer(&request) {
            self.cors.label(request.headers().get(ORIGIN), answer.headers_mut());
            return answer;
        }
        if SparkPages::handles(path) {
            self.pages.call(request).await
        } else if Gateway::handles(path) {
            self.gateway(request).await
        } else if JupyterGateway::handles(path) {
            self.jupyter(request).await
        } else if grpc(&request) {
            self.grpc(request).await
        } else {
            let origin = request.headers().get(ORIGIN).cloned();
            let mut response = if Rest::streams(&request) {
                self.rest.stream(request).await.map(Body::new)
            } else {
                self.rest.call(request).await.map(Body::new)
            };
            self.cors.label(origin.as_ref(), response.headers_mut());
            response
        }
    }

    async fn gateway(&self, mut request: Request<Body>) -> Response<Body> {
        match self.authenticate(&request) {
            Ok(caller) => {
                request.extensions_mut().insert(caller);
                self.gateway.call(request).await
            }
            Err(status) if grpc(&request) => status.into_http(),
            Err(status) => {
                let code = match status.code() {
                    Code::PermissionDenied => StatusCode::FORBIDDEN,
                    _ => StatusCode::UNAUTHORIZED,
                };
                text(code, &format!("{}\n", status.message()))
            }
        }
    }

    /// A token in the address is taken too, as by Jupyter's own servers: browsers cannot set headers on a WebSocket.
    async fn jupyter(&self, mut request: Request<Body>) -> Response<Body> {
        let credential = bearer(request.headers())
            .or_else(|| query_token(request.uri()))
            .or_else(|| token_in(request.uri().path()).map(|(token, _)| token));
        match self.authenticator.authenticate(credential.as_slice()) {
            Ok(caller) => {
                request.extensions_mut().insert(caller);
                self.jupyter.call(request).await
            }
            Err(status) => {
                let body = serde_json::json!({"reason": "Unauthorized", "message": status.message()});
                let mut response = text(StatusCode::UNAUTHORIZED, &body.to_string());
                let json = HeaderValue::from_static("application/json");
                response.headers_mut().insert(CONTENT_TYPE, json);
                response
            }
        }
    }

    async fn grpc(&self, mut request: Request<Body>) -> Response<Body> {
        if !OPEN_SERVICES.iter().any(|service| request.uri().path().starts_with(service)) {
            match self.authenticate(&request) {
                Ok(caller) => drop(request.extensions_mut().insert(caller)),
                Err(status) => return status.into_http(),
            }
        }
        match self.grpc.clone().oneshot(request).await {
            Ok(response) => response.map(Body::new),
            Err(never) => match never {},
        }
    }

    /// Who makes the request, if their credential is good for it.
    fn authenticate(&self, request: &Request<Body>) -> Result<hearth_control::Caller, Status> {
        let caller = self.authenticator.authenticate(bearer(request.headers()).as_slice())?;
        scope_allows(&caller, request.uri().path())?;
        Ok(caller)
    }
}

/// The token among the parameters of an address.
fn query_token(uri: &http::Uri) -> Option<&str> {
    let mut pairs = uri.query()?.split('&');
    pairs.find_map(|pair| pair.strip_prefix("token=")).filter(|token| !token.is_empty())
}

fn grpc(request: &Request<Body>) -> bool {
    let content_type = request.headers().get(CONTENT_TYPE);
    content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

fn text(status: StatusCode, body: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_owned()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
