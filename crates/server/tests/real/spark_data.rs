//! Spark's own view of a session, over REST and in a browser: while it lives, after its end, and until it is removed.

use std::path::PathBuf;

use hearth_testkit::{Options, PARENT, Python, TestServer, eventually_within};
use serde_json::{Value, json};

use crate::spark_jvm::{PATIENCE, create, session_in};
use crate::{HEARTH, chromium, remote, script, uuid};

/// The tabs that a session's UI has. The last is that of Spark Connect.
const TABS: [&str; 7] =
    ["Jobs", "Stages", "Storage", "Environment", "Executors", "SQL / DataFrame", "Connect"];

/// A session on Spark in which a few queries ran.
struct Worked {
    server: TestServer,
    uuid: String,
    /// Its applications, as a path below `/v1/`.
    applications: String,
}

fn worked(id: &str) -> Worked {
    // Whoever asks before the end is recorded is told to ask again.
    let server = Options::new(HEARTH).may_say("request failed").start();
    create(&server, id, &json!({"spark.driver.memory": "1g"}));
    let uuid = uuid(&session_in(&server, id, "ACTIVE"));
    let said = Python::client("pyspark-4.0").run(&script("leaves_history.py"), &[&remote(&server, &uuid)]);
    assert!(said.succeeded().contains("done"));
    let applications = format!("/v1/{PARENT}/sessions/{id}/sparkApplications");
    Worked { server, uuid, applications }
}

impl Worked {
    fn application(&self) -> String {
        format!("{}/local-{}", self.applications, self.uuid)
    }

    fn get(&self, verb: &str) -> Value {
        self.server.rest().get(&format!("{}:{verb}", self.application())).ok()
    }

    /// What every source must say alike, live or not.
    fn shows_what_ran(&self) {
        let found = self.server.rest().get(&format!("{}:search", self.applications)).ok();
        let [one] = found["sparkApplications"].as_array().unwrap().as_slice() else { panic!("{found:#}") };
        assert_eq!(format!("/v1/{}", one["name"].as_str().unwrap()), self.application());

        let jobs = self.get("searchJobs?pageSize=100");
        let jobs = jobs["sparkApplicationJobs"].as_array().unwrap();
        let failed: Vec<_> =
            jobs.iter().filter(|job| job["status"] == "JOB_EXECUTION_STATUS_FAILED").collect();
        assert!(jobs.len() >= 3 && failed.len() == 1, "{jobs:#?}");
        let job = failed[0]["jobId"].as_str().unwrap();
        assert_eq!(&self.get(&format!("accessJob?jobId={job}"))["jobData"], failed[0]);
        assert_eq!(self.get("summarizeJobs")["jobsSummary"]["failedJobs"], 1);

        let mask = "summaryMetricsMask=taskQuantileMetrics,executorSummary";
        let stages = self.get(&format!("searchStages?stageStatus=STAGE_STATUS_COMPLETE&{mask}"));
        let stage = &stages["sparkApplicationStages"][0];
        assert!(stage["taskQuantileMetrics"]["durationMillis"].is_object(), "{stage:#}");
        assert!(stage["executorSummary"]["driver"].is_object());
        let id = stage["stageId"].as_str().unwrap_or("0");
        let tasks =
            self.get(&format!("searchStageAttemptTasks?stageId={id}&stageAttemptId=0&sortRuntime=true"));
        assert_eq!(tasks["sparkApplicationStageAttemptTasks"][0]["status"], "SUCCESS");
        let graph = self.get(&format!("accessStageRddGraph?stageId={id}"));
        let root = &graph["rddOperationGraph"]["rootCluster"];
        assert!(root["childClusters"].is_array() || root["childNodes"].is_array(), "{graph:#}");

        let executors = self.get("searchExecutors");
        assert_eq!(executors["sparkApplicationExecutors"][0]["executorId"], "driver");
        let environment = self.get("accessEnvironmentInfo");
        let properties = &environment["applicationEnvironmentInfo"]["sparkProperties"];
        assert_eq!(properties["spark.hearth.uuid"], self.uuid);

        let queries = self.get("searchSqlQueries?details=true&planDescription=true");
        let queries = queries["sparkApplicationSqlQueries"].as_array().unwrap();
        let failed = queries.iter().find(|query| query["errorMessage"].is_string()).unwrap();
        assert!(failed["errorMessage"].as_str().unwrap().contains("on purpose"));
        let counted = queries.iter().find(|query| query["metricValues"].is_object()).unwrap();
        assert!(counted["physicalPlanDescription"].as_str().unwrap().contains("Physical Plan"));
        let id = counted["executionId"].as_str().unwrap_or("0");
        let plan = self.get(&format!("accessSqlPlan?executionId={id}"));
        assert!(plan["sparkPlanGraph"]["edges"].is_array(), "{plan:#}");
        assert_eq!(self.get("searchNativeSqlQueries"), json!({}));
        assert_eq!(self.get("accessNativeBuildInfo"), json!({}));
    }

