//! A Spark whose answers were written down.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use hearth_spark_data::{Application, DataError, EventLog, Monitoring, Source, SparkSource};

/// The application that was recorded.
pub(crate) const ID: &str = include_str!("../data/id.txt").trim_ascii();
/// Its name as a resource.
pub(crate) const NAME: &str = "projects/p/locations/l/sessions/etl/sparkApplications/recorded";

/// Answers by path.
pub(crate) struct Recorded(HashMap<String, serde_json::Value>);

impl Recorded {
    pub(crate) fn new() -> Self {
        Self(serde_json::from_str(include_str!("../data/answers.json")).unwrap())
    }

    pub(crate) fn at(&self, path: &str) -> &serde_json::Value {
        &self.0[&format!("/{ID}{path}")]
    }
}

#[async_trait]
impl Monitoring for Recorded {
    async fn get(&self, path: &str) -> Result<Option<Bytes>, DataError> {
        // What Spark knows with more detail than was recorded is asked for with other parameters.
        let bare = path.replace("&planDescription=false", "&planDescription=true");
        let found = self.0.get(path).or_else(|| self.0.get(&bare));
        Ok(found.filter(|answer| !answer.is_null()).map(|answer| answer.to_string().into()))
    }
}

/// The recorded application, with the recorded part of its log.
pub(crate) struct Example {
    pub(crate) application: Application,
    pub(crate) source: Arc<dyn Source>,
    _dir: tempfile::TempDir,
}

pub(crate) fn example() -> Example {
    let dir = tempfile::tempdir().unwrap();
    let mut log = include_bytes!("../data/events.jsonl").to_vec();
    // A log that is still written ends in the middle of a line.
    log.extend_from_slice(b"{\"Event\":\"SparkListenerStageSubmitted\",\"Stage Info\":{\"Stage ID\":");
    std::fs::write(dir.path().join(format!("{ID}.inprogress")), log).unwrap();
    let log = EventLog::new(dir.path().to_owned(), ID);
    let source: Arc<dyn Source> = Arc::new(SparkSource::new(
        ID.to_owned(),
        Arc::new(Recorded::new()),
        Some(log),
        "file:///log".to_owned(),
    ));
    Example { application: Application::new(NAME.to_owned(), source.clone()), source, _dir: dir }
}
