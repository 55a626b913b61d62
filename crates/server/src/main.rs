//! `hearth`: the service, and the commands a person types.
//!
//! Start reading at [`commands`] for what can be typed and at [`serve`] for the service itself.

mod archive;
mod commands;
mod config;
mod serve;

use std::process::ExitCode;

fn main() -> ExitCode {
    commands::main()
}
