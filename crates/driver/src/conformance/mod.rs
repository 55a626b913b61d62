//! What every driver must do, as tests that each driver runs over itself.
//!
//! A driver's tests implement [`Harness`] and write [`driver_conformance!`](crate::driver_conformance), which makes
//! one test of each function in [`suite`].

mod harness;
mod macros;
pub mod suite;

pub use harness::{Behaviour, Harness};
