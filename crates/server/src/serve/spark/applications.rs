//! The applications of sessions: from the driver while there is one, from the event log after it.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use hearth_core::Timestamp;
use hearth_core::engine::Endpoint;
use hearth_core::id::SessionUuid;
use hearth_core::session::{Session, SessionState};
use hearth_core::staged::{self, Owner};
use hearth_spark_data::written::{self, WrittenSource};
use hearth_spark_data::{
    Applications, DataError, EventLog, HttpMonitoring, Source, SparkSource, applications,
};
use hearth_staging::ObjectStaging;
use hearth_wire::dataproc as pb;

use super::events::EventDirs;
use super::history::History;

/// How much a session may keep of records that are written to it, in bytes.
const RECORDS_LIMIT: u64 = 64 << 20;

/// Knows the applications of sessions.
pub(crate) struct SparkApplications {
    pub(crate) staging: ObjectStaging,
    pub(crate) events: EventDirs,
    pub(crate) history: Option<Arc<History>>,
}

impl SparkApplications {
    async fn of_spark(&self, session: &Session) -> Result<Vec<SparkSource>, DataError> {
        match &session.state {
            SessionState::Active { ui: Some(ui), .. } => {
                let monitoring = Arc::new(HttpMonitoring::new(&address(ui)));
                let ids = applications(&*monitoring).await?;
                Ok(ids.into_iter().map(|id| self.live(session.uuid, id, monitoring.clone())).collect())
            }
            SessionState::Terminated { .. } | SessionState::Failed { .. } => self.ended(session).await,
            // Nothing has run yet, there are no pages, or they are on their way to the history.
            SessionState::Active { ui: None, .. }
            | SessionState::Creating { .. }
            | SessionState::Terminating { .. } => Ok(Vec::new()),
        }
    }

    fn live(&self, session: SessionUuid, id: String, monitoring: Arc<HttpMonitoring>) -> SparkSource {
        let dir = self.events.of(session);
        let uri = format!("file://{}", dir.join(&id).display());
        let log = EventLog::new(dir, &id);
        SparkSource::new(id, monitoring, Some(log), uri)
    }

    async fn ended(&self, session: &Session) -> Result<Vec<SparkSource>, DataError> {
        let Some(history) = &self.history else { return Ok(Vec::new()) };
        let mut sources = Vec::new();
        for id in history.applications(session.staged()).await? {
            let shown = history.show(session.staged(), &id).await?;
            let monitoring = Arc::new(HttpMonitoring::new(&address(&shown.endpoint)));
            let what = format!("{}/{id}", staged::EVENT_LOGS);
            let uri = self.staging.places().uri(session.staged(), &what);
            let log = EventLog::new(PathBuf::from(&shown.dir), &id);
            let source = SparkSource::new(id, monitoring, Some(log), uri);
            sources.push(source.ended_at(session.state_at));
        }
        Ok(sources)
    }

    async fn records(&self, owner: Owner<'_>) -> Result<Vec<pb::SparkWrapperObject>, DataError> {
        let failed = DataError::because("read the records of the session");
        let kept = match self.staging.kept(owner, staged::RECORDS).await {
            Ok(kept) => kept,
            Err(error) => return Err(failed(error)),
        };
        let mut records = Vec::new();
        for file in kept {
            let bytes = self.staging.bytes(owner, staged::RECORDS, &file.name).await;
            let bytes = bytes.map_err(DataError::because("read the records of the session"))?;
            records.extend(written::decode(&bytes)?);
        }
        Ok(records)
    }
}

fn address(endpoint: &Endpoint) -> String {
    format!("http://{endpoint}")
}

#[async_trait]
impl Applications for SparkApplications {
    async fn sources(&self, session: &Session) -> Result<Vec<Arc<dyn Source>>, DataError> {
        let (spark, records) = futures::try_join!(self.of_spark(session), self.records(session.staged()))?;
        // What Spark says itself is never replaced by what others say of it.
        let known: Vec<String> = spark.iter().map(|source| source.id().to_owned()).collect();
        let others = written::applications(&records).into_iter().filter(|id| !known.contains(id));
        let others: Vec<_> = others.map(|id| WrittenSource::new(id, &records)).collect();
        let spark = spark.into_iter().map(|source| Arc::new(source) as Arc<dyn Source>);
        Ok(spark.chain(others.into_iter().map(|source| Arc::new(source) as Arc<dyn Source>)).collect())
    }

    async fn write(&self, session: &Session, records: Vec<pb::SparkWrapperObject>) -> Result<(), DataError> {
        const WRITE: &str = "keep the records";
        let kept =
            self.staging.kept(session.staged(), staged::RECORDS).await.map_err(DataError::because(WRITE))?;
        let bytes = written::encode(&records);
        let size = kept.iter().map(|file| file.size).sum::<u64>() + bytes.len() as u64;
        if size > RECORDS_LIMIT {
            let limit = RECORDS_LIMIT >> 20;
            let text = format!("Session {} has as many records as it may: {limit} MiB", session.name);
            return Err(DataError::Full(text));
        }
        // In the order of writing: names are sorted where they are read.
        let name = format!("{:020}-{}", Timestamp::now().as_microsecond(), uuid::Uuid::new_v4());
        let keep = self.staging.keep_bytes(session.staged(), staged::RECORDS, &name, bytes).await;
        keep.map_err(DataError::because(WRITE))
    }
}
