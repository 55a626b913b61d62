//! The service as a process, with a state directory of its own.

use std::ffi::OsString;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::bench::Bench;
use crate::grpc::Grpc;
use crate::rest::Rest;
use crate::spark::Spark;
use crate::{forwarder, process};

/// How long a start may take before it counts as failed.
const START_LIMIT: Duration = Duration::from_secs(120);
/// How often it is looked for the address of a server that starts. Part of every measured start.
const POLL: Duration = Duration::from_micros(500);

/// The variable by which Spark's own server is told what opens it; Sail has none.
pub(crate) const ENGINE_TOKEN: &str = "SPARK_CONNECT_AUTHENTICATE_TOKEN";

/// The project and location of every session here.
pub(crate) const PARENT: &str = "projects/bench/locations/local";

/// A running service. Dropping it ends it and every engine that it has started.
#[derive(Debug)]
pub(crate) struct Server {
    /// Where it answers.
    pub(crate) address: SocketAddr,
    /// What opens it.
    pub(crate) token: String,
    child: Child,
    state_dir: PathBuf,
}

/// Where engines come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engines {
    /// There are none: sessions are active at once.
    Fake,
    /// Real ones.
    Real,
}

impl Server {
    /// Starts `hearth serve` in `state_dir` and waits until its address and token are written down.
    ///
    /// What it logs goes to a file beside, as it would under a service manager.
    pub(crate) async fn start(
        bench: &Bench,
        state_dir: &Path,
        engines: Engines,
        settings: &[&str],
    ) -> anyhow::Result<Self> {
        let log = state_dir.join("serve.log");
        let output = File::create(&log)?;
        let mut command = Command::new(&bench.hearth);
        command.args(["serve", "--listen", "127.0.0.1:0", "--state-dir"]).arg(state_dir);
        command.args(bench.runtime_arguments());
        if engines == Engines::Fake {
            command.args(["--set", "driver=fake"]);
        }
        if !settings.iter().any(|setting| setting.starts_with("pools.")) {
            // Cold starts are measured unless a benchmark asks for others.
            command.args(["--set", "pools.engines=", "--set", "pools.spare-process=0s"]);
        }
        for setting in settings {
            command.args(["--set", setting]);
        }
        // The caller's own configuration must not change what is measured.
        for (name, _) in std::env::vars_os().filter(is_setting) {
            command.env_remove(name);
        }
        command.env("HEARTH_CONFIG", empty_configuration(state_dir)?);
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let child = command.spawn().with_context(|| format!("could not run {}", bench.hearth.display()))?;
        let mut server = Self {
            address: SocketAddr::from(([0, 0, 0, 0], 0)),
            token: String::new(),
            child,
            state_dir: state_dir.to_owned(),
        };
        server.come_up(&log).await?;
        Ok(server)
    }

    async fn come_up(&mut self, log: &Path) -> anyhow::Result<()> {
        let read = |name: &str| std::fs::read_to_string(self.state_dir.join(name)).unwrap_or_default();
        let deadline = Instant::now() + START_LIMIT;
        loop {
            // Only a whole line is an address; the token is written before it.
            if let Some(url) = read("endpoint").strip_suffix('\n') {
                self.address =
                    url.trim_start_matches("http://").parse().context("the endpoint is no address")?;
                self.token = read("token").trim().to_owned();
                return Ok(());
            }
            if self.child.try_wait()?.is_some() || Instant::now() > deadline {
                let log = std::fs::read_to_string(log).unwrap_or_default();
                bail!("the server did not start:\n{log}");
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The directory that holds everything it knows.
    pub(crate) fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    /// The engine of a session, without the service in between.
    pub(crate) async fn engine(&self, uuid: &str) -> anyhow::Result<Spark> {
        let (address, token) = self.engine_address(uuid)?;
        Ok(Spark::new(Grpc::connect(address, token.as_deref()).await?, uuid))
    }

    /// The same engine behind a forwarder that only copies bytes.
    pub(crate) async fn forwarded_engine(&self, uuid: &str) -> anyhow::Result<Spark> {
        let (address, token) = self.engine_address(uuid)?;
        let forwarder = forwarder::before(address).await?;
        Ok(Spark::new(Grpc::connect(forwarder, token.as_deref()).await?, uuid))
    }

    /// Where the engine of a session listens, and what it has to be shown, as its supervisor wrote it down.
    fn engine_address(&self, uuid: &str) -> anyhow::Result<(SocketAddr, Option<String>)> {
        let path = self.state_dir.join("engines").join(uuid).join("status.json");
        let status: serde_json::Value = serde_json::from_slice(&std::fs::read(&path)?)?;
        let endpoint = &status["listening"]["endpoint"];
        let host = endpoint["host"].as_str().context("the engine has no address")?;
        let port = endpoint["port"].as_u64().context("the engine has no port")?;
        let address = SocketAddr::new(host.parse()?, u16::try_from(port)?);
        let spec: serde_json::Value =
            serde_json::from_slice(&std::fs::read(path.with_file_name("spec.json"))?)?;
        Ok((address, spec["spec"]["env"][ENGINE_TOKEN].as_str().map(str::to_owned)))
    }

    /// A client of its REST API.
    pub(crate) fn rest(&self) -> Rest {
        Rest::new(self.address, &self.token)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        process::end(&mut self.child);
        process::end_all(&self.state_dir);
    }
}

fn is_setting(variable: &(OsString, OsString)) -> bool {
    variable.0.as_encoded_bytes().starts_with(b"HEARTH_")
}

fn empty_configuration(state_dir: &Path) -> std::io::Result<PathBuf> {
    let path = state_dir.join("bench.toml");
    std::fs::write(&path, "")?;
    Ok(path)
}
