//! Event logs: where engines write them, and how they get into the staging store.

use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use hearth_control::world::{Kept, Staging, StagingError};
use hearth_core::id::{EngineId, SessionUuid};
use hearth_core::staged::{self, Owner};
use hearth_driver::LogChunk;
use hearth_staging::ObjectStaging;

use super::history::HistoryFiles;
use super::servers::HistoryServers;

/// What Spark adds to the name of a log while it writes it. An engine that is killed leaves it there.
const IN_PROGRESS: &str = ".inprogress";

/// The directories that engines write event logs into, one a session.
#[derive(Debug, Clone)]
pub(crate) struct EventDirs {
    root: PathBuf,
}

impl EventDirs {
    /// In the state directory.
    pub(crate) fn new(state_dir: &Path) -> Self {
        Self { root: state_dir.join("events") }
    }

    /// That of a session.
    pub(crate) fn of(&self, session: SessionUuid) -> PathBuf {
        self.root.join(session.to_string())
    }

    /// That of a session, made if it is not there: Spark does not make it.
    pub(crate) fn ensure(&self, session: SessionUuid) -> std::io::Result<PathBuf> {
        let dir = self.of(session);
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
        Ok(dir)
    }

    fn remove(&self, session: SessionUuid) -> std::io::Result<()> {
        match std::fs::remove_dir_all(self.of(session)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// The staging store, which takes event logs over from their directories.
#[derive(Debug, Clone)]
pub(crate) struct KeptFiles {
    pub(crate) objects: ObjectStaging,
    pub(crate) events: EventDirs,
    pub(crate) history: HistoryFiles,
    pub(crate) servers: Arc<HistoryServers>,
}

#[async_trait]
impl Staging for KeptFiles {
    async fn keep_output(&self, owner: Owner<'_>, offset: u64, content: Vec<u8>) -> Result<(), StagingError> {
        self.objects.keep_output(owner, offset, content).await
    }

    /// The directory goes only once every log in it is kept.
    async fn keep_files(&self, owner: Owner<'_>) -> Result<(), StagingError> {
        let failed = StagingError::because("keep the event log of a session");
        let logs = match std::fs::read_dir(self.events.of(owner.session)) {
            Ok(entries) => entries.collect::<Result<Vec<_>, _>>(),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => Err(error),
        };
        let logs = match logs {
            Ok(logs) => logs,
            Err(error) => return Err(failed(error)),
        };
        for log in logs {
            let name = log.file_name().to_string_lossy().into_owned();
            // Checksums of Hadoop's file system, which are of the file that was there.
            if name.starts_with('.') {
                continue;
            }
            let name = name.strip_suffix(IN_PROGRESS).unwrap_or(&name);
            self.objects.keep_file(owner, staged::EVENT_LOGS, name, &log.path()).await?;
            if let Some(server) = self.servers.of(owner) {
                self.objects.give_file(&server.events, name, &log.path()).await?;
            }
        }
        self.events.remove(owner.session).map_err(failed)
    }

    async fn forget_files(&self, engine: EngineId) -> Result<(), StagingError> {
        let removed = self.events.remove(engine.session_uuid());
        removed.map_err(StagingError::because("remove the event log of an engine"))
    }

    async fn output(&self, owner: Owner<'_>, offset: u64, limit: usize) -> Result<LogChunk, StagingError> {
        self.objects.output(owner, offset, limit).await
    }

    async fn keep_diagnostics(&self, owner: Owner<'_>, archive: Vec<u8>) -> Result<(), StagingError> {
        self.objects.keep_diagnostics(owner, archive).await
    }

    async fn diagnostics(
        &self,
        owner: Owner<'_>,
        offset: u64,
        limit: usize,
    ) -> Result<Option<Kept>, StagingError> {
        self.objects.diagnostics(owner, offset, limit).await
    }

    async fn remove(&self, owner: Owner<'_>) -> Result<(), StagingError> {
        for log in self.objects.kept(owner, staged::EVENT_LOGS).await? {
            self.history.hide(owner.session, &log.name);
        }
        self.events
            .remove(owner.session)
            .map_err(StagingError::because("remove the event log of a session"))?;
        self.objects.remove(owner).await
    }
}
