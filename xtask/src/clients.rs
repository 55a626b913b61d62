//! The clients that tests run, each in an environment of its own, made once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::stage::Stages;

/// The environments; what each has is in `xtask/clients/NAME.txt`.
const CLIENTS: [&str; 8] =
    ["google", "jupyterlab", "pyspark-4.2", "pyspark-4.1", "pyspark-4.0", "s3", "tpch", "browser"];

/// The file of an environment that says what was installed; written last, so that half an environment has none.
const MARKER: &str = "requirements.txt";

/// Makes those environments in `cache` that are missing or outdated. They share the Python of the engines, because
/// functions of users travel between the two as byte code.
pub(crate) fn prepare(stages: &Stages, cache: &Path, runtime: &Path) -> Result<()> {
    for name in CLIENTS {
        environment(stages, cache, name, &runtime.join("bin/python"))?;
    }
    Ok(())
}

/// The environment `name` in `cache`, made with this Python if it is missing or outdated.
pub(crate) fn environment(stages: &Stages, cache: &Path, name: &str, python: &Path) -> Result<PathBuf> {
    let sources = crate::root().join("xtask/clients");
    let requirements = sources.join(format!("{name}.txt"));
    let wanted = fs::read_to_string(&requirements)
        .with_context(|| format!("could not read {}", requirements.display()))?;
    let dir = cache.join("clients").join(name);
    if fs::read_to_string(dir.join(MARKER)).is_ok_and(|there| there == wanted) {
        return Ok(dir);
    }
    if dir.exists() {
        fs::remove_dir_all(&dir).with_context(|| format!("could not remove {}", dir.display()))?;
    }
    let uv = uv(cache)?;
    let mut make = command(&uv);
    make.args(["venv", "--no-project", "--python"]).arg(python).arg(&dir);
    stages.quietly(&format!("making an environment for {name}"), &mut make)?;
    let mut install = command(&uv);
    install.args(["pip", "install", "--compile-bytecode", "--python"]).arg(dir.join("bin/python"));
    install.arg("--build-constraints").arg(sources.join("build-constraints.txt"));
    install.arg("--requirements").arg(&requirements);
    stages.quietly(&format!("installing {name}"), &mut install)?;
    fs::write(dir.join(MARKER), wanted).with_context(|| format!("could not finish {}", dir.display()))?;
    Ok(dir)
}

/// The `uv` that installing the runtime has found or brought.
fn uv(cache: &Path) -> Result<PathBuf> {
    let tools = cache.join("runtimes/tools");
    let entries = fs::read_dir(&tools).into_iter().flatten().filter_map(Result::ok);
    let own = entries.map(|entry| entry.path().join("bin/uv")).filter(|program| program.is_file()).max();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        own.or_else(|| std::env::split_paths(&path).map(|dir| dir.join("uv")).find(|uv| uv.is_file()));
    let Some(program) = found else {
        bail!("there is no uv in {} and none on the PATH; `cargo xtask test` brings one", tools.display())
    };
    Ok(program)
}

fn command(uv: &Path) -> Command {
    let mut command = Command::new(uv);
    // Interpreters come from the machine, and what is installed is compiled.
    command.env("UV_PYTHON_DOWNLOADS", "never").env_remove("PYTHONDONTWRITEBYTECODE");
    command.env_remove("VIRTUAL_ENV");
    command
}
