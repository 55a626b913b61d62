//! From wire messages to the domain and back.

pub mod insight;
pub mod operation;
pub mod session;
pub mod template;
pub mod time;
pub mod usage;
