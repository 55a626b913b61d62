//! Apache Spark as the engine: its driver JVM, with stock PySpark clients.
//!
//! The runtime comes from the cache, where `cargo xtask test` installs it; by hand:
//! `hearth runtimes install spark-4.0 --runtimes-dir ~/.cache/hearth-tests/runtimes`.

use std::time::Duration;

use hearth_testkit::{PARENT, Python, TestServer, connect_session, eventually_within};
use serde_json::{Value, json};

use crate::{HEARTH, remote, script, uuid};

/// A JVM starts in seconds on an idle machine, and there may be many of them at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// The runtime of these tests.
pub(crate) const RUNTIME: &str = "spark-4.0";

/// Asks for a session on Spark with these properties.
pub(crate) fn create(server: &TestServer, id: &str, properties: &Value) {
    let mut body = connect_session(id);
    body["labels"] = json!({"team": "blue"});
    body["runtimeConfig"] = json!({"version": RUNTIME, "properties": properties});
    server.rest().post(&format!("/v1/{PARENT}/sessions?sessionId={id}"), &body).ok();
}

/// The session, once it is in this state.
#[track_caller]
pub(crate) fn session_in(server: &TestServer, id: &str, state: &str) -> Value {
    let session = eventually_within(PATIENCE, &format!("session {id} is {state}"), || {
        let answer = server.session(id);
        match answer.json["state"].as_str() {
            Some(now) if now == state || now == "FAILED" => Ok(answer.json),
            _ => Err(answer.text),
        }
    });
    assert_eq!(session["state"], state, "{session:#}");
    session
}

#[test]
fn a_session_runs_on_spark_with_its_properties_and_its_own_secret() {
    let server = TestServer::start(HEARTH);
    let properties = json!({
        "spark.sql.shuffle.partitions": "3",
        "spark.app.name": "named \"by\" its user",
        "spark.driver.memory": "1g",
        "spark.driver.cores": "1",
        "spark.dataproc.driverEnv.GREETING": "hello",
        "spark.my.password": "swordfish",
    });
    create(&server, "spark", &properties);
    let uuid = uuid(&session_in(&server, "spark", "ACTIVE"));
    let keys =
        ["spark.sql.shuffle.partitions", "spark.app.name", "spark.hearth.label.team", "spark.hearth.uuid"];
    let remote_of_session = remote(&server, &uuid);
    let arguments: Vec<&str> = [remote_of_session.as_str()].into_iter().chain(keys).collect();
    let said = Python::client("pyspark-4.0").run(&script("spark_jvm.py"), &arguments).succeeded();
    assert_eq!(
        said,
        format!(
            "version 4.0.5\nspark.sql.shuffle.partitions 3\nspark.app.name named \"by\" its user\n\
             spark.hearth.label.team blue\nspark.hearth.uuid {uuid}\nhalves [0.0, 0.5, 1.0]\n\
             environment ['hello', 'blue']\ntable 5\njava 3\n"
        )
    );

    // The archive that the installation made is in its memory: the JVM found that it fits.
    let jvm = jvm(&server);
    let maps = std::fs::read_to_string(format!("/proc/{jvm}/maps")).unwrap();
    assert!(maps.contains("share/java/"), "no archive: run `hearth runtimes install {RUNTIME}` once more");

    // What other users of the machine can see of it.
    let arguments = std::fs::read_to_string(format!("/proc/{jvm}/cmdline")).unwrap();
    assert!(arguments.contains("SparkConnectServer") && !arguments.contains("swordfish"), "{arguments}");
    let environment = std::fs::read_to_string(format!("/proc/{jvm}/environ")).unwrap();
    let secret =
        environment.split('\0').find_map(|line| line.strip_prefix("SPARK_CONNECT_AUTHENTICATE_TOKEN="));
    let secret = secret.unwrap();
    assert!(secret.len() == 64 && !arguments.contains(secret) && !server.log().contains(secret));

    // Past the service nobody gets in without it.
    let status = std::fs::read_to_string(server.engines_dir().join(&uuid).join("status.json")).unwrap();
    let listening = serde_json::from_str::<Value>(&status).unwrap()["listening"].take();
    let (port, ui) = (&listening["endpoint"]["port"], &listening["ui"]["port"]);
    assert!(port.is_u64() && ui.is_u64() && port != ui, "{status}");
    let past = |token: &str| {
        let address = format!("sc://localhost:{port}/;token={token};session_id={uuid}");
        Python::client("pyspark-4.0").run(&script("is_refused.py"), &[&address]).succeeded()
    };
    assert!(past("guessed").contains("UNAUTHENTICATED"), "{}", past("guessed"));

    server.terminate("spark");
    server.nothing_left();
}

#[test]
fn a_property_that_spark_refuses_fails_the_session_with_its_words() {
    let server = TestServer::start(HEARTH);
    create(
        &server,
        "wrong-early",
        &json!({"spark.driver.maxResultSize": "abc", "spark.driver.memory": "512m"}),
    );
    create(
        &server,
        "wrong-late",
        &json!({"spark.sql.shuffle.partitions": "many", "spark.driver.memory": "512m"}),
    );
    for (id, words) in [
        ("wrong-early", "Failed to parse byte string: abc"),
        ("wrong-late", "spark.sql.shuffle.partitions should be int, but was many"),
    ] {
        let session = session_in(&server, id, "FAILED");
        let message = session["stateMessage"].as_str().unwrap();
        assert!(message.contains(words), "{message}");
        assert!(!message.contains("\n\tat ") && !message.contains(".scala:"), "no stack: {message}");
    }
    server.nothing_left();
}

#[test]
fn a_driver_larger_than_the_machine_is_refused_at_once() {
    let server = TestServer::start(HEARTH);
    let mut body = connect_session("huge");
    let properties = json!({"spark.driver.memory": "8t", "spark.driver.cores": "16"});
    body["runtimeConfig"] = json!({"version": RUNTIME, "properties": properties});
    let told = server
        .rest()
        .post(&format!("/v1/{PARENT}/sessions?sessionId=huge"), &body)
        .error(400, "INVALID_ARGUMENT");
    assert!(told.contains("this machine has"), "{told}");
    server.session("huge").error(404, "NOT_FOUND");
}

#[test]
fn a_spark_session_lives_through_the_death_of_the_server() {
    let mut server = TestServer::start(HEARTH);
    create(&server, "kept", &json!({"spark.driver.memory": "512m"}));
    let uuid = uuid(&session_in(&server, "kept", "ACTIVE"));
    let mut client =
        Python::client("pyspark-4.0").start(&script("stays_connected.py"), &[&remote(&server, &uuid)]);
    client.expect("connected");
    let before = jvm(&server);
    server.kill9();
    server.restart();
    assert_eq!(jvm(&server), before);
    client.say("the server is back");
    client.expect("again");
    client.end();
    server.terminate("kept");
    server.nothing_left();
}

/// The process of the only driver.
pub(crate) fn jvm(server: &TestServer) -> i32 {
    let drivers: Vec<i32> = server
        .engines()
        .iter()
        .filter(|process| {
            std::fs::read_to_string(format!("/proc/{}/cmdline", process.pid))
                .is_ok_and(|line| line.contains("SparkConnectServer"))
        })
        .map(|process| process.pid)
        .collect();
    assert_eq!(drivers.len(), 1, "{drivers:?}");
    drivers[0]
}
