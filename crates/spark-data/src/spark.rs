//! The data of an application as Spark tells it: by its monitoring API, and by its event log where that says more.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use hearth_core::Timestamp;
use hearth_wire::dataproc as pb;
use serde::de::DeserializeOwned;

use crate::error::DataError;
use crate::event_log::{EventLog, LoggedQuery};
use crate::monitoring::Monitoring;
use crate::plan;
use crate::records::{self, Application, Environment, Executor, Into_, Job, QUANTILES, Query, Stage, Task};
use crate::source::{QueryRow, Source, StageParts};

/// As many queries Spark is asked for at a time; without texts they are small.
const QUERIES_AT_ONCE: usize = 500;
/// What a tag of a job says of the operation of Spark Connect that it belongs to.
const OPERATION_TAG: &str = "SparkConnect_OperationTag_";
/// What comes before the operation's id in such a tag.
const OPERATION: &str = "_Operation_";

/// The applications that Spark knows at one address.
///
/// # Errors
/// When it cannot be asked.
pub async fn applications(monitoring: &dyn Monitoring) -> Result<Vec<String>, DataError> {
    let found: Vec<Application> = read(monitoring, "").await?.unwrap_or_default();
    Ok(found.into_iter().map(|application| application.id).collect())
}

/// One application of Spark.
pub struct SparkSource {
    id: String,
    monitoring: Arc<dyn Monitoring>,
    log: Option<EventLog>,
    log_uri: String,
    ended_at: Option<Timestamp>,
}

/// Jobs by the SQL query they belong to, the other way round.
#[derive(Default)]
struct Links {
    query_of_job: HashMap<i64, i64>,
    skipped_stages: Vec<i64>,
}

impl SparkSource {
    /// The application of this id, and its log with the address under which others find it.
    pub fn new(id: String, monitoring: Arc<dyn Monitoring>, log: Option<EventLog>, log_uri: String) -> Self {
        Self { id, monitoring, log, log_uri, ended_at: None }
    }

    /// The same, known to have ended at this time: an engine that is killed does not log its end.
    #[must_use]
    pub fn ended_at(self, at: Timestamp) -> Self {
        Self { ended_at: Some(at), ..self }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, DataError> {
        read(&*self.monitoring, &format!("/{}{path}", self.id)).await
    }

    async fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, DataError> {
        Ok(self.get(path).await?.unwrap_or_default())
    }

    async fn bare_queries(&self) -> Result<Vec<Query>, DataError> {
        let mut all: Vec<Query> = Vec::new();
        loop {
            let path = format!(
                "/sql?details=false&planDescription=false&offset={}&length={QUERIES_AT_ONCE}",
                all.len()
            );
            let some: Vec<Query> = self.list(&path).await?;
            let last = some.len() < QUERIES_AT_ONCE;
            all.extend(some);
            if last {
                return Ok(all);
            }
        }
    }

    async fn links(&self) -> Result<Links, DataError> {
        let (queries, stages) = futures::try_join!(self.bare_queries(), self.list::<Stage>("/stages"))?;
        let mut links = Links::default();
        for query in queries {
            for job in jobs_of(&query).into_keys() {
                links.query_of_job.insert(job, query.id);
            }
        }
        let skipped = stages.iter().filter(|stage| stage.status == "SKIPPED");
        links.skipped_stages = skipped.map(|stage| stage.stage_id).collect();
        Ok(links)
    }

    /// Completes stages with what their own record does not say.
    async fn complete(&self, stages: &mut [pb::StageData]) -> Result<(), DataError> {
        let jobs: Vec<Job> = self.list("/jobs").await?;
        let logged = match &self.log {
            Some(log) if !stages.is_empty() => log.stages().await?,
            _ => Arc::default(),
        };
        for stage in stages {
            let of = jobs.iter().filter(|job| job.stage_ids.contains(&stage.stage_id));
            stage.job_ids = of.map(|job| job.job_id).collect();
            stage.job_ids.sort_unstable();
            if let Some(info) = logged.get(&stage.stage_id) {
                stage.parent_stage_ids.clone_from(&info.parents);
            }
        }
        Ok(())
    }

    async fn logged_queries(&self) -> Result<Arc<HashMap<i64, LoggedQuery>>, DataError> {
        match &self.log {
            Some(log) => log.queries().await,
            None => Ok(Arc::default()),
        }
    }
}

#[async_trait]
impl Source for SparkSource {
    fn id(&self) -> &str {
        &self.id
    }

