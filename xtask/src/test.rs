//! `cargo xtask test`: every test, on a machine that need have nothing but cargo.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::stage::{Stages, cargo};
use crate::{clients, machine};

/// Runs the tests.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let fast = match args {
        [] => false,
        [word] if word == "--fast" => true,
        other => bail!("unknown: {}; `test` knows --fast", other.join(" ")),
    };
    let stages = Stages::start();
    machine::prepare(&stages, !fast)?;
    if fast {
        return without_engines(&stages);
    }
    // Nothing is built twice: what runs the tests is what installs.
    stages.run("building everything", cargo().args(["test", "--workspace", "--no-run", "--quiet"]))?;
    let cache = cache()?;
    let _alone = alone(&cache)?;
    let runtime = install_runtime(&stages, &cache, "sail")?;
    install_runtime(&stages, &cache, "spark-4.0")?;
    install_runtime(&stages, &cache, "spark-3.5")?;
    clients::prepare(&stages, &cache, &runtime)?;
    let mut tests = cargo();
    tests.args(["test", "--workspace", "--no-fail-fast"]);
    tests.env("HEARTH_TEST_CACHE", &cache).env("HEARTH_TEST_SAIL_ENV", &runtime);
    stages.run("running all tests", &mut tests)?;
    stages.say("all tests passed");
    Ok(())
}

/// Those that need nothing but this repository.
fn without_engines(stages: &Stages) -> Result<()> {
    let most = ["--workspace", "--exclude", "hearth-server", "--exclude", "hearth-runtimes"];
    stages.run("running most tests", cargo().arg("test").args(most))?;
    stages.run(
        "running tests of the server",
        cargo().args(["test", "-p", "hearth-server", "--bin", "hearth"]),
    )?;
    let runtimes = ["-p", "hearth-runtimes", "--lib", "--test", "installer"];
    stages.run("running tests of the installer", cargo().arg("test").args(runtimes))?;
    stages.say("all tests that need no engine passed");
    Ok(())
}

/// The directory of what is made once.
pub(crate) fn cache() -> Result<PathBuf> {
    let dir = match std::env::var_os("HEARTH_TEST_CACHE").filter(|path| !path.is_empty()) {
        Some(path) => std::path::absolute(path)?,
        None => {
            PathBuf::from(std::env::var_os("HOME").context("HOME is not set")?).join(".cache/hearth-tests")
        }
    };
    fs::create_dir_all(&dir).with_context(|| format!("could not make {}", dir.display()))?;
    Ok(dir)
}

/// Waits until no other run changes the cache, and keeps others waiting until the file is closed.
pub(crate) fn alone(cache: &Path) -> Result<File> {
    let path = cache.join("lock");
    let file = File::create(&path).with_context(|| format!("could not open {}", path.display()))?;
    file.lock().with_context(|| format!("could not lock {}", path.display()))?;
    Ok(file)
}

/// Installs a runtime and returns its environment. A Java for Spark comes from the machine, or from a package.
fn install_runtime(stages: &Stages, cache: &Path, name: &str) -> Result<PathBuf> {
    let mut install = Command::new(target_dir()?.join("debug/hearth"));
    install.args(["runtimes", "install", name, "--runtimes-dir"]).arg(cache.join("runtimes"));
    // Settings of whoever runs this are not for the tests.
    install.env("XDG_CONFIG_HOME", cache.join("config"));
    let printed = stages.quietly(&format!("installing the runtime {name}"), &mut install)?;
    Ok(PathBuf::from(printed.trim()))
}

/// Where cargo builds.
pub(crate) fn target_dir() -> Result<PathBuf> {
    let metadata = crate::crates::metadata()?;
    let dir = metadata["target_directory"].as_str().context("cargo names no target directory")?;
    Ok(PathBuf::from(dir))
}
