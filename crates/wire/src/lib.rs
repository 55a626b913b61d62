//! The wire: messages, their JSON form, and the table of methods that server and client share.
//!
//! Everything here follows from the `.proto` files in `proto/`: the Rust messages, the gRPC clients and
//! servers, and the descriptors that JSON and the HTTP bindings are driven by. It is pure: bytes and
//! strings in, messages or violations out.
//!
//! It must never know what a request means (that is `core` and `control`), nor do I/O, nor depend on an
//! HTTP server.
//!
//! Start reading at [`messages`], the generated code, and [`pool`], its description.

pub mod descriptors;
pub mod messages;

pub use descriptors::{FILE_DESCRIPTOR_SET, pool};
pub use messages::{dataproc, hearth, longrunning, rpc};