    async fn application(&self) -> Result<Option<pb::ApplicationInfo>, DataError> {
        let found = self.get::<Application>("").await?;
        Ok(found.map(|mut application| {
            application.end(self.ended_at);
            let mut message = application.convert();
            for attempt in &mut message.attempts {
                attempt.event_log_path.clone_from(&self.log_uri);
            }
            message
        }))
    }

    async fn environment(&self) -> Result<Option<pb::ApplicationEnvironmentInfo>, DataError> {
        Ok(self.get::<Environment>("/environment").await?.map(Into_::convert))
    }

    async fn jobs(&self) -> Result<Vec<pb::JobData>, DataError> {
        let (jobs, links) = futures::try_join!(self.list::<Job>("/jobs"), self.links())?;
        Ok(jobs
            .into_iter()
            .map(|job| {
                let mut message: pb::JobData = job.convert();
                message.sql_execution_id = links.query_of_job.get(&message.job_id).copied();
                let skipped = message.stage_ids.iter().filter(|id| links.skipped_stages.contains(id));
                message.skipped_stages = skipped.filter_map(|id| i32::try_from(*id).ok()).collect();
                message
            })
            .collect())
    }

    async fn stages(&self) -> Result<Vec<pb::StageData>, DataError> {
        let mut stages: Vec<pb::StageData> = self.list::<Stage>("/stages").await?.convert();
        self.complete(&mut stages).await?;
        Ok(stages)
    }

    async fn stage(
        &self,
        id: i64,
        attempt: i32,
        parts: StageParts,
    ) -> Result<Option<pb::StageData>, DataError> {
        // No task has the status "unknown": with details of executors come those of tasks, unless none is wanted.
        let tasks = if parts.tasks { "" } else { "&taskStatus=unknown" };
        let spreads = if parts.spreads { format!("true&quantiles={QUANTILES}") } else { "false".to_owned() };
        let path = format!("/stages/{id}/{attempt}?details=true{tasks}&withSummaries={spreads}");
        let Some(stage) = self.get::<Stage>(&path).await? else { return Ok(None) };
        let mut stages: Vec<pb::StageData> = vec![stage.convert()];
        self.complete(&mut stages).await?;
        Ok(stages.pop().map(|mut stage| {
            for (id, summary) in &mut stage.executor_summary {
                summary.executor_id.clone_from(id);
                (summary.stage_id, summary.stage_attempt_id) = (stage.stage_id, stage.stage_attempt_id);
            }
            for task in stage.tasks.values_mut() {
                (task.stage_id, task.stage_attempt_id) = (stage.stage_id, stage.stage_attempt_id);
            }
            if let Some(speculation) = &mut stage.speculation_summary {
                (speculation.stage_id, speculation.stage_attempt_id) =
                    (stage.stage_id, stage.stage_attempt_id);
            }
            stage
        }))
    }

