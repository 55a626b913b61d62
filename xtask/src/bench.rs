//! `cargo xtask bench`: the benchmarks.

use std::path::Path;

use anyhow::Result;

use crate::stage::{Stages, cargo};
use crate::{clients, test};

/// Builds the service and the benchmarks as they are released, and runs them; `args` are theirs.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let stages = Stages::start();
    let release = ["--release", "-p", "hearth-server", "-p", "hearth-bench"];
    stages.run("building in release mode", cargo().arg("build").args(release))?;
    let cache = test::cache()?;
    let python = {
        let _alone = test::alone(&cache)?;
        clients::environment(&stages, &cache, "tpch", Path::new("python3"))?.join("bin/python")
    };
    let mut measure = cargo();
    measure
        .args(["run", "--release", "-q", "-p", "hearth-bench", "--", "--tpch-python"])
        .arg(python)
        .args(args);
    stages.run("measuring", &mut measure)
}
