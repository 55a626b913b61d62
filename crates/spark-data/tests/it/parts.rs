//! Single things: one job, one attempt, one query, graphs, the environment.

use std::collections::BTreeSet;

use hearth_spark_data::DataError;
use hearth_wire::dataproc as pb;
use hearth_wire::json::{self, Style};
use hearth_wire::schema::schema;
use pb::spark_plan_graph_node_wrapper::Record;
use prost::Message;

use crate::recorded::{NAME, Recorded, example};

#[tokio::test]
async fn a_job_knows_its_query_and_its_stages() {
    let example = example();
    let request = |id| pb::AccessSessionSparkApplicationJobRequest { job_id: id, ..Default::default() };
    let job = example.application.access_job(&request(Some(2))).await.unwrap().job_data.unwrap();
    assert_eq!(job.sql_execution_id, Some(0));
    assert_eq!(i32::try_from(job.skipped_stages.len()).unwrap(), job.num_skipped_stages);
    let absent = example.application.access_job(&request(Some(99))).await.unwrap_err();
    assert!(matches!(&absent, DataError::NotFound(_)), "{absent}");
    assert_eq!(absent.to_string(), format!("Not found: Job 99 of Spark application {NAME}"));
    let missing = example.application.access_job(&request(None)).await.unwrap_err();
    assert!(matches!(missing, DataError::Invalid { field: "job_id", .. }));
}

#[tokio::test]
async fn summaries_count_what_the_lists_have() {
    let example = example();
    let jobs = example.application.summarize_jobs(&Default::default()).await.unwrap().jobs_summary.unwrap();
    assert_eq!((jobs.active_jobs, jobs.completed_jobs, jobs.failed_jobs), (0, 11, 1));
    assert_eq!(jobs.scheduling_mode, "FIFO");
    let stages =
        example.application.summarize_stages(&Default::default()).await.unwrap().stages_summary.unwrap();
    assert_eq!((stages.num_completed_stages, stages.num_failed_stages), (11, 1));
    let request = pb::SummarizeSessionSparkApplicationStageAttemptTasksRequest {
        stage_id: Some(16),
        stage_attempt_id: Some(0),
        ..Default::default()
    };
    let tasks =
        example.application.summarize_tasks(&request).await.unwrap().stage_attempt_tasks_summary.unwrap();
    assert_eq!((tasks.num_tasks, tasks.num_failed_tasks, tasks.num_pending_tasks), (4, 3, 1));
}

#[tokio::test]
async fn times_and_enums_are_renamed_and_large_numbers_are_texts() {
    let example = example();
    let request = pb::AccessSessionSparkApplicationStageAttemptRequest {
        stage_id: Some(2),
        stage_attempt_id: Some(0),
        ..Default::default()
    };
    let answer = example.application.access_stage_attempt(&request).await.unwrap();
    let ty = schema()
        .message("google.cloud.dataproc.v1.AccessSessionSparkApplicationStageAttemptResponse")
        .unwrap();
    let text = json::encode(ty, &answer.encode_to_vec(), Style::default()).unwrap();
    let stage = serde_json::from_slice::<serde_json::Value>(&text).unwrap()["stageData"].take();
    assert_eq!(stage["status"], "STAGE_STATUS_COMPLETE");
    assert_eq!(stage["stageId"], "2");
    assert_eq!(stage["parentStageIds"], serde_json::json!(["1"]));
    assert_eq!(stage["jobIds"], serde_json::json!(["1"]));
    let recorded = Recorded::new();
    let raw = recorded.at("/stages").as_array().unwrap().iter().find(|stage| stage["stageId"] == 2).unwrap();
    let metrics = &stage["stageMetrics"];
    assert_eq!(metrics["executorRunTimeMillis"], raw["executorRunTime"].to_string());
    assert_eq!(metrics["executorCpuTimeNanos"], raw["executorCpuTime"].to_string());
    assert_eq!(metrics["stageShuffleReadMetrics"]["bytesRead"], raw["shuffleReadBytes"].to_string());
    let text = stage["submissionTime"].as_str().unwrap();
    assert_eq!(raw["submissionTime"].as_str().unwrap(), text.replace('Z', "GMT"));
}

