//! Clients in Python: the released ones, each in an environment of its own.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::cache::cache;
use crate::eventually::{PATIENCE, eventually, eventually_within};
use crate::program::{Ended, Finished, run};

/// A Python with a client installed.
#[derive(Debug, Clone)]
pub struct Python {
    program: PathBuf,
}

/// A script that runs beside the test and is spoken with, line by line.
#[derive(Debug)]
pub struct Script {
    child: Ended,
    stdin: ChildStdin,
    lines: Receiver<String>,
    said: Vec<String>,
}

impl Python {
    /// The environment of this name in the cache: `pyspark-4.0`, `google`, what else `xtask/clients` has.
    ///
    /// # Panics
    /// When it was not made yet.
    pub fn client(name: &str) -> Self {
        let program = cache().join("clients").join(name).join("bin/python");
        assert!(program.exists(), "no {}: run `cargo xtask test` once", program.display());
        Self { program }
    }

    /// Runs a script to its end. A file, because PySpark's functions do not travel from `python -c`.
    ///
    /// # Panics
    /// When it does not end.
    pub fn run(&self, script: &Path, arguments: &[&str]) -> Finished {
        run(&mut self.command(script, arguments))
    }

    /// Starts a script.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(&self, script: &Path, arguments: &[&str]) -> Script {
        let mut command = self.command(script, arguments);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python can be started");
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Script { child: Ended(child), stdin, lines, said: Vec::new() }
    }

    fn command(&self, script: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(script).args(arguments);
        // What a user would not have set, and what would lead the client elsewhere.
        for name in ["PYTHONDONTWRITEBYTECODE", "SPARK_REMOTE", "GOOGLE_APPLICATION_CREDENTIALS"] {
            command.env_remove(name);
        }
        command.env("PYTHONUNBUFFERED", "1").env("NO_GCE_CHECK", "true");
        command
    }
}

impl Script {
    /// Says a line to the script.
    ///
    /// # Panics
    /// When it has ended.
    pub fn say(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").unwrap_or_else(|error| panic!("{error}; it said {:#?}", self.said));
    }

    /// Waits for a line that the script prints.
    ///
    /// # Panics
    /// When it ends or does not print it.
    #[track_caller]
    pub fn expect(&mut self, wanted: &str) {
        self.until(wanted);
    }

    /// Waits for a line that the script prints, and returns what it printed before that.
    ///
    /// # Panics
    /// When it ends or does not print it.
    #[track_caller]
    pub fn until(&mut self, wanted: &str) -> Vec<String> {
        self.until_within(PATIENCE, wanted)
    }

    /// As [`Script::until`], within a time of the caller's: for scripts that wait for many things by themselves.
    ///
    /// # Panics
    /// When it ends or does not print it.
    #[track_caller]
    pub fn until_within(&mut self, patience: Duration, wanted: &str) -> Vec<String> {
        eventually_within(patience, &format!("the script prints \"{wanted}\""), || {
            while let Ok(line) = self.lines.try_recv() {
                if line == wanted {
                    return Ok(std::mem::take(&mut self.said));
                }
                self.said.push(line);
            }
            let ended = self.child.0.try_wait().unwrap();
            assert!(ended.is_none(), "the script ended without \"{wanted}\": {ended:?}, {:#?}", self.said);
            Err(self.said.clone())
        })
    }

    /// Waits until the script has ended well.
    ///
    /// # Panics
    /// When it fails or does not end.
    #[track_caller]
    pub fn end(mut self) {
        let status =
            eventually("the end of the script", || self.child.0.try_wait().unwrap().ok_or("it runs"));
        assert!(status.success(), "{status}; {:#?}", self.lines.try_iter().collect::<Vec<_>>());
    }
}
