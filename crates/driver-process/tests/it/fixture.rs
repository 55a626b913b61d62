//! A directory of engines for one test, and what runs in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hearth_core::Timestamp;
use hearth_core::engine::{EngineSpec, Exit, Listening, Observed, PortSource, Protocol, StopSignal};
use hearth_core::id::EngineId;
use hearth_core::session::later;
use hearth_driver::Driver;
use hearth_driver_process::{ProcessDriver, ProcessDriverConfig, ShimCommand};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use uuid::Uuid;

/// How long to wait for anything before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A grace that nothing is meant to use up.
pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) struct Fixture {
    root: TempDir,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    /// A file beside the engines' directory.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn engines_dir(&self) -> PathBuf {
        self.root.path().canonicalize().unwrap().join("engines")
    }

    pub(crate) fn dir(&self, id: EngineId) -> PathBuf {
        self.engines_dir().join(id.to_string())
    }

    pub(crate) fn config(&self) -> ProcessDriverConfig {
        let shim = ShimCommand { program: env!("CARGO_BIN_EXE_hearth-shim").into(), args: Vec::new() };
        let mut config = ProcessDriverConfig::new(self.root.path().join("engines"), shim);
        config.scan_every = Duration::from_millis(50);
        config
    }

    pub(crate) fn driver(&self) -> Arc<dyn Driver> {
        Arc::new(ProcessDriver::start(self.config()).unwrap())
    }

    /// A stub engine that does as its environment says.
    pub(crate) fn spec(&self, id: EngineId, env: &[(&str, &str)]) -> EngineSpec {
        let mut spec = EngineSpec {
            id,
            program: env!("CARGO_BIN_EXE_hearth-stub-engine").into(),
            args: Vec::new(),
            env: BTreeMap::new(),
            files: BTreeMap::new(),
            port: PortSource::LogLine("Starting the stub engine on ".to_owned()),
            ui: None,
            protocol: Protocol::SparkConnect,
            stop_signal: StopSignal::Terminate,
            log_head: String::new(),
            log_limit: 1 << 20,
            deadline: later(Timestamp::now(), Duration::from_secs(3600)),
            spare: None,
        };
        spec.env.insert("STUB_STARTS".to_owned(), self.starts_file(id).to_str().unwrap().to_owned());
        spec.env.extend(env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        spec
    }

    pub(crate) fn starts(&self, id: EngineId) -> u32 {
        fs::read(self.starts_file(id)).map_or(0, |bytes| u32::try_from(bytes.len()).unwrap())
    }

    /// The number of the engine's shim and of its own process.
    pub(crate) fn pids(&self, id: EngineId) -> (i32, i32) {
        let number = |file: &str, name: &str| {
            let text = fs::read(self.dir(id).join(file)).unwrap();
            let json: serde_json::Value = serde_json::from_slice(&text).unwrap();
            i32::try_from(json[name].as_i64().unwrap()).unwrap()
        };
        (number("shim.json", "pid"), number("status.json", "engine_pid"))
    }

    /// Ends and removes the engine and checks that nothing of it stays, on disk or as a process.
    pub(crate) async fn clean(&self, driver: &Arc<dyn Driver>, id: EngineId) {
        driver.stop(id, Duration::ZERO).await.unwrap();
        exited(driver, id).await;
        driver.remove(id).await.unwrap();
        self.check_nothing_is_left();
    }

    /// Checks that no file and no process of any engine is left. Shims may need a moment to go.
    pub(crate) fn check_nothing_is_left(&self) {
        let left: Vec<_> = fs::read_dir(self.engines_dir())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .filter(|name| name != "notify.sock")
            .collect();
        assert!(left.is_empty(), "{left:?}");
        let dir = self.engines_dir().to_str().unwrap().to_owned();
        eventually("no process left", || processes_with(&dir).is_empty().then_some(()));
    }

    fn starts_file(&self, id: EngineId) -> PathBuf {
        self.file(&format!("starts-{id}"))
    }
}

/// A test that fails half-way leaves no processes either.
impl Drop for Fixture {
    fn drop(&mut self) {
        for entry in fs::read_dir(self.engines_dir()).into_iter().flatten().flatten() {
            let read = || {
                let shim: serde_json::Value =
                    serde_json::from_slice(&fs::read(entry.path().join("shim.json")).ok()?).ok()?;
                let pid = i32::try_from(shim["pid"].as_i64()?).ok()?;
                let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
                String::from_utf8_lossy(&command).contains(entry.path().to_str()?).then_some(pid)
            };
            if let Some(pid) = read().and_then(Pid::from_raw) {
                // It may have ended by itself just now.
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}

pub(crate) fn new_id() -> EngineId {
    EngineId(Uuid::new_v4())
}

/// Looks until `look` finds something.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let give_up_at = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < give_up_at, "never came: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) async fn observed<T>(
    driver: &Arc<dyn Driver>,
    id: EngineId,
    look: impl Fn(&Observed) -> Option<T>,
) -> T {
    let give_up_at = Instant::now() + PATIENCE;
    loop {
        let seen = driver.observe(id).await.unwrap();
        if let Some(found) = look(&seen) {
            return found;
        }
        assert!(Instant::now() < give_up_at, "engine {id} stays {seen:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub(crate) async fn listening(driver: &Arc<dyn Driver>, id: EngineId) -> Listening {
    observed(driver, id, |seen| match seen {
        Observed::Listening(listening) => Some(listening.clone()),
        Observed::Exited(exit) => panic!("{exit:?}"),
        _ => None,
    })
    .await
}

pub(crate) async fn exited(driver: &Arc<dyn Driver>, id: EngineId) -> Exit {
    observed(driver, id, |seen| match seen {
        Observed::Exited(exit) => Some(exit.clone()),
        _ => None,
    })
    .await
}

/// Whether a process of that number runs; one that ended and was not reaped does too, for these tests.
pub(crate) fn exists(pid: i32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// Processes with `text` in their command line or environment.
fn processes_with(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        for file in ["cmdline", "environ"] {
            let content = fs::read(entry.path().join(file)).unwrap_or_default();
            let content = String::from_utf8_lossy(&content);
            if entry.file_name() != std::process::id().to_string().as_str() && content.contains(text) {
                found.push(format!("{} {file}: {content}", entry.file_name().display()));
            }
        }
    }
    found
}
