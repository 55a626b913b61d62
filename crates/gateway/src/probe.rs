//! Whether an engine can be used: the answer to a real call, not an open port.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hearth_core::engine::Endpoint;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, TE};
use http::{HeaderMap, Method, Request, Uri};
use http_body_util::{BodyExt as _, Limited};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::message::{self, Subject};
use crate::spark_connect::SERVICE_PREFIX;
use crate::status::{Code, GRPC_MESSAGE, GRPC_STATUS, GRPC_TYPE, code_of_reset};
use crate::upstream::{ConnectError, Link, SendError, Upstream, connect};

/// Who the probe says it is; its Spark session is its own.
const USER: &str = "hearth-probe";

/// What an engine is warmed up with: what most sessions ask first, and a query that has every kind of work in it.
const WARM_UP: [&str; 2] = [
    "SELECT 1",
    "SELECT id % 3 AS k, count(*) AS n, sum(id) AS s FROM range(0, 1000) GROUP BY id % 3 ORDER BY k",
];

/// The longest answer that is read, in bytes. It holds two ids, or a few rows.
const ANSWER_LIMIT: usize = 64 * 1024;

/// How long the engine may take to forget the probe's session. A JVM that also answers its first query has taken a second.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(10);

/// Why an engine did not pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// It does not answer yet: ask again.
    #[error("the engine does not answer yet: {0}")]
    NotReady(String),
    /// It answers, and not as an engine should: asking again will not help.
    #[error("the engine answers with an error: {0}")]
    Broken(String),
}

/// Makes one cheap Spark Connect call, as a client would: `Config` that asks for nothing, in a Spark session of its
/// own, which is released again. `authorization` is what the engine is shown with each call, if anything.
///
/// # Errors
/// [`ProbeError::NotReady`] while the engine refuses connections, does not answer within `deadline`, or says
/// UNAVAILABLE; [`ProbeError::Broken`] if it answers anything else but OK.
pub async fn probe_spark_connect(
    endpoint: &Endpoint,
    authorization: Option<&HeaderValue>,
    deadline: Duration,
) -> Result<(), ProbeError> {
    converse(endpoint, authorization, deadline, |probe| vec![("Config", probe.config_request())]).await
}

/// Has an engine answer queries, so that it has loaded and compiled what answering one takes. As a client of its own,
/// whose Spark session is released again.
///
/// # Errors
/// As [`probe_spark_connect`] has them. The engine may be as good as ever.
pub async fn warm_up_spark_connect(
    endpoint: &Endpoint,
    authorization: Option<&HeaderValue>,
    deadline: Duration,
) -> Result<(), ProbeError> {
    let [first, second] = WARM_UP;
    let calls = |probe: &Subject| {
        let queries =
            [probe.statement_request(first), probe.query_request(first), probe.query_request(second)];
        queries.into_iter().map(|query| ("ExecutePlan", query)).collect()
    };
    converse(endpoint, authorization, deadline, calls).await
}

