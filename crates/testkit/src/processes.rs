//! The processes that a server started, as the system shows them.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

/// A process, which may have ended since.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    /// The engine it belongs to, which is the uuid of a session.
    pub engine: String,
    /// Its number.
    pub pid: i32,
    /// When it started, in the kernel's ticks: numbers are used again.
    pub started: u64,
}

impl Process {
    /// Ends it at once. One that has ended is fine.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// Stops or continues it, among other things.
    pub fn signal(&self, signal: Signal) {
        if start_time(self.pid) == Some(self.started)
            && let Some(pid) = Pid::from_raw(self.pid)
        {
            // It may end right now.
            let _ = kill_process(pid, signal);
        }
    }

    /// The words it was started with, separated by blanks; empty if it has ended.
    pub fn command(&self) -> String {
        let line = fs::read(format!("/proc/{}/cmdline", self.pid)).unwrap_or_default();
        String::from_utf8_lossy(&line).replace('\0', " ")
    }

    /// The most memory that it has held so far, in bytes.
    ///
    /// # Panics
    /// When the system does not say, as when it has ended.
    pub fn peak_memory(&self) -> u64 {
        peak_memory(self.pid)
    }

    fn new(pid: i32, engine: &OsStr) -> Option<Self> {
        Some(Self { engine: engine.to_string_lossy().into_owned(), pid, started: start_time(pid)? })
    }
}

/// The most memory that a process has held so far, in bytes.
pub(crate) fn peak_memory(pid: impl std::fmt::Display) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

/// The supervisors of engines in this directory: those that were started with its path, and those that have said who they are.
pub(crate) fn shims(engines_dir: &Path) -> Vec<Process> {
    let told = fs::read_dir(engines_dir).into_iter().flatten().flatten().filter_map(|engine| {
        let record = fs::read(engine.path().join("shim.json")).ok()?;
        let record: serde_json::Value = serde_json::from_slice(&record).ok()?;
        let shim = Process::new(i32::try_from(record["pid"].as_i64()?).ok()?, &engine.file_name())?;
        (record["started"] == shim.started).then_some(shim)
    });
    let of = |pid: i32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let mut words = line.split(|byte| *byte == 0).skip(1);
        let verb = words.next()?;
        let dir = Path::new(OsStr::from_bytes(words.next()?));
        (verb == b"shim" && dir.parent() == Some(engines_dir)).then(|| Process::new(pid, dir.file_name()?))?
    };
    let mut shims: Vec<_> = told.chain(all().into_iter().filter_map(of)).collect();
    shims.sort();
    shims.dedup();
    shims
}

/// The processes that are ready to become engines in this directory. They have no engine yet.
pub(crate) fn spares(engines_dir: &Path) -> Vec<Process> {
    carrying(engines_dir, b"HEARTH_FUTURE=")
}

/// The processes of engines in this directory: those that carry its path in their environment.
pub(crate) fn engines(engines_dir: &Path) -> Vec<Process> {
    carrying(engines_dir, b"HEARTH_ENGINE=")
}

/// The processes with the path of this directory in their environment, and a variable that tells what they are of.
fn carrying(engines_dir: &Path, variable: &[u8]) -> Vec<Process> {
    let of = |pid: i32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
        let value = |name: &[u8]| {
            let mut entries = environment.split(|byte| *byte == 0);
            entries.find_map(|entry| entry.strip_prefix(name))
        };
        let dir = value(b"HEARTH_ENGINES_DIR=")?;
        (dir == engines_dir.as_os_str().as_bytes())
            .then(|| Process::new(pid, OsStr::from_bytes(value(variable)?)))?
    };
    all().into_iter().filter_map(of).collect()
}

/// Removes the control groups of engines in this directory. Supervisors do, unless they are killed.
pub(crate) fn remove_groups(engines_dir: &Path) {
    for entry in fs::read_dir(engines_dir).into_iter().flatten().flatten() {
        let spec = fs::read(entry.path().join("spec.json")).unwrap_or_default();
        let spec: serde_json::Value = serde_json::from_slice(&spec).unwrap_or_default();
        if let Some(group) = spec["cgroup"].as_str() {
            // Most are gone.
            let _ = fs::remove_dir(group);
        }
    }
}

/// The numbers of all processes.
fn all() -> Vec<i32> {
    let entries = fs::read_dir("/proc").unwrap();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// When a process started; none if it is gone or only its exit status is left.
fn start_time(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may contain anything, so what counts comes after its last parenthesis.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    if matches!(*fields.first()?, "Z" | "X") {
        return None;
    }
    // Field 22 of the line (proc_pid_stat(5)); the first after the name is field 3.
    fields.get(19)?.parse().ok()
}
