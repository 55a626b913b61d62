//! What is asked of Spark Connect, in messages of our own: those few fields that the questions need, with the numbers
//! of Spark's `base.proto` and `relations.proto`. A stock client would put the start of Python into every figure.

use anyhow::Context as _;
use prost::Message;

use crate::grpc::{Answer, Grpc};

const EXECUTE_PLAN: &str = "/spark.connect.SparkConnectService/ExecutePlan";
const ANALYZE_PLAN: &str = "/spark.connect.SparkConnectService/AnalyzePlan";

#[derive(Clone, PartialEq, Message)]
struct ExecutePlanRequest {
    #[prost(string, tag = "1")]
    session_id: String,
    #[prost(message, optional, tag = "2")]
    user_context: Option<UserContext>,
    #[prost(message, optional, tag = "3")]
    plan: Option<Plan>,
}

#[derive(Clone, PartialEq, Message)]
struct AnalyzePlanRequest {
    #[prost(string, tag = "1")]
    session_id: String,
    #[prost(message, optional, tag = "2")]
    user_context: Option<UserContext>,
    #[prost(message, optional, tag = "10")]
    spark_version: Option<SparkVersion>,
}

#[derive(Clone, PartialEq, Message)]
struct UserContext {
    #[prost(string, tag = "1")]
    user_id: String,
}

#[derive(Clone, PartialEq, Message)]
struct Plan {
    #[prost(message, optional, tag = "1")]
    root: Option<Relation>,
}

#[derive(Clone, PartialEq, Message)]
struct Relation {
    #[prost(message, optional, tag = "10")]
    sql: Option<Sql>,
}

#[derive(Clone, PartialEq, Message)]
struct Sql {
    #[prost(string, tag = "1")]
    query: String,
}

#[derive(Clone, PartialEq, Message)]
struct SparkVersion {}

#[derive(Clone, PartialEq, Message)]
struct ExecutePlanResponse {
    #[prost(message, optional, tag = "2")]
    arrow_batch: Option<ArrowBatch>,
}

#[derive(Clone, PartialEq, Message)]
struct ArrowBatch {
    #[prost(int64, tag = "1")]
    row_count: i64,
}

/// One Spark session, on one connection.
#[derive(Debug, Clone)]
pub(crate) struct Spark {
    grpc: Grpc,
    session_id: String,
}

impl Spark {
    /// Through a gateway this is the Hearth session with this uuid, as for Google's clients.
    pub(crate) fn new(grpc: Grpc, session_id: &str) -> Self {
        Self { grpc, session_id: session_id.to_owned() }
    }

    /// Runs a query until its first row is here, and to its end.
    pub(crate) async fn first_row(&self, query: &str) -> anyhow::Result<()> {
        let mut answer = self.execute(query).await?;
        let mut rows = 0;
        while let Some(message) = answer.message().await? {
            rows += ExecutePlanResponse::decode(message)?.arrow_batch.map_or(0, |batch| batch.row_count);
        }
        (rows > 0).then_some(()).context("the query gave no row")
    }

    /// Runs a query or a statement to its end; rows are drained.
    pub(crate) async fn execute_to_end(&self, query: &str) -> anyhow::Result<()> {
        self.execute(query).await?.drain().await.map(drop)
    }

    /// Runs a query and gives the size of its result in bytes, which nobody decodes.
    pub(crate) async fn download(&self, query: &str) -> anyhow::Result<usize> {
        self.execute(query).await?.drain().await
    }

    /// The cheapest question that engines answer.
    pub(crate) async fn version(&self) -> anyhow::Result<()> {
        let request = AnalyzePlanRequest {
            session_id: self.session_id.clone(),
            user_context: Some(user()),
            spark_version: Some(SparkVersion {}),
        };
        let mut answer = self.grpc.call(ANALYZE_PLAN, &request).await?;
        let message = answer.message().await?.context("no answer")?;
        anyhow::ensure!(!message.is_empty(), "an empty answer");
        while answer.message().await?.is_some() {}
        Ok(())
    }

    async fn execute(&self, query: &str) -> anyhow::Result<Answer> {
        let sql = Some(Sql { query: query.to_owned() });
        let request = ExecutePlanRequest {
            session_id: self.session_id.clone(),
            user_context: Some(user()),
            plan: Some(Plan { root: Some(Relation { sql }) }),
        };
        self.grpc.call(EXECUTE_PLAN, &request).await
    }
}

fn user() -> UserContext {
    UserContext { user_id: "bench".to_owned() }
}
