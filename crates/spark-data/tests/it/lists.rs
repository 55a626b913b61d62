//! Lists: order, filters, pages.

use hearth_spark_data::application::search;
use hearth_wire::dataproc as pb;
use pb::{ApplicationStatus, ExecutorStatus, JobExecutionStatus, StageStatus, TaskStatus};

use crate::recorded::{Example, ID, NAME, Recorded, example};

async fn jobs(
    of: &Example,
    change: impl FnOnce(&mut pb::SearchSessionSparkApplicationJobsRequest),
) -> pb::SearchSessionSparkApplicationJobsResponse {
    let mut request =
        pb::SearchSessionSparkApplicationJobsRequest { name: NAME.to_owned(), ..Default::default() };
    change(&mut request);
    of.application.search_jobs(&request).await.unwrap()
}

fn ids(found: &pb::SearchSessionSparkApplicationJobsResponse) -> Vec<i64> {
    found.spark_application_jobs.iter().map(|job| job.job_id).collect()
}

#[tokio::test]
async fn jobs_are_listed_from_the_newest_on_in_pages() {
    let example = example();
    let first = jobs(&example, |_| {}).await;
    assert_eq!(ids(&first), (2..12).rev().collect::<Vec<_>>());
    let second = jobs(&example, |request| request.page_token = first.next_page_token.clone()).await;
    assert_eq!((ids(&second), second.next_page_token.as_str()), (vec![1, 0], ""));
    let all = jobs(&example, |request| request.page_size = 500).await;
    assert_eq!(ids(&all).len(), 12);
}

#[tokio::test]
async fn jobs_are_chosen_by_status_and_id() {
    let example = example();
    let failed = jobs(&example, |request| request.set_job_status(JobExecutionStatus::Failed)).await;
    assert_eq!(ids(&failed), [10]);
    assert_eq!(failed.spark_application_jobs[0].num_failed_stages, 1);
    let chosen = jobs(&example, |request| request.job_ids = vec![3, 10, 99]).await;
    assert_eq!(ids(&chosen), [10, 3]);
    let none = jobs(&example, |request| {
        request.job_ids = vec![3];
        request.set_job_status(JobExecutionStatus::Failed);
    });
    assert!(ids(&none.await).is_empty());
}

