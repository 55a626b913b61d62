//! Sessions that wait for room, with real engines.

use hearth_testkit::{Options, PARENT, Python, TestServer, eventually};

use crate::{HEARTH, remote, script, uuid};

/// Waits until the session is told that it waits.
fn waits(server: &TestServer, id: &str) {
    eventually(&format!("{id} waits"), || {
        let session = server.session(id).ok();
        let message = session["stateMessage"].as_str().unwrap_or_default();
        if message.starts_with("It waits for memory") { Ok(()) } else { Err(session) }
    });
}

fn asks(server: &TestServer, id: &str) -> String {
    let remote = remote(server, &uuid(&server.session(id).ok()));
    Python::client("pyspark-4.2").run(&script("asks.py"), &[&remote]).succeeded()
}

#[test]
fn a_second_sail_waits_until_the_first_has_ended_also_through_a_kill_of_the_server() {
    // Room for one and a half.
    let mut server = Options::new(HEARTH).set("admission.memory=768MiB").set("create-hold=0s").start();
    server.active("first");
    let operation = server.create("second").ok();
    waits(&server, "second");
    let first = server.engines();
    assert_eq!(first.len(), 1, "{first:#?}");
    let why = server.command(&["sessions", "why", "second", "--location", "here", "--project", "test"]);
    let why = why.succeeded();
    assert!(why.contains("It waits for memory: asks for 0.5 GiB, 0.2 GiB of 0.7 GiB are free"), "{why}");
    assert!(why.contains("1 session of 1 user holds it"), "{why}");

    server.kill9();
    server.restart();
    waits(&server, "second");
    assert_eq!(asks(&server, "first"), "42\n");
    assert_eq!(server.engines(), first, "nothing was started for the one that waits");

    server.terminate("first");
    let done = server.done(&operation);
    assert_eq!(done["response"]["state"], "ACTIVE", "{done:#}");
    assert_eq!(asks(&server, "second"), "42\n");
    let told = server.rest().get(&format!("/hearth/v1/{PARENT}/sessions/second:timeline")).ok();
    let entries = told["entries"].as_array().unwrap();
    let admitted = entries.iter().find(|entry| entry["step"] == "admitted").expect("it waited");
    assert!(admitted["detail"].as_str().unwrap().starts_with("waits for memory"), "{told:#}");
    server.terminate("second");
    server.nothing_left();
}

#[test]
fn an_engine_that_was_made_ahead_gives_its_room_to_a_session_that_waits() {
    let server = Options::new(HEARTH).set("admission.memory=1GiB").set("pools.engines=sail=1").start();
    eventually("an engine is ready", || {
        let pool = server.rest().get("/hearth/v1/pools").ok()["pools"][0].clone();
        if pool["ready"] == 1 { Ok(()) } else { Err(pool) }
    });
    let ahead = server.engines();
    // It cannot have that engine, and there is room for one more: a kernel and its Spark need some of both.
    let body = serde_json::json!({"name": format!("{PARENT}/sessions/notebook"), "jupyterSession": {}});
    server.rest().post(&format!("/v1/{PARENT}/sessions?sessionId=notebook"), &body).ok();
    server.session_in("notebook", "ACTIVE");
    let left = server.engines();
    assert!(ahead.iter().all(|engine| !left.contains(engine)), "{left:#?}");
    server.terminate("notebook");
}
