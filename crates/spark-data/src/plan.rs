//! The plan of a SQL query as a graph, numbered as Spark numbers its own.

use std::collections::{BTreeMap, HashMap};

use hearth_wire::dataproc as pb;
use pb::spark_plan_graph_node_wrapper::Record as Wrapped;
use serde::Deserialize;

use crate::rdd_graph::CLUSTER_LIMIT;
use crate::records::{Query, QueryNode};

/// A node of a plan with those it takes rows from, as the event log has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PlanNode {
    node_name: String,
    simple_string: String,
    children: Vec<PlanNode>,
    metadata: BTreeMap<String, String>,
    metrics: Vec<PlanMetric>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PlanMetric {
    name: String,
    accumulator_id: i64,
    metric_type: String,
}

/// The graph of a plan.
pub(crate) fn graph(execution: i64, plan: &PlanNode) -> pb::SparkPlanGraph {
    let mut drawing = Drawing::default();
    drawing.draw(plan, None, None);
    bounded(pb::SparkPlanGraph { execution_id: execution, nodes: drawing.nodes, edges: drawing.edges })
}

/// The same graph, cut where it has more nodes and clusters than are told.
pub(crate) fn bounded(mut graph: pb::SparkPlanGraph) -> pb::SparkPlanGraph {
    graph.nodes.truncate(CLUSTER_LIMIT);
    graph
}

/// The graph by what the monitoring API says, for plans that are not in a log. It knows no more of a node than its
/// name and its values.
pub(crate) fn graph_of_query(query: &Query) -> pb::SparkPlanGraph {
    let plain = |node: &QueryNode| {
        wrap(Wrapped::Node(pb::SparkPlanGraphNode {
            spark_plan_graph_node_id: node.node_id,
            name: node.node_name.clone(),
            ..pb::SparkPlanGraphNode::default()
        }))
    };
    let stage_of = |node: &QueryNode| {
        let inner = node.node_name.strip_prefix("WholeStageCodegen (")?.strip_suffix(')')?;
        inner.parse::<i64>().ok()
    };
    let whole: Vec<i64> = query.nodes.iter().filter_map(stage_of).collect();
    let mut nodes: Vec<_> = query.nodes.iter().collect();
    nodes.sort_by_key(|node| node.node_id);
    let top = nodes.iter().filter(|node| node.whole_stage_codegen_id.is_none_or(|id| !whole.contains(&id)));
    let nodes = top
        .map(|node| match stage_of(node) {
            None => plain(node),
            Some(stage) => wrap(Wrapped::Cluster(pb::SparkPlanGraphCluster {
                spark_plan_graph_cluster_id: node.node_id,
                name: node.node_name.clone(),
                nodes: nodes
                    .iter()
                    .filter(|inner| inner.whole_stage_codegen_id == Some(stage))
                    .map(|inner| plain(inner))
                    .collect(),
                ..pb::SparkPlanGraphCluster::default()
            })),
        })
        .collect();
    let edges = query.edges.iter();
    let edges =
        edges.map(|edge| pb::SparkPlanGraphEdge { from_id: edge.from_id, to_id: edge.to_id }).collect();
    bounded(pb::SparkPlanGraph { execution_id: query.id, nodes, edges })
}

/// The metrics of a graph, each once, and for each the node it is of.
pub(crate) fn metrics(graph: &pb::SparkPlanGraph) -> Vec<(i64, pb::SqlPlanMetric)> {
    let mut found = Vec::new();
    let mut left: Vec<&pb::SparkPlanGraphNodeWrapper> = graph.nodes.iter().collect();
    while let Some(wrapper) = left.pop() {
        match &wrapper.record {
            Some(Wrapped::Node(node)) => {
                found.extend(
                    node.metrics.iter().map(|metric| (node.spark_plan_graph_node_id, metric.clone())),
                );
            }
            Some(Wrapped::Cluster(cluster)) => {
                let id = cluster.spark_plan_graph_cluster_id;
                found.extend(cluster.metrics.iter().map(|metric| (id, metric.clone())));
                left.extend(&cluster.nodes);
            }
            None => {}
        }
    }
    found.sort_by_key(|(_, metric)| metric.accumulator_id);
    found.dedup_by_key(|(_, metric)| metric.accumulator_id);
    found
}

