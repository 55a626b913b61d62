//! Spark's history server: one for all sessions, started when somebody asks and ended when nobody has for a while.

use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use hearth_core::engine::Endpoint;
use hearth_core::id::SessionUuid;
use hearth_core::staged::{self, Owner};
use hearth_engines::jvm::Jvm;
use hearth_engines::spark::history;
use hearth_runtimes::{Catalogue, EngineKind, Installer};
use hearth_spark_data::{DataError, HttpMonitoring, Monitoring};
use hearth_staging::ObjectStaging;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::Mutex;
use tokio::time::Instant;
use tracing::{debug, info, warn};

/// What failed, in the words of an answer.
const START: &str = "start Spark's history server";
/// How long it may take to say its port: seconds on an idle machine.
const START_TIMEOUT: Duration = Duration::from_secs(120);
/// How long it may take to find a log that was put where it looks every second. It reads large ones first.
const FIND_TIMEOUT: Duration = Duration::from_secs(60);
/// How often it is asked meanwhile.
const FIND_INTERVAL: Duration = Duration::from_millis(200);
/// After how long without a question it ends: it takes some 250 MB.
const IDLE: Duration = Duration::from_secs(900);

/// Where the history server finds logs.
#[derive(Debug, Clone)]
pub(crate) struct HistoryFiles {
    dir: PathBuf,
}

impl HistoryFiles {
    /// In the state directory.
    pub(crate) fn new(state_dir: &Path) -> Self {
        Self { dir: state_dir.join("history") }
    }

    /// The directory with a link to each log that was asked for.
    fn logs(&self) -> PathBuf {
        self.dir.join("logs")
    }

    fn copy(&self, session: SessionUuid, log: &str) -> PathBuf {
        self.dir.join("copies").join(format!("{session}-{log}"))
    }

    fn make(&self) -> std::io::Result<()> {
        for dir in ["logs", "copies", "work"] {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(self.dir.join(dir))?;
        }
        Ok(())
    }

    /// Forgets a log. What cannot be removed is only space.
    pub(super) fn hide(&self, session: SessionUuid, log: &str) {
        for path in [self.logs().join(log), self.copy(session, log)] {
            let _not_there = std::fs::remove_file(path);
        }
    }
}

/// The history server.
pub(crate) struct History {
    files: HistoryFiles,
    staging: ObjectStaging,
    catalogue: Arc<Catalogue>,
    installer: Installer,
    running: Arc<Mutex<Option<Running>>>,
}

struct Running {
    child: Child,
    endpoint: Endpoint,
    used_at: Instant,
}

/// A log as the history server has it.
pub(crate) struct Shown {
    /// The address of the server, as `http://HOST:PORT`.
    pub(crate) endpoint: Endpoint,
    /// The directory with the log, under its application's id.
    pub(crate) dir: PathBuf,
}

impl History {
    /// None is running yet.
    pub(crate) fn new(
        files: HistoryFiles,
        staging: ObjectStaging,
        catalogue: Arc<Catalogue>,
        installer: Installer,
    ) -> Self {
        Self { files, staging, catalogue, installer, running: Arc::default() }
    }

    /// The applications whose logs are kept of a session.
    pub(crate) async fn applications(&self, owner: Owner<'_>) -> Result<Vec<String>, DataError> {
        let kept = self.staging.kept(owner, staged::EVENT_LOGS).await;
        let kept = kept.map_err(DataError::because("look for event logs"))?;
        Ok(kept.into_iter().map(|log| log.name).collect())
    }

    /// Shows the log of an application of a session.
    pub(crate) async fn show(&self, owner: Owner<'_>, application: &str) -> Result<Shown, DataError> {
        self.link(owner, application).await?;
        let endpoint = self.endpoint().await?;
        let monitoring = HttpMonitoring::new(&format!("http://{endpoint}"));
        let until = Instant::now() + FIND_TIMEOUT;
        while monitoring.get(&format!("/{application}")).await?.is_none() {
            if Instant::now() > until {
                let text = format!("it has not found the log of {application}");
                return Err(DataError::because("read the event log")(text));
            }
            tokio::time::sleep(FIND_INTERVAL).await;
        }
        Ok(Shown { endpoint, dir: self.files.logs() })
    }

