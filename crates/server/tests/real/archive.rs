//! The archive of Spark's classes, in a copy of a runtime that nobody else uses.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use hearth_testkit::{Options, PARENT, Python, TestServer, run, runtimes_dir};
use serde_json::json;

use crate::spark_jvm::{RUNTIME, create, jvm, session_in};
use crate::{HEARTH, remote, script, uuid};

/// A directory of runtimes with this one in it, which has no archive yet. All but that is the cache's.
fn copy(dir: &Path, runtime: &str) -> (PathBuf, PathBuf) {
    let runtimes = dir.join("runtimes");
    let from = std::fs::read_dir(runtimes_dir().join("envs")).unwrap().map(|entry| entry.unwrap().path());
    let is_spark = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with(runtime);
    let from = from.filter(is_spark).max().expect("Spark is installed");
    let root = runtimes.join("envs").join(from.file_name().unwrap());
    std::fs::create_dir_all(&root).unwrap();
    for entry in
        std::fs::read_dir(&from).unwrap().map(Result::unwrap).filter(|entry| entry.file_name() != "share")
    {
        symlink(entry.path(), root.join(entry.file_name())).unwrap();
    }
    (runtimes, root)
}

/// What a session on it answers, and whether its JVM has an archive in memory.
fn asked(server: &TestServer, id: &str) -> bool {
    create(server, id, &json!({"spark.driver.memory": "512m"}));
    let uuid = uuid(&session_in(server, id, "ACTIVE"));
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", jvm(server))).unwrap();
    let said = Python::client("pyspark-4.0").run(&script("asks.py"), &[&remote(server, &uuid)]).succeeded();
    assert_eq!(said, "42\n");
    server.terminate(id);
    server.nothing_left();
    maps.contains("share/java/")
}

#[test]
fn installing_makes_an_archive_that_sessions_use_and_one_that_does_not_fit_is_left_aside() {
    let dir = tempfile::tempdir().unwrap();
    let (runtimes, root) = copy(dir.path(), RUNTIME);
    let server = Options::new(HEARTH).runtimes(&runtimes).start();
    let doctor = || {
        let output = Command::new(HEARTH)
            .args(["doctor", "--runtimes-dir"])
            .arg(&runtimes)
            .arg("--state-dir")
            .arg(server.state_dir())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(doctor().contains("runtime spark-4.0.5 has no archive of its classes"), "{}", doctor());
    run(Command::new(HEARTH).args(["runtimes", "install", RUNTIME, "--runtimes-dir"]).arg(&runtimes))
        .succeeded();
    assert!(doctor().contains("runtime spark-4.0.5 is installed, with Java"), "{}", doctor());
    assert!(asked(&server, "with-an-archive"));

    let folder = root.join("share/java");
    let archives = || {
        let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        entries
            .filter(|path| path.extension().is_some_and(|extension| extension == "jsa"))
            .collect::<Vec<_>>()
    };
    let [made] = archives().try_into().unwrap();
    // As after another Java came: its archive has another name.
    let stale = folder.join("0123456789abcdef.jsa");
    std::fs::rename(&made, &stale).unwrap();
    assert!(doctor().contains("has no archive of its classes"), "{}", doctor());
    // As after a disk went wrong: the JVM starts without it, and says nothing.
    std::fs::write(&made, "no archive at all").unwrap();
    assert!(!asked(&server, "with-a-broken-one"));
}

#[test]
fn a_runtime_for_kernels_gets_an_archive_that_their_drivers_use() {
    let dir = tempfile::tempdir().unwrap();
    let (runtimes, _) = copy(dir.path(), "spark-3.5");
    run(Command::new(HEARTH).args(["runtimes", "install", "spark-3.5", "--runtimes-dir"]).arg(&runtimes))
        .succeeded();
    let server = Options::new(HEARTH).runtimes(&runtimes).start();
    let body = json!({
        "name": format!("{PARENT}/sessions/kernel"), "jupyterSession": {},
        "runtimeConfig": {"version": "2.3", "properties": {"spark.driver.memory": "512m"}},
    });
    server.rest().post(&format!("/v1/{PARENT}/sessions?sessionId=kernel"), &body).ok();
    session_in(&server, "kernel", "ACTIVE");
    let of =
        |pid: i32, file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let drivers: Vec<_> = server.engines().iter().map(|process| process.pid).collect();
    let driver = drivers.into_iter().find(|pid| of(*pid, "cmdline").contains("PythonGatewayServer"));
    assert!(of(driver.expect("a driver"), "maps").contains("share/java/"));
    server.terminate("kernel");
    server.nothing_left();
}