#[tokio::test]
async fn stages_are_listed_with_the_summaries_that_are_asked_for() {
    let example = example();
    let ask = |mask: &str, status: StageStatus| {
        let request = pb::SearchSessionSparkApplicationStagesRequest {
            summary_metrics_mask: mask.to_owned(),
            stage_status: status.into(),
            page_size: 100,
            ..Default::default()
        };
        let application = &example.application;
        async move { application.search_stages(&request).await }
    };
    let bare = ask("", StageStatus::Complete).await.unwrap().spark_application_stages;
    let ids: Vec<_> = bare.iter().map(|stage| stage.stage_id).collect();
    assert!(ids.is_sorted_by(|a, b| a > b) && ids.len() > 5, "{ids:?}");
    assert!(
        bare.iter().all(|stage| stage.task_quantile_metrics.is_none() && stage.executor_summary.is_empty())
    );

    let with =
        ask("taskQuantileMetrics,executor_metrics_distributions", StageStatus::Complete).await.unwrap();
    for stage in with.spark_application_stages {
        let run = stage.task_quantile_metrics.unwrap().executor_run_time_millis.unwrap();
        assert!(run.minimum <= run.percentile50 && run.percentile50 <= run.maximum);
        let spread = stage.executor_metrics_distributions.unwrap();
        assert_eq!(spread.quantiles, [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(spread.peak_memory_metrics.unwrap().executor_metrics.len(), 5);
        assert!(stage.executor_summary.is_empty());
    }
    assert_eq!(ask("", StageStatus::Failed).await.unwrap().spark_application_stages.len(), 1);
    assert!(!ask("", StageStatus::Skipped).await.unwrap().spark_application_stages.is_empty());
    let refused =
        ask("task_quantile_metrics,nonsense", StageStatus::Unspecified).await.unwrap_err().to_string();
    assert!(refused.contains("'nonsense' is no summary of a stage"), "{refused}");
}

#[tokio::test]
async fn tasks_are_listed_as_launched_or_from_the_longest_on() {
    let example = example();
    let ask = |stage: Option<i64>, longest: bool, status: TaskStatus| {
        let request = pb::SearchSessionSparkApplicationStageAttemptTasksRequest {
            stage_id: stage,
            sort_runtime: longest,
            task_status: status.into(),
            page_size: 100,
            ..Default::default()
        };
        let application = &example.application;
        async move { application.search_tasks(&request).await.unwrap().spark_application_stage_attempt_tasks }
    };
    let launched = ask(Some(0), false, TaskStatus::Unspecified).await;
    assert_eq!(launched.len(), 4);
    assert!(launched.is_sorted_by_key(|task| task.task_id));
    assert!(launched.iter().all(|task| task.has_metrics && task.stage_id == 0 && task.launch_time.is_some()));
    let longest = ask(Some(0), true, TaskStatus::Unspecified).await;
    assert!(longest.is_sorted_by(|a, b| a.duration_millis >= b.duration_millis));
    let failed = ask(None, false, TaskStatus::Failed).await;
    assert_eq!(failed.len(), 3);
    assert!(failed.iter().all(|task| task.status == "FAILED" && task.error_message.contains("Exception")));
    assert_eq!(ask(None, false, TaskStatus::Unspecified).await.len(), 23);
}

#[tokio::test]
async fn executors_are_listed_and_summed() {
    let example = example();
    let ask = |status: ExecutorStatus| {
        let request = pb::SearchSessionSparkApplicationExecutorsRequest {
            executor_status: status.into(),
            ..Default::default()
        };
        let application = &example.application;
        async move { application.search_executors(&request).await.unwrap().spark_application_executors }
    };
    let active = ask(ExecutorStatus::Active).await;
    assert_eq!(active[0].executor_id, "driver");
    assert_eq!((active[0].completed_tasks, active[0].failed_tasks), (20, 3));
    assert!(active[0].peak_memory_metrics.as_ref().unwrap().metrics["JVMHeapMemory"] > 0);
    assert!(ask(ExecutorStatus::Dead).await.is_empty());
    let sums = example.application.summarize_executors().await.unwrap();
    let (active, dead) = (sums.active_executor_summary.unwrap(), sums.dead_executor_summary.unwrap());
    assert_eq!((active.count, active.total_tasks, dead.count), (1, 23, 0));
    assert_eq!(sums.total_executor_summary.unwrap(), active);
    let request = pb::SearchSessionSparkApplicationExecutorStageSummaryRequest {
        stage_id: Some(0),
        stage_attempt_id: Some(0),
        ..Default::default()
    };
    let found = example.application.search_executor_stage_summary(&request).await.unwrap();
    let [driver] = found.spark_application_stage_executors.as_slice() else { panic!() };
    assert_eq!((driver.executor_id.as_str(), driver.succeeded_tasks), ("driver", 4));
}

#[tokio::test]
async fn queries_are_chosen_by_the_operations_of_spark_connect() {
    let example = example();
    let ask = |operations: Vec<String>| {
        let request = pb::SearchSessionSparkApplicationSqlQueriesRequest {
            operation_ids: operations,
            ..Default::default()
        };
        let application = &example.application;
        async move { application.search_queries(&request).await.unwrap().spark_application_sql_queries }
    };
    let all = ask(Vec::new()).await;
    assert_eq!(all.iter().map(|query| query.execution_id).collect::<Vec<_>>(), [5, 4, 3, 2, 1, 0]);
    let rows = example.source.queries().await.unwrap();
    for row in rows {
        let [operation] = row.operations.as_slice() else { panic!("{row:?}") };
        let found = ask(vec![operation.clone()]).await;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].execution_id, row.query.execution_id);
    }
    assert!(ask(vec!["none".to_owned()]).await.is_empty());
}

#[tokio::test]
async fn applications_are_chosen_by_status_and_times() {
    let example = example();
    let ask = |request: pb::SearchSessionSparkApplicationsRequest| {
        let sources = [example.source.clone()];
        async move {
            search("projects/p/locations/l/sessions/etl", &sources, &request)
                .await
                .unwrap()
                .spark_applications
        }
    };
    let all = ask(Default::default()).await;
    assert_eq!(all[0].name, format!("projects/p/locations/l/sessions/etl/sparkApplications/{ID}"));
    let application = all[0].application.as_ref().unwrap();
    let attempt = &application.attempts[0];
    let recorded = Recorded::new();
    assert_eq!(application.name, recorded.at("")["name"]);
    assert!(!attempt.completed && attempt.end_time.is_none() && attempt.start_time.is_some());
    assert_eq!(attempt.event_log_path, "file:///log");
    let request = |status: ApplicationStatus| pb::SearchSessionSparkApplicationsRequest {
        application_status: status.into(),
        ..Default::default()
    };
    assert_eq!(ask(request(ApplicationStatus::Running)).await.len(), 1);
    assert!(ask(request(ApplicationStatus::Completed)).await.is_empty());
    let started = attempt.start_time.unwrap();
    let later = prost_types::Timestamp { seconds: started.seconds + 1, ..started };
    let between = |min, max| pb::SearchSessionSparkApplicationsRequest {
        min_time: min,
        max_time: max,
        ..Default::default()
    };
    assert_eq!(ask(between(Some(started), Some(started))).await.len(), 1);
    assert!(ask(between(Some(later), None)).await.is_empty());
    // One that has not ended did so neither before nor after any time.
    let ended = pb::SearchSessionSparkApplicationsRequest { max_end_time: Some(later), ..Default::default() };
    assert!(ask(ended).await.is_empty());
}
