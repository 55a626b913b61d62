//! `cargo xtask bench`: the benchmarks.

use anyhow::Result;

use crate::stage::{Stages, cargo};

/// Builds the service and the benchmarks as they are released, and runs them; `args` are theirs.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let stages = Stages::start();
    let release = ["--release", "-p", "hearth-server", "-p", "hearth-bench"];
    stages.run("building in release mode", cargo().arg("build").args(release))?;
    stages.run("measuring", cargo().args(["run", "--release", "-q", "-p", "hearth-bench", "--"]).args(args))
}
