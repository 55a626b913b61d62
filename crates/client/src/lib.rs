//! A client of the API: one connection, its credential, what is tried again, and waiting for operations.
//!
//! Everything goes over gRPC without TLS. A call that is lost on the way is tried again only where that is
//! harmless: reads always, and what changes something because it carries a request id. An operation is waited for
//! through a restart of the service.
//!
//! It must never know where endpoint and token come from, nor how anything is shown to people: that is up to the
//! program that uses it. Nor does it know any crate of the server.
//!
//! Start reading at [`Client`], then [`ClientError`].

mod bearer;
mod client;
#[cfg(any(test, feature = "double"))]
pub mod double;
mod emulator;
mod error;
mod insight;
mod operations;
mod place;
mod retry;
mod sessions;
mod templates;
#[cfg(test)]
mod tests;
mod usage;
mod wait;

pub use client::Client;
pub use error::{ClientError, ErrorKind, Refusal};
pub use insight::Notices;
pub use place::{Place, PlaceError, last_segment};
pub use retry::RetryPolicy;
pub use sessions::new_request_id;
pub use wait::{Tick, outcome, session_of};
