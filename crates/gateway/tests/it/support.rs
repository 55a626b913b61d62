//! A scripted engine, a directory of sessions, a listener for the gateway, and a client that speaks raw gRPC.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use futures::StreamExt as _;
use hearth_core::engine::Endpoint;
use hearth_core::id::SessionUuid;
use hearth_gateway::{
    Artifacts, Caller, Code, Directory, Gateway, GatewayConfig, InUse, Refusal, Scope, SessionKey, Target,
};
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use uuid::Uuid;

/// How long anything may take in a test before it counts as never happening.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Waits until `done` holds.
pub(crate) async fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let waiting = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(DEADLINE, waiting).await.is_ok(), "never happened: {what}");
}

/// What an engine has seen.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) methods: Mutex<Vec<String>>,
    pub(crate) headers: Mutex<HeaderMap>,
    pub(crate) connections: AtomicUsize,
    pub(crate) open_connections: AtomicUsize,
    /// Calls that hang and have not been given up.
    pub(crate) hanging: AtomicUsize,
    /// What the last `AddArtifacts` brought.
    pub(crate) artifacts: Mutex<Bytes>,
    /// Bytes given to the connection by `Flood`.
    pub(crate) flooded: AtomicUsize,
}

impl Seen {
    pub(crate) fn count(&self, method: &str) -> usize {
        self.methods.lock().unwrap().iter().filter(|seen| *seen == method).count()
    }
}

/// An engine that answers as the method's name says. It dies when dropped.
pub(crate) struct Engine {
    pub(crate) endpoint: Endpoint,
    pub(crate) seen: Arc<Seen>,
    tasks: JoinSet<()>,
}

impl Engine {
    pub(crate) async fn start() -> Self {
        Self::with_streams(None).await
    }

    /// An engine that takes so many calls at once on each connection.
    pub(crate) async fn with_streams(most: Option<u32>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = endpoint(listener.local_addr().unwrap());
        let seen = Arc::new(Seen::default());
        let mut tasks = JoinSet::new();
        let for_task = Arc::clone(&seen);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let seen = Arc::clone(&for_task);
                seen.connections.fetch_add(1, Ordering::SeqCst);
                seen.open_connections.fetch_add(1, Ordering::SeqCst);
                let counted = Arc::clone(&seen);
                connections.spawn(async move {
                    let service = service_fn(move |request| engine_answer(Arc::clone(&seen), request));
                    let served = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                        .max_concurrent_streams(most)
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                    drop(served);
                    counted.open_connections.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { endpoint, seen, tasks }
    }

    /// Ends at once, with all its connections.
    pub(crate) async fn kill(&mut self) {
        self.tasks.shutdown().await;
    }
}

pub(crate) fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint { host: address.ip().to_string(), port: address.port() }
}

type AnswerBody = http_body_util::combinators::UnsyncBoxBody<Bytes, h2::Error>;

fn frames(frames: Vec<Result<Frame<Bytes>, h2::Error>>) -> AnswerBody {
    StreamBody::new(futures::stream::iter(frames)).boxed_unsync()
}

fn trailers(pairs: &[(&'static str, &'static str)]) -> Frame<Bytes> {
    Frame::trailers(
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect(),
    )
}

fn ok() -> Frame<Bytes> {
    trailers(&[("grpc-status", "0"), ("x-engine", "done")])
}

struct Hanging(Arc<Seen>);

impl Hanging {
    fn new(seen: &Arc<Seen>) -> Self {
        seen.hanging.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(seen))
    }
}

