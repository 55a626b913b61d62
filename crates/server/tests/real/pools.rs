//! Warm pools of real engines.

use hearth_testkit::{Options, PARENT, Process, Python, TestServer, connect_session, eventually_within};
use serde_json::{Value, json};

use crate::{HEARTH, remote, script, uuid};

/// A JVM starts in seconds on an idle machine.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(180);

/// Waits until so many engines are ready in the only pool.
fn ready(server: &TestServer, count: u64) -> Value {
    eventually_within(PATIENCE, &format!("{count} engines are ready"), || {
        let pool = server.rest().get("/hearth/v1/pools").ok()["pools"][0].clone();
        if pool["ready"].as_u64() == Some(count) { Ok(pool) } else { Err(pool) }
    })
}

/// Waits for a session, and says whether it was handed an engine.
fn handed_over(server: &TestServer, id: &str) -> bool {
    server.session_in(id, "ACTIVE");
    let told = server.rest().get(&format!("/hearth/v1/{PARENT}/sessions/{id}:timeline")).ok();
    told["entries"].as_array().unwrap().iter().any(|entry| entry["step"] == "handed over")
}

fn of<'p>(processes: &'p [Process], uuid: &str) -> Vec<&'p Process> {
    processes.iter().filter(|process| process.engine == uuid).collect()
}

#[test]
fn a_session_is_handed_a_sail_that_runs_and_a_client_uses_it_at_once() {
    let server = Options::new(HEARTH).set("pools.engines=sail=1").start();
    ready(&server, 1);
    let before = server.engines();
    assert_eq!(before.len(), 1, "{before:#?}");
    let mut body = connect_session("warm");
    body["labels"] = json!({"team": "blue"});
    let operation = server.rest().post(&format!("/v1/{PARENT}/sessions?sessionId=warm"), &body).ok();
    assert_eq!(operation["done"], true, "a warm start is answered as done: {operation:#}");
    let uuid = uuid(&operation["response"]);
    assert_eq!(before[0].engine, uuid, "the engine was there before");
    assert!(handed_over(&server, "warm"));
    let client = Python::client("pyspark-4.2");
    let said = client.run(&script("whose.py"), &[&remote(&server, &uuid)]).succeeded();
    let file: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(file["session"], format!("{PARENT}/sessions/warm"));
    assert_eq!((&file["uuid"], &file["labels"]["team"]), (&json!(uuid), &json!("blue")));
    let log = std::fs::read_to_string(server.engines_dir().join(&uuid).join("log")).unwrap_or_else(|_| {
        let dir = server.engines_dir().join(&uuid);
        std::fs::read_dir(dir)
            .unwrap()
            .filter_map(|entry| std::fs::read_to_string(entry.unwrap().path()).ok())
            .collect()
    });
    assert!(
        log.contains("of pool sail-") && log.contains(&format!("session {PARENT}/sessions/warm")),
        "{log}"
    );
    server.terminate("warm");
    ready(&server, 1);
}

#[test]
fn a_pool_outlives_a_killed_server_and_nothing_is_started_twice() {
    let mut server = Options::new(HEARTH).set("pools.engines=sail=2").start();
    ready(&server, 2);
    let before = server.engines();
    server.kill9();
    server.restart();
    assert!(before.iter().all(|engine| server.engines().contains(engine)), "they are the same");
    // Killed again at once after the hand-over is on disk.
    let during = server.create("taken").ok();
    let taken = uuid(&server.session("taken").json);
    server.kill9();
    server.restart();
    server.session_in("taken", "ACTIVE");
    assert!(handed_over(&server, "taken"), "{during:#}");
    let engines = server.engines();
    assert_eq!(of(&engines, &taken), of(&before, &taken), "the same engine, started once");
    let said = Python::client("pyspark-4.2").run(&script("asks.py"), &[&remote(&server, &taken)]).succeeded();
    assert_eq!(said, "42\n");
    ready(&server, 2);
    server.terminate("taken");
}

#[test]
fn a_property_that_a_launch_decides_starts_cold_and_a_template_of_its_own_pool_starts_warm() {
    let template = format!("{PARENT}/sessionTemplates/tuned");
    let server = Options::new(HEARTH).set(&format!("pools.engines={template}=1")).start();
    let body = json!({
        "name": template,
        "sparkConnectSession": {},
        "runtimeConfig": {"properties": {"spark.default.parallelism": "3"}},
    });
    server.rest().post(&format!("/v1/{PARENT}/sessionTemplates"), &body).ok();
    // The template came after the last look at the pools.
    ready(&server, 1);
    let mut plain = connect_session("plain");
    server.rest().post(&format!("/v1/{PARENT}/sessions?sessionId=plain"), &plain).ok();
    assert!(!handed_over(&server, "plain"));
    let note =
        server.rest().get(&format!("/hearth/v1/{PARENT}/sessions/plain:timeline")).ok()["note"].clone();
    assert!(note.as_str().unwrap().contains("only the pool of"), "{note}");
    plain["name"] = json!(format!("{PARENT}/sessions/tuned"));
    plain["sessionTemplate"] = json!(template);
    server.rest().post(&format!("/v1/{PARENT}/sessions?sessionId=tuned"), &plain).ok();
    assert!(handed_over(&server, "tuned"));
}

/// What a new client has for some settings; with a value they are set first.
fn settings(remote: &str, settings: &[&str]) -> String {
    let arguments: Vec<&str> = [remote].iter().chain(settings).copied().collect();
    Python::client("pyspark-4.0").run(&script("settings.py"), &arguments).succeeded()
}

#[test]
fn a_session_is_handed_a_spark_that_runs_and_each_client_has_the_sessions_own_properties() {
    const PARTITIONS: &str = "spark.sql.shuffle.partitions";
    let mut server = Options::new(HEARTH).set("pools.engines=spark-4.0=1").start();
    ready(&server, 1);
    let mut body = connect_session("warm");
    let properties = json!({PARTITIONS: "3", "spark.sql.adaptive.enabled": "false"});
    body["runtimeConfig"] = json!({"version": "spark-4.0", "properties": properties});
    let operation = server.rest().post(&format!("/v1/{PARENT}/sessions?sessionId=warm"), &body).ok();
    let uuid = uuid(&server.session_in("warm", "ACTIVE"));
    assert!(handed_over(&server, "warm"), "{operation:#}");
    let queries = format!("/v1/{PARENT}/sessions/warm/sparkApplications/local-{uuid}:searchSqlQueries");
    let queries = server.rest().get(&queries).ok();
    assert!(queries["sparkApplicationSqlQueries"].is_array(), "it has answered a query before: {queries:#}");

    // The Spark session that official clients share, and one of a client's own.
    let shared = remote(&server, &uuid);
    let own =
        || format!("sc://localhost:{}/;token={};x-dataproc-session=warm", server.port(), server.token());
    let both = [PARTITIONS, "spark.sql.adaptive.enabled"];
    assert_eq!(settings(&shared, &both), format!("{PARTITIONS} 3\nspark.sql.adaptive.enabled false\n"));
    assert_eq!(settings(&shared, &[&format!("{PARTITIONS}=5")]), format!("{PARTITIONS} 5\n"));
    assert_eq!(settings(&own(), &both), format!("{PARTITIONS} 3\nspark.sql.adaptive.enabled false\n"));
    // What a user has changed stays so, also when nobody remembers that it was ever set.
    server.kill9();
    server.restart();
    let shared = remote(&server, &uuid);
    assert_eq!(settings(&shared, &[PARTITIONS]), format!("{PARTITIONS} 5\n"));
    server.terminate("warm");
}
