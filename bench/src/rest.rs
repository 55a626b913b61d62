//! A REST client that costs little: HTTP/1.1 over connections that are kept.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use tokio::net::TcpStream;

use crate::server::PARENT;

/// How often an operation is asked for that is not done yet.
const POLL: Duration = Duration::from_millis(2);
/// How long engines may take to be ready ahead.
const WARM_LIMIT: Duration = Duration::from_secs(120);

type Connection = SendRequest<Full<Bytes>>;

/// A client of one server. Clones share their connections; there are as many as calls were under way at once.
#[derive(Debug, Clone)]
pub(crate) struct Rest {
    address: SocketAddr,
    authorization: String,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Rest {
    /// Opens no connection yet.
    pub(crate) fn new(address: SocketAddr, token: &str) -> Self {
        Self { address, authorization: format!("Bearer {token}"), idle: Arc::default() }
    }

    /// The same with the scheme that every server of Jupyter's knows.
    pub(crate) fn with_token_scheme(address: SocketAddr, token: &str) -> Self {
        Self { address, authorization: format!("token {token}"), idle: Arc::default() }
    }

    /// One call. Gives the body of a 200.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Bytes) -> anyhow::Result<Bytes> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match idle {
            Some(connection) if !connection.is_closed() => connection,
            _ => self.connect().await?,
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("authorization", &self.authorization)
            .header("content-type", "application/json")
            .body(Full::new(body))?;
        connection.ready().await?;
        let response = connection.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        if !status.is_success() {
            bail!("{path}: {status}: {}", String::from_utf8_lossy(&body));
        }
        Ok(body)
    }

    /// Gets a document.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&self.call(Method::GET, path, Bytes::new()).await?)?)
    }

    /// Asks for a session of the default runtime; gives the operation as the server wrote it.
    pub(crate) async fn create(&self, id: &str) -> anyhow::Result<Bytes> {
        self.create_with(id, json!({})).await
    }

    /// The same with more fields.
    pub(crate) async fn create_with(&self, id: &str, more: Value) -> anyhow::Result<Bytes> {
        let mut body = json!({
            "name": format!("{PARENT}/sessions/{id}"),
            "sparkConnectSession": {},
            "labels": {"purpose": "bench"},
        });
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        let path = format!("/v1/{PARENT}/sessions?sessionId={id}");
        self.call(Method::POST, &path, body.to_string().into()).await
    }

    /// Makes a session, waits until it is active, and gives its uuid.
    pub(crate) async fn create_active(&self, id: &str) -> anyhow::Result<String> {
        self.active(&self.create(id).await?).await
    }

    /// The same on a runtime.
    pub(crate) async fn create_on(&self, id: &str, runtime: &str) -> anyhow::Result<String> {
        self.active(&self.create_with(id, json!({"runtimeConfig": {"version": runtime}})).await?).await
    }

    /// The same with properties of Spark's.
    pub(crate) async fn create_tuned(
        &self,
        id: &str,
        runtime: &str,
        properties: &[(&str, &str)],
    ) -> anyhow::Result<String> {
        let properties: Map<_, _> =
            properties.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let config = json!({"version": runtime, "properties": properties});
        self.active(&self.create_with(id, json!({"runtimeConfig": config})).await?).await
    }

    async fn active(&self, created: &[u8]) -> anyhow::Result<String> {
        let operation = self.done(serde_json::from_slice(created)?).await?;
        let uuid = operation["response"]["uuid"].as_str();
        Ok(uuid.with_context(|| format!("no session came of it: {operation}"))?.to_owned())
    }

    /// Deletes a session, and waits until it is gone.
    pub(crate) async fn delete(&self, id: &str) -> anyhow::Result<()> {
        let path = format!("/v1/{PARENT}/sessions/{id}");
        let answer = self.call(Method::DELETE, &path, Bytes::new()).await?;
        self.done(serde_json::from_slice(&answer)?).await.map(drop)
    }

    /// Waits until so many engines of a pool are ready.
    pub(crate) async fn warm(&self, wanted: i64) -> anyhow::Result<()> {
        let deadline = Instant::now() + WARM_LIMIT;
        loop {
            let pools = self.get("/hearth/v1/pools").await?;
            let mut all = pools["pools"].as_array().into_iter().flatten();
            if all.any(|pool| pool["ready"].as_i64() == Some(wanted)) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "no engines were made ahead: {pools}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// A session's state.
    pub(crate) async fn state(&self, id: &str) -> anyhow::Result<String> {
        let session = self.get(&format!("/v1/{PARENT}/sessions/{id}")).await?;
        Ok(session["state"].as_str().context("the session has no state")?.to_owned())
    }

    /// An operation once it is done.
    async fn done(&self, mut operation: Value) -> anyhow::Result<Value> {
        while operation["done"] != true {
            let name = operation["name"].as_str().context("the operation has no name")?.to_owned();
            tokio::time::sleep(POLL).await;
            operation = self.get(&format!("/v1/{name}")).await?;
        }
        Ok(operation)
    }

    async fn connect(&self) -> anyhow::Result<Connection> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }
}
