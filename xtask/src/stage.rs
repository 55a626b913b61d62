//! One line for each thing that is done, with the time it began.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// Tells what is done, in order.
pub(crate) struct Stages {
    began: Instant,
}

impl Stages {
    pub(crate) fn start() -> Self {
        Self { began: Instant::now() }
    }

    /// Says what is done next.
    pub(crate) fn say(&self, what: &str) {
        eprintln!("[{}] {what}", minutes(self.began.elapsed()));
    }

    /// Says it and runs a program that does it, whose output is seen.
    pub(crate) fn run(&self, what: &str, command: &mut Command) -> Result<()> {
        self.say(what);
        let status =
            command.stdin(Stdio::null()).status().with_context(|| format!("could not run {command:?}"))?;
        if !status.success() {
            bail!("failed: {what} ({command:?}: {status})");
        }
        Ok(())
    }

    /// Says it and runs a program that does it; returns what it printed, and shows it only should it fail.
    pub(crate) fn quietly(&self, what: &str, command: &mut Command) -> Result<String> {
        self.say(what);
        let output =
            command.stdin(Stdio::null()).output().with_context(|| format!("could not run {command:?}"))?;
        if !output.status.success() {
            eprint!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            bail!("failed: {what} ({command:?}: {})", output.status);
        }
        String::from_utf8(output.stdout).with_context(|| format!("{command:?} printed what is no text"))
    }
}

fn minutes(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    format!("{:2}:{:02}", seconds / 60, seconds % 60)
}

/// `cargo` as the one that runs us, in the root of the repository.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(crate::root());
    command
}