impl Drop for Hanging {
    fn drop(&mut self) {
        self.0.hanging.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn engine_answer(
    seen: Arc<Seen>,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Infallible> {
    let method = request.uri().path().rsplit('/').next().unwrap().to_owned();
    seen.methods.lock().unwrap().push(method.clone());
    *seen.headers.lock().unwrap() = request.headers().clone();
    let mut response =
        Response::builder().header("content-type", "application/grpc").header("x-engine", "here");
    let body = match method.as_str() {
        "Echo" | "ReleaseSession" => {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            frames(vec![Ok(Frame::data(body)), Ok(ok())])
        }
        "Count" => {
            let mut total = 0_usize;
            let mut body = request.into_body();
            while let Some(frame) = body.frame().await {
                total += frame.unwrap().into_data().map_or(0, |data| data.len());
            }
            frames(vec![Ok(Frame::data(Bytes::from(total.to_string()))), Ok(ok())])
        }
        // Answers each chunk as it comes, so it also shows that neither direction waits for the other.
        "Mirror" => {
            let chunks = http_body_util::BodyStream::new(request.into_body())
                .filter_map(|frame| async { Some(Ok(Frame::data(frame.ok()?.into_data().ok()?))) });
            StreamBody::new(chunks.chain(futures::stream::iter([Ok(ok())]))).boxed_unsync()
        }
        "AddArtifacts" => {
            let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            *seen.artifacts.lock().unwrap() = body.clone();
            if body.windows(6).any(|part| part == b"refuse") {
                response = response.header("grpc-status", "12").header("grpc-message", "no artifacts");
                frames(vec![])
            } else {
                frames(vec![Ok(Frame::data(Bytes::from(framed(0, b"\x0a\x05\x0a\x03jar")))), Ok(ok())])
            }
        }
        "Config" => {
            let mut message = vec![0, 0, 0, 0, 13, 0x22, 11];
            message.extend_from_slice(b"server-side");
            frames(vec![Ok(Frame::data(Bytes::from(message))), Ok(ok())])
        }
        "FailLate" => frames(vec![
            Ok(Frame::data(Bytes::from_static(b"some"))),
            Ok(trailers(&[
                ("grpc-status", "13"),
                ("grpc-message", "[TABLE_OR_VIEW_NOT_FOUND] no %22x%22"),
                ("grpc-status-details-bin", "CA0SBHRleHQ"),
            ])),
        ]),
        "Fail" => {
            response = response
                .header("grpc-status", "3")
                .header("grpc-message", "bad plan")
                .header("grpc-status-details-bin", "CAMSA2JhZA");
            frames(vec![])
        }
        "FailLong" => {
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", "13".parse().unwrap());
            trailers.insert("grpc-status-details-bin", "A".repeat(100_000).parse().unwrap());
            frames(vec![Ok(Frame::data(Bytes::from_static(b"some"))), Ok(Frame::trailers(trailers))])
        }
        "Reset" => frames(vec![
            Ok(Frame::data(Bytes::from_static(b"some"))),
            Err(h2::Error::from(h2::Reason::ENHANCE_YOUR_CALM)),
        ]),
        "HangFirst" => {
            let _hanging = Hanging::new(&seen);
            std::future::pending().await
        }
        "Hang" => {
            let hanging = Hanging::new(&seen);
            let rest = futures::stream::once(async move {
                let _hanging = hanging;
                std::future::pending::<Result<Frame<Bytes>, h2::Error>>().await
            });
            let first = futures::stream::iter([Ok(Frame::data(Bytes::from_static(b"first")))]);
            StreamBody::new(first.chain(rest)).boxed_unsync()
        }
        "Flood" => {
            let hanging = Hanging::new(&seen);
            let chunk = Bytes::from(vec![7; 64 * 1024]);
            let chunks = futures::stream::repeat_with(move || {
                hanging.0.flooded.fetch_add(chunk.len(), Ordering::SeqCst);
                Ok(Frame::data(chunk.clone()))
            });
            StreamBody::new(chunks).boxed_unsync()
        }
        _ => {
            response = response.header("grpc-status", "12").header("grpc-message", "no such method");
            frames(vec![])
        }
    };
    Ok(response.body(body).unwrap())
}

/// The sessions of a test.
#[derive(Default)]
pub(crate) struct Sessions {
    known: Mutex<HashMap<SessionUuid, Result<Target, Refusal>>>,
    pub(crate) running: Arc<AtomicUsize>,
    pub(crate) entered: AtomicUsize,
    pub(crate) answered: Mutex<Vec<String>>,
    pub(crate) asked: Mutex<Vec<(String, SessionKey)>>,
}

impl Sessions {
    pub(crate) fn set(&self, uuid: SessionUuid, entry: Result<Target, Refusal>) {
        self.known.lock().unwrap().insert(uuid, entry);
    }
}

#[async_trait]
impl Directory for Sessions {
    async fn find(&self, caller: &Caller, key: &SessionKey) -> Result<Target, Refusal> {
        self.asked.lock().unwrap().push((caller.name.clone(), key.clone()));
        let known = self.known.lock().unwrap();
        let found = match key {
            SessionKey::Uuid(uuid) => known.get(uuid),
            SessionKey::Name(name) => {
                known.values().find(|entry| entry.as_ref().is_ok_and(|target| target.label == *name))
            }
        };
        found.cloned().unwrap_or_else(|| Err(Refusal::new(Code::NotFound, format!("no session \"{key}\""))))
    }

    fn enter(&self, _uuid: SessionUuid) -> InUse {
        self.entered.fetch_add(1, Ordering::SeqCst);
        self.running.fetch_add(1, Ordering::SeqCst);
        let running = Arc::clone(&self.running);
        InUse::new(move || {
            running.fetch_sub(1, Ordering::SeqCst);
        })
    }

    fn answered(&self, _uuid: SessionUuid, method: &str) {
        self.answered.lock().unwrap().push(method.to_owned());
    }
}

/// A gateway behind a listener, with one session that has an engine.
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) gateway: Gateway,
    pub(crate) address: SocketAddr,
    pub(crate) uuid: SessionUuid,
    _listener: JoinSet<()>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Engine::start().await, GatewayConfig::default()).await
    }

    pub(crate) async fn with(engine: Engine, config: GatewayConfig) -> Self {
        Self::made(engine, |sessions| Gateway::new(sessions, config)).await
    }

    /// With someone who takes the artifacts that are for the service.
    pub(crate) async fn with_artifacts(artifacts: Arc<dyn Artifacts>) -> Self {
        let make = |sessions| Gateway::with_artifacts(sessions, artifacts, GatewayConfig::default());
        Self::made(Engine::start().await, make).await
    }

    /// Whose engine was not launched with these settings of its session.
    pub(crate) async fn with_settings(settings: &[(&str, &str)]) -> Self {
        let world = Self::new().await;
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let target = Target {
            uuid: world.uuid,
            endpoint: world.engine.endpoint.clone(),
            authorization: None,
            label: "etl".to_owned(),
            settings,
        };
        world.sessions.set(world.uuid, Ok(target));
        world
    }

    async fn made(engine: Engine, make: impl FnOnce(Arc<dyn Directory>) -> Gateway) -> Self {
        let sessions = Arc::new(Sessions::default());
        let uuid = SessionUuid(Uuid::new_v4());
        sessions.set(
            uuid,
            Ok(Target {
                uuid,
                endpoint: engine.endpoint.clone(),
                authorization: None,
                label: "etl".to_owned(),
                settings: Vec::new(),
            }),
        );
        let gateway = make(Arc::clone(&sessions) as Arc<dyn Directory>);
        let (address, listener) = listen(gateway.clone()).await;
        Self { engine, sessions, gateway, address, uuid, _listener: listener }
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    /// A message that names this world's session, with something after it.
    pub(crate) fn message(&self) -> Vec<u8> {
        message(&self.uuid.to_string(), b"plan")
    }
}

