//! Connections to engines: cleartext HTTP/2, kept and shared, one set for each session and endpoint.
//!
//! A port can be used again by another session's engine, so a connection belongs to the pair of both.

use std::collections::HashMap;
use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use hearth_core::engine::Endpoint;
use hearth_core::id::SessionUuid;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio_util::task::TaskTracker;

use crate::tasks::TrackedExecutor;

/// The window of one stream, in bytes: what an engine may send ahead of a slow caller. Large enough that a fast
/// one never waits for it (300 MB/s at a round trip of 10 ms), small enough to have a hundred of them stuck.
pub(crate) const STREAM_WINDOW: u32 = 4 * 1024 * 1024;

/// The window of a connection, in bytes: the largest there is (RFC 9113, 6.9.1). Only the windows of streams are
/// meant to hold anybody back: with a smaller one here a few stuck streams would stop all others.
pub(crate) const CONNECTION_WINDOW: u32 = (1 << 31) - 1;

/// The largest frame we take, in bytes. The default of 16 KiB costs a system call for each 16 KiB.
pub(crate) const FRAME_SIZE: u32 = 1024 * 1024;

/// The most headers or trailers of one call we take, in bytes. Error details travel in trailers, and the library's
/// default of 16 KiB would turn a long error into a protocol error.
pub(crate) const HEADER_LIST: u32 = 256 * 1024;

/// How many bytes of a stream wait in our own memory to be sent.
pub(crate) const SEND_BUFFER: usize = 1024 * 1024;

/// How the pool behaves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PoolConfig {
    pub(crate) connect_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) streams_per_connection: usize,
}

/// Why an engine could not be connected to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("could not connect to the engine at {endpoint}")]
    Connect {
        endpoint: Endpoint,
        #[source]
        source: std::io::Error,
    },
    #[error("the engine at {endpoint} did not accept a connection within {waited:?}")]
    Timeout { endpoint: Endpoint, waited: Duration },
    #[error("the engine at {endpoint} does not speak HTTP/2")]
    Handshake {
        endpoint: Endpoint,
        #[source]
        source: hyper::Error,
    },
}

/// Which engine of which session.
type Key = (SessionUuid, Endpoint);

/// All connections to engines.
pub(crate) struct Pool {
    engines: Arc<Mutex<HashMap<Key, Arc<Engine>>>>,
    config: PoolConfig,
    tasks: TaskTracker,
}

/// The connections to one engine.
#[derive(Default)]
struct Engine {
    connections: Mutex<Vec<Connection>>,
    /// Held while a connection is made, so that calls that come at once share it.
    connecting: tokio::sync::Mutex<()>,
}

struct Connection {
    sender: SendRequest<Body>,
    link: Arc<Mutex<Link>>,
    usage: Arc<Usage>,
}

/// The working part of a connection. It knows how many streams the peer allows.
type Link = http2::Connection<TokioIo<TcpStream>, Body, TrackedExecutor>;

/// How much a connection is used.
#[derive(Default)]
struct Usage {
    open: AtomicUsize,
    total: AtomicUsize,
}

/// Room for one stream on a connection, until it is dropped.
pub(crate) struct Slot {
    pub(crate) sender: SendRequest<Body>,
    _room: Room,
}

struct Room(Arc<Usage>);

impl Pool {
    pub(crate) fn new(config: PoolConfig, tasks: TaskTracker) -> Self {
        Self { engines: Arc::default(), config, tasks }
    }

    /// Room for one more stream to this engine: on a connection that has some, or on a new one.
    pub(crate) async fn slot(&self, uuid: SessionUuid, endpoint: &Endpoint) -> Result<Slot, ConnectError> {
        let key = (uuid, endpoint.clone());
        let engine = Arc::clone(lock(&self.engines).entry(key.clone()).or_default());
        if let Some(slot) = engine.room(self.config.streams_per_connection) {
            return Ok(slot);
        }
        let _turn = engine.connecting.lock().await;
        if let Some(slot) = engine.room(self.config.streams_per_connection) {
            return Ok(slot);
        }
        let connected = self.connect(key.clone(), &engine).await;
        if connected.is_err() {
            forget_if_empty(&self.engines, &key, &engine);
        }
        connected
    }

