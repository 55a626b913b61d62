//! `hearth doctor`: looks at what the service needs, and says what is missing and what to do.

use std::error::Error;
use std::net::TcpListener;
use std::path::Path;

use clap::Args;
use hearth_client::{Client, ClientError};
use hearth_runtimes::{Environment, Installer, Runtime};
use hearth_wire::hearth::{Pool, ServerInfo};

use super::exit::Exit;
use super::failure::CommandError;
use super::runtimes::catalogue;
use crate::archive;
use crate::config::{Config, ConfigArgs};
use crate::serve::{ENDPOINT_FILE, ServeError, TOKEN_FILE, measuring, staging};

/// Look at what the service needs on this machine, and say what is missing
#[derive(Debug, Args)]
pub(crate) struct DoctorCommand {
    #[command(flatten)]
    config: ConfigArgs,
}

/// What one look found.
enum Finding {
    /// All is well.
    Good(String),
    /// It works, but may not be what is wanted.
    Note(String, String),
    /// It does not work.
    Bad(String, String),
}

/// Room that a runtime and some sessions need, in bytes.
const ROOM: u64 = 2 << 30;

impl DoctorCommand {
    /// Looks, and tells. Fails when something has to be done.
    pub(crate) async fn run(self) -> Result<Exit, CommandError> {
        let config = self.config.load().map_err(|errors| CommandError::own(errors, ""))?.config;
        let (service, info, pools) = service(&config).await;
        let running = info.is_some();
        let mut findings = vec![
            Finding::Good(format!("hearth {}", env!("CARGO_PKG_VERSION"))),
            directory("state directory", &config.state_dir),
            directory("runtimes directory", &config.runtimes_dir),
            room(&config.runtimes_dir),
            python(),
        ];
        findings.extend(staging_findings(&config).await);
        findings.extend(runtimes(&config)?);
        if !running {
            findings.extend(config.listen.iter().map(|address| match TcpListener::bind(address) {
                Ok(_) => Finding::Good(format!("{address} can be listened on")),
                Err(error) => Finding::Bad(
                    format!("{address} cannot be listened on: {error}"),
                    "Choose another: `hearth serve --listen ADDR:PORT`.".to_owned(),
                ),
            }));
        }
        // The service's own word: a command may be in another control group.
        let measured_by = info.map_or_else(|| measuring().1, |info| info.measured_by);
        findings.extend(measuring_finding(&measured_by));
        findings.push(service);
        findings.extend(pools.iter().map(pool_finding));
        Ok(tell(&findings))
    }
}

fn tell(findings: &[Finding]) -> Exit {
    let mut exit = Exit::Done;
    for finding in findings {
        match finding {
            Finding::Good(text) => println!("ok    {text}"),
            Finding::Note(text, hint) => println!("note  {text}\n      {hint}"),
            Finding::Bad(text, hint) => {
                println!("BAD   {text}\n      {hint}");
                exit = Exit::Failed;
            }
        }
    }
    exit
}

/// Whether a directory can be written to; one that is not there yet counts by its nearest parent.
fn directory(what: &str, path: &Path) -> Finding {
    let there = path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(Path::new("/"));
    let shown = path.display();
    if there.is_dir() && rustix::fs::access(there, rustix::fs::Access::WRITE_OK).is_ok() {
        return Finding::Good(format!("{what} {shown}"));
    }
    let hint = format!("Make {} writable for this user, or choose another directory.", there.display());
    Finding::Bad(format!("{what} {shown} cannot be written to"), hint)
}

/// Whether the staging stores take something. A directory of the service's own is made by the service.
async fn staging_findings(config: &Config) -> Vec<Finding> {
    if config.staging_uri.is_none() && config.staging_buckets.is_empty() {
        return Vec::new();
    }
    let store = match staging(config, &config.state_dir) {
        Ok(store) => store,
        Err(error) => {
            let error = ServeError::from(error);
            return vec![Finding::Bad(chain(&error), error.hint())];
        }
    };
    let checked = store.check().await.into_iter();
    let told = checked.map(|(uri, tried)| match tried {
        Ok(()) => Finding::Good(format!("the staging store {uri} can be written to")),
        Err(error) => {
            let hint = format!(
                "Check that {uri} exists, that this machine reaches it, and that the credentials in the environment \
                 (`AWS_*`, `GOOGLE_*`) may write, read, list and delete there."
            );
            Finding::Bad(format!("the staging store {uri} cannot be used: {}", chain(&error)), hint)
        }
    });
    told.collect()
}

/// An error with what it comes from.
fn chain(error: &dyn Error) -> String {
    let (mut told, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        told.push_str(&format!(": {error}"));
        cause = error.source();
    }
    told
}

