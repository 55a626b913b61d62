//! Jars of a session's own.

use std::path::{Path, PathBuf};
use std::process::Command;

use hearth_testkit::{PARENT, Python, TestServer, connect_session};
use serde_json::json;

use crate::daemon::installed;
use crate::spark_jvm::{RUNTIME, create, session_in};
use crate::{HEARTH, remote, script, uuid};

/// A function of Spark SQL, as a class.
const TWICE: &str = "package demo;
public class Twice implements org.apache.spark.sql.api.java.UDF1<Long, Long> {
    public Long call(Long number) { return 2 * number; }
}
";

/// Makes the jar of the function.
fn jar(dir: &Path) -> PathBuf {
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).current_dir(dir).output();
        let output = output.unwrap_or_else(|error| panic!("{program}, of a JDK: {error}"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    std::fs::write(dir.join("Twice.java"), TWICE).unwrap();
    let jars = format!("{}/*", installed().0.join("jars").display());
    run("javac", &["-cp", &jars, "-d", "classes", "Twice.java"]);
    run("jar", &["cf", "twice.jar", "-C", "classes", "demo"]);
    dir.join("twice.jar")
}

#[test]
fn a_class_in_a_jar_of_the_session_is_a_function_of_its_queries() {
    let dir = tempfile::tempdir().unwrap();
    let jar = jar(dir.path());
    let server = TestServer::start(HEARTH);
    create(&server, "with-a-jar", &json!({"spark.jars": jar, "spark.driver.memory": "512m"}));
    let uuid = uuid(&session_in(&server, "with-a-jar", "ACTIVE"));
    let said = Python::client("pyspark-4.0").run(&script("twice.py"), &[&remote(&server, &uuid)]).succeeded();
    assert_eq!(said, "twice [0, 2, 4, 6]\n");
    server.terminate("with-a-jar");
    server.nothing_left();
}

#[test]
fn a_jar_that_is_not_there_is_refused_at_once() {
    let server = TestServer::start(HEARTH);
    let mut body = connect_session("lost");
    let jars = "file:///nowhere/lost.jar,https://jars.example/there.jar";
    body["runtimeConfig"] = json!({"version": RUNTIME, "properties": {"spark.jars": jars}});
    let told = server
        .rest()
        .post(&format!("/v1/{PARENT}/sessions?sessionId=lost"), &body)
        .error(400, "INVALID_ARGUMENT");
    assert_eq!(
        told,
        "Invalid properties: spark:spark.jars names '/nowhere/lost.jar', which is no file on the service's machine"
    );
    server.session("lost").error(404, "NOT_FOUND");
}
