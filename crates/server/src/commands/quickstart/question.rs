//! The question that the quickstart asks, with a stock PySpark Connect client.

use std::path::Path;
use std::process::Stdio;

use hearth_runtimes::Environment;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use super::super::failure::CommandError;

/// The client's program. PySpark wants a file, not a `-c` argument.
const PROGRAM: &str = include_str!("question.py");
/// The data set of the runtime that the question is about.
const DATASET: &str = "flights";
/// What the program writes once it has imported what it needs.
const IMPORTED: &str = "imported";
/// What it writes once it has what it asked for.
const ANSWERED: &str = "answered";

/// A client that waits for the address of a session.
pub(super) struct Question {
    child: Child,
    errors: Lines<BufReader<ChildStderr>>,
    said: Vec<String>,
}

impl Question {
    /// Starts the client; it imports what it needs meanwhile.
    pub(super) fn prepare(
        environment: &Environment,
        token: &str,
        directory: &Path,
    ) -> Result<Self, CommandError> {
        let failed = |error: std::io::Error| {
            CommandError::own(error, "Check that the state directory is writable and its disk not full.")
        };
        let data = environment.dataset(DATASET).ok_or_else(|| {
            CommandError::own(
                format!("the runtime has no data set \"{DATASET}\""),
                "Run the quickstart on the built-in runtime: `hearth quickstart --set runtimes.default=sail`.",
            )
        })?;
        let program = directory.join("quickstart.py");
        std::fs::write(&program, PROGRAM).map_err(failed)?;
        let mut child = Command::new(&environment.python)
            .arg(&program)
            .env("QUICKSTART_FLIGHTS", data)
            .env("SPARK_CONNECT_AUTHENTICATE_TOKEN", token)
            // Without it every start compiles what it imports anew.
            .env_remove("PYTHONDONTWRITEBYTECODE")
            .env_remove("SPARK_REMOTE")
            .stdin(Stdio::piped())
            .stdout(Stdio::inherit())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let errors = child.stderr.take().map(|stderr| BufReader::new(stderr).lines());
        let errors = errors.ok_or_else(|| CommandError::own("the client has no standard error", ""))?;
        Ok(Self { child, errors, said: Vec::new() })
    }

    /// Returns when the client is ready for an address.
    pub(super) async fn imported(&mut self) -> Result<(), CommandError> {
        if self.says(IMPORTED).await {
            Ok(())
        } else {
            Err(self.failure("could not start the PySpark client"))
        }
    }

    /// Asks the session at this address; the answer goes to standard output. Sessions that are asked after the first are
    /// asked for a row alone.
    pub(super) async fn ask(&mut self, address: &str) -> Result<(), CommandError> {
        if let Some(stdin) = &mut self.child.stdin {
            // A client that is gone already is told of below, with its last words.
            drop(stdin.write_all(format!("{address}\n").as_bytes()).await);
        }
        if self.says(ANSWERED).await {
            return Ok(());
        }
        Err(self.failure("the PySpark client did not get its answer"))
    }

    /// Lets the client end.
    pub(super) async fn end(mut self) {
        drop(self.child.stdin.take());
        // It has given its answers; how it ends changes nothing.
        drop(self.child.wait().await);
    }

    /// Whether it says this before it ends.
    async fn says(&mut self, wanted: &str) -> bool {
        while let Ok(Some(line)) = self.errors.next_line().await {
            if line == wanted {
                return true;
            }
            self.said.push(line);
        }
        false
    }

    fn failure(&self, what: &str) -> CommandError {
        let from = self.said.len().saturating_sub(15);
        let said = self.said[from..].join("\n  ");
        CommandError::own(
            format!("{what}. Its last words:\n  {said}"),
            "Run `hearth doctor` to see what is missing.",
        )
    }
}
