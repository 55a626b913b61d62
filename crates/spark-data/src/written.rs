//! Records that were written to an application from outside, and the application that they make up.
//!
//! An engine of the hosted service writes them of itself. Engines of ours do not: what Spark says itself is asked of
//! Spark. Records serve applications that Spark here knows nothing of.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use hearth_wire::dataproc as pb;
use pb::spark_wrapper_object::Record;
use prost::Message;

use crate::error::DataError;
use crate::plan;
use crate::source::{QueryRow, Source, StageParts};

/// Records as bytes, each after its length.
pub fn encode(records: &[pb::SparkWrapperObject]) -> Vec<u8> {
    records.iter().flat_map(Message::encode_length_delimited_to_vec).collect()
}

/// The records in bytes that [`encode`] wrote.
///
/// # Errors
/// When the bytes are none.
pub fn decode(mut bytes: &[u8]) -> Result<Vec<pb::SparkWrapperObject>, DataError> {
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let record = pb::SparkWrapperObject::decode_length_delimited(&mut bytes);
        records.push(record.map_err(DataError::because("read the records of the application"))?);
    }
    Ok(records)
}

/// Checks records that are to be written to an application.
///
/// # Errors
/// At the first that is of another application, or of nothing.
pub fn check(application: &str, records: &[pb::SparkWrapperObject]) -> Result<(), DataError> {
    const FIELD: &str = "spark_wrapper_objects";
    if records.is_empty() {
        return Err(DataError::invalid(FIELD, "There must be at least one record"));
    }
    for (at, record) in records.iter().enumerate() {
        if record.application_id != application {
            let text =
                format!("Record {at} is of application '{}', not of '{application}'", record.application_id);
            return Err(DataError::invalid(FIELD, text));
        }
        if record.record.is_none() {
            return Err(DataError::invalid(FIELD, format!("Record {at} is about nothing")));
        }
    }
    Ok(())
}

/// The applications that records are of.
pub fn applications(records: &[pb::SparkWrapperObject]) -> BTreeSet<String> {
    records.iter().map(|record| record.application_id.clone()).collect()
}

/// An application made up of its records. Of two about the same thing the later one counts.
pub struct WrittenSource {
    id: String,
    records: Vec<pb::SparkWrapperObject>,
}

impl WrittenSource {
    /// The application of this id. Records of others are left out.
    pub fn new(id: String, records: &[pb::SparkWrapperObject]) -> Self {
        let mut records: Vec<_> =
            records.iter().filter(|record| record.application_id == id).cloned().collect();
        // Stable: of two with the same time, or with none, the one that was written later stays later.
        records.sort_by_key(|record| record.event_timestamp.map(|at| (at.seconds, at.nanos)));
        Self { id, records }
    }

    fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().filter_map(|record| record.record.as_ref())
    }

    /// The latest records of a kind, by what tells them apart.
    fn latest<K: Ord, T: Clone>(&self, pick: impl Fn(&Record) -> Option<(K, &T)>) -> Vec<T> {
        let by_key: BTreeMap<K, &T> = self.records().filter_map(pick).collect();
        by_key.into_values().cloned().collect()
    }

    fn all_queries(&self) -> Vec<pb::SqlExecutionUiData> {
        self.latest(|record| match record {
            Record::SqlExecutionUiData(query) => Some((query.execution_id, query)),
            _ => None,
        })
    }

    fn all_tasks(&self, stage: i64, attempt: i32) -> Vec<pb::TaskData> {
        self.latest(|record| match record {
            Record::TaskData(task) if (task.stage_id, task.stage_attempt_id) == (stage, attempt) => {
                Some((task.task_id, task))
            }
            _ => None,
        })
    }
}

#[async_trait]
impl Source for WrittenSource {
    fn id(&self) -> &str {
        &self.id
    }

    async fn application(&self) -> Result<Option<pb::ApplicationInfo>, DataError> {
        let found = self.latest(|record| match record {
            Record::ApplicationInfo(info) => Some(((), info)),
            _ => None,
        });
        let mut info = found.into_iter().next().unwrap_or_default();
        info.application_id.clone_from(&self.id);
        Ok(Some(info))
    }

    async fn environment(&self) -> Result<Option<pb::ApplicationEnvironmentInfo>, DataError> {
        let found = self.latest(|record| match record {
            Record::ApplicationEnvironmentInfo(environment) => Some(((), environment)),
            _ => None,
        });
        Ok(found.into_iter().next())
    }

