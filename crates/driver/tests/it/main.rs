//! The fake driver: by itself, and through the suite that every driver passes.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod clock;
mod conformance;
mod fake;
