//! Section 11: Spark application data. What a real Spark says is in `tests/real/spark_data.rs`; here is what holds of
//! any application, with one that was written over REST.

use hearth_testkit::{Options, PARENT, TestServer};
use hearth_wire::dataproc as pb;
use serde_json::{Value, json};

use super::both::{self, Both, name, session_with};
use crate::{HEARTH, without_engines};

const APPLICATION: &str = "app-20261122-0001";

fn start() -> TestServer {
    let server = Options::new(HEARTH).without_engines().start();
    server.active("spark");
    server
}

/// A path of a call about an application of the session.
fn path(application: &str, call: &str) -> String {
    format!("/v1/{}/sparkApplications/{application}:{call}", name("spark"))
}

fn record(mut about: Value) -> Value {
    about["applicationId"] = json!(APPLICATION);
    about["eventTimestamp"] = json!("2026-11-22T10:00:00Z");
    about
}

/// Writes an application with twelve jobs, a stage with two attempts and 25 tasks, a query and an executor.
fn write(server: &TestServer) {
    let mut records = vec![
        record(json!({"applicationInfo": {"applicationId": APPLICATION, "name": "written",
            "attempts": [{"startTime": "2026-11-22T09:00:00Z", "completed": false}]}})),
        record(
            json!({"sqlExecutionUiData": {"executionId": "7", "details": "where", "physicalPlanDescription": "plan",
            "jobs": {"3": "JOB_EXECUTION_STATUS_FAILED"}}}),
        ),
        record(json!({"executorSummary": {"executorId": "driver", "isActive": true, "totalTasks": 25}})),
        record(json!({"executorSummary": {"executorId": "1", "isActive": false, "totalTasks": 5}})),
    ];
    for id in 0..12 {
        let status = if id == 3 { "JOB_EXECUTION_STATUS_FAILED" } else { "JOB_EXECUTION_STATUS_SUCCEEDED" };
        records.push(record(json!({"jobData": {"jobId": id.to_string(), "status": status, "numTasks": id}})));
    }
    for attempt in 0..2 {
        records.push(record(json!({"stageData": {"stageId": "5", "stageAttemptId": attempt,
            "status": "STAGE_STATUS_COMPLETE", "numTasks": 25, "numCompleteTasks": 20, "numFailedTasks": 2,
            "taskQuantileMetrics": {"durationMillis": {"maximum": "9"}}}})));
    }
    for id in 0..25 {
        records.push(record(
            json!({"taskData": {"taskId": id.to_string(), "stageId": "5", "stageAttemptId": 1,
            "status": "SUCCESS", "durationMillis": ((id * 7) % 25).to_string(),
            "launchTime": format!("2026-11-22T09:00:{id:02}Z")}}),
        ));
    }
    let body = json!({"parent": name("spark"), "sparkWrapperObjects": records});
    assert_eq!(server.rest().post(&path(APPLICATION, "write"), &body).ok(), json!({}));
}

fn get(server: &TestServer, call: &str) -> Value {
    server.rest().get(&path(APPLICATION, call)).ok()
}

#[test]
fn s11_a_session_without_applications_has_an_empty_list_and_finds_none() {
    let server = start();
    let search = format!("/v1/{}/sparkApplications:search", name("spark"));
    assert_eq!(server.rest().get(&search).ok(), json!({}));
    let absent = server.rest().get(&path("app-0", "access"));
    let named = format!("{}/sparkApplications/app-0", name("spark"));
    assert_eq!(absent.error(404, "NOT_FOUND"), format!("Not found: Spark application {named}"));
    let nowhere = server.rest().get(&format!("/v1/{PARENT}/sessions/none/sparkApplications:search"));
    assert_eq!(nowhere.error(404, "NOT_FOUND"), format!("Not found: Session {PARENT}/sessions/none"));
}

#[test]
fn s11_the_parent_may_be_absent_and_is_the_session_otherwise() {
    let server = start();
    write(&server);
    let with = |parent: &str| server.rest().get(&path(APPLICATION, &format!("access?parent={parent}")));
    assert_eq!(with(&name("spark")).ok(), get(&server, "access"));
    let refused = with(&name("other"));
    assert!(refused.error(400, "INVALID_ARGUMENT").contains("is not the session of"));
    assert_eq!(refused.violations()[0].0, "parent");
}

