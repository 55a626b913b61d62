//! The domain of Hearth: what a session, an operation and an engine are, and what must happen next.
//!
//! Pure: no I/O, no async, no clock of its own, no wire or SQL types. Everything here can be decided from its
//! arguments, so that the same code runs under the real service and in a simulated world.
//!
//! Start reading at [`session`] (what a session is), [`transition`] (how it changes) and [`step`] (what to do next).

pub mod admission;
pub mod caller;
pub mod clock;
pub mod config;
pub mod engine;
pub mod error;
pub mod explain;
pub mod filter;
pub mod id;
pub mod last_words;
pub mod lease;
pub mod name;
pub mod notice;
pub mod operation;
pub mod policy;
pub mod pool;
pub mod properties;
pub mod session;
pub mod staged;
pub mod step;
pub mod template;
mod text;
pub mod timeline;
pub mod transition;
pub mod usage;
pub mod validate;
pub mod words;

pub use jiff::Timestamp;