/// Makes calls as a client with a Spark session of its own. It is released behind the answer: a JVM that has just started
/// takes a while over each call of a new kind, and nobody who waits for the engine waits for that.
async fn converse(
    endpoint: &Endpoint,
    authorization: Option<&HeaderValue>,
    deadline: Duration,
    calls: impl FnOnce(&Subject) -> Vec<(&'static str, Bytes)>,
) -> Result<(), ProbeError> {
    let probing = async {
        let mut client = Client::connect(endpoint, authorization, deadline).await?;
        let requests = calls(&client.subject);
        client.call(requests).await?;
        Ok(client)
    };
    let client = tokio::time::timeout(deadline, probing)
        .await
        .unwrap_or_else(|_elapsed| Err(ProbeError::NotReady(format!("no answer within {deadline:?}"))))?;
    tokio::spawn(client.release());
    Ok(())
}

/// A client of an engine, over a connection of its own.
struct Client {
    endpoint: Endpoint,
    authorization: Option<HeaderValue>,
    subject: Subject,
    upstream: Upstream,
    link: Link,
}

impl Client {
    async fn connect(
        endpoint: &Endpoint,
        authorization: Option<&HeaderValue>,
        timeout: Duration,
    ) -> Result<Self, ProbeError> {
        let connected = connect(endpoint, timeout, TaskTracker::new()).await;
        let (upstream, link) = connected.map_err(|error| match error {
            ConnectError::Connect { source, .. } => ProbeError::NotReady(source.to_string()),
            ConnectError::Timeout { .. } => ProbeError::NotReady(error.to_string()),
            ConnectError::Handshake { .. } => ProbeError::Broken(error.to_string()),
        })?;
        let subject = Subject {
            session_id: Uuid::new_v4().to_string(),
            user_context: Some(message::user_context(USER)),
        };
        Ok(Self {
            endpoint: endpoint.clone(),
            authorization: authorization.cloned(),
            subject,
            upstream,
            link,
        })
    }

    /// Makes calls, one after the other, until one fails.
    async fn call(&mut self, requests: Vec<(&'static str, Bytes)>) -> Result<(), ProbeError> {
        let calls = async {
            for (method, request) in requests {
                let body = Body::from(request);
                call(&self.upstream, &self.endpoint, self.authorization.as_ref(), method, body).await?;
            }
            Ok(())
        };
        tokio::select! {
            // The connection ends only after every answer it can give has been given.
            biased;
            done = calls => done,
            ended = self.link.run() => Err(match ended {
                Ok(()) => ProbeError::NotReady("it closed the connection".to_owned()),
                Err(error) => of_break(&error),
            }),
        }
    }

    /// Has the engine forget the Spark session. Not every engine can, and one that cannot forgets it by itself. Sail keeps
    /// 80 KiB for each.
    async fn release(mut self) {
        let request = self.subject.release_request();
        let release = self.call(vec![("ReleaseSession", request)]);
        match tokio::time::timeout(RELEASE_TIMEOUT, release).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(endpoint = %self.endpoint, %error, "the session of the probe was not released");
            }
            Err(_elapsed) => {
                tracing::debug!(endpoint = %self.endpoint, "the session of the probe was not released in time");
            }
        }
    }
}

async fn call(
    upstream: &Upstream,
    endpoint: &Endpoint,
    authorization: Option<&HeaderValue>,
    method: &str,
    body: Body,
) -> Result<(), ProbeError> {
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::try_from(format!("http://{endpoint}{SERVICE_PREFIX}{method}"))
        .map_err(|error| ProbeError::Broken(format!("its address cannot be used: {error}")))?;
    request.headers_mut().insert(CONTENT_TYPE, GRPC_TYPE);
    request.headers_mut().insert(TE, HeaderValue::from_static("trailers"));
    if let Some(authorization) = authorization {
        request.headers_mut().insert(AUTHORIZATION, authorization.clone());
    }

    let response = upstream.send(request).await.map_err(|error| match error {
        SendError::Unsent(_, error) | SendError::Broken(error) => of_break(&error),
    })?;
    if !response.status().is_success() {
        return Err(ProbeError::Broken(format!("HTTP status {}", response.status())));
    }
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, ANSWER_LIMIT).collect().await.map_err(|error| {
        match error.downcast_ref::<h2::Error>() {
            Some(error) => of_break(error),
            None => ProbeError::Broken(error.to_string()),
        }
    })?;
    of_status(body.trailers().unwrap_or(&parts.headers))
}

/// What the status of an answer means.
fn of_status(trailers: &HeaderMap) -> Result<(), ProbeError> {
    let status = trailers.get(GRPC_STATUS).and_then(|status| status.to_str().ok()).unwrap_or("none");
    if status == "0" {
        return Ok(());
    }
    let text =
        trailers.get(GRPC_MESSAGE).map(|text| String::from_utf8_lossy(text.as_bytes())).unwrap_or_default();
    let text = format!("gRPC status {status} {text}");
    if status == (Code::Unavailable as u8).to_string() {
        Err(ProbeError::NotReady(text))
    } else {
        Err(ProbeError::Broken(text))
    }
}

/// What a break in the exchange means. A lost connection is that of an engine that is starting or ending; breaking the
/// rules of HTTP/2 is that of something else that has the port.
fn of_break(error: &h2::Error) -> ProbeError {
    if !error.is_io() && error.reason().is_some_and(|reason| !passing(reason)) {
        ProbeError::Broken(error.to_string())
    } else {
        ProbeError::NotReady(error.to_string())
    }
}

/// Whether an engine that says this may say something else later.
fn passing(reason: h2::Reason) -> bool {
    reason == h2::Reason::NO_ERROR || code_of_reset(reason) == Code::Unavailable
}