#[test]
fn s11_records_that_are_written_are_read_back() {
    let server = start();
    write(&server);
    let found = server.rest().get(&format!("/v1/{}/sparkApplications:search", name("spark"))).ok();
    let application = &found["sparkApplications"][0];
    assert_eq!(application["name"], format!("{}/sparkApplications/{APPLICATION}", name("spark")));
    assert_eq!(application["application"]["name"], "written");
    assert_eq!(get(&server, "access")["application"], application["application"]);
    assert_eq!(get(&server, "accessJob?jobId=3")["jobData"]["status"], "JOB_EXECUTION_STATUS_FAILED");
    let all = get(&server, "summarizeExecutors");
    assert_eq!(
        (&all["totalExecutorSummary"]["count"], &all["deadExecutorSummary"]["totalTasks"]),
        (&json!(2), &json!(5))
    );
    // They are there after the end of the session, and gone with it.
    server.terminate("spark");
    assert_eq!(get(&server, "summarizeJobs")["jobsSummary"]["completedJobs"], 11);
}

#[test]
fn s11_records_of_another_application_or_of_nothing_are_refused() {
    let server = start();
    let write = |records: Value| {
        let body = json!({"parent": name("spark"), "sparkWrapperObjects": records});
        let answer = server.rest().post(&path("another", "write"), &body);
        answer.error(400, "INVALID_ARGUMENT")
    };
    assert_eq!(write(json!([])), "There must be at least one record");
    let other = write(json!([record(json!({"appSummary": {"numCompletedJobs": 1}}))]));
    assert_eq!(other, format!("Record 0 is of application '{APPLICATION}', not of 'another'"));
    assert_eq!(write(json!([{"applicationId": "another"}])), "Record 0 is about nothing");
    let two = json!([{"applicationId": "another", "appSummary": {}, "jobData": {}}]);
    assert!(write(two).contains("oneof field 'record' is already set"), "one record is of one kind");
}

#[test]
fn s11_pages_have_ten_rows_unless_asked_and_a_hundred_at_most() {
    let server = start();
    write(&server);
    let first = get(&server, "searchJobs");
    let ids = |page: &Value| -> Vec<i64> {
        let jobs = page["sparkApplicationJobs"].as_array().unwrap().iter();
        jobs.map(|job| job["jobId"].as_str().unwrap_or("0").parse().unwrap()).collect()
    };
    assert_eq!(ids(&first), (2..12).rev().collect::<Vec<_>>(), "the newest first");
    let token = first["nextPageToken"].as_str().unwrap();
    let second = get(&server, &format!("searchJobs?pageToken={token}"));
    assert_eq!((ids(&second), second.get("nextPageToken")), (vec![1, 0], None));
    assert_eq!(ids(&get(&server, "searchJobs?pageSize=1000")).len(), 12);
    for bad in [
        "searchJobs?pageSize=-1".to_owned(),
        format!("searchStages?pageToken={token}"),
        format!("searchJobs?jobIds=1&pageToken={token}"),
        "searchJobs?pageToken=x".to_owned(),
    ] {
        server.rest().get(&path(APPLICATION, &bad)).error(400, "INVALID_ARGUMENT");
    }
    assert_eq!(ids(&get(&server, "searchJobs?jobIds=3&jobIds=5&jobStatus=JOB_EXECUTION_STATUS_FAILED")), [3]);
}

#[test]
fn s11_tasks_come_as_launched_or_longest_first() {
    let server = start();
    write(&server);
    let tasks = |more: &str| -> Vec<(i64, i64)> {
        let call = format!("searchStageAttemptTasks?stageId=5&stageAttemptId=1&pageSize=100{more}");
        let found = get(&server, &call);
        let number = |task: &Value, key: &str| task[key].as_str().unwrap_or("0").parse().unwrap();
        let tasks = found["sparkApplicationStageAttemptTasks"].as_array().unwrap().iter();
        tasks.map(|task| (number(task, "taskId"), number(task, "durationMillis"))).collect()
    };
    assert!(tasks("").is_sorted_by_key(|(id, _)| *id) && tasks("").len() == 25);
    assert!(tasks("&sortRuntime=true").is_sorted_by(|a, b| a.1 >= b.1));
    assert!(
        get(&server, "searchStageAttemptTasks?taskStatus=TASK_STATUS_FAILED").as_object().unwrap().is_empty()
    );
    let sums = get(&server, "summarizeStageAttemptTasks?stageId=5&stageAttemptId=1");
    assert_eq!(sums["stageAttemptTasksSummary"]["numPendingTasks"], 3);
}

#[test]
fn s11_summaries_of_stages_are_left_out_unless_the_mask_names_them() {
    let server = start();
    write(&server);
    let bare = get(&server, "searchStageAttempts?stageId=5");
    let attempts = bare["sparkApplicationStageAttempts"].as_array().unwrap();
    assert_eq!(attempts[0]["stageAttemptId"], 1, "the newest first");
    assert!(attempts.iter().all(|attempt| attempt.get("taskQuantileMetrics").is_none()));
    for mask in ["task_quantile_metrics", "taskQuantileMetrics", "*"] {
        let call = format!("accessStageAttempt?stageId=5&stageAttemptId=0&summaryMetricsMask={mask}");
        assert_eq!(get(&server, &call)["stageData"]["taskQuantileMetrics"]["durationMillis"]["maximum"], "9");
    }
    let refused = server.rest().get(&path(APPLICATION, "searchStages?summaryMetricsMask=name"));
    assert!(refused.error(400, "INVALID_ARGUMENT").contains("'name' is no summary of a stage"));
}

