//! Asks Spark's monitoring REST API, of a driver or of a history server.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::error::DataError;

/// Where the API is below a Spark UI.
const API: &str = "/api/v1/applications";
/// The longest answer that is taken, in bytes; Spark writes some 3 KB a stage and 2 KB a task.
const ANSWER_LIMIT: usize = 64 << 20;
/// How long an answer may take. A history server reads a whole event log before its first.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// What failed when Spark could not be asked.
const ASK: &str = "ask Spark for its applications";

/// Answers paths below `/api/v1/applications`.
#[async_trait]
pub trait Monitoring: Send + Sync + 'static {
    /// The JSON at a path such as `/APP/jobs`; `None` where there is nothing.
    ///
    /// # Errors
    /// When nobody answers, or not with JSON.
    async fn get(&self, path: &str) -> Result<Option<Bytes>, DataError>;
}

/// The API over HTTP.
#[derive(Debug, Clone)]
pub struct HttpMonitoring {
    client: Client<HttpConnector, Empty<Bytes>>,
    /// Without a slash at the end.
    base: String,
}

impl HttpMonitoring {
    /// Asks the Spark UI at this address, such as `http://127.0.0.1:4040`.
    pub fn new(base: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(Duration::from_secs(5)));
        connector.set_nodelay(true);
        Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            base: base.trim_end_matches('/').to_owned(),
        }
    }

    async fn ask(&self, path: &str) -> Result<Option<Bytes>, Box<dyn std::error::Error + Send + Sync>> {
        let uri: Uri = format!("{}{API}{path}", self.base).parse()?;
        let request = Request::get(uri).header(http::header::ACCEPT, "application/json").body(Empty::new())?;
        let response = self.client.request(request).await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            other => return Err(format!("Spark answered {other}").into()),
        }
        let body = Limited::new(response.into_body(), ANSWER_LIMIT).collect().await?;
        Ok(Some(body.to_bytes()))
    }
}

#[async_trait]
impl Monitoring for HttpMonitoring {
    async fn get(&self, path: &str) -> Result<Option<Bytes>, DataError> {
        match tokio::time::timeout(ANSWER_TIMEOUT, self.ask(path)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(source)) => Err(DataError::Unavailable { what: ASK, source }),
            Err(elapsed) => Err(DataError::because(ASK)(elapsed)),
        }
    }
}
