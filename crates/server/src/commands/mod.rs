//! What can be typed after `hearth`.

mod connect;
mod context;
mod doctor;
mod emulator;
mod exit;
mod failure;
mod global;
mod kernel_relay;
mod local;
mod notebook;
mod operations;
mod output;
mod pools;
mod progress;
mod quickstart;
mod resource;
mod runtimes;
mod serve;
mod sessions;
mod shim;
mod store;
mod templates;
mod tether;
mod times;
mod token;
mod usage;

use std::future::Future;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::exit::Exit;
use self::failure::{CommandError, finish};

/// Interactive Spark sessions on your own machines, through the Dataproc API.
#[derive(Debug, Parser)]
#[command(name = "hearth", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Quickstart(quickstart::QuickstartCommand),
    Serve(serve::ServeCommand),
    Sessions(sessions::SessionsCommand),
    Templates(templates::TemplatesCommand),
    Operations(operations::OperationsCommand),
    Usage(usage::UsageCommand),
    Pools(pools::PoolsCommand),
    Notebook(notebook::NotebookCommand),
    Runtimes(runtimes::RuntimesCommand),
    Token(token::TokenCommand),
    Doctor(doctor::DoctorCommand),
    Store(store::StoreCommand),
    Emulator(emulator::EmulatorCommand),
}

/// What the service starts beside each session. Read apart from the others: these processes are to be small, and the
/// description of all commands takes a quarter of a megabyte.
#[derive(Debug, Parser)]
#[command(name = "hearth")]
enum Helper {
    Shim(shim::ShimCommand),
    KernelRelay(kernel_relay::KernelRelayCommand),
    Tether(tether::TetherCommand),
}

/// Reads the command line and does what it says.
pub(crate) fn main() -> ExitCode {
    let first = std::env::args_os().nth(1).unwrap_or_default();
    if Helper::has_subcommand(&first.to_string_lossy()) {
        return match Helper::parse() {
            Helper::Shim(command) => command.run(),
            Helper::KernelRelay(command) => command.run(),
            Helper::Tether(command) => command.run(),
        };
    }
    run(Cli::parse().command)
}

/// Does what a command says.
fn run(command: Command) -> ExitCode {
    let done = |done: Result<(), CommandError>| done.map(|()| Exit::Done);
    finish(match command {
        Command::Quickstart(command) => done(command.run()),
        Command::Serve(command) => done(command.run()),
        Command::Sessions(command) => block_on(command.run()),
        Command::Templates(command) => block_on(command.run()),
        Command::Operations(command) => block_on(command.run()),
        Command::Usage(command) => block_on(command.run()),
        Command::Pools(command) => block_on(command.run()),
        Command::Notebook(command) => block_on(command.run()),
        Command::Runtimes(command) => done(command.run()),
        Command::Token(command) => block_on(command.run()),
        Command::Doctor(command) => block_on(command.run()),
        Command::Store(command) => done(command.run()),
        Command::Emulator(command) => block_on(command.run()),
    })
}

/// Runs a command that talks to a service: one thread is enough for one conversation.
fn block_on<T>(work: impl Future<Output = Result<T, CommandError>>) -> Result<T, CommandError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::own(error, "Too many processes or threads may be running."))?
        .block_on(work)
}