#[test]
fn s11_details_and_plans_of_queries_are_hidden_unless_asked_for() {
    let server = start();
    write(&server);
    let query =
        |more: &str| get(&server, &format!("accessSqlQuery?executionId=7{more}"))["executionData"].take();
    assert_eq!((query("").get("details"), query("").get("physicalPlanDescription")), (None, None));
    assert_eq!(query("&details=true")["details"], "where");
    assert_eq!(query("&planDescription=true")["physicalPlanDescription"], "plan");
    assert_eq!(query("")["jobs"]["3"], "JOB_EXECUTION_STATUS_FAILED", "keys that are numbers are texts");
}

#[test]
fn s11_without_a_native_engine_there_is_nothing_of_one() {
    let server = start();
    write(&server);
    assert_eq!(get(&server, "searchNativeSqlQueries"), json!({}));
    assert_eq!(get(&server, "accessNativeBuildInfo"), json!({}));
    server.rest().get(&path(APPLICATION, "accessNativeSqlQuery?executionId=1")).error(404, "NOT_FOUND");
}

#[test]
fn s11_what_is_needed_and_missing_or_absent_is_told() {
    let server = start();
    write(&server);
    for (call, field) in [
        ("accessJob", "job_id"),
        ("accessSqlPlan", "execution_id"),
        ("searchStageAttempts", "stage_id"),
        ("accessStageAttempt?stageId=5", "stage_attempt_id"),
        ("searchStageAttemptTasks?stageAttemptId=0", "stage_id"),
    ] {
        let refused = server.rest().get(&path(APPLICATION, call));
        refused.error(400, "INVALID_ARGUMENT");
        assert_eq!(refused.violations()[0].0, field, "{call}");
    }
    for call in [
        "accessJob?jobId=99",
        "accessStageRddGraph?stageId=5",
        "accessSqlPlan?executionId=7",
        "accessSqlQuery?executionId=0",
        "searchStageAttemptTasks?stageId=99",
        "accessEnvironmentInfo",
    ] {
        server.rest().get(&path(APPLICATION, call)).error(404, "NOT_FOUND");
    }
}

#[test]
fn s11_a_history_server_is_one_of_those_configured_and_others_are_refused_with_them() {
    let events = tempfile::tempdir().unwrap();
    let place =
        |name: &str| format!("{name}=file://{} http://history.example:18080", events.path().display());
    let servers = format!("spark.history-servers={},{}", place("team"), place("archive"));
    let both = Both::of(without_engines().set(&servers));
    let naming = |cluster: &str| {
        let cluster = format!("projects/p/regions/r/clusters/{cluster}");
        let server = json!({"sparkHistoryServerConfig": {"dataprocCluster": cluster}});
        session_with("shown", json!({"environmentConfig": {"peripheralsConfig": server}}))
    };
    let refused = both.create_refused("shown", &naming("other"));
    let text = "Unknown history server 'other'. Known history servers: archive, team";
    assert_eq!(refused.error(400, "INVALID_ARGUMENT"), text);
    let field = "session.environment_config.peripherals_config.spark_history_server_config.dataproc_cluster";
    assert_eq!(refused.violations(), [(field.to_owned(), text.to_owned())]);
    both.post("shown", &naming("team")).ok();
    let path = format!("/v1/{}", name("shown"));
    let kept =
        both.answered(("GET", &path, &Value::Null), "SessionController/GetSession", &both::get("shown"));
    let server = &kept["environmentConfig"]["peripheralsConfig"]["sparkHistoryServerConfig"];
    assert_eq!(server["dataprocCluster"], "projects/p/regions/r/clusters/team");
}

#[test]
fn s11_these_calls_are_made_over_rest_and_in_json_alone() {
    let both = Both::start();
    both.server.active("spark");
    write(&both.server);
    let proto = both.rest().get(&path(APPLICATION, "access?alt=proto"));
    assert!(proto.error(501, "UNIMPLEMENTED").contains("no binary form"));
    let request = pb::AccessSessionSparkApplicationRequest {
        name: format!("{}/sparkApplications/{APPLICATION}", name("spark")),
        ..pb::AccessSessionSparkApplicationRequest::default()
    };
    let refused = both.grpc("SessionSparkApplicationController/AccessSessionSparkApplication", &request);
    assert_eq!(refused.unwrap_err().code(), tonic::Code::Unimplemented);
}