/// Serves the gateway as the server does; who calls is always "ann".
pub(crate) async fn listen(gateway: Gateway) -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let gateway = gateway.clone();
            connections.spawn(async move {
                let service = service_fn(move |request: Request<Incoming>| {
                    let gateway = gateway.clone();
                    async move {
                        let mut request = request.map(Body::new);
                        if !request.headers().contains_key("x-anonymous") {
                            request
                                .extensions_mut()
                                .insert(Caller { name: "ann".to_owned(), scope: Scope::Full });
                        }
                        Ok::<_, Infallible>(gateway.call(request).await)
                    }
                });
                let mut builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                hearth_gateway::tune_http2(&mut builder);
                drop(builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await);
            });
        }
    });
    (address, tasks)
}

/// A gRPC message: frame header, session id, and a field with some content.
pub(crate) fn message(session_id: &str, content: &[u8]) -> Vec<u8> {
    let mut message = vec![0x0a, u8::try_from(session_id.len()).unwrap()];
    message.extend_from_slice(session_id.as_bytes());
    message.extend_from_slice(&[0x12, u8::try_from(content.len()).unwrap()]);
    message.extend_from_slice(content);
    framed(0, &message)
}

pub(crate) fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    let mut framed = vec![flag];
    framed.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    framed.extend_from_slice(message);
    framed
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Those of a trailers-only answer are its headers.
    pub(crate) trailers: HeaderMap,
}

impl Reply {
    pub(crate) fn status(&self) -> &str {
        self.trailers["grpc-status"].to_str().unwrap()
    }

    pub(crate) fn text(&self) -> &str {
        self.trailers["grpc-message"].to_str().unwrap()
    }
}

/// An HTTP/2 connection to a gateway.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) sender: SendRequest<Body>,
    _connection: Arc<JoinSet<()>>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap()).await
    }

    pub(crate) async fn over(
        io: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    ) -> Self {
        let (sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
            .max_header_list_size(1024 * 1024)
            .handshake(TokioIo::new(io))
            .await
            .unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { drop(connection.await) });
        Self { sender, _connection: Arc::new(tasks) }
    }

    /// Sends a call and gives its answer as it comes.
    pub(crate) async fn open(
        &self,
        method: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Response<Incoming> {
        let mut request = Request::post(format!("http://gateway/spark.connect.SparkConnectService/{method}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let sent = self.sender.clone().send_request(request.body(body.into()).unwrap());
        tokio::time::timeout(DEADLINE, sent).await.expect("no answer").unwrap()
    }

    /// Sends a call and waits for its end.
    pub(crate) async fn call(&self, method: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Reply {
        let (parts, body) = self.open(method, headers, body).await.into_parts();
        let body = tokio::time::timeout(DEADLINE, body.collect()).await.expect("no end").unwrap();
        let trailers = body.trailers().cloned().unwrap_or_else(|| parts.headers.clone());
        Reply { headers: parts.headers, body: body.to_bytes(), trailers }
    }
}
