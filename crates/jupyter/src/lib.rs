//! Jupyter's messages, as pure functions: how they are signed on the way to a kernel, both forms they have in a
//! WebSocket, and the journal from which clients that come back are served.
//!
//! The parts of a message that nobody here has to understand stay the bytes they came as, so that kinds of messages
//! that did not exist when this was written pass unchanged. Never knows of sockets, processes or sessions. Start reading
//! at [`Message`], then [`wire`] and [`framing`].

pub mod framing;
pub mod journal;
mod message;
pub mod notice;
mod state;
pub mod wire;

pub use message::{Channel, Header, Message};
pub use state::{Execution, State};
