//! What every benchmark is given: the program, a place for its state, and the report.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use crate::arguments::Arguments;
use crate::report::Report;

/// A run of benchmarks.
pub(crate) struct Bench {
    /// The program that is measured.
    pub(crate) hearth: PathBuf,
    /// The rows so far.
    pub(crate) report: Report,
    /// The state directory with many records, once one of the benchmarks has made it.
    pub(crate) seeded: Option<TempDir>,
    dataproc1: Option<PathBuf>,
    runtimes_dir: Option<PathBuf>,
    tpch_python: Option<PathBuf>,
    jupyter_python: Option<PathBuf>,
    scratch: TempDir,
    quick: bool,
}

impl Bench {
    /// Builds the program if none was named.
    pub(crate) fn prepare(arguments: Arguments) -> anyhow::Result<Self> {
        let own = std::env::current_exe().context("could not find the directory of this program")?;
        let beside = own.parent().context("this program has no directory")?;
        let hearth = match arguments.hearth {
            Some(program) => program,
            None => build("hearth-server", "hearth")?,
        };
        let root = arguments.dir.as_deref().unwrap_or(beside);
        let scratch = tempfile::Builder::new()
            .prefix("hearth-bench-")
            .tempdir_in(root)
            .with_context(|| format!("could not make a directory in {}", root.display()))?;
        let runtimes_dir = arguments.runtimes_dir;
        Ok(Self {
            hearth,
            report: Report::default(),
            seeded: None,
            dataproc1: arguments.dataproc1,
            runtimes_dir,
            tpch_python: arguments.tpch_python,
            jupyter_python: arguments.jupyter_python,
            scratch,
            quick: arguments.quick,
        })
    }

    /// So many runs, calls or records, or a tenth of it when the run is to be quick.
    pub(crate) fn scaled(&self, count: usize) -> usize {
        if self.quick { (count / 10).max(1) } else { count }
    }

    /// Whether the run is only to show that it works.
    pub(crate) fn is_quick(&self) -> bool {
        self.quick
    }

    /// A Python that can make the tables of TPC-H.
    pub(crate) fn tpch_python(&self) -> anyhow::Result<PathBuf> {
        self.tpch_python
            .clone()
            .context("no Python with DuckDB; run `cargo xtask bench`, or name it with --tpch-python")
    }

    /// A Python with Jupyter's own servers.
    pub(crate) fn jupyter_python(&self) -> anyhow::Result<PathBuf> {
        self.jupyter_python.clone().context(
            "no Python with Jupyter's servers; run `cargo xtask bench`, or name it with --jupyter-python",
        )
    }

    /// The command-line client, built if none was named.
    pub(crate) fn dataproc1(&self) -> anyhow::Result<PathBuf> {
        self.dataproc1.clone().map_or_else(|| build("hearth-cli", "dataproc1"), Ok)
    }

    /// A directory of its own, gone when dropped.
    pub(crate) fn directory(&self) -> anyhow::Result<TempDir> {
        Ok(tempfile::Builder::new().prefix("state-").tempdir_in(self.scratch.path())?)
    }

    /// The arguments that say where runtimes are.
    pub(crate) fn runtime_arguments(&self) -> Vec<OsString> {
        match &self.runtimes_dir {
            Some(dir) => vec!["--runtimes-dir".into(), dir.into()],
            None => Vec::new(),
        }
    }

    /// The environment of the default runtime, which is installed if it is missing.
    pub(crate) fn environment(&self) -> anyhow::Result<PathBuf> {
        self.install(&[])
    }

    /// The environment of a runtime, which is installed if it is missing.
    pub(crate) fn environment_of(&self, runtime: &str) -> anyhow::Result<PathBuf> {
        self.install(&[runtime])
    }

    fn install(&self, runtimes: &[&str]) -> anyhow::Result<PathBuf> {
        let output = Command::new(&self.hearth)
            .args(["runtimes", "install"])
            .args(runtimes)
            .args(self.runtime_arguments())
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("could not run {}", self.hearth.display()))?;
        if !output.status.success() {
            bail!("`hearth runtimes install` failed");
        }
        Ok(Path::new(String::from_utf8(output.stdout)?.trim()).to_owned())
    }
}

/// Builds a program with the cargo that runs us, and says where it is.
fn build(package: &str, program: &str) -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--release", "-p", package, "--bin", program])
        .args(["--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()
        .context("could not run cargo; name the program with `--hearth PROGRAM`")?;
    if !output.status.success() {
        bail!("could not build the program to measure");
    }
    String::from_utf8(output.stdout)?
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| Some(PathBuf::from(message.get("executable")?.as_str()?)))
        .next_back()
        .context("cargo did not say where the program is")
}
