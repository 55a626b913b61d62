//! The RDDs of a stage as a graph, made as Spark makes the one of its pages.

use std::collections::{BTreeMap, BTreeSet};

use hearth_wire::dataproc as pb;
use pb::rdd_operation_node::DeterministicLevel;
use serde::Deserialize;

use crate::event_log::StageInfo;

/// As many clusters a graph has at most (contract, section 11).
pub(crate) const CLUSTER_LIMIT: usize = 10_000;
/// Scopes deeper than this are put into the one at this depth: messages can be read to a depth of 100.
const DEPTH_LIMIT: usize = 32;

/// An RDD as the event log has it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Rdd {
    #[serde(rename = "RDD ID")]
    id: i32,
    #[serde(rename = "Name", default)]
    name: String,
    /// JSON within JSON.
    #[serde(rename = "Scope", default)]
    scope: Option<String>,
    #[serde(rename = "Callsite", default)]
    callsite: String,
    #[serde(rename = "Parent IDs", default)]
    parents: Vec<i32>,
    #[serde(rename = "Storage Level", default)]
    storage: Storage,
    #[serde(rename = "Barrier", default)]
    barrier: bool,
    #[serde(rename = "DeterministicLevel", default)]
    level: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Storage {
    #[serde(rename = "Use Disk", default)]
    disk: bool,
    #[serde(rename = "Use Memory", default)]
    memory: bool,
    #[serde(rename = "Use Off Heap", default)]
    off_heap: bool,
}

/// What an RDD was made by, and what that was part of.
#[derive(Deserialize)]
struct Scope {
    id: String,
    name: String,
    parent: Option<Box<Scope>>,
}

impl Scope {
    /// Ids and names, outermost first.
    fn path(text: &str) -> Vec<(String, String)> {
        let mut path = Vec::new();
        let mut scope = serde_json::from_str::<Self>(text).ok().map(Box::new);
        while let Some(inner) = scope {
            path.push((inner.id, inner.name));
            scope = inner.parent;
        }
        path.reverse();
        path.truncate(DEPTH_LIMIT);
        path
    }
}

/// A cluster while the graph is made.
#[derive(Default)]
struct Cluster {
    name: String,
    clusters: Vec<String>,
    nodes: Vec<pb::RddOperationNode>,
}

/// The graph of a stage.
pub(crate) fn graph(stage: StageInfo) -> pb::RddOperationGraph {
    let mut graph = pb::RddOperationGraph { stage_id: stage.id, ..pb::RddOperationGraph::default() };
    let ids: BTreeSet<i32> = stage.rdds.iter().map(|rdd| rdd.id).collect();
    let mut rdds = stage.rdds;
    rdds.sort_by_key(|rdd| rdd.id);
    let root = format!("stage_{}", stage.id);
    let attempt = if stage.attempt == 0 { String::new() } else { format!(" (attempt {})", stage.attempt) };
    let mut clusters = BTreeMap::new();
    clusters
        .insert(root.clone(), Cluster { name: format!("Stage {}{attempt}", stage.id), ..Cluster::default() });
    for rdd in rdds {
        for parent in &rdd.parents {
            let edge = pb::RddOperationEdge { from_id: *parent, to_id: rdd.id };
            // Nothing leads out: children are known to their own stages only.
            if ids.contains(parent) { graph.edges.push(edge) } else { graph.incoming_edges.push(edge) }
        }
        let mut inside = root.clone();
        for (id, name) in rdd.scope.as_deref().map(Scope::path).unwrap_or_default() {
            if !clusters.contains_key(&id) {
                if clusters.len() >= CLUSTER_LIMIT {
                    break;
                }
                clusters
                    .insert(id.clone(), Cluster { name: name.replace('\n', "\\n"), ..Cluster::default() });
                if let Some(outer) = clusters.get_mut(&inside) {
                    outer.clusters.push(id.clone());
                }
            }
            inside = id;
        }
        if let Some(cluster) = clusters.get_mut(&inside) {
            cluster.nodes.push(node(rdd));
        }
    }
    graph.root_cluster = message(&root, &mut clusters);
    graph
}

fn node(rdd: Rdd) -> pb::RddOperationNode {
    let level = match rdd.level.as_str() {
        "DETERMINATE" => DeterministicLevel::Determinate,
        "UNORDERED" => DeterministicLevel::Unordered,
        "INDETERMINATE" => DeterministicLevel::Indeterminate,
        _ => DeterministicLevel::Unspecified,
    };
    pb::RddOperationNode {
        node_id: rdd.id,
        name: rdd.name,
        callsite: rdd.callsite,
        cached: rdd.storage.disk || rdd.storage.memory || rdd.storage.off_heap,
        barrier: rdd.barrier,
        output_deterministic_level: level.into(),
    }
}

/// A cluster with what is in it. Each is in one other at most, so it is taken out.
fn message(id: &str, clusters: &mut BTreeMap<String, Cluster>) -> Option<pb::RddOperationCluster> {
    let cluster = clusters.remove(id)?;
    Some(pb::RddOperationCluster {
        rdd_cluster_id: id.to_owned(),
        name: cluster.name,
        child_clusters: cluster.clusters.iter().filter_map(|inner| message(inner, clusters)).collect(),
        child_nodes: cluster.nodes,
    })
}
