//! The way of one Spark Connect call: whose session, which engine, there and back.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hearth_core::caller::Caller;
use hearth_core::id::SessionUuid;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, TE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, Version};
use http_body::Frame;
use http_body_util::{BodyExt as _, Limited, StreamBody};
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::artifacts;
use crate::body::{Answer, Replay, went_well};
use crate::directory::{InUse, SessionKey, Target};
use crate::gateway::Inner;
use crate::message::{self, Subject};
use crate::peek::{self, PEEK_LIMIT, Peek};
use crate::pool::Slot;
use crate::settings::{self, Configured};
use crate::status::{Code, GRPC_TYPE, Refusal, code_of_reset, reset_reason};
use crate::upstream::{EngineBody, SendError};

/// Where the paths of Spark Connect begin.
pub const SERVICE_PREFIX: &str = "/spark.connect.SparkConnectService/";

/// The headers that name a session; the first one present counts. Clients of Spark Connect send every parameter of
/// their connection string that they do not know as a header.
const SESSION_HEADERS: [&str; 2] = ["x-dataproc-session", "x-hearth-session"];

/// What is meant for us or for this connection alone (RFC 9110, 7.6.1) and does not reach the engine.
const STRIPPED_HEADERS: [&str; 11] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "host",
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
    SESSION_HEADERS[0],
    SESSION_HEADERS[1],
];

/// The method that closes a Spark session for ever.
const RELEASE_SESSION: &str = "ReleaseSession";

/// The method that brings files, and lists of packages among them.
const ADD_ARTIFACTS: &str = "AddArtifacts";

/// How long the engine may take to say what a session is called on its side. The answer to the caller is the same
/// without it, only some clients warn.
const NAME_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest answer to a question of the gateway's own, in bytes; it holds two ids, and a setting at most.
const ANSWER_LIMIT: usize = 64 * 1024;

/// How often a request that never left is tried again on another connection.
const ATTEMPTS: u32 = 3;

/// Answers one call.
pub(crate) async fn call(inner: &Arc<Inner>, request: Request<Body>) -> Response<Body> {
    let grpc =
        request.headers().get(CONTENT_TYPE).is_some_and(|t| t.as_bytes().starts_with(b"application/grpc"));
    if request.method() != Method::POST || !grpc {
        return plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, "this path speaks gRPC\n");
    }
    if request.version() != Version::HTTP_2 {
        return plain(StatusCode::HTTP_VERSION_NOT_SUPPORTED, "gRPC needs HTTP/2\n");
    }
    match route(inner, request).await {
        Ok(response) => response,
        Err(refusal) => {
            tracing::debug!(code = ?refusal.code, message = refusal.message, "call refused");
            refusal.response()
        }
    }
}

/// Finds the session of a call, and sends it there. What few calls need is in boxes, or each would have room for it.
async fn route(inner: &Arc<Inner>, request: Request<Body>) -> Result<Response<Body>, Refusal> {
    let open = inner.open.token();
    if inner.draining.is_cancelled() {
        return Err(Refusal::new(Code::Unavailable, "the service is shutting down; try again"));
    }
    let (parts, body) = request.into_parts();
    let caller = parts
        .extensions
        .get::<Caller>()
        .cloned()
        .ok_or_else(|| Refusal::new(Code::Unauthenticated, "this call needs a caller"))?;
    let path = parts.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let method = parts.uri.path().strip_prefix(SERVICE_PREFIX).unwrap_or_default().to_owned();
    let named = named_session(&parts.headers)?;

    let (key, subject, body) = match named {
        Some(key) if method != RELEASE_SESSION => (key, None, body),
        None if method != RELEASE_SESSION => {
            let (id, body) = peek_session_id(body).await?;
            (spark_session(&id)?, None, body)
        }
        named => {
            let (subject, body) = Box::pin(read_release(body)).await?;
            let key = named.map_or_else(|| spark_session(&subject.session_id), Ok)?;
            (key, Some(subject), body)
        }
    };
    let target = inner.directory.find(&caller, &key).await?;
    let in_use = inner.directory.enter(target.uuid);
    let call = Call {
        inner: Arc::clone(inner),
        caller,
        key,
        target,
        method,
        slot: None,
        _in_use: in_use,
        _open: open,
    };
    match subject {
        Some(subject) if subject.session_id.parse() == Ok(call.target.uuid) => {
            // The caller has half-closed by now or is about to; what else it sends is of no use.
            Ok(Box::pin(call.answer_release(&subject)).await)
        }
        subject => {
            let mut call = call;
            // A release gives nothing to what it is about to close.
            let settles = subject.is_none() && !call.target.settings.is_empty();
            let body = if settles { Box::pin(settings::give(&mut call, body)).await? } else { body };
            if call.method == ADD_ARTIFACTS && inner.artifacts.is_some() {
                Box::pin(artifacts::add(call, path, &parts.headers, body)).await
            } else {
                call.send(path, &parts.headers, body).await
            }
        }
    }
}

