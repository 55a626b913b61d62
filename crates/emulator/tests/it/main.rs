//! Emulated worlds as their callers see them.

#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

mod documents;
mod time;
mod world;
