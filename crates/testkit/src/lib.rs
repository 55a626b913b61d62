//! What tests of the whole service stand on: a server as a process of its own, and what is known of it from outside.
//!
//! A [`TestServer`] is the real program with a state directory of its own, on a port of its own. When it is dropped,
//! everything that it started is gone, and a line of its log that says ERROR fails the test. Clients are the real
//! ones, each in an environment that `cargo xtask test` makes ([`Python`]).
//!
//! It must never know a crate of the service: a test that could look inside would not see what users see.
//!
//! Everything here panics where a test should fail, and says what it saw.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cache;
mod eventually;
mod objects;
mod processes;
mod program;
mod python;
mod rest;
mod scripted;
mod server;
mod sessions;

pub use cache::{cache, runtimes_dir};
pub use eventually::{PATIENCE, eventually, eventually_within};
pub use objects::ObjectServer;
pub use processes::Process;
pub use program::{Finished, run, unpacked};
pub use python::{Python, Script};
pub use rest::{Answer, Rest};
pub use rustix::process::Signal;
pub use scripted::ScriptedRuntime;
pub use server::{Options, TestServer};
pub use sessions::{PARENT, connect_session, id_of};