    async fn tasks(
        &self,
        stage: i64,
        attempt: i32,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<pb::TaskData>, DataError> {
        let path = format!("/stages/{stage}/{attempt}/taskList?offset={offset}&length={limit}&sortBy=ID");
        let mut tasks: Vec<pb::TaskData> = self.list::<Task>(&path).await?.convert();
        for task in &mut tasks {
            (task.stage_id, task.stage_attempt_id) = (stage, attempt);
        }
        Ok(tasks)
    }

    async fn executors(&self) -> Result<Vec<pb::ExecutorSummary>, DataError> {
        Ok(self.list::<Executor>("/allexecutors").await?.convert())
    }

    async fn queries(&self) -> Result<Vec<QueryRow>, DataError> {
        let (queries, jobs, logged) =
            futures::try_join!(self.bare_queries(), self.list::<Job>("/jobs"), self.logged_queries())?;
        Ok(queries
            .into_iter()
            .map(|query| {
                let logged = logged.get(&query.id);
                let of_jobs = jobs.iter().filter(|job| jobs_of(&query).contains_key(&job.job_id));
                let tags =
                    of_jobs.flat_map(|job| &job.job_tags).chain(logged.iter().flat_map(|l| &l.job_tags));
                let mut operations: Vec<String> = tags.filter_map(|tag| operation(tag)).collect();
                operations.sort();
                operations.dedup();
                QueryRow { query: message(&query, &jobs, logged), operations }
            })
            .collect())
    }

    async fn query(&self, id: i64) -> Result<Option<pb::SqlExecutionUiData>, DataError> {
        let path = format!("/sql/{id}?details=true&planDescription=true");
        let (query, jobs, logged) =
            futures::try_join!(self.get::<Query>(&path), self.list::<Job>("/jobs"), self.logged_queries())?;
        let Some(query) = query else { return Ok(None) };
        let mut message = message(&query, &jobs, logged.get(&id));
        let graph = self.plan(id).await?.unwrap_or_default();
        for (node, metric) in plan::metrics(&graph) {
            let values =
                query.nodes.iter().filter(|known| known.node_id == node).flat_map(|known| &known.metrics);
            if let Some(known) = values.into_iter().find(|known| known.name == metric.name) {
                message.metric_values.insert(metric.accumulator_id.to_string(), known.value.clone());
            }
            message.metrics.push(metric);
        }
        message.metric_values_is_null = message.metric_values.is_empty();
        Ok(Some(message))
    }

    async fn plan(&self, id: i64) -> Result<Option<pb::SparkPlanGraph>, DataError> {
        let logged = match &self.log {
            Some(log) => log.plan(id).await?,
            None => None,
        };
        match logged {
            Some(plan) => Ok(Some(plan::graph(id, &plan))),
            None => {
                let path = format!("/sql/{id}?details=true&planDescription=false");
                Ok(self.get::<Query>(&path).await?.as_ref().map(plan::graph_of_query))
            }
        }
    }

    async fn rdd_graph(&self, stage: i64) -> Result<Option<pb::RddOperationGraph>, DataError> {
        match &self.log {
            Some(log) => log.rdd_graph(stage).await,
            None => Ok(None),
        }
    }

    /// Apache Spark has no native engine.
    async fn native_queries(&self) -> Result<Vec<pb::NativeSqlExecutionUiData>, DataError> {
        Ok(Vec::new())
    }

    async fn native_build(&self) -> Result<Option<pb::NativeBuildInfoUiData>, DataError> {
        Ok(None)
    }
}

async fn read<T: DeserializeOwned>(monitoring: &dyn Monitoring, path: &str) -> Result<Option<T>, DataError> {
    let Some(answer) = monitoring.get(path).await? else { return Ok(None) };
    serde_json::from_slice(&answer).map(Some).map_err(DataError::because("understand what Spark answered"))
}

/// The jobs of a query and how far they are.
fn jobs_of(query: &Query) -> BTreeMap<i64, &'static str> {
    let with = |ids: &[i64], status| ids.iter().map(move |id| (*id, status)).collect::<Vec<_>>();
    let mut jobs = BTreeMap::new();
    jobs.extend(with(&query.running_job_ids, "RUNNING"));
    jobs.extend(with(&query.success_job_ids, "SUCCEEDED"));
    jobs.extend(with(&query.failed_job_ids, "FAILED"));
    jobs
}

/// The id of the operation in a job's tag, if it is one of Spark Connect.
fn operation(tag: &str) -> Option<String> {
    let (_, id) = tag.strip_prefix(OPERATION_TAG)?.rsplit_once(OPERATION)?;
    Some(id.to_owned())
}

fn message(query: &Query, jobs: &[Job], logged: Option<&LoggedQuery>) -> pb::SqlExecutionUiData {
    let of = jobs_of(query);
    let mut stages: Vec<i64> = jobs
        .iter()
        .filter(|job| of.contains_key(&job.job_id))
        .flat_map(|job| job.stage_ids.iter().copied())
        .collect();
    stages.sort_unstable();
    stages.dedup();
    let mut message = pb::SqlExecutionUiData {
        execution_id: query.id,
        root_execution_id: query.id,
        description: query.description.clone(),
        physical_plan_description: query.plan_description.clone(),
        submission_time: query.submission_time.convert(),
        jobs: of.iter().map(|(id, status)| (id.to_string(), records::job_status(status).into())).collect(),
        stages,
        ..pb::SqlExecutionUiData::default()
    };
    if query.status != "RUNNING" {
        let took = std::time::Duration::from_millis(u64::try_from(query.duration).unwrap_or_default());
        let ended = query.submission_time.0.and_then(|at| at.checked_add(took).ok());
        message.completion_time = records::At(ended).convert();
    }
    if let Some(logged) = logged {
        message.root_execution_id = logged.root_execution_id.unwrap_or(query.id);
        message.details.clone_from(&logged.details);
        message.modified_configs.clone_from(&logged.modified_configs);
        message.error_message.clone_from(&logged.error);
    }
    message
}
