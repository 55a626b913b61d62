//! What the machine itself must have: a Python, a C compiler, and a browser for the tests of pages.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::stage::Stages;

/// The oldest Python that engines and clients run on.
const OLDEST_PYTHON: &str = "3.10";

/// The browser's names on different systems.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Makes sure that what cargo cannot bring is there: installs it where we may, else says what is missing. Only some tests
/// need a `browser`.
pub(crate) fn prepare(stages: &Stages, browser: bool) -> Result<()> {
    let missing = missing(browser);
    if missing.is_empty() {
        return Ok(());
    }
    let (names, packages): (Vec<&str>, Vec<&str>) = missing.into_iter().unzip();
    let names = names.join(" and ");
    if !(rustix::process::geteuid().is_root() && on_path("apt-get")) {
        bail!("this machine has no {names}; install it, as with `apt-get install {}`", packages.join(" "));
    }
    let packages: Vec<&str> = packages.iter().flat_map(|packages| packages.split(' ')).collect();
    stages.quietly("looking for packages of the system", Command::new("apt-get").arg("update"))?;
    let mut install = Command::new("apt-get");
    install.args(["install", "-y", "--no-install-recommends"]).args(packages);
    install.env("DEBIAN_FRONTEND", "noninteractive");
    stages.quietly(&format!("installing {names}"), &mut install)?;
    match self::missing(browser).first() {
        None => Ok(()),
        Some((name, _)) => bail!("this machine has no {name}, not even after installing it"),
    }
}

/// What is missing, with the packages of Debian that have it.
fn missing(browser: bool) -> Vec<(&'static str, &'static str)> {
    let mut missing = Vec::new();
    if !["cc", "gcc", "clang"].into_iter().any(on_path) {
        missing.push(("C compiler", "gcc libc6-dev"));
    }
    if !python() {
        missing.push(("Python 3.10 or newer with venv or pip", "python3 python3-pip python3-venv"));
    }
    if browser && !BROWSERS.into_iter().any(on_path) {
        missing.push(("Chromium", "chromium"));
    }
    missing
}

/// Whether there is a Python that can install packages.
fn python() -> bool {
    let version = format!("import sys; sys.exit(sys.version_info < ({}))", OLDEST_PYTHON.replace('.', ", "));
    let works = |code: &str| {
        let mut command = Command::new("python3");
        command.args(["-c", code]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    works(&version) && (works("import pip") || works("import ensurepip"))
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| Path::new(&folder).join(program).is_file())
}
