//! The arrows between crates, as STYLE.md's layout has them: who may depend on whom.

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::stage::cargo;

/// Each crate and what it may depend on, tests aside.
///
/// `core` knows nobody; `control` sees traits, never an adapter; `client` and `dataproc1` never pull in what serves;
/// only the server names concrete adapters.
const ARROWS: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("wire", &[]),
    ("runtimes", &[]),
    ("diagnostics", &[]),
    ("jupyter", &[]),
    ("relay", &["jupyter"]),
    ("spark-data", &["core", "wire"]),
    ("engines", &["core"]),
    ("store", &["core"]),
    ("driver", &["core"]),
    ("store-sqlite", &["core", "store"]),
    ("driver-process", &["core", "driver"]),
    ("control", &["core", "driver", "engines", "store"]),
    ("gateway", &["control", "core", "jupyter"]),
    ("staging", &["control", "core", "driver"]),
    ("emulator", &["control", "core", "driver", "store"]),
    ("api", &["control", "core", "emulator", "spark-data", "wire"]),
    ("client", &["wire"]),
    ("cli", &["client", "wire"]),
    ("testkit", &[]),
    (
        "server",
        &[
            "api",
            "client",
            "control",
            "core",
            "diagnostics",
            "driver",
            "driver-process",
            "emulator",
            "engines",
            "gateway",
            "jupyter",
            "relay",
            "runtimes",
            "spark-data",
            "store",
            "staging",
            "store-sqlite",
            "wire",
        ],
    ),
    // Measures single parts as well as the whole.
    ("bench", &["client", "core", "gateway", "jupyter", "store", "store-sqlite", "testkit", "wire"]),
];

/// The prefix of our packages' names.
const PREFIX: &str = "hearth-";

/// Fails when a crate depends on one that it must not know.
pub(crate) fn check() -> Result<()> {
    let metadata = metadata()?;
    let packages = metadata["packages"].as_array().context("cargo names no packages")?;
    let mut wrong = Vec::new();
    for package in packages {
        let Some(name) = package["name"].as_str().and_then(|name| name.strip_prefix(PREFIX)) else {
            continue;
        };
        let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == name) else {
            wrong.push(format!("{name} is not in the table of xtask/src/crates.rs"));
            continue;
        };
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        let ours = dependencies
            .filter(|dependency| dependency["kind"].as_str() != Some("dev"))
            .filter_map(|dependency| dependency["name"].as_str()?.strip_prefix(PREFIX));
        wrong.extend(
            ours.filter(|other| !allowed.contains(other))
                .map(|other| format!("{name} must not know {other}")),
        );
    }
    if wrong.is_empty() { Ok(()) } else { bail!("arrows between crates: {}", wrong.join("; ")) }
}

/// What cargo says of the workspace.
pub(crate) fn metadata() -> Result<Value> {
    let output = cargo().args(["metadata", "--no-deps", "--format-version", "1"]).output()?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice(&output.stdout).context("cargo metadata printed no JSON")
}