fn wrap(record: Wrapped) -> pb::SparkPlanGraphNodeWrapper {
    pb::SparkPlanGraphNodeWrapper { record: Some(record) }
}

/// A graph while it is drawn, as `SparkPlanGraph` in Spark does it.
#[derive(Default)]
struct Drawing<'p> {
    next_id: i64,
    nodes: Vec<pb::SparkPlanGraphNodeWrapper>,
    edges: Vec<pb::SparkPlanGraphEdge>,
    /// Exchanges and subqueries that were drawn: where one is used again, an edge leads to it.
    drawn: HashMap<&'p PlanNode, i64>,
}

impl<'p> Drawing<'p> {
    /// Draws a node whose rows go to `parent`, inside the cluster at this place among the nodes.
    fn draw(&mut self, plan: &'p PlanNode, parent: Option<i64>, cluster: Option<usize>) {
        let name = plan.node_name.as_str();
        let first = plan.children.first();
        match (name, first) {
            (_, Some(child)) if name.starts_with("WholeStageCodegen") => {
                let made = pb::SparkPlanGraphCluster {
                    spark_plan_graph_cluster_id: self.id(),
                    name: plan.node_name.clone(),
                    desc: plan.simple_string.clone(),
                    metadata: plan.metadata.clone(),
                    metrics: plan.metrics(),
                    nodes: Vec::new(),
                };
                self.nodes.push(wrap(Wrapped::Cluster(made)));
                self.draw(child, parent, Some(self.nodes.len() - 1));
            }
            ("InputAdapter" | "TableCacheQueryStage", Some(child)) => self.draw(child, parent, None),
            ("BroadcastQueryStage" | "ResultQueryStage" | "ShuffleQueryStage", Some(child)) => {
                match self.drawn.get(child) {
                    Some(id) => self.edge(*id, parent),
                    None => self.draw(child, parent, None),
                }
            }
            // A subquery is never part of what is compiled into one.
            ("Subquery", _) if cluster.is_some() => self.draw(plan, parent, None),
            ("Subquery", _) if self.drawn.contains_key(plan) => self.edge(self.drawn[plan], parent),
            ("ReusedSubquery", Some(child)) => self.draw(child, parent, cluster),
            ("ReusedExchange", Some(child)) if self.drawn.contains_key(child) => {
                self.edge(self.drawn[child], parent);
            }
            _ => self.draw_node(plan, parent, cluster),
        }
    }

    fn draw_node(&mut self, plan: &'p PlanNode, parent: Option<i64>, cluster: Option<usize>) {
        let id = self.id();
        let node = wrap(Wrapped::Node(pb::SparkPlanGraphNode {
            spark_plan_graph_node_id: id,
            name: plan.node_name.clone(),
            desc: plan.simple_string.clone(),
            metadata: plan.metadata.clone(),
            metrics: plan.metrics(),
        }));
        match cluster.and_then(|at| self.nodes.get_mut(at)).and_then(|wrapper| wrapper.record.as_mut()) {
            Some(Wrapped::Cluster(cluster)) => cluster.nodes.push(node),
            _ => self.nodes.push(node),
        }
        if plan.node_name.contains("Exchange") || plan.node_name == "Subquery" {
            self.drawn.insert(plan, id);
        }
        self.edge(id, parent);
        for child in &plan.children {
            self.draw(child, Some(id), cluster);
        }
    }

    fn id(&mut self) -> i64 {
        self.next_id += 1;
        self.next_id - 1
    }

    fn edge(&mut self, from: i64, to: Option<i64>) {
        self.edges.extend(to.map(|to| pb::SparkPlanGraphEdge { from_id: from, to_id: to }));
    }
}

impl PlanNode {
    fn metrics(&self) -> Vec<pb::SqlPlanMetric> {
        let message = |metric: &PlanMetric| pb::SqlPlanMetric {
            name: metric.name.clone(),
            accumulator_id: metric.accumulator_id,
            metric_type: metric.metric_type.clone(),
        };
        self.metrics.iter().map(message).collect()
    }
}