    fn ui(&self) -> String {
        format!("/sessions/{}/ui/", self.uuid)
    }
}

#[test]
fn applications_are_shown_while_the_session_lives_and_from_its_log_after_that() {
    let worked = worked("told");
    worked.shows_what_ran();
    let live = worked.get("access")["application"].take();
    assert_eq!(
        (live.get("applicationContextIngestionStatus"), &live["attempts"][0]["completed"]),
        (None, &Value::Null)
    );

    worked.server.terminate("told");
    worked.shows_what_ran();
    let ended = worked.get("access")["application"].take();
    assert_eq!(ended["applicationContextIngestionStatus"], "APPLICATION_CONTEXT_INGESTION_STATUS_COMPLETED");
    assert_eq!((&ended["attempts"][0]["completed"], &ended["name"]), (&json!(true), &live["name"]));
    let log =
        ended["attempts"][0]["eventLogPath"].as_str().unwrap().strip_prefix("file://").unwrap().to_owned();
    assert!(PathBuf::from(&log).is_file(), "{log}");
    let events = worked.server.state_dir().join("events");
    assert_eq!(std::fs::read_dir(events).unwrap().count(), 0, "taken over by the staging store");

    worked.server.rest().delete(&format!("/v1/{PARENT}/sessions/told")).ok();
    eventually_within(PATIENCE, "the log is removed with its session", || {
        if PathBuf::from(&log).exists() { Err(log.clone()) } else { Ok(()) }
    });
    let gone = eventually_within(PATIENCE, "the session is gone", || {
        let found = worked.server.rest().get(&format!("{}:search", worked.applications));
        if found.status == 200 { Err(found.text) } else { Ok(found) }
    });
    assert_eq!(gone.error(404, "NOT_FOUND"), format!("Not found: Session {PARENT}/sessions/told"));
    assert_eq!(worked.server.rest().get(&worked.ui()).status, 404);
}

#[test]
fn an_engine_that_is_killed_leaves_a_history_and_the_history_server_ends_with_a_killed_service() {
    let mut worked = worked("killed");
    for engine in worked.server.engines() {
        engine.kill();
    }
    let failed = eventually_within(PATIENCE, "the session has failed", || {
        let session = worked.server.session("killed").json;
        if session["state"] == "FAILED" { Ok(session) } else { Err(session) }
    });
    assert!(failed["runtimeInfo"].get("endpoints").is_none(), "{failed:#}");
    worked.shows_what_ran();
    let ended = worked.get("access")["application"].take();
    assert_eq!(ended["attempts"][0]["completed"], true, "{ended:#}");
    assert!(ended["attempts"][0]["endTime"].is_string());

    let flags = worked.server.state_dir().join("history/java.args").display().to_string();
    let running = || {
        let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let lines =
            processes.filter_map(|process| std::fs::read_to_string(process.path().join("cmdline")).ok());
        lines.filter(|line| line.contains(&flags)).count()
    };
    assert_eq!(running(), 2, "the server and what it is tethered with");
    worked.server.kill9();
    eventually_within(PATIENCE, "the history server has ended", || match running() {
        0 => Ok(()),
        left => Err(left),
    });
}

