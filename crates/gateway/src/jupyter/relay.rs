//! A kernel's relay, as the gateway speaks with it: HTTP on loopback, a connection for each request.

use std::time::Duration;

use axum::body::Body;
use hearth_core::engine::Endpoint;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpStream;

/// How long a relay may take to accept a connection. It listens already.
const CONNECT: Duration = Duration::from_secs(5);

/// The longest answer that is read whole, in bytes.
const ANSWER_LIMIT: usize = 64 * 1024;

/// Where a relay is, and what it is shown. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Relay {
    /// Its address.
    pub endpoint: Endpoint,
    /// The engine's secret, marked as sensitive.
    pub authorization: HeaderValue,
}

/// Why a relay did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// There is none any more, or not yet.
    #[error("could not reach the kernel")]
    Gone(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It answered with this status.
    #[error("the kernel's relay answered {0}")]
    Status(StatusCode),
}

#[derive(Deserialize)]
struct Ready {
    ready: bool,
}

impl Relay {
    /// Whether the kernel can be used; waits while it is starting.
    ///
    /// # Errors
    /// When the relay does not answer.
    pub async fn ready(&self) -> Result<bool, RelayError> {
        let body = self.call(Method::GET, "/ready", Body::empty()).await?;
        serde_json::from_slice::<Ready>(&body).map(|answer| answer.ready).map_err(gone)
    }

    /// Interrupts the cell that runs.
    ///
    /// # Errors
    /// When the relay does not answer.
    pub async fn interrupt(&self) -> Result<(), RelayError> {
        self.call(Method::POST, "/interrupt", Body::empty()).await.map(drop)
    }

    /// Starts the kernel anew and waits until it can be used.
    ///
    /// # Errors
    /// When the relay does not answer, or there is no new kernel.
    pub async fn restart(&self) -> Result<(), RelayError> {
        self.call(Method::POST, "/restart", Body::empty()).await.map(drop)
    }

    /// Shows a text in the notebook. After the `last` one the kernel says nothing more.
    ///
    /// # Errors
    /// When the relay does not answer.
    pub async fn notice(&self, text: &str, last: bool) -> Result<(), RelayError> {
        let body = json!({"text": text, "last": last}).to_string();
        self.call(Method::POST, "/notice", Body::from(body)).await.map(drop)
    }

    async fn call(&self, method: Method, path: &str, body: Body) -> Result<bytes::Bytes, RelayError> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = http::Uri::try_from(path).map_err(gone)?;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let response = self.send(request).await?;
        if !response.status().is_success() {
            return Err(RelayError::Status(response.status()));
        }
        let body = Limited::new(response.into_body(), ANSWER_LIMIT).collect().await;
        body.map(http_body_util::Collected::to_bytes).map_err(RelayError::Gone)
    }

    /// Sends a request, with a path alone as its address, on a connection of its own.
    pub(crate) async fn send(&self, mut request: Request<Body>) -> Result<Response<Incoming>, RelayError> {
        let address = (self.endpoint.host.as_str(), self.endpoint.port);
        let connecting = tokio::time::timeout(CONNECT, TcpStream::connect(address));
        let stream = connecting.await.map_err(gone)?.map_err(gone)?;
        // Small frames must not wait for acknowledgements of earlier ones.
        stream.set_nodelay(true).map_err(gone)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(gone)?;
        // Ends with the answer, or with the upgraded connection.
        tokio::spawn(connection.with_upgrades());
        request.headers_mut().insert(HOST, HeaderValue::from_static("kernel"));
        request.headers_mut().insert(AUTHORIZATION, self.authorization.clone());
        sender.send_request(request).await.map_err(gone)
    }
}

fn gone(error: impl std::error::Error + Send + Sync + 'static) -> RelayError {
    RelayError::Gone(Box::new(error))
}
