//! Programs of Spark that are not the service's: masters, workers, history servers.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use hearth_testkit::{Signal, eventually_within, runtimes_dir};
use rustix::process::{Pid, kill_process_group};
use serde_json::Value;

use crate::spark_jvm::PATIENCE;

/// A program of Spark, with what it has started. Dropping it ends them all.
pub(crate) struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts a main class of the installed Spark on an address.
    pub(crate) fn start(
        dir: &Path,
        name: &str,
        address: &str,
        flags: &[&str],
        class: &str,
        arguments: &[&str],
    ) -> Self {
        let (site, java) = installed();
        let log = dir.join(format!("{name}.log"));
        let output = File::create(&log).unwrap();
        let mut command = Command::new(java.join("bin/java"));
        command.args(["-Xmx300m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]).args(flags);
        command.arg("-cp").arg(site.join("jars/*")).arg(class).args(arguments);
        command.env("SPARK_HOME", &site).env("SPARK_LOCAL_IP", address).env("SPARK_SCALA_VERSION", "2.13");
        command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        // Executors are in the group of their worker.
        let child = command.process_group(0).spawn().unwrap();
        Self { child, log }
    }

    /// The rest of the first line with this marker, once it is written.
    pub(crate) fn says(&self, marker: &str) -> String {
        eventually_within(PATIENCE, &format!("a program says \"{marker}\""), || {
            let said = fs::read_to_string(&self.log).unwrap_or_default();
            let whole = said.rsplit_once('\n').map_or("", |(whole, _)| whole);
            let line = whole.lines().find_map(|line| line.split_once(marker));
            line.map(|(_, rest)| rest.to_owned()).ok_or(said)
        })
    }

    pub(crate) fn kill(&mut self) {
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
pub(crate) fn installed() -> (PathBuf, PathBuf) {
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
