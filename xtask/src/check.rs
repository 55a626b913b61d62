//! `cargo xtask check`: what a change must pass before its tests are run.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::stage::{Stages, cargo};
use crate::{contract, crates, surface};

/// Lines that a file may have: past it there are two subjects in it (STYLE.md).
const LONGEST: usize = 600;

/// Files that nobody writes.
const GENERATED: [&str; 1] = ["crates/cli/src/api/generated.rs"];

/// Folders with sources of ours.
const SOURCES: [&str; 4] = ["bench", "crates", "proto", "xtask"];

/// Endings of files that people write and read.
const ENDINGS: [&str; 3] = ["rs", "py", "proto"];

/// Checks everything, the fast things first.
pub(crate) fn run(args: &[String]) -> Result<()> {
    if let Some(word) = args.first() {
        bail!("unknown: {word}; `check` takes nothing");
    }
    let stages = Stages::start();
    stages.say("arrows between crates");
    crates::check()?;
    stages.say("lengths of files");
    lengths()?;
    stages.say("generated files");
    surface::run(&["--check".to_owned()])?;
    contract::run(&["--check".to_owned()])?;
    stages.run("format", cargo().args(["fmt", "--all", "--check"]))?;
    let lints = ["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"];
    stages.run("lints", cargo().args(lints))?;
    stages.say("all checks passed");
    Ok(())
}

fn lengths() -> Result<()> {
    let root = crate::root();
    let mut files = Vec::new();
    for folder in SOURCES {
        collect(&root.join(folder), &mut files)?;
    }
    let mut long = Vec::new();
    for file in files {
        let name = file.strip_prefix(&root).unwrap_or(&file).display().to_string();
        let text = fs::read_to_string(&file).with_context(|| format!("could not read {name}"))?;
        let lines = text.lines().count();
        if lines > LONGEST && !GENERATED.contains(&name.as_str()) {
            long.push(format!("{name} has {lines}"));
        }
    }
    if long.is_empty() { Ok(()) } else { bail!("files with more than {LONGEST} lines: {}", long.join(", ")) }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("could not read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            if !path.ends_with("target") {
                collect(&path, files)?;
            }
        } else if path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known)) {
            files.push(path);
        }
    }
    Ok(())
}
