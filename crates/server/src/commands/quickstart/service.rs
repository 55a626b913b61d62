//! The service that the quickstart talks to: one that runs already, or one of its own.

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
}

impl Service {
    /// The service that runs in the configured state directory, or a new one.
    pub(super) async fn find_or_start(args: &ConfigArgs, config: &Config) -> Result<Self, CommandError> {
        if let Some(endpoint) = answering(&config.state_dir).await {
            let token = read(&config.state_dir, TOKEN_FILE).unwrap_or_default();
            return Ok(Self { endpoint, token, started_in: None, child: None });
        }
        start(args, config).await
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

async fn start(args: &ConfigArgs, config: &Config) -> Result<Service, CommandError> {
    let hint = "Check that the state directory is writable and its disk not full.";
    let began = Instant::now();
    std::fs::create_dir_all(&config.state_dir).map_err(|error| CommandError::own(error, hint))?;
    let log = config.state_dir.join(LOG_FILE);
    let output = std::fs::File::create(&log).map_err(|error| CommandError::own(error, hint))?;
    let errors = output.try_clone().map_err(|error| CommandError::own(error, hint))?;
    let program =
        std::env::current_exe().map_err(|error| CommandError::own(error, "Install the program anew."))?;
    let child = Command::new(program)
        .arg("serve")
        .args(passed_on(args))
        .args(["--listen".to_owned(), free(config.listen[0]).to_string()])
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        // An interrupt from the keyboard is for the quickstart, which then ends the service in order.
        .process_group(0)
        .spawn()
        .map_err(|error| CommandError::own(error, "Install the program anew."))?;
    let mut service =
        Service { endpoint: String::new(), token: String::new(), started_in: None, child: Some(child) };
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
fn passed_on(args: &ConfigArgs) -> Vec<String> {
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
    .chain(no_pools(args))
    .chain(args.set.iter().map(|set| ["--set".to_owned(), set.clone()]))
    .flatten()
    .collect()
}

/// One session is shown, and an engine that is started ahead would be left over, unless the caller wants one.
fn no_pools(args: &ConfigArgs) -> Option<[String; 2]> {
    let theirs = args.set.iter().any(|set| set.starts_with("pools."));
    (!theirs).then(|| ["--set".to_owned(), "pools.engines=".to_owned()])
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