    async fn jobs(&self) -> Result<Vec<pb::JobData>, DataError> {
        Ok(self.latest(|record| match record {
            Record::JobData(job) => Some((job.job_id, job)),
            _ => None,
        }))
    }

    async fn stages(&self) -> Result<Vec<pb::StageData>, DataError> {
        let stages: BTreeMap<_, _> = self
            .records()
            .filter_map(|record| match record {
                Record::StageData(stage) => Some(((stage.stage_id, stage.stage_attempt_id), stage)),
                _ => None,
            })
            .collect();
        Ok(stages.into_values().map(|stage| (**stage).clone()).collect())
    }

    async fn stage(
        &self,
        id: i64,
        attempt: i32,
        parts: StageParts,
    ) -> Result<Option<pb::StageData>, DataError> {
        let stages = self.stages().await?;
        let found =
            stages.into_iter().find(|stage| (stage.stage_id, stage.stage_attempt_id) == (id, attempt));
        let Some(mut stage) = found else { return Ok(None) };
        if parts.executors {
            let executors = self.latest(|record| match record {
                Record::ExecutorStageSummary(one)
                    if (one.stage_id, one.stage_attempt_id) == (id, attempt) =>
                {
                    Some((one.executor_id.clone(), one))
                }
                _ => None,
            });
            stage.executor_summary.extend(executors.into_iter().map(|one| (one.executor_id.clone(), one)));
        }
        if parts.tasks {
            let tasks = self.all_tasks(id, attempt);
            stage.tasks.extend(tasks.into_iter().map(|task| (task.task_id.to_string(), task)));
        }
        Ok(Some(stage))
    }

    async fn tasks(
        &self,
        stage: i64,
        attempt: i32,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<pb::TaskData>, DataError> {
        Ok(self.all_tasks(stage, attempt).into_iter().skip(offset).take(limit).collect())
    }

    async fn executors(&self) -> Result<Vec<pb::ExecutorSummary>, DataError> {
        Ok(self.latest(|record| match record {
            Record::ExecutorSummary(executor) => Some((executor.executor_id.clone(), executor)),
            _ => None,
        }))
    }

    async fn queries(&self) -> Result<Vec<QueryRow>, DataError> {
        let operations: Vec<_> = self.latest(|record| match record {
            Record::SparkConnectExecutionInfo(operation) => Some((operation.operation_id.clone(), operation)),
            _ => None,
        });
        let row = |query: pb::SqlExecutionUiData| {
            let id = query.execution_id.to_string();
            let of = operations.iter().filter(|operation| operation.sql_exec_ids.contains(&id));
            QueryRow { operations: of.map(|operation| operation.operation_id.clone()).collect(), query }
        };
        Ok(self.all_queries().into_iter().map(row).collect())
    }

    async fn query(&self, id: i64) -> Result<Option<pb::SqlExecutionUiData>, DataError> {
        Ok(self.all_queries().into_iter().find(|query| query.execution_id == id))
    }

    async fn plan(&self, id: i64) -> Result<Option<pb::SparkPlanGraph>, DataError> {
        let plans = self.latest(|record| match record {
            Record::SparkPlanGraph(graph) => Some((graph.execution_id, graph)),
            _ => None,
        });
        Ok(plans.into_iter().find(|graph| graph.execution_id == id).map(plan::bounded))
    }

    async fn rdd_graph(&self, stage: i64) -> Result<Option<pb::RddOperationGraph>, DataError> {
        let graphs = self.latest(|record| match record {
            Record::RddOperationGraph(graph) => Some((graph.stage_id, graph)),
            _ => None,
        });
        Ok(graphs.into_iter().find(|graph| graph.stage_id == stage))
    }

    async fn native_queries(&self) -> Result<Vec<pb::NativeSqlExecutionUiData>, DataError> {
        Ok(self.latest(|record| match record {
            Record::NativeSqlExecutionUiData(query) => Some((query.execution_id, query)),
            _ => None,
        }))
    }

    async fn native_build(&self) -> Result<Option<pb::NativeBuildInfoUiData>, DataError> {
        let found = self.latest(|record| match record {
            Record::NativeBuildInfoUiData(build) => Some(((), build)),
            _ => None,
        });
        Ok(found.into_iter().next())
    }
}
