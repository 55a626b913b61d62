//! What serves kernels: Hearth, and Jupyter's own servers beside it.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use hyper::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::notebook::Notebook;
use crate::process::{self, Memory};
use crate::rest::Rest;
use crate::server::Server;

/// How long a start may take before it counts as failed.
const START_LIMIT: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(20);
/// What opens servers that live as long as a run on loopback.
const TOKEN: &str = "bench";
/// The name of the kernel that all of them have.
const KERNEL: &str = "python3";

/// A server of Jupyter's, with a home of its own. Dropping it ends it and its kernels.
pub(crate) struct Jupyter {
    child: Child,
    address: SocketAddr,
    home: TempDir,
}

/// One of Jupyter's own servers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Flavor {
    /// `jupyter-kernel-gateway`: kernels only.
    KernelGateway,
    /// `jupyter_server`: what JupyterLab runs on.
    Server,
}

impl Flavor {
    /// Its name in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::KernelGateway => "jupyter-kernel-gateway",
            Self::Server => "jupyter_server",
        }
    }
}

impl Jupyter {
    /// Starts one and waits until it answers.
    pub(crate) async fn start(flavor: Flavor, python: &Path, home: TempDir) -> anyhow::Result<Self> {
        // Neither can say which port the system gave it, so one is chosen that is free now.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = Command::new(python);
        match flavor {
            Flavor::KernelGateway => {
                command.args(["-m", "kernel_gateway", "--KernelGatewayApp.port_retries=0"]);
                command.args([
                    "--KernelGatewayApp.ip=127.0.0.1",
                    "--JupyterWebsocketPersonality.list_kernels=True",
                ]);
                command.arg(format!("--KernelGatewayApp.port={}", address.port()));
                command.arg(format!("--KernelGatewayApp.auth_token={TOKEN}"));
            }
            Flavor::Server => {
                command.args([
                    "-m",
                    "jupyter_server",
                    "--no-browser",
                    "--allow-root",
                    "--ServerApp.port_retries=0",
                ]);
                command.arg("--ServerApp.ip=127.0.0.1").arg(format!("--ServerApp.port={}", address.port()));
                command.arg(format!("--IdentityProvider.token={TOKEN}"));
                command.arg(format!("--ServerApp.root_dir={}", home.path().display()));
            }
        }
        // With it output is cut off after a megabyte a second.
        command.arg("--ZMQChannelsWebsocketConnection.limit_rate=False");
        for (name, folder) in [
            ("HOME", "."),
            ("IPYTHONDIR", "ipython"),
            ("JUPYTER_CONFIG_DIR", "config"),
            ("JUPYTER_DATA_DIR", "data"),
            ("JUPYTER_RUNTIME_DIR", "runtime"),
        ] {
            command.env(name, home.path().join(folder));
        }
        command.current_dir(home.path()).stdin(Stdio::null()).stdout(Stdio::null());
        let log = home.path().join("log");
        command.stderr(std::fs::File::create(&log)?).env_remove("PYTHONDONTWRITEBYTECODE");
        let child = command.spawn().with_context(|| format!("could not run {}", python.display()))?;
        let mut jupyter = Self { child, address, home };
        let deadline = Instant::now() + START_LIMIT;
        let rest = Rest::with_token_scheme(jupyter.address, TOKEN);
        while rest.get("/api").await.is_err() {
            if jupyter.child.try_wait()?.is_some() || Instant::now() > deadline {
                bail!(
                    "{} did not start:\n{}",
                    flavor.name(),
                    std::fs::read_to_string(log).unwrap_or_default()
                );
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(jupyter)
    }
}

impl Drop for Jupyter {
    fn drop(&mut self) {
        process::end(&mut self.child);
        process::end_all(self.home.path());
    }
}

/// Whatever answers Jupyter's REST API here.
pub(crate) trait Kernels {
    /// Where it answers.
    fn address(&self) -> SocketAddr;
    /// What opens it.
    fn token(&self) -> &str;
    /// The processes that stand between clients and kernels.
    fn between(&self) -> Vec<u32>;
}

impl Kernels for Jupyter {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn token(&self) -> &str {
        TOKEN
    }

    fn between(&self) -> Vec<u32> {
        vec![self.child.id()]
    }
}

impl Kernels for Server {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn token(&self) -> &str {
        &self.token
    }

    /// The service, and a relay for each kernel.
    fn between(&self) -> Vec<u32> {
        let relay = |pid: &u32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0).any(|word| word == b"kernel-relay")
        };
        let mut all: Vec<u32> = process::of_directory(self.state_dir()).into_iter().filter(relay).collect();
        all.push(self.pid());
        all
    }
}

/// A client of its REST API.
pub(crate) fn rest(side: &impl Kernels) -> Rest {
    Rest::with_token_scheme(side.address(), side.token())
}

/// Starts a kernel and gives its id.
pub(crate) async fn start(side: &impl Kernels) -> anyhow::Result<String> {
    let body = json!({"name": KERNEL}).to_string();
    let model: Value =
        serde_json::from_slice(&rest(side).call(Method::POST, "/api/kernels", body.into()).await?)?;
    Ok(model["id"].as_str().context("a kernel has an id")?.to_owned())
}

/// Ends a kernel.
pub(crate) async fn end(side: &impl Kernels, kernel: &str) -> anyhow::Result<()> {
    rest(side).call(Method::DELETE, &format!("/api/kernels/{kernel}"), "".into()).await.map(drop)
}

/// Opens a notebook on a kernel.
pub(crate) async fn open(side: &impl Kernels, kernel: &str) -> anyhow::Result<Notebook> {
    Notebook::open(side.address(), side.token(), kernel).await
}

/// What all that stands between clients and kernels has in memory, in bytes.
pub(crate) fn memory(side: &impl Kernels) -> anyhow::Result<u64> {
    side.between().into_iter().map(|pid| Ok(Memory::of(pid)?.proportional)).sum()
}

/// The processor time that all that has used so far.
pub(crate) fn cpu_time(side: &impl Kernels) -> anyhow::Result<Duration> {
    side.between().into_iter().map(process::cpu_time).sum()
}

/// The most that it has had since [`forget_peaks`], in bytes resident.
pub(crate) fn peak(side: &impl Kernels) -> anyhow::Result<u64> {
    side.between().into_iter().map(process::peak).sum()
}

/// Begins anew to look for the most.
pub(crate) fn forget_peaks(side: &impl Kernels) -> anyhow::Result<()> {
    side.between().into_iter().try_for_each(process::forget_peak)
}