    async fn connect(&self, key: Key, engine: &Arc<Engine>) -> Result<Slot, ConnectError> {
        let executor = TrackedExecutor(self.tasks.clone());
        let (sender, link) = connect(&key.1, self.config.connect_timeout, executor).await?;
        let link = Arc::new(Mutex::new(link));
        let usage = Arc::new(Usage::default());
        let entry = Connection { sender, link: Arc::clone(&link), usage: Arc::clone(&usage) };
        let slot = entry.slot();
        lock(&engine.connections).push(entry);

        let (engines, engine) = (Arc::clone(&self.engines), Arc::clone(engine));
        let idle_timeout = self.config.idle_timeout;
        self.tasks.spawn(async move {
            let mut ended = poll_fn(|cx| Pin::new(&mut *lock(&link)).poll(cx));
            let mut seen = usize::MAX;
            loop {
                match tokio::time::timeout(idle_timeout, &mut ended).await {
                    Ok(Ok(())) => tracing::debug!(session = %key.0, endpoint = %key.1, "engine connection closed"),
                    Ok(Err(error)) => {
                        tracing::debug!(session = %key.0, endpoint = %key.1, %error, "engine connection lost");
                    }
                    Err(_elapsed) => {
                        engine.drop_if_idle(&usage, &mut seen);
                        continue;
                    }
                }
                break;
            }
            lock(&engine.connections).retain(|other| !Arc::ptr_eq(&other.usage, &usage));
            forget_if_empty(&engines, &key, &engine);
        });
        Ok(slot)
    }
}

/// Opens one connection to an engine. The second of the pair has to be polled for the first to work.
pub(crate) async fn connect(
    endpoint: &Endpoint,
    timeout: Duration,
    executor: TrackedExecutor,
) -> Result<(SendRequest<Body>, Link), ConnectError> {
    let stream = tokio::time::timeout(timeout, TcpStream::connect((endpoint.host.as_str(), endpoint.port)))
        .await
        .map_err(|_elapsed| ConnectError::Timeout { endpoint: endpoint.clone(), waited: timeout })?
        .and_then(|stream| stream.set_nodelay(true).map(|()| stream))
        .map_err(|source| ConnectError::Connect { endpoint: endpoint.clone(), source })?;
    http2::Builder::new(executor)
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_SIZE)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(HEADER_LIST)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|source| ConnectError::Handshake { endpoint: endpoint.clone(), source })
}

impl Engine {
    /// Room on the first connection that has some, so that the later ones fall idle.
    fn room(&self, streams_per_connection: usize) -> Option<Slot> {
        lock(&self.connections)
            .iter()
            .find(|connection| {
                let most =
                    streams_per_connection.min(lock(&connection.link).current_max_send_streams()).max(1);
                !connection.sender.is_closed() && connection.usage.open.load(Ordering::Relaxed) < most
            })
            .map(Connection::slot)
    }

    /// Gives up a connection that had no stream since the last look; it ends once its last sender is gone.
    fn drop_if_idle(&self, usage: &Arc<Usage>, seen: &mut usize) {
        let mut connections = lock(&self.connections);
        let total = usage.total.load(Ordering::Relaxed);
        let idle = usage.open.load(Ordering::Relaxed) == 0 && *seen == total;
        *seen = total;
        if idle {
            connections.retain(|other| !Arc::ptr_eq(&other.usage, usage));
        }
    }
}

impl Connection {
    fn slot(&self) -> Slot {
        self.usage.open.fetch_add(1, Ordering::Relaxed);
        self.usage.total.fetch_add(1, Ordering::Relaxed);
        Slot { sender: self.sender.clone(), _room: Room(Arc::clone(&self.usage)) }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

fn forget_if_empty(engines: &Mutex<HashMap<Key, Arc<Engine>>>, key: &Key, engine: &Arc<Engine>) {
    let mut engines = lock(engines);
    if lock(&engine.connections).is_empty()
        && engines.get(key).is_some_and(|other| Arc::ptr_eq(other, engine))
    {
        engines.remove(key);
    }
}

/// Nothing panics while one of these locks is held, and what they guard is whole between any two statements.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
