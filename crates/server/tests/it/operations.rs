//! Operations over REST.

use hearth_testkit::{PARENT, ScriptedRuntime, eventually, id_of};
use serde_json::{Value, json};

use crate::{HEARTH, server};

#[test]
fn both_forms_of_a_name_reach_an_operation() {
    let server = server();
    let operation = server.create("named").ok();
    let name = operation["name"].as_str().unwrap();
    assert!(name.starts_with("projects/test/regions/here/operations/"), "{name}");
    let id = id_of(name);
    for place in ["regions", "locations"] {
        let path = format!("/v1/projects/test/{place}/here/operations");
        assert_eq!(server.rest().get(&format!("{path}/{id}")).ok()["name"], name);
        let listed = server.rest().get(&path).ok();
        assert_eq!(listed["operations"][0]["name"], name);
        assert_eq!(server.rest().post(&format!("{path}/{id}:cancel"), &Value::Null).ok(), json!({}));
    }
    let done = server.done(&operation);
    assert_eq!(done["response"]["state"], "ACTIVE", "cancelling what is done does nothing");
    let path = format!("/v1/{name}");
    assert_eq!(server.rest().delete(&path).ok(), json!({}));
    assert_eq!(server.rest().get(&path).error(404, "NOT_FOUND"), "Operation not found");
    server.session("named").ok();
}

#[test]
fn an_operation_of_another_place_is_not_found() {
    let server = server();
    let name = server.create("placed").ok()["name"].as_str().unwrap().replace("/here/", "/there/");
    let answer = server.rest().get(&format!("/v1/{name}"));
    assert_eq!(answer.error(404, "NOT_FOUND"), "Operation not found");
}

#[test]
fn a_create_that_is_cancelled_ends_as_cancelled_and_its_session_as_failed() {
    // An engine that never says where it listens.
    let runtime = ScriptedRuntime::install(HEARTH, "exec sleep 1000");
    let server = runtime.options(HEARTH).set("create-hold=0s").start();
    let operation = server.create("slow").ok();
    assert_eq!(operation.get("done"), None);
    eventually("its engine runs", || match server.engines() {
        engines if engines.is_empty() => Err(server.session("slow").text),
        _ => Ok(()),
    });
    let name = operation["name"].as_str().unwrap();
    // While it runs, its record cannot be deleted, and its session cannot be terminated.
    server.rest().delete(&format!("/v1/{name}")).error(400, "FAILED_PRECONDITION");
    let path = format!("/v1/{PARENT}/sessions/slow:terminate");
    let told = server.rest().post(&path, &Value::Null).error(409, "ABORTED");
    assert!(told.contains("still being created"), "{told}");

    assert_eq!(server.rest().post(&format!("/v1/{name}:cancel"), &Value::Null).ok(), json!({}));
    let done = server.done(&operation);
    assert_eq!(done["error"]["code"], 1, "{done:#}");
    assert_eq!(server.session("slow").ok()["state"], "FAILED");
    server.nothing_left();
    let told = server.rest().post(&path, &Value::Null).error(400, "FAILED_PRECONDITION");
    assert!(told.contains("already terminated"), "{told}");
}

#[test]
fn a_delete_during_the_create_ends_both() {
    let runtime = ScriptedRuntime::install(HEARTH, "exec sleep 1000");
    let server = runtime.options(HEARTH).set("create-hold=0s").start();
    let created = server.create("early").ok();
    let deleted = server.rest().delete(&format!("/v1/{PARENT}/sessions/early")).ok();
    assert!(server.done(&deleted).get("error").is_none());
    assert!(server.done(&created).get("error").is_some());
    server.session("early").error(404, "NOT_FOUND");
    server.nothing_left();
}
