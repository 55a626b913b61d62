//! An emulated world, for whoever tests a client of the API: the use cases and the reconciler are the real ones, while
//! time is moved by hand, engines are scripted, things go wrong on demand, and all of it fits into one document.
//!
//! Knows neither the wire nor files. Start reading at [`Emulator`]; [`fault`] has what can go wrong and [`document`]
//! what is kept.

mod actor;
pub mod document;
mod emulator;
mod engines;
pub mod fault;

pub use actor::{FARTHEST, Target};
pub use document::DocumentError;
pub use emulator::{ClockReading, Emulator, EmulatorError, Happened, Running, Start};
