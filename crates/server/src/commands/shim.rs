//! `hearth shim`: the supervisor of one engine.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use hearth_driver_process::shim;

/// Watches over one engine.
#[derive(Debug, Args)]
pub(crate) struct ShimCommand {
    /// The engine's directory.
    #[arg(required_unless_present = "spare")]
    directory: Option<PathBuf>,
    /// Gets ready for an engine that standard input will say.
    #[arg(long, conflicts_with = "directory")]
    spare: bool,
}

impl ShimCommand {
    /// Returns when the engine is gone.
    pub(crate) fn run(&self) -> ExitCode {
        let code = match &self.directory {
            Some(directory) => shim::main(directory),
            None => shim::main_of_spare(),
        };
        ExitCode::from(u8::try_from(code).unwrap_or(1))
    }
}