#[test]
fn pages_are_behind_the_sign_in_and_lead_nowhere_else() {
    let worked = worked("pages");
    let rest = worked.server.rest();
    let shown = worked.server.session("pages").json["runtimeInfo"]["endpoints"]["Spark UI"].take();
    assert_eq!(shown, format!("http://localhost:{}{}", worked.server.port(), worked.ui()));
    let jobs = format!("{}jobs/", worked.ui());

    let stranger = rest.with_token(None);
    assert_eq!(stranger.get(&jobs).status, 401);
    let form = stranger.with_header("accept", "text/html").get(&jobs);
    assert!(form.status == 401 && form.text.contains("Sign in"), "{}", form.text);
    assert_eq!(rest.with_token(Some("guessed")).get(&jobs).status, 401);
    let page = rest.get(&jobs);
    assert!(page.status == 200 && page.text.contains("Completed Jobs"), "{}", page.text);
    // Every link of the page leads below the session's own pages.
    let own = worked.ui();
    for link in page.text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(link.starts_with(&own) || link.starts_with('#') || link.starts_with("http"), "{link}");
    }
    for (path, status) in [
        (format!("{}../../healthz", worked.ui()), 404),
        (format!("{}%2e%2e/x", worked.ui()), 404),
        (format!("{}jobs/job/kill/?id=0", worked.ui()), 405),
        ("/sessions/00000000-0000-4000-8000-000000000000/ui/".to_owned(), 404),
        ("/sessions/x/ui/".to_owned(), 404),
    ] {
        assert_eq!(rest.get(&path).status, status, "{path}");
    }
    let reader = std::fs::read_to_string(worked.server.state_dir().join("reader-token")).unwrap();
    let reader = rest.with_token(Some(reader.trim()));
    assert_eq!(reader.get(&jobs).status, 200);
    assert_eq!(reader.call("POST", &format!("{}jobs/job/kill/?id=0", worked.ui()), "").status, 403);

    worked.server.terminate("pages");
    let other = format!("{}history/local-00000000-0000-4000-8000-000000000000/jobs/", worked.ui());
    assert_eq!(rest.get(&other).status, 404, "one session's link shows no other's history");
    assert_eq!(rest.get(&format!("{}api/v1/applications", worked.ui())).status, 404);
    let past = format!("{}history/local-{}/jobs/", worked.ui(), worked.uuid);
    // The first answer leads to the same page again, once it is read; a client that follows drops the token.
    eventually_within(PATIENCE, "the history is shown", || {
        let page = rest.get(&past);
        if page.status == 200 && page.text.contains("Completed Jobs") { Ok(()) } else { Err(page.text) }
    });
}

#[test]
fn a_browser_walks_every_page_live_and_in_history() {
    let worked = worked("walked");
    let chromium = chromium();
    let address = format!("http://localhost:{}{}", worked.server.port(), worked.ui());
    let walk = |pages: &[&str]| {
        let mut arguments = vec![&*address, worked.server.token(), chromium.to_str().unwrap()];
        arguments.extend(TABS);
        let said = Python::client("browser").run(&script("walks_pages.py"), &arguments).succeeded();
        for page in pages {
            assert!(said.contains(page), "{page} was not seen:\n{said}");
        }
        assert!(said.ends_with("walked\n"), "{said}");
    };
    let pages = ["jobs/job/", "stages/stage/", "SQL/execution/", "connect/session/", "storage/rdd/"];
    walk(&pages);
    worked.server.terminate("walked");
    // What is cached is gone, and not in the log.
    walk(&pages[..4]);
}
