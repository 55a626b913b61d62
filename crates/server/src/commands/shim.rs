//! `hearth shim`: the supervisor of one engine.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

/// Watches over one engine.
#[derive(Debug, Args)]
pub(crate) struct ShimCommand {
    /// The engine's directory.
    directory: PathBuf,
}

impl ShimCommand {
    /// Returns when the engine is gone.
    pub(crate) fn run(&self) -> ExitCode {
        let code = hearth_driver_process::shim::main(&self.directory);
        ExitCode::from(u8::try_from(code).unwrap_or(1))
    }
}
