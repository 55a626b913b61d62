//! What can be typed after `hearth`.

mod fault;
mod quickstart;
mod runtimes;
mod serve;
mod shim;
mod store;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Interactive Spark sessions on your own machines, through the Dataproc API.
#[derive(Debug, Parser)]
#[command(name = "hearth", version, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Starts the service, creates a session, and asks it a question about real data.
    Quickstart(quickstart::QuickstartCommand),
    /// Runs the service.
    Serve(serve::ServeCommand),
    /// Lists, installs and removes runtimes.
    Runtimes(runtimes::RuntimesCommand),
    /// Checks, backs up and restores what the service remembers.
    Store(store::StoreCommand),
    /// Watches over one engine; started by the service.
    #[command(hide = true)]
    Shim(shim::ShimCommand),
}

/// Reads the command line and does what it says.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        // Before anything else is set up: a supervisor is to be small.
        Command::Shim(command) => return command.run(),
        Command::Quickstart(command) => command.run(),
        Command::Serve(command) => command.run(),
        Command::Runtimes(command) => command.run(),
        Command::Store(command) => command.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