/// A call on its way. As long as it lives the session counts as used, and its engine's stream has its room.
pub(crate) struct Call {
    pub(crate) inner: Arc<Inner>,
    pub(crate) caller: Caller,
    key: SessionKey,
    pub(crate) target: Target,
    method: String,
    slot: Option<Slot>,
    _in_use: InUse,
    _open: TaskTrackerToken,
}

impl Call {
    /// Sends the call to the engine and gives its answer back as it comes.
    pub(crate) async fn send(
        mut self,
        path: PathAndQuery,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Response<Body>, Refusal> {
        let response = self.exchange(&path, forward(headers, body)).await?;

        let (parts, upstream) = response.into_parts();
        let whole = http_body::Body::is_end_stream(&upstream);
        if whole {
            self.ended(&parts.headers);
            return Ok(Response::from_parts(parts, Body::empty()));
        }
        Ok(Response::from_parts(parts, Body::new(Answer::new(upstream, self))))
    }

    /// One request and the head of its answer. What did not leave because its connection had just closed is sent on
    /// another one; nothing is ever sent twice.
    pub(crate) async fn exchange(
        &mut self,
        path: &PathAndQuery,
        mut request: Request<Body>,
    ) -> Result<Response<EngineBody>, Refusal> {
        for _ in 0..ATTEMPTS {
            let slot = match self.inner.pool.slot(self.target.uuid, &self.target.endpoint).await {
                Ok(slot) => slot,
                Err(error) => {
                    tracing::debug!(session = self.target.label, error = %Chain(&error), "engine not reached");
                    let found = self.inner.directory.find(&self.caller, &self.key).await?;
                    if found == self.target {
                        return Err(self.unreachable());
                    }
                    self.turn_to(found);
                    continue;
                }
            };
            *request.uri_mut() = address(&self.target, path.clone())?;
            request.headers_mut().remove(AUTHORIZATION);
            if let Some(authorization) = &self.target.authorization {
                request.headers_mut().insert(AUTHORIZATION, authorization.clone());
            }
            match slot.upstream.send(request).await {
                Ok(response) => {
                    self.slot = Some(slot);
                    return Ok(response);
                }
                Err(SendError::Unsent(unsent, error)) => {
                    tracing::debug!(session = self.target.label, %error, "a call did not leave");
                    request = *unsent;
                }
                Err(SendError::Broken(error)) => return Err(Box::pin(self.reason(&error)).await),
            }
        }
        Err(self.still_alive().await.err().unwrap_or_else(|| self.unreachable()))
    }

    /// The session has another engine than a moment ago.
    fn turn_to(&mut self, found: Target) {
        if found.uuid != self.target.uuid {
            self._in_use = self.inner.directory.enter(found.uuid);
        }
        self.target = found;
    }

    /// The call is over, with these trailers.
    pub(crate) fn ended(self, trailers: &HeaderMap) {
        if went_well(trailers) {
            self.inner.directory.answered(self.target.uuid, &self.method);
        }
    }

    /// The engine's answer broke off: what the caller is told.
    pub(crate) async fn broken(self, error: &h2::Error) -> Refusal {
        self.reason(error).await
    }

    async fn reason(&self, error: &h2::Error) -> Refusal {
        tracing::debug!(session = self.target.label, method = self.method, error = %Chain(error), "call broke off");
        match reset_reason(error) {
            Some(reason) => Refusal::new(
                code_of_reset(reason),
                format!(
                    "the engine of session \"{}\" gave up the call: {}",
                    self.target.label,
                    reason.description()
                ),
            ),
            None => match self.still_alive().await {
                Ok(()) => Refusal::new(
                    Code::Unavailable,
                    format!(
                        "the engine of session \"{}\" closed the connection; try again",
                        self.target.label
                    ),
                ),
                Err(refusal) => refusal,
            },
        }
    }

    /// Whether the session can still be used, or why not.
    async fn still_alive(&self) -> Result<(), Refusal> {
        self.inner.directory.find(&self.caller, &self.key).await.map(drop)
    }

    fn unreachable(&self) -> Refusal {
        Refusal::new(
            Code::Unavailable,
            format!("the engine of session \"{}\" does not answer; try again", self.target.label),
        )
    }

    /// Answers `ReleaseSession` for the Spark session that all official clients of this session share. The engine
    /// never hears of it: it would close that Spark session for every one of them, for ever.
    async fn answer_release(mut self, subject: &Subject) -> Response<Body> {
        let name = self.server_side_name(subject).await;
        self.answer(subject.release_response(name.as_deref()))
    }

    /// The gateway's own answer to a call that went well: one message.
    pub(crate) fn answer(self, message: Bytes) -> Response<Body> {
        let mut trailers = HeaderMap::new();
        trailers.insert(crate::status::GRPC_STATUS, HeaderValue::from_static("0"));
        self.ended(&trailers);
        let mut response = Response::new(whole_body(message, Some(trailers)));
        response.headers_mut().insert(CONTENT_TYPE, GRPC_TYPE);
        response
    }

    /// What the engine calls the Spark session on its side, if it says so in time: clients of some versions insist on
    /// hearing it again.
    pub(crate) async fn server_side_name(&mut self, subject: &Subject) -> Option<Bytes> {
        tokio::time::timeout(NAME_TIMEOUT, self.ask_name(subject)).await.ok().flatten()
    }

    async fn ask_name(&mut self, subject: &Subject) -> Option<Bytes> {
        let (_, body) = self.config(subject.config_request()).await.ok()?;
        message::server_side_session_id(&body).map(Bytes::copy_from_slice)
    }

    /// A `Config` call of our own: the trailers and the body of its answer.
    pub(crate) async fn config(&mut self, request: Bytes) -> Result<Configured, Refusal> {
        let mut request = Request::new(Body::from(request));
        *request.method_mut() = Method::POST;
        request.headers_mut().insert(CONTENT_TYPE, GRPC_TYPE);
        request.headers_mut().insert(TE, HeaderValue::from_static("trailers"));
        let path = PathAndQuery::from_static("/spark.connect.SparkConnectService/Config");
        let (head, body) = self.exchange(&path, request).await?.into_parts();
        let broken = |_| self.unreachable();
        let body = Limited::new(body, ANSWER_LIMIT).collect().await.map_err(broken)?;
        let trailers = body.trailers().cloned().unwrap_or(head.headers);
        Ok((trailers, body.to_bytes()))
    }
}

/// A body that is there already.
pub(crate) fn whole_body(message: Bytes, trailers: Option<HeaderMap>) -> Body {
    let message = Some(message).filter(|message| !message.is_empty()).map(Frame::data);
    let frames = message.into_iter().chain(trailers.map(Frame::trailers));
    Body::new(StreamBody::new(futures::stream::iter(frames.map(Ok::<_, std::convert::Infallible>))))
}

/// The session that the headers name, if they do.
fn named_session(headers: &HeaderMap) -> Result<Option<SessionKey>, Refusal> {
    let Some((header, value)) = SESSION_HEADERS.into_iter().find_map(|name| Some((name, headers.get(name)?)))
    else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(name) if !name.is_empty() => Ok(Some(SessionKey::Name(name.to_owned()))),
        _ => Err(Refusal::new(Code::InvalidArgument, format!("header {header} must name a session"))),
    }
}

