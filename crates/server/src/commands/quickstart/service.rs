//! The service that the quickstart talks to: one that runs already, or one of its own.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::super::failure::CommandError;
use crate::config::{Config, ConfigArgs};
use crate::serve::{ENDPOINT_FILE, TOKEN_FILE};

/// How long the service may take to answer, and to end.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long to wait between looks.
const PAUSE: Duration = Duration::from_millis(5);
/// Where a service that was started by the quickstart writes its log.
const LOG_FILE: &str = "server.log";

/// A service to talk to.
pub(super) struct Service {
    /// Where it answers.
    pub(super) endpoint: String,
    /// What lets in.
    pub(super) token: String,
    /// How long it took to answer; `None` for one that ran already.
    pub(super) started_in: Option<Duration>,
    child: Option<Child>,
    /// The directories of engines that were there before.
    engines_before: BTreeSet<OsString>,
}

impl Service {
    /// The service that runs in the configured state directory, or a new one.
    ///
    /// A new one keeps an engine of this runtime ready, once a session was created.
    pub(super) async fn find_or_start(
        args: &ConfigArgs,
        config: &Config,
        runtime: &str,
    ) -> Result<Self, CommandError> {
        if let Some(endpoint) = answering(&config.state_dir).await {
            let token = read(&config.state_dir, TOKEN_FILE).unwrap_or_default();
            return Ok(Self {
                endpoint,
                token,
                started_in: None,
                child: None,
                engines_before: BTreeSet::new(),
            });
        }
        start(args, config, &format!("{runtime}=0..1")).await
    }

    /// Ends what a service of our own keeps ready, and then itself. Engines go on without a service for some minutes, so
    /// it is one that keeps none that ends them.
    pub(super) async fn take_down(&mut self, args: &ConfigArgs, config: &Config) -> Result<(), CommandError> {
        if self.child.is_none() || theirs(args) {
            return self.stop();
        }
        self.stop()?;
        if !self.engines_left(config) {
            return Ok(());
        }
        let mut last = start(args, config, "").await?;
        let until = Instant::now() + PATIENCE;
        while self.engines_left(config) && Instant::now() < until {
            tokio::time::sleep(PAUSE).await;
        }
        last.stop()
    }

    /// Whether there are engines that were not there before.
    fn engines_left(&self, config: &Config) -> bool {
        engines(&config.state_dir).iter().any(|engine| !self.engines_before.contains(engine))
    }

    /// Ends a service of our own; one that ran already is left alone.
    pub(super) fn stop(&mut self) -> Result<(), CommandError> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let failed = |error: std::io::Error| CommandError::own(error, "End it with `pkill hearth`.");
        let pid = Pid::from_child(&child);
        kill_process(pid, Signal::TERM).map_err(|error| failed(error.into()))?;
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if child.try_wait().map_err(failed)?.is_some() {
                return Ok(());
            }
            std::thread::sleep(PAUSE);
        }
        child.kill().map_err(failed)
    }

    /// Lets a service of our own go on without us.
    pub(super) fn keep(&mut self) {
        self.child = None;
    }
}

/// The address of a service that answers, if there is one in this state directory.
async fn answering(state_dir: &Path) -> Option<String> {
    let endpoint = read(state_dir, ENDPOINT_FILE)?;
    let address: SocketAddr = endpoint.strip_prefix("http://")?.parse().ok()?;
    let connected = tokio::time::timeout(PATIENCE, tokio::net::TcpStream::connect(address)).await;
    matches!(connected, Ok(Ok(_))).then_some(endpoint)
}

/// The directories of engines in a state directory.
fn engines(state_dir: &Path) -> BTreeSet<OsString> {
    let entries = std::fs::read_dir(state_dir.join("engines")).into_iter().flatten().flatten();
    entries.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name()).collect()
}

async fn start(args: &ConfigArgs, config: &Config, pools: &str) -> Result<Service, CommandError> {
    let hint = "Check that the state directory is writable and its disk not full.";
    let began = Instant::now();
    std::fs::create_dir_all(&config.state_dir).map_err(|error| CommandError::own(error, hint))?;
    let engines_before = engines(&config.state_dir);
    let log = config.state_dir.join(LOG_FILE);
    let output = std::fs::File::create(&log).map_err(|error| CommandError::own(error, hint))?;
    let errors = output.try_clone().map_err(|error| CommandError::own(error, hint))?;
    let program =
        std::env::current_exe().map_err(|error| CommandError::own(error, "Install the program anew."))?;
    let child = Command::new(program)
        .arg("serve")
        .args(passed_on(args, pools))
        .args(["--listen".to_owned(), free(config.listen[0]).to_string()])
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        // An interrupt from the keyboard is for the quickstart, which then ends the service in order.
        .process_group(0)
        .spawn()
        .map_err(|error| CommandError::own(error, "Install the program anew."))?;
    let mut service = Service {
        endpoint: String::new(),
        token: String::new(),
        started_in: None,
        child: Some(child),
        engines_before,
    };
    while began.elapsed() < PATIENCE {
        if let Some(endpoint) = answering(&config.state_dir).await {
            service.token = read(&config.state_dir, TOKEN_FILE).unwrap_or_default();
            service.endpoint = endpoint;
            service.started_in = Some(began.elapsed());
            return Ok(service);
        }
        if let Some(child) = &mut service.child
            && child.try_wait().ok().flatten().is_some()
        {
            service.child = None;
            return Err(not_started(&log));
        }
        tokio::time::sleep(PAUSE).await;
    }
    drop(service.stop());
    Err(not_started(&log))
}

fn not_started(log: &Path) -> CommandError {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines[lines.len().saturating_sub(10)..].join("\n  ");
    CommandError::own(
        format!("the service did not start. Its last words:\n  {last}"),
        format!("The whole log is in {}.", log.display()),
    )
}

/// The flags that mean the same to the service.
fn passed_on(args: &ConfigArgs, pools: &str) -> Vec<String> {
    let path = |path: &PathBuf| path.display().to_string();
    let one = |name: &str, value: Option<String>| value.map(|value| [name.to_owned(), value]);
    [
        one("--config", args.config.as_ref().map(path)),
        one("--state-dir", args.state_dir.clone()),
        one("--runtimes-dir", args.runtimes_dir.clone()),
        one("--advertise", args.advertise.clone()),
        one("--auth", args.auth.clone()),
        one("--log", args.log.clone()),
    ]
    .into_iter()
    .flatten()
    .chain((!theirs(args)).then(|| ["--set".to_owned(), format!("pools.engines={pools}")]))
    .chain(args.set.iter().map(|set| ["--set".to_owned(), set.clone()]))
    .flatten()
    .collect()
}

/// Whether the caller says which engines are kept ready.
fn theirs(args: &ConfigArgs) -> bool {
    args.set.iter().any(|set| set.starts_with("pools."))
}

/// The address itself, or the same with any free port if another program has it.
fn free(address: SocketAddr) -> SocketAddr {
    match TcpListener::bind(address) {
        Ok(_) => address,
        Err(_) => {
            eprintln!("port {} is in use by another program; taking a free one", address.port());
            SocketAddr::new(address.ip(), 0)
        }
    }
}

fn read(directory: &Path, file: &str) -> Option<String> {
    let text = std::fs::read_to_string(directory.join(file)).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}
