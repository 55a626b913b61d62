//! Jupyter's kernel gateway: kernels over HTTP and WebSocket, as `jupyter lab --gateway-url` and other clients of
//! Jupyter's REST API ask for them.
//!
//! A kernel is a session with a kernel in it, so the id of the one is the uuid of the other. What clients and a kernel
//! say to each other passes the gateway undecoded: the relay beside the kernel speaks both of Jupyter's WebSocket forms.
//! What the gateway needs of sessions it asks [`Kernels`]. Start reading at [`JupyterGateway`].

mod answers;
mod channels;
mod frames;
mod gateway;
mod kernels;
mod path;
mod relay;
mod sessions;
mod watch;

pub use gateway::JupyterGateway;
pub use kernels::{Found, Kernel, KernelSpec, Kernels, Listed};
pub use path::token_in;
pub use relay::{Relay, RelayError};
pub use watch::KernelWatch;
