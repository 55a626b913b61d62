//! `cargo xtask fuzz-api`: calls made up from our own OpenAPI description, against a live server without engines.
//!
//! Schemathesis makes the calls and checks each answer against the description: its status, its label, its form, and
//! that nothing is said without a token.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::stage::{Stages, cargo};
use crate::{clients, test};

/// Calls when nobody says how many: what the contract is to be shown with.
const CASES: u32 = 20_000;
/// HTTP bindings, roughly; each gets an equal part of the calls.
const OPERATIONS: u32 = 20;
/// How long the server may take to start and to end.
const PATIENCE: Duration = Duration::from_secs(30);
/// What is looked at in each answer. Left out is what the contract decides otherwise: methods that a path does not
/// have are 404, and values are read more generously than they are described.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,ignored_auth";

/// Runs it.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let cases = match args {
        [] => CASES,
        [word, number] if word == "--cases" => number.parse().context("--cases takes a number")?,
        other => bail!("unknown: {}; `fuzz-api` knows --cases N", other.join(" ")),
    };
    let stages = Stages::start();
    let cache = test::cache()?;
    let lock = test::alone(&cache)?;
    let tool = clients::environment(&stages, &cache, "schemathesis", Path::new("python3"))?.join("bin/st");
    drop(lock);
    stages.run("building the server", cargo().args(["build", "-p", "hearth-server"]))?;
    let server = Server::start()?;
    let mut made = 0;
    let mut round = 0;
    while made < cases {
        round += 1;
        // Names that are made up reach nothing, and one name reaches the same session over and over: turn by turn.
        let fixed = round % 2 == 0;
        made += server.calls(&stages, &tool, round, (cases / OPERATIONS / 4).max(1), fixed)?;
    }
    server.log_is_clean()?;
    stages.say(&format!("{made} calls, and no answer was wrong"));
    Ok(())
}

/// A server in a directory of its own, that ends with this value.
struct Server {
    child: Child,
    dir: PathBuf,
    address: String,
    token: String,
}

impl Server {
    fn start() -> Result<Self> {
        let dir = std::env::temp_dir().join(format!("hearth-fuzz-api-{}", std::process::id()));
        fs::create_dir_all(&dir)?;
        let state = dir.join("state");
        let mut command = Command::new(test::target_dir()?.join("debug/hearth"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--set", "driver=fake", "--state-dir"]).arg(&state);
        command.arg("--runtimes-dir").arg(dir.join("runtimes")).env("XDG_CONFIG_HOME", &dir);
        let child = command.stdin(Stdio::null()).stderr(File::create(dir.join("log"))?).spawn()?;
        let mut server = Self { child, dir, address: String::new(), token: String::new() };
        let give_up_at = Instant::now() + PATIENCE;
        while server.address.is_empty() {
            let text = fs::read_to_string(state.join("endpoint")).unwrap_or_default();
            if text.ends_with('\n') {
                text.trim().clone_into(&mut server.address);
                fs::read_to_string(state.join("token"))?.trim().clone_into(&mut server.token);
            } else if Instant::now() > give_up_at {
                bail!("the server did not start: {}", server.log());
            } else {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Ok(server)
    }

    /// Makes some calls and returns how many; fails when an answer is wrong.
    fn calls(&self, stages: &Stages, tool: &Path, round: u32, each: u32, fixed: bool) -> Result<u32> {
        let config = self.dir.join("schemathesis.toml");
        let mut settings = include_str!("schemathesis.toml").to_owned();
        if fixed {
            let names = ["project", "location", "region", "session", "sessionTemplate"];
            settings += "\n[parameters]\n";
            settings.extend(names.map(|name| format!("\"path.{name}\" = \"{name}-1\"\n")));
            settings += "\"query.sessionId\" = \"session-1\"\n";
        }
        fs::write(&config, settings)?;
        let mut run = Command::new(tool);
        run.arg("--config-file").arg(&config).arg("run").arg(format!("{}/openapi.json", self.address));
        run.args(["--header", &format!("Authorization: Bearer {}", self.token), "--checks", CHECKS]);
        // One worker: Python 3.11 cannot parse in two threads at once, and the tool does.
        run.args(["--phases", "coverage,fuzzing", "--workers", "1", "--continue-on-failure"]);
        // Streams end with their session, and not before.
        run.args(["--exclude-path-regex", ":watch$"]);
        run.args(["--suppress-health-check", "all", "--max-examples", &each.to_string()]);
        run.args(["--seed", &round.to_string()]).current_dir(&self.dir).env("NO_COLOR", "1");
        let said = stages.quietly(&format!("round {round} of calls"), &mut run)?;
        generated(&said).with_context(|| format!("the number of calls is not in:\n{said}"))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }

    fn log_is_clean(&self) -> Result<()> {
        let log = self.log();
        let bad: Vec<&str> =
            log.lines().filter(|line| line.contains(" ERROR ") || line.contains("panicked at")).collect();
        if bad.is_empty() { Ok(()) } else { bail!("the server logged:\n{}", bad.join("\n")) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// `4329 generated, ...`: how many calls were made.
fn generated(said: &str) -> Option<u32> {
    said.lines().find_map(|line| {
        let (number, rest) = line.trim().split_once(' ')?;
        if rest.starts_with("generated, ") { number.parse().ok() } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_what_the_tool_says() {
        assert_eq!(
            generated(
                "  14 operations rejected generated data\nTest cases:\n  4329 generated, 4321 passed, 8 skipped\n"
            ),
            Some(4329)
        );
        assert_eq!(generated("nothing"), None);
    }
}