/// The session whose official clients use this Spark session id.
fn spark_session(id: &str) -> Result<SessionKey, Refusal> {
    id.parse::<SessionUuid>().map(SessionKey::Uuid).map_err(|_| {
        let shown: String = id.chars().take(64).collect();
        Refusal::new(
            Code::InvalidArgument,
            format!("Spark session id \"{shown}\" is not a uuid; use that of your session, or name it in header x-dataproc-session"),
        )
    })
}

/// Reads as much of the body as it takes to see its session id, and gives the body back as it was.
async fn peek_session_id(body: Body) -> Result<(String, Body), Refusal> {
    let look = |bytes: &[u8]| match peek::session_id(bytes) {
        Peek::More => None,
        Peek::Found(id) => Some(Ok(String::from_utf8_lossy(id).into_owned())),
        Peek::Compressed => Some(Err(Refusal::new(
            Code::Unimplemented,
            "the Spark session id of a compressed request cannot be read; name the session in header x-dataproc-session",
        ))),
        Peek::Absent => Some(Err(no_session_id())),
        Peek::Malformed => {
            Some(Err(Refusal::new(Code::InvalidArgument, "the request is not a Spark Connect message")))
        }
    };
    let (found, replay) = read_start(body, look).await?;
    let id = found.unwrap_or_else(|| Err(no_session_id()))?;
    Ok((id, Body::new(replay)))
}

