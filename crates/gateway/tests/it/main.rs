//! The gateway on real sockets, before an engine that does as it is told.

#![expect(clippy::unwrap_used, reason = "a test may")]

mod artifacts;
mod calls;
mod endings;
mod probe;
mod sessions;
mod settings;
mod support;
mod tunnel;
