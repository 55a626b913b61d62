//! SQL queries and the nodes of their plans.

use serde::Deserialize;

use super::At;

/// One query of `/sql`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Query {
    pub(crate) id: i64,
    pub(crate) status: String,
    pub(crate) description: String,
    pub(crate) plan_description: String,
    pub(crate) submission_time: At,
    /// Milliseconds, up to now for one that runs.
    pub(crate) duration: i64,
    pub(crate) running_job_ids: Vec<i64>,
    pub(crate) success_job_ids: Vec<i64>,
    pub(crate) failed_job_ids: Vec<i64>,
    /// Only with `details=true`.
    pub(crate) nodes: Vec<QueryNode>,
    pub(crate) edges: Vec<QueryEdge>,
}

/// A node of a plan.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct QueryNode {
    pub(crate) node_id: i64,
    pub(crate) node_name: String,
    pub(crate) whole_stage_codegen_id: Option<i64>,
    pub(crate) metrics: Vec<NodeMetric>,
}

/// A metric of a node, its value as people read it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NodeMetric {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// From a node to the one that takes its rows.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct QueryEdge {
    pub(crate) from_id: i64,
    pub(crate) to_id: i64,
}
