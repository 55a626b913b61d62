//! The service over the wire, as a process: REST and gRPC on one port, its start, and what it makes of bad input.
//!
//! Most sessions here have no engine behind them, so that nothing needs to be installed; what engines do is in
//! `engines.rs`, where they are scripts, and in the tests called `real`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod contract;
mod cors;
mod descriptions;
mod diagnostics;
mod emulator;
mod engines;
mod errors;
mod filters;
mod grpc;
mod insight;
mod operations;
mod pages;
mod parameters;
mod pools;
mod sessions;
mod staging;
mod startup;
mod templates;
mod usage;

use hearth_testkit::{Options, TestServer};

/// The service.
const HEARTH: &str = env!("CARGO_BIN_EXE_hearth");

/// How a server is started whose sessions are active at once.
fn without_engines() -> Options {
    Options::new(HEARTH).without_engines()
}

/// A server whose sessions are active at once.
fn server() -> TestServer {
    without_engines().start()
}