fn room(path: &Path) -> Finding {
    let there = path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(Path::new("/"));
    match rustix::fs::statvfs(there) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let shown = indicatif::HumanBytes(free);
            if free >= ROOM {
                return Finding::Good(format!("{shown} of disk are free"));
            }
            let needed = indicatif::HumanBytes(ROOM);
            let hint = format!("A runtime and some sessions need about {needed}.");
            Finding::Bad(format!("only {shown} of disk are free"), hint)
        }
        Err(error) => Finding::Note(format!("the free disk space is not known: {error}"), String::new()),
    }
}

fn python() -> Finding {
    match std::process::Command::new("python3").arg("--version").output() {
        Ok(output) if output.status.success() => {
            Finding::Good(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        }
        _ => Finding::Bad(
            "there is no python3".to_owned(),
            "Install Python 3.10 or newer: runtimes are Python environments.".to_owned(),
        ),
    }
}

fn runtimes(config: &Config) -> Result<Vec<Finding>, CommandError> {
    let catalogue = catalogue(config)?;
    let installer = Installer::new(&config.runtimes_dir);
    let default = catalogue.default_runtime().full_name();
    Ok(catalogue
        .runtimes()
        .iter()
        .map(|runtime| {
            let name = runtime.full_name();
            let hint = format!("Install it with `hearth runtimes install {name}`.");
            match installer.installed(runtime) {
                Some(environment) => installed(&installer, runtime, &environment),
                None if name == default => {
                    Finding::Bad(format!("the default runtime {name} is not installed"), hint)
                }
                None => Finding::Note(format!("runtime {name} is not installed"), hint),
            }
        })
        .collect())
}

/// What is there of an installed runtime beyond its packages.
fn installed(installer: &Installer, runtime: &Runtime, environment: &Environment) -> Finding {
    let name = runtime.full_name();
    let install = || format!("Run `hearth runtimes install {name}`.");
    match installer.java(runtime, environment) {
        Ok(None) => Finding::Good(format!("runtime {name} is installed")),
        Ok(Some(java))
            if archive::wanted(runtime, &java) && !archive::path(&environment.root, &java).exists() =>
        {
            let text = format!(
                "runtime {name} has no archive of its classes for Java {}: sessions start slowly",
                java.version
            );
            Finding::Note(text, install())
        }
        Ok(Some(java)) => Finding::Good(format!(
            "runtime {name} is installed, with Java {} in {}",
            java.version,
            java.home.display()
        )),
        Err(error) => Finding::Bad(error.to_string(), error.hint()),
    }
}

fn measuring_finding(measured_by: &str) -> Option<Finding> {
    let text = format!("what engines use is measured by {measured_by}");
    match measured_by {
        // There are no engines.
        "" => None,
        _ if measured_by.starts_with("/proc") => {
            let hint = "Nothing has to be done. Control groups are more exact: \
                        `Delegate=yes` and `DelegateSubgroup=service` give them to a service of systemd.";
            Some(Finding::Note(text, hint.to_owned()))
        }
        _ => Some(Finding::Good(text)),
    }
}

/// How a pool of engines is.
fn pool_finding(pool: &Pool) -> Finding {
    let Pool { name, ready, target, .. } = pool;
    if pool.runtime.is_empty() {
        let hint =
            "Install its runtime, make its template, or change the setting `pools.engines`.".to_owned();
        return Finding::Note(format!("no engines of pool {name} can be made"), hint);
    }
    if !pool.trouble.is_empty() {
        let hint =
            "Engines are started again by themselves, later each time. `hearth pools` tells more.".to_owned();
        return Finding::Note(format!("the last engine of pool {name} went wrong: {}", pool.trouble), hint);
    }
    Finding::Good(format!("pool {name} has {ready} of {target} engines ready"))
}

/// How the service is, what it says of itself if it runs, and what it keeps ready.
async fn service(config: &Config) -> (Finding, Option<ServerInfo>, Vec<Pool>) {
    let read =
        |file: &str| std::fs::read_to_string(config.state_dir.join(file)).map(|text| text.trim().to_owned());
    let start = "Start it with `hearth serve`.".to_owned();
    let Ok(endpoint) = read(ENDPOINT_FILE) else {
        let text = "the service does not run in this state directory".to_owned();
        return (Finding::Note(text, start), None, Vec::new());
    };
    let token = read(TOKEN_FILE).ok();
    let asked = async {
        let client = Client::connect(&endpoint, token.as_deref())?;
        let info = client.server_info().await?;
        Ok::<_, ClientError>((info, client.pools().await?))
    };
    match asked.await {
        Ok((info, pools)) => {
            let text = format!("the service answers at {endpoint}, version {}", info.version);
            (Finding::Good(text), Some(info), pools)
        }
        Err(error) => {
            let text = format!("the service at {endpoint} does not answer: {error}");
            (Finding::Note(text, start), None, Vec::new())
        }
    }
}
