//! A session whose executors run on a cluster: Spark's own standalone one, a master and two workers on addresses of
//! the loopback interface.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use hearth_testkit::{Options, PARENT, Python, Signal, connect_session, eventually_within, runtimes_dir};
use rustix::process::{Pid, kill_process_group};
use serde_json::{Value, json};

use crate::spark_jvm::{PATIENCE, RUNTIME, session_in};
use crate::{HEARTH, remote, script, uuid};

/// What a master writes directly before its address.
const MASTER_AT: &str = "Starting Spark master at ";

/// A program of Spark, with what it has started. Dropping it ends them all.
struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts a main class of the installed Spark on an address.
    fn start(dir: &Path, name: &str, address: &str, class: &str, arguments: &[&str]) -> Self {
        let (site, java) = installed();
        let log = dir.join(format!("{name}.log"));
        let output = File::create(&log).unwrap();
        let mut command = Command::new(java.join("bin/java"));
        command.arg("-Xmx300m").arg("-XX:+UseSerialGC").arg("-XX:TieredStopAtLevel=1");
        command.arg("-cp").arg(site.join("jars/*")).arg(class);
        command.args(["--host", address, "--port", "0", "--webui-port", "0"]).args(arguments);
        command.env("SPARK_HOME", &site).env("SPARK_LOCAL_IP", address).env("SPARK_SCALA_VERSION", "2.13");
        command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        // Executors are in the group of their worker.
        let child = command.process_group(0).spawn().unwrap();
        Self { child, log }
    }

    /// What it has written so far.
    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn kill(&mut self) {
        let group = Pid::from_child(&self.child);
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.child.wait();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The folder of the installed Spark and the home of its Java.
fn installed() -> (PathBuf, PathBuf) {
    let entries = fs::read_dir(runtimes_dir().join("envs")).unwrap();
    let found = entries.filter_map(|entry| {
        let root = entry.ok()?.path();
        root.file_name()?.to_str()?.starts_with("spark-4.0").then_some(())?;
        let marker: Value =
            serde_json::from_slice(&fs::read(root.join("hearth-environment.json")).ok()?).ok()?;
        Some((
            root.join(marker["site-packages"].as_str()?).join("pyspark"),
            PathBuf::from(marker["java-home"].as_str()?),
        ))
    });
    found.max().expect("Spark is installed")
}

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
fn a_query_on_a_cluster_outlives_a_worker() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = |name: &str, address: &str, class: &str, arguments: &[&str]| {
        Daemon::start(dir.path(), name, address, class, arguments)
    };
    let master = daemon("master", "127.0.0.1", "org.apache.spark.deploy.master.Master", &[]);
    let address = eventually_within(PATIENCE, "the master says where it is", || {
        let said = master.said();
        let line = said.lines().find_map(|line| line.split_once(MASTER_AT)).map(|(_, rest)| rest.to_owned());
        line.ok_or(said)
    });
    let address = address.trim();
    let work = dir.path().join("work");
    let arguments = ["--cores", "1", "--memory", "2g", "-d", work.to_str().unwrap(), address];
    let class = "org.apache.spark.deploy.worker.Worker";
    let _stays = daemon("worker-2", "127.0.0.2", class, &arguments);
    let mut lost = daemon("worker-3", "127.0.0.3", class, &arguments);

    let server = Options::new(HEARTH).set(&format!("spark.masters={address}")).start();
    let path = format!("/v1/{PARENT}/sessions?sessionId=on-a-cluster");
    server.rest().post(&path, &session_on(address)).ok();
    let remote = remote(&server, &uuid(&session_in(&server, "on-a-cluster", "ACTIVE")));

    let traces = dir.path().join("traces");
    fs::create_dir(&traces).unwrap();
    let mut client =
        Python::client("pyspark-4.0").start(&script("on_a_cluster.py"), &[&remote, traces.to_str().unwrap()]);
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
    server.terminate("on-a-cluster");
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
