//! The gateway: leads Spark Connect calls to the engine of the session they are meant for.
//!
//! It forwards HTTP/2 and does not decode what it forwards, so it works with every version of the protocol and with
//! methods it has never heard of. One call is looked into: `AddArtifacts`, for what in it is meant for the service. It must never know how sessions are stored, started or ended: what it needs of
//! them it asks a [`Directory`], which the server wires.
//!
//! Two ways lead in, both answered by [`Gateway::call`]: gRPC calls of [`SERVICE_PREFIX`], and the WebSocket tunnel
//! below [`TUNNEL_PREFIX`] with such calls inside.
//!
//! The web pages of engines are carried by [`pages`], once somebody else has found who may see them.
//!
//! Start reading at [`directory`] (what the gateway asks), then `spark_connect.rs` (the way of one call), `pool.rs` and
//! `upstream.rs` (connections to engines), `pieces.rs` (how their bytes are read and written), `tunnel.rs` and [`artifacts`].

pub mod artifacts;
mod body;
pub mod directory;
mod gateway;
pub mod jupyter;
mod message;
pub mod pages;
mod peek;
mod pieces;
mod pool;
pub mod probe;
mod settings;
mod spark_connect;
pub mod status;
mod tasks;
mod tunnel;
mod upstream;

pub use hearth_core::caller::{Caller, Scope};

pub use artifacts::Artifacts;
pub use directory::{Directory, InUse, SessionKey, Target};
pub use gateway::{Gateway, GatewayConfig, tune_http2};
pub use pages::{PageTarget, Pages};
pub use pieces::{Outbox, Pieces, any_http};
pub use probe::{ProbeError, probe_spark_connect, warm_up_spark_connect};
pub use spark_connect::SERVICE_PREFIX;
pub use status::{Code, Refusal};
pub use tasks::StreamExecutor;
pub use tunnel::TUNNEL_PREFIX;
