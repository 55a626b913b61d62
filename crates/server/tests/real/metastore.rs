//! Tables that outlive the session that made them, in a metastore that the service runs.

use hearth_testkit::{Options, PARENT, Python, TestServer, connect_session, eventually};
use serde_json::{Value, json};

use crate::spark_jvm::{RUNTIME, session_in};
use crate::{HEARTH, remote, script, uuid};

fn body(id: &str, runtime: &str, metastore: &str) -> Value {
    let mut body = connect_session(id);
    let properties = if runtime == RUNTIME { json!({"spark.driver.memory": "1g"}) } else { json!({}) };
    body["runtimeConfig"] = json!({"version": runtime, "properties": properties});
    let service = format!("{PARENT}/services/{metastore}");
    body["environmentConfig"] = json!({"peripheralsConfig": {"metastoreService": service}});
    body
}

/// What statements print in a session of their own, which is ended then.
fn in_a_session(server: &TestServer, id: &str, statements: &[&str]) -> String {
    let path = format!("/v1/{PARENT}/sessions?sessionId={id}");
    server.rest().post(&path, &body(id, RUNTIME, "shared")).ok();
    let remote = remote(server, &uuid(&session_in(server, id, "ACTIVE")));
    let arguments: Vec<&str> = [remote.as_str()].into_iter().chain(statements.iter().copied()).collect();
    let said = Python::client("pyspark-4.0").run(&script("table.py"), &arguments).succeeded();
    server.terminate(id);
    said
}

#[test]
fn two_sessions_share_tables_through_a_metastore_that_outlives_the_service() {
    let mut server = Options::new(HEARTH).set("spark.metastores=shared=managed").start();
    let made = in_a_session(
        &server,
        "maker",
        &[
            "CREATE DATABASE zoo",
            "CREATE TABLE zoo.animals (name STRING, legs INT) USING parquet",
            "INSERT INTO zoo.animals VALUES ('hen', 2), ('cow', 4)",
            "CREATE TABLE plain USING parquet AS SELECT 7 AS seven",
        ],
    );
    assert_eq!(made, "");
    let before: Vec<_> = server.services();
    assert!(!before.is_empty(), "the metastore goes on without a session");

    server.kill9();
    assert_eq!(server.services(), before, "and without the service");
    server.restart();
    let found = in_a_session(
        &server,
        "reader",
        &["SELECT name, legs FROM zoo.animals ORDER BY legs", "SELECT seven FROM plain"],
    );
    assert_eq!(found, "hen 2\ncow 4\n7\n");
    assert_eq!(server.services(), before, "one and the same");

    // It is started again where it was, with what it had, should it end.
    before.iter().for_each(hearth_testkit::Process::kill);
    // A session that is launched before its supervisor has said so would still be led to it.
    eventually("the metastore is gone", || {
        let left = (server.services(), server.shims_of_services());
        if left.0.is_empty() && left.1.is_empty() { Ok(()) } else { Err(left) }
    });
    let found = in_a_session(&server, "later", &["SELECT count(*) FROM zoo.animals"]);
    assert_eq!(found, "2\n");
    server.nothing_left();
}

#[test]
fn a_metastore_that_is_not_there_is_refused_with_those_that_are_and_so_is_one_on_sail() {
    let server = Options::new(HEARTH).set("spark.metastores=shared=managed").start();
    let path = format!("/v1/{PARENT}/sessions?sessionId=refused");
    let field = "session.environment_config.peripherals_config.metastore_service";
    for (body, text) in [
        (body("refused", RUNTIME, "other"), "Unknown metastore 'other'. Known metastores: shared"),
        (body("refused", "sail", "shared"), "A session on Sail cannot use metastore 'shared'."),
    ] {
        let answer = server.rest().post(&path, &body);
        let said = answer.error(400, "INVALID_ARGUMENT");
        assert!(said.starts_with(text), "{said}");
        assert_eq!(answer.violations()[0].0, field);
    }
    assert_eq!(server.services(), []);
}
