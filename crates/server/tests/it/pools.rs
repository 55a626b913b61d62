//! Warm pools over the wire. The engines here are nothing, or scripts; real ones are in the tests called `real`.

use hearth_testkit::{PARENT, ScriptedRuntime, TestServer, connect_session, eventually};
use serde_json::{Value, json};

use crate::{HEARTH, without_engines};

fn pool(server: &TestServer) -> Value {
    server.rest().get("/hearth/v1/pools").ok()["pools"][0].clone()
}

/// Waits until so many engines are ready.
fn ready(server: &TestServer, count: u64) -> Value {
    eventually(&format!("{count} engines are ready"), || {
        let pool = pool(server);
        if pool["ready"].as_u64() == Some(count) { Ok(pool) } else { Err(pool) }
    })
}

fn timeline(server: &TestServer, id: &str) -> Value {
    server.rest().get(&format!("/hearth/v1/{PARENT}/sessions/{id}:timeline")).ok()
}

fn why(server: &TestServer, id: &str) -> String {
    let told = server.rest().get(&format!("/hearth/v1/{PARENT}/sessions/{id}:why")).ok();
    told["reason"].as_str().unwrap().to_owned()
}

#[test]
fn a_warm_start_is_answered_as_done_and_told_in_the_timeline() {
    let server = without_engines().set("pools.engines=default=1..2").start();
    ready(&server, 1);
    let operation = server.create("warm").ok();
    assert_eq!(operation["done"], true, "{operation:#}");
    assert_eq!(operation["response"]["state"], "ACTIVE");
    let told = timeline(&server, "warm");
    let entries = told["entries"].as_array().unwrap();
    let steps: Vec<_> = entries.iter().map(|entry| entry["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["accepted", "handed over", "protocol up", "active"]);
    assert!(entries[1]["detail"].as_str().unwrap().starts_with("warm: the engine was made"), "{told:#}");
    assert_eq!(told.get("note"), None, "nothing would have made it faster");
    assert!(why(&server, "warm").contains("It got an engine that was ready"));
    let after = ready(&server, 1);
    assert_eq!(after["handedOver"], "1");
    assert!(server.command(&["pools"]).succeeded().contains("1 of 1 (100 %)"));
}

#[test]
fn what_prevents_a_warm_start_is_named() {
    let server = without_engines().set("pools.engines=default=1").start();
    ready(&server, 1);
    let mut body = connect_session("tuned");
    body["labels"] = json!({"team": "blue"});
    body["runtimeConfig"] = json!({"properties": {"spark.default.parallelism": "3"}});
    server.rest().post(&format!("/v1/{PARENT}/sessions?sessionId=tuned"), &body).ok();
    server.session_in("tuned", "ACTIVE");
    let note = timeline(&server, "tuned")["note"].as_str().unwrap().to_owned();
    assert!(
        note.starts_with("Property spark.default.parallelism is fixed at launch, and the pool of sail-"),
        "{note}"
    );
    assert!(why(&server, "tuned").contains(&note));
    assert_eq!(ready(&server, 1).get("handedOver"), None);
    // What a launch does not decide is no hindrance.
    body["runtimeConfig"] =
        json!({"properties": {"spark.sql.shuffle.partitions": "3", "spark.app.name": "x"}});
    body["name"] = json!(format!("{PARENT}/sessions/labelled"));
    let operation = server.rest().post(&format!("/v1/{PARENT}/sessions?sessionId=labelled"), &body).ok();
    server.done(&operation);
    assert_eq!(timeline(&server, "labelled").get("note"), None);
}

#[test]
fn without_pools_a_start_says_nothing_of_them() {
    let server = without_engines().start();
    server.active("cold");
    assert_eq!(timeline(&server, "cold").get("note"), None);
    assert!(server.command(&["pools"]).succeeded().is_empty());
}

#[test]
fn an_engine_that_cannot_be_started_is_told_once_and_shown() {
    let runtime = ScriptedRuntime::install(HEARTH, "echo 'no such library' >&2\nexit 3");
    let server = runtime.options(HEARTH).set("pools.engines=scripted=1").start();
    let shown = eventually("the trouble is shown", || {
        let pool = pool(&server);
        if pool.get("trouble").is_some() { Ok(pool) } else { Err(pool) }
    });
    assert!(shown["trouble"].as_str().unwrap().contains("no such library"), "{shown:#}");
    assert!(shown.get("retryTime").is_some(), "{shown:#}");
    let told = server.command(&["pools"]);
    assert!(told.stderr.contains("no such library"), "{told:?}");
    assert_eq!(server.log().matches("an engine could not be kept ready").count(), 1);
    // A session of the same runtime says for itself what is wrong.
    server.done(&server.create("broken").ok());
    assert_eq!(server.session("broken").json["state"], "FAILED");
}

#[test]
fn pools_that_cannot_be_are_refused_with_numbers() {
    for (settings, told) in [
        (["pools.engines=sail=4", "pools.memory=128MiB"], "448 MiB in all, and pools.memory is 128 MiB"),
        (["pools.engines=sail=0..1", "pools.memory=1MiB"], "takes about 112 MiB, and pools.memory is 1 MiB"),
        (["pools.engines=flink=1", "pools.memory=1GiB"], "not in the catalogue"),
        (["pools.engines=sail=2..1", "pools.memory=1GiB"], "is not a pool: write RUNTIME=LEAST..MOST"),
    ] {
        let home = tempfile::tempdir().unwrap();
        let words = ["serve", "--listen", "127.0.0.1:0", "--set", settings[0], "--set", settings[1]];
        let failed = crate::startup::hearth(home.path(), &words).failed();
        assert!(failed.contains(told), "{failed}");
    }
}