#[tokio::test]
async fn plans_from_the_log_have_the_nodes_and_edges_that_spark_draws() {
    let example = example();
    let recorded = Recorded::new();
    for id in 0..6 {
        let request = pb::AccessSessionSparkApplicationSqlSparkPlanGraphRequest {
            execution_id: Some(id),
            ..Default::default()
        };
        let graph = example.application.access_plan(&request).await.unwrap().spark_plan_graph.unwrap();
        let raw = recorded.at(&format!("/sql/{id}?details=true&planDescription=true"));
        let wanted: BTreeSet<_> = raw["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|node| (node["nodeId"].as_i64().unwrap(), node["nodeName"].as_str().unwrap().to_owned()))
            .collect();
        let mut found = BTreeSet::new();
        for wrapper in &graph.nodes {
            match wrapper.record.as_ref().unwrap() {
                Record::Node(node) => drop(found.insert((node.spark_plan_graph_node_id, node.name.clone()))),
                Record::Cluster(cluster) => {
                    found.insert((cluster.spark_plan_graph_cluster_id, cluster.name.clone()));
                    for inner in &cluster.nodes {
                        let Some(Record::Node(node)) = &inner.record else { panic!() };
                        assert!(!node.desc.is_empty());
                        found.insert((node.spark_plan_graph_node_id, node.name.clone()));
                    }
                }
            }
        }
        assert_eq!(found, wanted, "query {id}");
        let edges: BTreeSet<_> = graph.edges.iter().map(|edge| (edge.from_id, edge.to_id)).collect();
        let wanted: BTreeSet<_> = raw["edges"]
            .as_array()
            .unwrap()
            .iter()
            .map(|edge| (edge["fromId"].as_i64().unwrap(), edge["toId"].as_i64().unwrap()))
            .collect();
        assert_eq!(edges, wanted, "query {id}");
    }
}

#[tokio::test]
async fn a_query_hides_its_details_and_its_plan_unless_asked() {
    let example = example();
    let ask = |details, plan_description| {
        let request = pb::AccessSessionSparkApplicationSqlQueryRequest {
            execution_id: Some(0),
            details,
            plan_description,
            ..Default::default()
        };
        let application = &example.application;
        async move { application.access_query(&request).await.unwrap().execution_data.unwrap() }
    };
    let bare = ask(false, false).await;
    assert!(bare.metrics.is_empty() && bare.details.is_empty() && bare.physical_plan_description.is_empty());
    assert_eq!(bare.modified_configs["spark.sql.shuffle.partitions"], "3");
    assert_eq!(bare.jobs.len(), 4);
    assert!(bare.completion_time.is_some() && !bare.stages.is_empty());
    let whole = ask(true, true).await;
    assert!(whole.physical_plan_description.starts_with("== Physical Plan =="));
    assert!(!whole.details.is_empty());
    let rows = whole.metrics.iter().find(|metric| metric.name == "number of output rows").unwrap();
    assert!(whole.metric_values.contains_key(&rows.accumulator_id.to_string()), "{rows:?}");
    let failed = example.source.query(3).await.unwrap().unwrap();
    assert!(failed.error_message.contains("USER_RAISED_EXCEPTION"));
}

#[tokio::test]
async fn the_rdds_of_a_stage_are_in_the_clusters_of_their_scopes() {
    let example = example();
    let ask = |stage| pb::AccessSessionSparkApplicationStageRddOperationGraphRequest {
        stage_id: Some(stage),
        ..Default::default()
    };
    let graph = example.application.access_rdd_graph(&ask(0)).await.unwrap().rdd_operation_graph.unwrap();
    let root = graph.root_cluster.unwrap();
    assert_eq!((root.rdd_cluster_id.as_str(), root.name.as_str()), ("stage_0", "Stage 0"));
    let clusters: Vec<_> = root
        .child_clusters
        .iter()
        .map(|cluster| (cluster.name.as_str(), cluster.child_nodes.len()))
        .collect();
    assert_eq!(clusters, [("WholeStageCodegen (1)", 3), ("Exchange", 1)]);
    let edges: Vec<_> = graph.edges.iter().map(|edge| (edge.from_id, edge.to_id)).collect();
    assert_eq!(edges, [(0, 1), (1, 2), (2, 3)]);
    assert!(graph.incoming_edges.is_empty());
    // A stage after a shuffle begins with an RDD of the stage before it.
    let after = example.application.access_rdd_graph(&ask(15)).await.unwrap().rdd_operation_graph.unwrap();
    let incoming: Vec<_> = after.incoming_edges.iter().map(|edge| (edge.from_id, edge.to_id)).collect();
    assert_eq!(incoming, [(33, 34)]);
    assert!(matches!(example.application.access_rdd_graph(&ask(99)).await, Err(DataError::NotFound(_))));
}

#[tokio::test]
async fn the_environment_has_properties_by_name() {
    let example = example();
    let found = example.application.access_environment().await.unwrap().application_environment_info.unwrap();
    assert_eq!(found.spark_properties["spark.master"], "local[2]");
    assert!(found.runtime.unwrap().java_version.starts_with("17"));
    assert_eq!(found.resource_profiles[0].task_resources["cpus"].amount, 1.0);
}

#[tokio::test]
async fn there_is_nothing_of_a_native_engine() {
    let example = example();
    let none = example.application.search_native_queries(&Default::default()).await.unwrap();
    assert_eq!(none, Default::default());
    let request = pb::AccessSessionSparkApplicationNativeSqlQueryRequest {
        execution_id: Some(0),
        ..Default::default()
    };
    assert!(matches!(example.application.access_native_query(&request).await, Err(DataError::NotFound(_))));
    assert_eq!(example.application.access_native_build().await.unwrap().execution_data, None);
}
