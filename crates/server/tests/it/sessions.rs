//! Sessions over REST.

use hearth_testkit::{PARENT, connect_session, eventually};
use serde_json::{Value, json};

use crate::server;

#[test]
fn a_session_is_created_read_listed_terminated_and_deleted() {
    let server = server();
    let created = server.create("whole").ok();
    assert_eq!(created["metadata"]["operationType"], "CREATE");
    let session = server.session_in("whole", "ACTIVE");
    assert_eq!(session["name"], format!("{PARENT}/sessions/whole"));
    assert_eq!(session["sparkConnectSession"], json!({}));
    let endpoint = format!("sc://localhost:{}", server.port());
    assert_eq!(session["runtimeInfo"]["endpoints"]["Spark Connect Server"], endpoint);
    let history = session["stateHistory"].as_array().unwrap();
    assert_eq!(history.len(), 1, "the states before this one: {session:#}");
    assert_eq!(history[0]["stateStartTime"], session["createTime"]);
    let listed = server.rest().get(&format!("/v1/{PARENT}/sessions")).ok();
    assert_eq!(listed["sessions"], json!([session]));

    let ended = server.terminate("whole");
    assert_eq!(ended["state"], "TERMINATED");
    assert_eq!(ended["runtimeInfo"].get("endpoints"), None);
    assert_eq!(server.session("whole").ok(), ended, "the answer is the session as it is");

    let deleted = server.rest().delete(&format!("/v1/{PARENT}/sessions/whole")).ok();
    assert_eq!(deleted["metadata"]["operationType"], "DELETE");
    assert_eq!(server.done(&deleted)["response"]["name"], session["name"]);
    server.session("whole").error(404, "NOT_FOUND");
    assert_eq!(server.rest().get(&format!("/v1/{PARENT}/sessions")).ok(), json!({}));
}

#[test]
fn a_live_session_can_be_deleted_and_its_id_is_free_then() {
    let server = server();
    let first = server.active("reused");
    let deleted = server.rest().delete(&format!("/v1/{PARENT}/sessions/reused")).ok();
    assert!(server.done(&deleted).get("error").is_none());
    let second = server.active("reused");
    assert_ne!(first["uuid"], second["uuid"]);
}

#[test]
fn everything_a_client_may_set_comes_back() {
    let server = server();
    let mut body = connect_session("full");
    body["labels"] = json!({"team": "core", "run": "7"});
    body["runtimeConfig"] = json!({"properties": {"spark.app.name": "full"}});
    body["environment_config"] = json!({"execution_config": {"ttl": "7200s", "idleTtl": "1200.5s"}});
    // Some clients send back what they got.
    body["createTime"] = json!("2020-01-01T00:00:00Z");
    body["state"] = json!("FAILED");
    server.rest().post(&format!("/v1/{PARENT}/sessions?sessionId=full"), &body).ok();
    let session = server.session_in("full", "ACTIVE");
    assert_eq!(session["labels"], body["labels"]);
    assert_eq!(session["runtimeConfig"]["properties"]["spark:spark.app.name"], "full", "{session:#}");
    let execution = &session["environmentConfig"]["executionConfig"];
    assert_eq!((&execution["ttl"], &execution["idleTtl"]), (&json!("7200s"), &json!("1200.500s")));
    assert_ne!(session["createTime"], body["createTime"]);
}

#[test]
fn a_repeated_request_has_one_effect() {
    let server = server();
    let path = format!("/v1/{PARENT}/sessions?sessionId=once&requestId=first-1");
    let first = server.rest().post(&path, &connect_session("once")).ok();
    let again = server.rest().post(&path, &connect_session("once")).ok();
    assert_eq!(first["name"], again["name"]);
    server.session_in("once", "ACTIVE");
    let end = json!({"requestId": "end-1"});
    let path = format!("/v1/{PARENT}/sessions/once:terminate");
    let ended = server.rest().post(&path, &end).ok();
    server.done(&ended);
    assert_eq!(server.rest().post(&path, &end).ok()["name"], ended["name"]);
    let path = format!("/v1/{PARENT}/sessions/once?requestId=gone-1");
    let deleted = server.rest().delete(&path).ok();
    server.done(&deleted);
    assert_eq!(server.rest().delete(&path).ok()["name"], deleted["name"]);
}

#[test]
fn what_was_answered_is_there_after_a_kill() {
    let mut server = server();
    let ids = ["kept-1", "kept-2", "kept-3"];
    let operations: Vec<Value> = ids.iter().map(|id| server.create(id).ok()).collect();
    server.kill9();
    server.restart();
    for (id, operation) in ids.iter().zip(&operations) {
        assert_eq!(server.session(id).ok()["uuid"], operation["metadata"]["sessionUuid"]);
        // Its engine was nothing and went with the server, so it may fail; it must not hang.
        let done = server.done(operation);
        assert!(done.get("response").is_some() || done.get("error").is_some(), "{done:#}");
    }
}

#[test]
fn the_timeline_tells_the_steps_of_a_start() {
    let server = server();
    server.active("timed");
    let path = format!("/hearth/v1/{PARENT}/sessions/timed:timeline");
    eventually("the timeline has its first and its last step", || {
        let entries = server.rest().get(&path).ok()["entries"].as_array().cloned().unwrap_or_default();
        let times: Vec<&str> = entries.iter().filter_map(|entry| entry["time"].as_str()).collect();
        assert!(times.is_sorted(), "{entries:#?}");
        let steps: Vec<&str> = entries.iter().filter_map(|entry| entry["step"].as_str()).collect();
        if steps.len() > 1 && steps[0] == "accepted" { Ok(()) } else { Err(format!("{steps:?}")) }
    });
}
