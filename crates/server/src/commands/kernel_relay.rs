//! `hearth kernel-relay`: the process beside a notebook's kernel that the service talks to.

use std::process::ExitCode;

use clap::Args;

/// Passes on what a kernel and its clients say. Started by the kernel's host, which it is told everything by.
#[derive(Debug, Args)]
pub(crate) struct KernelRelayCommand {}

impl KernelRelayCommand {
    /// Returns when the kernel's session ends.
    pub(crate) fn run(&self) -> ExitCode {
        hearth_relay::main()
    }
}
