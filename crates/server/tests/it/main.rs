//! The service over the wire, without engines: everything that the API itself decides.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cors;

use hearth_testkit::Options;

/// The service.
const HEARTH: &str = env!("CARGO_BIN_EXE_hearth");

/// How a server without engines is started: every start of a session succeeds at once.
fn without_engines() -> Options {
    Options::new(HEARTH).without_engines()
}
