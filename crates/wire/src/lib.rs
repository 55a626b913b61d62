//! The wire: messages, their JSON form, and the table of methods that server and client share.
//!
//! Everything here follows from the `.proto` files in `proto/`: the Rust messages, the gRPC clients and
//! servers, and the descriptors that JSON and the HTTP bindings are driven by. It is pure: bytes and
//! strings in, messages or violations out.
//!
//! It must never know what a request means (that is `core` and `control`), nor do I/O, nor depend on an
//! HTTP server.
//!
//! Start reading at [`messages`], the generated code; then [`json`] and [`router`], which together turn an
//! HTTP request into the bytes of a gRPC call and its answer into JSON.

pub mod description;
pub mod descriptors;
pub mod error;
pub mod json;
pub mod mask;
pub mod messages;
pub mod method;
pub mod parameters;
pub mod router;
pub mod schema;
pub mod template;
mod violation;

pub use descriptors::{GRPC_DESCRIPTOR_SET, pool};
pub use messages::{dataproc, hearth, longrunning, rpc};
pub use violation::{FieldViolation, Violations};
