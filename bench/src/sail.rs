//! The bare engine: `sail spark server` of the same environment that sessions run in.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;

use crate::process;

/// What Sail writes directly before its address (measured with 0.7.2).
const LISTENING: &str = "Starting the Spark Connect server on ";

/// A running engine. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Sail {
    /// Where it answers.
    pub(crate) address: SocketAddr,
    child: Child,
}

impl Sail {
    /// Starts one, and reads its address from its log; it may not answer yet.
    pub(crate) fn start(environment: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(environment.join("bin/sail"))
            .args(["spark", "server", "--ip", "127.0.0.1", "--port", "0"])
            // Only so much that the line with the address is there.
            .env("RUST_LOG", "warn,sail_cli=info")
            // Set on some machines against stray files; it makes every start compile all Python anew.
            .env_remove("PYTHONDONTWRITEBYTECODE")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("could not run sail")?;
        let log = child.stderr.take().context("the log is a pipe")?;
        let mut sail = Self { address: SocketAddr::from(([0, 0, 0, 0], 0)), child };
        let mut lines = BufReader::new(log).lines();
        let line = lines
            .by_ref()
            .map_while(Result::ok)
            .find(|line| line.contains(LISTENING))
            .context("sail did not say where it listens")?;
        let (_, rest) = line.split_once(LISTENING).context("the line has it")?;
        let address: String = rest.chars().take_while(|c| c.is_ascii_digit() || ".:".contains(*c)).collect();
        sail.address = address.trim_end_matches('.').parse().context("sail listens on no address")?;
        // A full pipe would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(sail)
    }
}

impl Drop for Sail {
    fn drop(&mut self) {
        process::end(&mut self.child);
    }
}
