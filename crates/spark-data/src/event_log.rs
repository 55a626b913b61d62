//! Spark's event log: what its monitoring API does not tell is read from there.
//!
//! A log is a file of JSON records, a line each; the last line of one that is still written may be cut off. Only the
//! lines of wanted events are parsed, so that reading goes at the speed of the disk.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::sync::Arc;

use hearth_wire::dataproc as pb;
use serde::Deserialize;

use crate::error::DataError;
use crate::plan::PlanNode;
use crate::rdd_graph;
use crate::remembered::Remembered;

/// What Spark adds to the name of a log that it still writes.
const IN_PROGRESS: &str = ".inprogress";
/// The events of SQL queries are named with their package.
const SQL: &str = "org.apache.spark.sql.execution.ui.SparkListenerSQL";

/// What logs say of stages, the last attempt of each.
static STAGES: Remembered<HashMap<i64, StageInfo>> = Remembered::new();
/// What logs say of SQL queries, their plans aside.
static QUERIES: Remembered<HashMap<i64, LoggedQuery>> = Remembered::new();

/// Event logs are named after their applications, in one directory for each session.
#[derive(Debug, Clone)]
pub struct EventLog {
    dir: PathBuf,
    application: String,
}

/// What the log says of an attempt of a stage.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct StageInfo {
    #[serde(rename = "Stage ID")]
    pub(crate) id: i64,
    #[serde(rename = "Stage Attempt ID")]
    pub(crate) attempt: i32,
    #[serde(rename = "Parent IDs", default)]
    pub(crate) parents: Vec<i64>,
    #[serde(rename = "RDD Info", default)]
    pub(crate) rdds: Vec<rdd_graph::Rdd>,
}

/// What the log says of a SQL query.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct LoggedQuery {
    execution_id: i64,
    pub(crate) root_execution_id: Option<i64>,
    pub(crate) details: String,
    pub(crate) modified_configs: BTreeMap<String, String>,
    pub(crate) job_tags: Vec<String>,
    #[serde(skip)]
    pub(crate) error: String,
}

#[derive(Deserialize)]
struct StageSubmitted {
    #[serde(rename = "Stage Info")]
    stage: StageInfo,
}

#[derive(Deserialize)]
struct JobStart {
    #[serde(rename = "Stage Infos", default)]
    stages: Vec<StageInfo>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueryEnd {
    execution_id: i64,
    #[serde(default)]
    error_message: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfQuery {
    execution_id: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WithPlan {
    spark_plan_info: PlanNode,
}

impl EventLog {
    /// The log of an application in a directory.
    pub fn new(dir: PathBuf, application: impl Into<String>) -> Self {
        Self { dir, application: application.into() }
    }

    /// What the log says of stages, the last attempt of each.
    pub(crate) async fn stages(&self) -> Result<Arc<HashMap<i64, StageInfo>>, DataError> {
        self.remembering(&STAGES, |file| {
            let mut found: HashMap<i64, StageInfo> = HashMap::new();
            let mut add = |stage: StageInfo| {
                if found.get(&stage.id).is_none_or(|known| known.attempt <= stage.attempt) {
                    found.insert(stage.id, stage);
                }
            };
            scan(file, &["SparkListenerJobStart", "SparkListenerStageSubmitted"], |event, line| {
                if event.ends_with("JobStart") {
                    read::<JobStart>(line).into_iter().flat_map(|job| job.stages).for_each(&mut add);
                } else {
                    read::<StageSubmitted>(line).into_iter().for_each(|submitted| add(submitted.stage));
                }
            })?;
            Ok(found)
        })
        .await
    }

    /// The RDDs of a stage; `None` if the log has no such stage.
    pub(crate) async fn rdd_graph(&self, stage: i64) -> Result<Option<pb::RddOperationGraph>, DataError> {
        Ok(self.stages().await?.get(&stage).cloned().map(rdd_graph::graph))
    }

    /// What the log says of SQL queries, their plans aside.
    pub(crate) async fn queries(&self) -> Result<Arc<HashMap<i64, LoggedQuery>>, DataError> {
        self.remembering(&QUERIES, |file| {
            let mut found: HashMap<i64, LoggedQuery> = HashMap::new();
            let (start, end) = (format!("{SQL}ExecutionStart"), format!("{SQL}ExecutionEnd"));
            scan(file, &[&start, &end], |event, line| {
                if event == start {
                    if let Some(query) = read::<LoggedQuery>(line) {
                        found.insert(query.execution_id, query);
                    }
                } else if let Some(end) = read::<QueryEnd>(line)
                    && let Some(query) = found.get_mut(&end.execution_id)
                {
                    query.error = end.error_message.unwrap_or_default();
                }
            })?;
            Ok(found)
        })
        .await
    }

    /// The last plan of a SQL query; `None` if the log has none that can be read.
    pub(crate) async fn plan(&self, query: i64) -> Result<Option<PlanNode>, DataError> {
        self.reading(move |log| {
            let mut last = None;
            let (start, update) = (format!("{SQL}ExecutionStart"), format!("{SQL}AdaptiveExecutionUpdate"));
            let Some((_, file)) = log.open()? else { return Ok(None) };
            scan(file, &[&start, &update], |_, line| {
                if read::<OfQuery>(line).is_some_and(|of| of.execution_id == query) {
                    last = read::<WithPlan>(line).map(|with| with.spark_plan_info);
                }
            })?;
            Ok(last)
        })
        .await
    }

    /// Reads all of the log, unless it was read before and has not changed. A log that is not there says nothing.
    async fn remembering<T: Default + Send + Sync + 'static>(
        &self,
        remembered: &'static Remembered<T>,
        read: impl FnOnce(File) -> std::io::Result<T> + Send + 'static,
    ) -> Result<Arc<T>, DataError> {
        self.reading(move |log| match log.open()? {
            Some((path, file)) => remembered.get_or_read(&path, file, read),
            None => Ok(Arc::default()),
        })
        .await
    }

    /// Reads beside the tasks that answer requests.
    async fn reading<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Self) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, DataError> {
        const READ: &str = "read the event log of the application";
        let log = self.clone();
        let done = tokio::task::spawn_blocking(move || read(&log)).await.map_err(DataError::because(READ))?;
        done.map_err(DataError::because(READ))
    }

    fn open(&self) -> std::io::Result<Option<(PathBuf, File)>> {
        for name in [self.application.clone(), format!("{}{IN_PROGRESS}", self.application)] {
            let path = self.dir.join(name);
            match File::open(&path) {
                Ok(file) => return Ok(Some((path, file))),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

/// Shows every line of these events.
fn scan(file: File, events: &[&str], mut show: impl FnMut(&str, &[u8])) -> std::io::Result<()> {
    let mut lines = BufReader::with_capacity(1 << 18, file);
    let mut line = Vec::new();
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if let Some(event) = event_of(&line)
            && events.contains(&event)
        {
            show(event, &line);
        }
    }
}

/// The event of a line. Spark writes its name first.
fn event_of(line: &[u8]) -> Option<&str> {
    let rest = line.strip_prefix(b"{\"Event\":\"")?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(&rest[..end]).ok()
}

/// What a line says. One that is cut off, or nested deeper than is read, says nothing.
fn read<'l, T: Deserialize<'l>>(line: &'l [u8]) -> Option<T> {
    serde_json::from_slice(line).ok()
}
