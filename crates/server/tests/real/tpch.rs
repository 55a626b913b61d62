//! The 22 queries of TPC-H: every runtime gives the rows that an engine of another kind gives for the same tables.

use hearth_testkit::{PARENT, Python, TestServer, connect_session};
use serde_json::json;

use crate::{HEARTH, remote, script, uuid};

/// The tables' size: a hundredth of a gigabyte, 60,000 order lines. Answers are not empty, and a run takes seconds.
const SCALE: &str = "0.01";

fn agrees(runtime: &str) {
    let server = TestServer::start(HEARTH);
    let python = Python::client("tpch");
    let tables = server.scratch().join("tpch");
    std::fs::create_dir(&tables).unwrap();
    let tables = tables.to_str().unwrap();
    python.run(&script("tpch.py"), &["make", tables, SCALE]).succeeded();

    let mut session = connect_session("tpch");
    session["runtimeConfig"] = json!({"version": runtime});
    let operation = server.rest().post(&format!("/v1/{PARENT}/sessions?sessionId=tpch"), &session).ok();
    server.done(&operation);
    let remote = remote(&server, &uuid(&server.session_in("tpch", "ACTIVE")));
    let said = python.run(&script("tpch.py"), &["run", &remote, tables]).succeeded();
    assert_eq!(said, "22 queries, 0 differ\n");
    server.terminate("tpch");
    server.nothing_left();
}

#[test]
fn tpch_on_sail_gives_the_rows_that_another_engine_gives() {
    agrees("sail");
}

#[test]
fn tpch_on_spark_gives_the_rows_that_another_engine_gives() {
    agrees("spark-4.0");
}
