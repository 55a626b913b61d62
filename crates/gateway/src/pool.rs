//! Connections to engines: cleartext HTTP/2, kept and shared, one set for each session and endpoint.
//!
//! A port can be used again by another session's engine, so a connection belongs to the pair of both.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hearth_core::engine::Endpoint;
use hearth_core::id::SessionUuid;
use tokio_util::task::TaskTracker;

use crate::upstream::{ConnectError, Upstream, connect};

/// How the pool behaves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PoolConfig {
    pub(crate) connect_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) streams_per_connection: usize,
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
    upstream: Upstream,
    usage: Arc<Usage>,
}

/// How much a connection is used.
#[derive(Default)]
struct Usage {
    open: AtomicUsize,
    total: AtomicUsize,
}

/// Room for one stream on a connection, until it is dropped.
pub(crate) struct Slot {
    pub(crate) upstream: Upstream,
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
        let (upstream, mut link) = connect(&key.1, self.config.connect_timeout, self.tasks.clone()).await?;
        let usage = Arc::new(Usage::default());
        let entry = Connection { upstream, usage: Arc::clone(&usage) };
        let slot = entry.slot();
        lock(&engine.connections).push(entry);

        let (engines, engine) = (Arc::clone(&self.engines), Arc::clone(engine));
        let idle_timeout = self.config.idle_timeout;
        self.tasks.spawn(async move {
            let mut seen = usize::MAX;
            let ended = loop {
                match tokio::time::timeout(idle_timeout, link.run()).await {
                    Ok(ended) => break ended,
                    // Polled again it sees that nobody can send over it any more, and ends.
                    Err(_elapsed) => engine.drop_if_idle(&usage, &mut seen),
                }
            };
            match ended {
                Ok(()) => tracing::debug!(session = %key.0, endpoint = %key.1, "engine connection closed"),
                Err(error) => {
                    tracing::debug!(session = %key.0, endpoint = %key.1, %error, "engine connection lost");
                }
            }
            lock(&engine.connections).retain(|other| !Arc::ptr_eq(&other.usage, &usage));
            forget_if_empty(&engines, &key, &engine);
        });
        Ok(slot)
    }
}

impl Engine {
    /// Room on the first connection that has some, so that the later ones fall idle.
    fn room(&self, streams_per_connection: usize) -> Option<Slot> {
        lock(&self.connections)
            .iter()
            .find(|connection| {
                let most = streams_per_connection.min(connection.upstream.most_streams()).max(1);
                connection.usage.open.load(Ordering::Relaxed) < most && connection.upstream.open()
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
        Slot { upstream: self.upstream.clone(), _room: Room(Arc::clone(&self.usage)) }
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