/// Reads a whole `ReleaseSession` request, and gives the body back as it was.
async fn read_release(body: Body) -> Result<(Subject, Body), Refusal> {
    let look = |bytes: &[u8]| {
        peek::whole_message(bytes).map(|(compressed, message)| (!compressed).then(|| Subject::parse(message)))
    };
    let (message, replay) = read_start(body, look).await?;
    let subject = message
        .ok_or_else(|| Refusal::new(Code::InvalidArgument, "the request is not a ReleaseSessionRequest"))?
        .ok_or_else(|| {
            Refusal::new(Code::Unimplemented, "ReleaseSession is not understood when compressed")
        })?;
    Ok((subject, Body::new(replay)))
}

fn no_session_id() -> Refusal {
    Refusal::new(
        Code::InvalidArgument,
        format!(
            "no session_id in the first {} KiB of the request; name the session in header x-dataproc-session",
            PEEK_LIMIT / 1024
        ),
    )
}

/// Reads chunks until `look` sees what it looks for in all of them together, at most [`PEEK_LIMIT`] bytes. `None` if
/// it never did.
pub(crate) async fn read_start<T>(
    body: Body,
    look: impl Fn(&[u8]) -> Option<T>,
) -> Result<(Option<T>, Replay), Refusal> {
    let mut replay = Replay { read: VecDeque::new(), rest: body };
    let mut joined = Vec::new();
    loop {
        let chunk = match replay.rest.frame().await {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(chunk) => chunk,
                Err(_trailers) => return Ok((None, replay)),
            },
            Some(Err(_)) => return Err(Refusal::new(Code::Cancelled, "the request broke off")),
            None => return Ok((None, replay)),
        };
        let room = PEEK_LIMIT.saturating_sub(joined.len()).min(chunk.len());
        // Nearly always the first chunk says it all, and nothing is copied.
        let found = if replay.read.is_empty() {
            let found = look(&chunk[..room]);
            if found.is_none() {
                joined.extend_from_slice(&chunk[..room]);
            }
            found
        } else {
            joined.extend_from_slice(&chunk[..room]);
            look(&joined)
        };
        replay.read.push_back(chunk);
        if found.is_some() || joined.len() >= PEEK_LIMIT {
            return Ok((found, replay));
        }
    }
}

/// The request that the engine gets.
pub(crate) fn forward(headers: &HeaderMap, body: Body) -> Request<Body> {
    let mut request = Request::new(body);
    *request.headers_mut() = forwarded(headers);
    *request.method_mut() = Method::POST;
    request
}

/// The headers that the engine gets.
fn forwarded(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in STRIPPED_HEADERS {
        headers.remove(name);
    }
    headers.insert(TE, HeaderValue::from_static("trailers"));
    headers
}

/// The address of a call at the engine.
fn address(target: &Target, path: PathAndQuery) -> Result<Uri, Refusal> {
    let invalid =
        || Refusal::new(Code::Internal, format!("session \"{}\" has no valid address", target.label));
    let authority = Authority::try_from(target.endpoint.to_string()).map_err(|_| invalid())?;
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority);
    parts.path_and_query = Some(path);
    Uri::from_parts(parts).map_err(|_| invalid())
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
}

/// An error with all its causes, for the log.
struct Chain<'a>(&'a (dyn std::error::Error + 'static));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self.0, f)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
