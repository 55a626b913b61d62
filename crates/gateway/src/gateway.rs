//! The gateway as the server sees it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response, StatusCode};
use hyper_util::rt::TokioTimer;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::artifacts::Artifacts;
use crate::directory::Directory;
use crate::pool::{Pool, PoolConfig};
use crate::settings::Settled;
use crate::spark_connect::{self, SERVICE_PREFIX};
use crate::tasks::TrackedExecutor;
use crate::tunnel::{self, TUNNEL_PREFIX};
use crate::upstream;

/// How the gateway behaves.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// How long an engine may take to accept a connection. It listens already, so this is for lost packets.
    pub connect_timeout: Duration,
    /// After how long without a call the connection to an engine is closed.
    pub idle_timeout: Duration,
    /// How many calls share a connection to an engine, unless it wants fewer.
    pub streams_per_connection: usize,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(300),
            // The number that RFC 9113, 6.5.2, asks every peer to allow.
            streams_per_connection: 100,
        }
    }
}

/// Leads calls to engines. Cheap to clone.
#[derive(Clone)]
pub struct Gateway(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) directory: Arc<dyn Directory>,
    /// Who takes the artifacts meant for the service; without it all go to the engine.
    pub(crate) artifacts: Option<Arc<dyn Artifacts>>,
    pub(crate) pool: Pool,
    /// Which Spark sessions have the settings that their engines were not launched with.
    pub(crate) settled: Settled,
    /// One token for each call and each tunnel that is open.
    pub(crate) open: TaskTracker,
    /// Connections to engines, and what carries bodies over them.
    pub(crate) tasks: TaskTracker,
    /// No new calls; tunnels close when their calls have ended.
    pub(crate) draining: CancellationToken,
    /// Tunnels close at once.
    pub(crate) stopping: CancellationToken,
}

impl Gateway {
    /// A gateway to the sessions of `directory`. Every artifact goes to the engine.
    pub fn new(directory: Arc<dyn Directory>, config: GatewayConfig) -> Self {
        Self::make(directory, None, config)
    }

    /// A gateway to the sessions of `directory`. What is meant for the service among the artifacts that clients add
    /// goes to `artifacts`.
    pub fn with_artifacts(
        directory: Arc<dyn Directory>,
        artifacts: Arc<dyn Artifacts>,
        config: GatewayConfig,
    ) -> Self {
        Self::make(directory, Some(artifacts), config)
    }

    fn make(
        directory: Arc<dyn Directory>,
        artifacts: Option<Arc<dyn Artifacts>>,
        config: GatewayConfig,
    ) -> Self {
        let tasks = TaskTracker::new();
        let pool = PoolConfig {
            connect_timeout: config.connect_timeout,
            idle_timeout: config.idle_timeout,
            streams_per_connection: config.streams_per_connection,
        };
        Self(Arc::new(Inner {
            directory,
            artifacts,
            pool: Pool::new(pool, tasks.clone()),
            settled: Settled::default(),
            open: TaskTracker::new(),
            tasks,
            draining: CancellationToken::new(),
            stopping: CancellationToken::new(),
        }))
    }

    /// Whether [`call`](Self::call) is what answers requests for this path.
    pub fn handles(path: &str) -> bool {
        path.starts_with(SERVICE_PREFIX) || path.starts_with(TUNNEL_PREFIX)
    }

    /// Answers a Spark Connect call or opens a tunnel. The request carries its [`Caller`](crate::Caller) among its
    /// extensions; without one it is refused.
    ///
    /// # Cancel safety
    /// Dropping the future, or the body of its answer, resets the stream to the engine.
    pub async fn call(&self, request: Request<Body>) -> Response<Body> {
        if request.uri().path().starts_with(SERVICE_PREFIX) {
            spark_connect::call(&self.0, request).await
        } else if request.uri().path().starts_with(TUNNEL_PREFIX) {
            tunnel::open(self, request)
        } else {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
    }

    /// How many calls and tunnels are open.
    pub fn open_streams(&self) -> usize {
        self.0.open.len()
    }

    /// Refuses new calls from now on and waits until the open ones have ended, at most for `limit`. Tunnels are
    /// closed then. Returns how many calls and tunnels were left.
    pub async fn drain(&self, limit: Duration) -> usize {
        self.0.draining.cancel();
        self.0.open.close();
        let drained = tokio::time::timeout(limit, self.0.open.wait()).await;
        let left = if drained.is_ok() { 0 } else { self.0.open.len() };
        self.0.stopping.cancel();
        left
    }
}

/// Sets the HTTP/2 windows and frames that let results through at full speed. For the server's own listener.
pub fn tune_http2<E>(builder: &mut hyper_util::server::conn::auto::Builder<E>) {
    builder
        .http2()
        .initial_stream_window_size(upstream::STREAM_WINDOW)
        .initial_connection_window_size(upstream::CONNECTION_WINDOW)
        .max_frame_size(upstream::FRAME_SIZE)
        .max_send_buf_size(upstream::SEND_BUFFER)
        .max_header_list_size(upstream::HEADER_LIST);
}

/// An HTTP/2 server with the same windows and frames, for what comes through a tunnel.
pub(crate) fn server_builder(tasks: TaskTracker) -> hyper::server::conn::http2::Builder<TrackedExecutor> {
    let mut builder = hyper::server::conn::http2::Builder::new(TrackedExecutor(tasks));
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(upstream::STREAM_WINDOW)
        .initial_connection_window_size(upstream::CONNECTION_WINDOW)
        .max_frame_size(upstream::FRAME_SIZE)
        .max_send_buf_size(upstream::SEND_BUFFER)
        .max_header_list_size(upstream::HEADER_LIST);
    builder
}
