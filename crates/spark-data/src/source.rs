//! Where the data of one application comes from.

use std::sync::Arc;

use async_trait::async_trait;
use hearth_core::session::Session;
use hearth_wire::dataproc as pb;

use crate::error::DataError;

/// The tasks that are read at a time: some 2 KB each.
pub(crate) const TASKS_AT_ONCE: usize = 500;

/// Which parts of a stage that cost something are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StageParts {
    /// How tasks and executors spread.
    pub spreads: bool,
    /// What each executor did.
    pub executors: bool,
    /// Every task.
    pub tasks: bool,
}

/// A SQL query without its long texts, and the operations of Spark Connect that it belongs to.
#[derive(Debug, Clone)]
pub struct QueryRow {
    /// The query.
    pub query: pb::SqlExecutionUiData,
    /// Ids of operations.
    pub operations: Vec<String>,
}

/// Knows the applications of sessions.
#[async_trait]
pub trait Applications: Send + Sync + 'static {
    /// The applications of a session, each once.
    ///
    /// # Errors
    /// When whoever knows cannot be asked.
    async fn sources(&self, session: &Session) -> Result<Vec<Arc<dyn Source>>, DataError>;

    /// Keeps records that were checked.
    ///
    /// # Errors
    /// When they could not be kept, or the session has as many as it may.
    async fn write(&self, session: &Session, records: Vec<pb::SparkWrapperObject>) -> Result<(), DataError>;
}

/// The data of one application.
#[async_trait]
pub trait Source: Send + Sync + 'static {
    /// The id Spark gave it.
    fn id(&self) -> &str;

    /// The application.
    ///
    /// # Errors
    /// Here and below: when whoever knows cannot be asked.
    async fn application(&self) -> Result<Option<pb::ApplicationInfo>, DataError>;
    /// What it runs with.
    async fn environment(&self) -> Result<Option<pb::ApplicationEnvironmentInfo>, DataError>;
    /// Its jobs.
    async fn jobs(&self) -> Result<Vec<pb::JobData>, DataError>;
    /// Its stages, every attempt, without parts that cost something.
    async fn stages(&self) -> Result<Vec<pb::StageData>, DataError>;
    /// An attempt of a stage.
    async fn stage(
        &self,
        id: i64,
        attempt: i32,
        parts: StageParts,
    ) -> Result<Option<pb::StageData>, DataError>;
    /// Tasks of an attempt by id, from the `offset`-th on; fewer than `limit` at the end.
    async fn tasks(
        &self,
        stage: i64,
        attempt: i32,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<pb::TaskData>, DataError>;
    /// Its executors, those that are gone too.
    async fn executors(&self) -> Result<Vec<pb::ExecutorSummary>, DataError>;
    /// Its SQL queries.
    async fn queries(&self) -> Result<Vec<QueryRow>, DataError>;
    /// A SQL query with all that is known.
    async fn query(&self, id: i64) -> Result<Option<pb::SqlExecutionUiData>, DataError>;
    /// The plan of a SQL query.
    async fn plan(&self, id: i64) -> Result<Option<pb::SparkPlanGraph>, DataError>;
    /// The RDDs of a stage.
    async fn rdd_graph(&self, stage: i64) -> Result<Option<pb::RddOperationGraph>, DataError>;
    /// SQL queries that a native engine had a share in.
    async fn native_queries(&self) -> Result<Vec<pb::NativeSqlExecutionUiData>, DataError>;
    /// The build of the native engine.
    async fn native_build(&self) -> Result<Option<pb::NativeBuildInfoUiData>, DataError>;
}
