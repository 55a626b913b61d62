//! `hearth tether`: a program that ends with whoever started it.

use std::ffi::OsString;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex};

use clap::Args;

/// What ends a shell's child by a signal is told as this and the signal's number.
const BY_SIGNAL: i32 = 128;

/// Runs a program until it ends, or standard input does: the system closes that with the process that holds it, however
/// that process ends.
#[derive(Debug, Args)]
pub(crate) struct TetherCommand {
    /// The program and its arguments.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

impl TetherCommand {
    /// Returns when the program is gone.
    pub(crate) fn run(&self) -> ExitCode {
        let Some((program, arguments)) = self.command.split_first() else { return ExitCode::from(2) };
        let child = match Command::new(program).args(arguments).stdin(Stdio::null()).spawn() {
            Ok(child) => Arc::new(Mutex::new(child)),
            Err(error) => {
                eprintln!("could not start \"{}\": {error}", program.display());
                return ExitCode::from(127);
            }
        };
        let tethered = Arc::clone(&child);
        std::thread::spawn(move || {
            let mut nothing = [0; 64];
            while std::io::stdin().read(&mut nothing).is_ok_and(|read| read > 0) {}
            if let Ok(mut child) = tethered.lock() {
                let _gone_already = child.kill();
            }
        });
        loop {
            // Not `wait`, which would hold the lock that the end needs.
            match child.lock().map(|mut child| child.try_wait()) {
                Ok(Ok(Some(status))) => {
                    let code =
                        status.code().unwrap_or_else(|| BY_SIGNAL + status.signal().unwrap_or_default());
                    return ExitCode::from(u8::try_from(code).unwrap_or(1));
                }
                Ok(Ok(None)) => std::thread::sleep(std::time::Duration::from_millis(100)),
                _ => return ExitCode::FAILURE,
            }
        }
    }
}
