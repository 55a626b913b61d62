//! The driver itself: [`Place`] behind the trait, off the runtime's threads.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use hearth_core::Timestamp;
use hearth_core::engine::{EngineSpec, Introduction, Observed};
use hearth_core::id::EngineId;
use hearth_driver::{Driver, DriverError, EngineUsage, LogChunk};
use tokio::sync::broadcast;
use tokio::task::AbortHandle;
use tokio_stream::wrappers::BroadcastStream;

use crate::config::ProcessDriverConfig;
use crate::explain::explain;
use crate::layout::EngineDir;
use crate::notify;
use crate::place::Place;
use crate::watch::{HINTS, watch};

/// Runs engines as child processes of shims.
///
/// Engines outlive the driver: dropping it, or killing its process, leaves them running under their shims, and the
/// next driver over the same directory finds them.
pub struct ProcessDriver {
    place: Arc<Place>,
    hints: broadcast::Sender<EngineId>,
    watcher: AbortHandle,
}

impl ProcessDriver {
    /// A driver over `config.engines_dir`, and the one task that watches over all its engines until it is dropped.
    ///
    /// Nothing else may be a driver over that directory for longer than it takes to hand over: two do no harm to
    /// engines, but only the latest hears at once what changes.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(config: ProcessDriverConfig) -> Result<Self, DriverError> {
        let what = || format!("use \"{}\" as the directory of engines", config.engines_dir.display());
        let open = || {
            let place = Place::open(&config)?;
            let socket = tokio::net::UnixDatagram::from_std(notify::bind(place.engines_dir())?)?;
            Ok((Arc::new(place), socket))
        };
        let (place, socket) =
            open().map_err(|error| explain(error, &config.engines_dir)).map_err(DriverError::io(what()))?;
        let (hints, _) = broadcast::channel(HINTS);
        let task = tokio::spawn(watch(Arc::clone(&place), socket, hints.clone(), config.scan_every));
        Ok(Self { place, hints, watcher: task.abort_handle() })
    }

    /// Runs blocking work on the place.
    async fn run<T: Send + 'static>(
        &self,
        what: impl FnOnce() -> String,
        work: impl FnOnce(&Place) -> io::Result<T> + Send + 'static,
    ) -> Result<T, DriverError> {
        let place = Arc::clone(&self.place);
        tokio::task::spawn_blocking(move || work(&place))
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(|error| DriverError::io(what())(error))
    }
}

impl Drop for ProcessDriver {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

#[async_trait]
impl Driver for ProcessDriver {
    async fn ensure(&self, spec: &EngineSpec) -> Result<(), DriverError> {
        let (id, spec) = (spec.id, spec.clone());
        self.run(|| format!("start engine \"{id}\""), move |place| place.ensure(&spec)).await
    }

    async fn observe(&self, id: EngineId) -> Result<Observed, DriverError> {
        self.run(|| format!("look at engine \"{id}\""), move |place| place.observe(id)).await
    }

    async fn stop(&self, id: EngineId, grace: Duration) -> Result<(), DriverError> {
        self.run(|| format!("stop engine \"{id}\""), move |place| place.stop(id, grace)).await
    }

    async fn set_deadline(&self, id: EngineId, deadline: Timestamp) -> Result<(), DriverError> {
        self.run(
            || format!("set the deadline of engine \"{id}\""),
            move |place| place.set_deadline(id, deadline),
        )
        .await
    }

    async fn introduce(&self, id: EngineId, introduction: &Introduction) -> Result<(), DriverError> {
        let introduction = introduction.clone();
        self.run(|| format!("introduce engine \"{id}\""), move |place| place.introduce(id, &introduction))
            .await
    }

    async fn remove(&self, id: EngineId) -> Result<(), DriverError> {
        let removed = self.run(|| format!("remove engine \"{id}\""), move |place| place.remove(id)).await?;
        if removed { Ok(()) } else { Err(DriverError::StillRunning(id)) }
    }

    async fn engines(&self) -> Result<Vec<EngineId>, DriverError> {
        self.run(|| "list the engines".to_owned(), Place::engines).await
    }

    async fn log(&self, id: EngineId, offset: u64, limit: usize) -> Result<LogChunk, DriverError> {
        self.run(|| format!("read the log of engine \"{id}\""), move |place| place.log(id, offset, limit))
            .await
    }

    async fn usage(&self, id: EngineId) -> Result<Option<EngineUsage>, DriverError> {
        self.run(|| format!("measure engine \"{id}\""), move |place| place.usage(id)).await
    }

    fn scratch(&self, id: EngineId) -> Option<PathBuf> {
        Some(EngineDir::new(self.place.engines_dir(), id).work())
    }

    fn changes(&self) -> BoxStream<'static, EngineId> {
        // A reader that fell behind loses the oldest hints, which hints may be.
        BroadcastStream::new(self.hints.subscribe()).filter_map(async |hint| hint.ok()).boxed()
    }
}
