//! `cargo xtask bench`: the benchmarks.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::stage::{Stages, cargo};
use crate::{clients, test};

/// Builds the service and the benchmarks as they are released, and runs them; `args` are theirs.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let stages = Stages::start();
    // Together: built one by one, their common packages are compiled anew for each, with other features.
    let release = ["--release", "-p", "hearth-server", "-p", "hearth-bench", "-p", "hearth-cli"];
    stages.run("building in release mode", cargo().arg("build").args(release))?;
    let built = test::target_dir()?.join("release");
    let cache = test::cache()?;
    let (tables, jupyter) = {
        let _alone = test::alone(&cache)?;
        let python = |name| {
            let made = clients::environment(&stages, &cache, name, Path::new("python3"))?;
            anyhow::Ok(made.join("bin/python"))
        };
        (python("tpch")?, python("jupyter-servers")?)
    };
    let mut measure = Command::new(built.join("hearth-bench"));
    for (option, path) in [
        ("--hearth", built.join("hearth")),
        ("--dataproc1", built.join("dataproc1")),
        ("--tpch-python", tables),
        ("--jupyter-python", jupyter),
    ] {
        measure.arg(option).arg(path);
    }
    measure.args(args);
    stages.run("measuring", &mut measure)
}
