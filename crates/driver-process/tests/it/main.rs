//! The process driver with real processes: through the suite that every driver passes, and through what only it does.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod cgroup;
mod conformance;
mod deadline;
mod fixture;
mod launch;
mod misuse;
mod spare;
mod survival;
mod tree;
