//! A session whose executors run on a cluster: Spark's own standalone one, a master and two workers on addresses of
//! the loopback interface.

use std::fs;
use std::net::TcpListener;

use hearth_testkit::{Options, PARENT, Python, connect_session, eventually_within};
use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::spark_jvm::{PATIENCE, RUNTIME, session_in};
use crate::{HEARTH, remote, script, uuid};

/// What a master writes directly before its address.
const MASTER_AT: &str = "Starting Spark master at ";

fn session_on(master: &str) -> Value {
    let mut body = connect_session("on-a-cluster");
    let properties = json!({
        "spark.master": master,
        "spark.driver.memory": "1g",
        "spark.executor.memory": "1g",
        "spark.executor.cores": "1",
    });
    body["runtimeConfig"] = json!({"version": RUNTIME, "properties": properties});
    body
}

#[test]
fn a_query_on_a_cluster_outlives_a_worker_and_the_session_the_loss_of_all() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = |name: &str, address: &str, class: &str, more: &[&str]| {
        let mut arguments = vec!["--host", address, "--port", "0", "--webui-port", "0"];
        arguments.extend(more);
        Daemon::start(dir.path(), name, address, &[], class, &arguments)
    };
    let master = daemon("master", "127.0.0.1", "org.apache.spark.deploy.master.Master", &[]);
    let address = master.says(MASTER_AT);
    let address = address.trim();
    let work = dir.path().join("work");
    let arguments = ["--cores", "1", "--memory", "2g", "-d", work.to_str().unwrap(), address];
    let class = "org.apache.spark.deploy.worker.Worker";
    let mut last = daemon("worker-2", "127.0.0.2", class, &arguments);
    let mut lost = daemon("worker-3", "127.0.0.3", class, &arguments);

    let server = Options::new(HEARTH).set(&format!("spark.masters={address}")).start();
    let path = format!("/v1/{PARENT}/sessions?sessionId=on-a-cluster");
    server.rest().post(&path, &session_on(address)).ok();
    let remote = remote(&server, &uuid(&session_in(&server, "on-a-cluster", "ACTIVE")));

    let traces = dir.path().join("traces");
    fs::create_dir(&traces).unwrap();
    let query = |tasks: &str| {
        let arguments = [remote.as_str(), traces.to_str().unwrap(), tasks];
        Python::client("pyspark-4.0").start(&script("on_a_cluster.py"), &arguments)
    };
    let mut client = query("100");
    let left_by = |address: &str| {
        let entries = fs::read_dir(&traces).unwrap();
        entries
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(address))
            .count()
    };
    eventually_within(PATIENCE, "executors of both workers have run tasks", || {
        let counts = (left_by("127.0.0.2-"), left_by("127.0.0.3-"));
        if counts.0 > 0 && counts.1 > 0 { Ok(()) } else { Err(counts) }
    });
    lost.kill();
    // Every number from 0 to 99, in spite of what was lost.
    client.expect("sum 4950");
    client.end();

    // When the last worker is lost as well the session waits for another one.
    last.kill();
    let mut client = query("5");
    client.expect("connected");
    let _new = daemon("worker-4", "127.0.0.4", class, &arguments);
    eventually_within(PATIENCE, "the new worker has run every task", || match left_by("127.0.0.4-") {
        5 => Ok(()),
        some => Err(some),
    });
    client.expect("sum 10");
    client.end();
    server.terminate("on-a-cluster");
    server.nothing_left();
}

#[test]
fn a_master_that_does_not_answer_fails_the_session_with_its_address_and_what_to_do() {
    // Free a moment ago, and nobody listens.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let master = format!("spark://{free}");
    // Spark itself tries for 60 s.
    for timeout in ["30s", "300s"] {
        gives_up(&master, timeout);
    }
}

/// A session whose master does not answer, where a start may take so long.
fn gives_up(master: &str, timeout: &str) {
    let timeout = format!("session.start-timeout={timeout}");
    let server = Options::new(HEARTH).set(&format!("spark.masters={master}")).set(&timeout).start();
    let path = format!("/v1/{PARENT}/sessions?sessionId=on-a-cluster");
    server.rest().post(&path, &session_on(master)).ok();
    let failed = eventually_within(PATIENCE, "the session has failed", || {
        let session = server.session("on-a-cluster").json;
        if session["state"] == "FAILED" { Ok(session) } else { Err(session) }
    });
    let message = failed["stateMessage"].as_str().unwrap();
    let address = master.strip_prefix("spark://").unwrap();
    let cause = format!(
        ": no master of a cluster answers at {address}. Check that it runs, and that spark:spark.master names it"
    );
    assert!(message.ends_with(&cause), "{message}");
    server.nothing_left();
}

#[test]
fn a_master_that_is_not_among_those_allowed_is_refused() {
    let server = Options::new(HEARTH).set("spark.masters=spark://127.0.0.1:7077").start();
    let path = format!("/v1/{PARENT}/sessions?sessionId=on-a-cluster");
    let text = server
        .rest()
        .post(&path, &session_on("spark://elsewhere.example:7077"))
        .error(400, "INVALID_ARGUMENT");
    assert_eq!(
        text,
        "Invalid properties: spark:spark.master must be one of spark://127.0.0.1:7077, not \
         'spark://elsewhere.example:7077'"
    );
}
