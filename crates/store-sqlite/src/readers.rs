//! The connections that read. In WAL mode they neither wait for the writer nor make it wait.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use hearth_store::StoreError;
use rusqlite::Connection;

use crate::connection::open_reader;
use crate::error::OpenError;

/// The most connections of each kind; there are as many as there are processors, up to this.
const MAX_READERS: usize = 8;

/// Two sets of connections, so that a read of one row never waits for a read of many.
#[derive(Debug)]
pub(crate) struct Readers {
    points: Pool,
    scans: Arc<Pool>,
}

impl Readers {
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let size = std::thread::available_parallelism().map_or(1, usize::from).clamp(2, MAX_READERS);
        Ok(Self { points: Pool::open(path, size)?, scans: Arc::new(Pool::open(path, size)?) })
    }

    /// Reads one row, on the calling thread.
    ///
    /// Such a read takes some 7 microseconds out of the page cache, a third of what handing it to another thread and
    /// waking up again takes (docs/adr/0002-sqlite-through-rusqlite.md has the numbers).
    pub(crate) fn point<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        read(&self.points.take())
    }

    /// Reads many rows, on a thread that may block.
    pub(crate) async fn scan<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let pool = Arc::clone(&self.scans);
        tokio::task::spawn_blocking(move || read(&pool.take())).await.unwrap_or_else(|error| {
            Err(StoreError::Unavailable(format!("the read was not finished: {error}")))
        })
    }
}

#[derive(Debug)]
struct Pool {
    connections: Vec<Mutex<Connection>>,
    next: AtomicUsize,
}

impl Pool {
    fn open(path: &Path, size: usize) -> Result<Self, OpenError> {
        let connections =
            (0..size).map(|_| open_reader(path).map(Mutex::new)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { connections, next: AtomicUsize::new(0) })
    }

    /// A connection that is free, else the next in turn once it is.
    fn take(&self) -> MutexGuard<'_, Connection> {
        for connection in &self.connections {
            match connection.try_lock() {
                Ok(free) => return free,
                // A reader that panicked left no transaction behind: each statement is its own.
                Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.connections.len();
        self.connections[turn].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