    /// Puts a log where the server looks.
    async fn link(&self, owner: Owner<'_>, application: &str) -> Result<(), DataError> {
        const LINK: &str = "show the event log";
        let link = self.files.logs().join(application);
        self.files.make().map_err(DataError::because(LINK))?;
        let copy = self.files.copy(owner.session, application);
        let log = self.staging.local_file(owner, staged::EVENT_LOGS, application, &copy).await;
        let log = log.map_err(DataError::because(LINK))?;
        match std::fs::read_link(&link) {
            Ok(there) if there == log && there.exists() => return Ok(()),
            // Applications of Spark 3.5 are called after the millisecond of their start, which two may share.
            Ok(there) if there.exists() => {
                let text = format!("the log of another session is shown as {application} now");
                return Err(DataError::because(LINK)(text));
            }
            _ => {}
        }
        // A link whose file is gone would be in the way.
        let _not_there = std::fs::remove_file(&link);
        match std::os::unix::fs::symlink(log, &link) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                Err(DataError::because(LINK)(error))
            }
            _ => Ok(()),
        }
    }

    /// Where the server answers; it is started if it does not run.
    async fn endpoint(&self) -> Result<Endpoint, DataError> {
        let mut running = self.running.lock().await;
        if let Some(now) = running.as_mut()
            && matches!(now.child.try_wait(), Ok(None))
        {
            now.used_at = Instant::now();
            return Ok(now.endpoint.clone());
        }
        let mut child = self.spawn()?;
        let errors = child.stderr.take().ok_or_else(|| DataError::because(START)("it has no output"))?;
        let mut lines = BufReader::new(errors).lines();
        let port = tokio::time::timeout(START_TIMEOUT, port(&mut lines)).await;
        let port = port.map_err(DataError::because(START))??;
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                debug!(line, "history server");
            }
        });
        let endpoint = Endpoint { host: "127.0.0.1".to_owned(), port };
        info!(%endpoint, "history server started");
        *running = Some(Running { child, endpoint: endpoint.clone(), used_at: Instant::now() });
        tokio::spawn(end_when_idle(self.running.clone()));
        Ok(endpoint)
    }

    fn spawn(&self) -> Result<Child, DataError> {
        let runtimes = self.catalogue.runtimes().iter().rev();
        let mut spark = runtimes.filter(|runtime| runtime.engine == EngineKind::Spark);
        let found = spark.find_map(|runtime| Some((runtime, self.installer.installed(runtime)?)));
        let Some((runtime, environment)) = found else {
            let text = "no runtime with Spark is installed. Run `hearth runtimes install spark-4.0`";
            return Err(DataError::because(START)(text));
        };
        let java = self.installer.java(runtime, &environment).map_err(DataError::because(START))?;
        let java = java.ok_or_else(|| DataError::because(START)("its runtime has no Java"))?;
        let jvm = Jvm { program: java.program(), major: java.major, archive: None };
        let home = environment.site_packages.join("pyspark");
        self.files.make().map_err(DataError::because(START))?;
        let (flags, logging) = (self.files.dir.join("java.args"), self.files.dir.join("log4j2.properties"));
        let text =
            history::arguments(&jvm, &home, &self.files.logs(), &self.files.dir.join("work"), &logging);
        write_private(&flags, &text).map_err(DataError::because(START))?;
        write_private(&logging, history::LOGGING).map_err(DataError::because(START))?;
        let own = std::env::current_exe().map_err(DataError::because(START))?;
        Command::new(own)
            .arg("tether")
            .arg(jvm.program)
            .arg(format!("@{}", flags.display()))
            .arg(history::MAIN)
            .env_clear()
            .envs(
                ["PATH", "HOME", "LANG", "TZ"]
                    .iter()
                    .filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
            .env("SPARK_HOME", home)
            // What it listens on.
            .env("SPARK_LOCAL_IP", "127.0.0.1")
            // Held open as long as we live; the tether ends the server when it closes.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(DataError::because(START))
    }
}

/// The port in the server's output.
async fn port(lines: &mut Lines<BufReader<ChildStderr>>) -> Result<u16, DataError> {
    let mut last = String::new();
    while let Some(line) = lines.next_line().await.map_err(DataError::because(START))? {
        if let Some((_, rest)) = line.split_once(history::LISTENING) {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            return digits.parse().map_err(DataError::because(START));
        }
        last = line;
    }
    Err(DataError::because(START)(format!("it ended at once: {last}")))
}

async fn end_when_idle(running: Arc<Mutex<Option<Running>>>) {
    loop {
        let Some(idle_at) = running.lock().await.as_ref().map(|now| now.used_at + IDLE) else { return };
        tokio::time::sleep_until(idle_at).await;
        let mut running = running.lock().await;
        if running.as_ref().is_some_and(|now| now.used_at + IDLE <= Instant::now()) {
            if let Some(Running { mut child, .. }) = running.take() {
                // Closes the tether, which ends the server.
                drop(child.stdin.take());
                if let Err(error) = child.wait().await {
                    warn!(%error, "the history server did not end well");
                }
                info!("history server ended: nobody has asked it for a while");
            }
            return;
        }
    }
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
