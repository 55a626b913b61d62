//! Runs engines as child processes of small supervisors that outlive the server.
//!
//! [`ProcessDriver`] writes down what is to run and starts a supervisor, the *shim*, per engine; [`shim::main`] is
//! that program. The two talk only through files in the engine's directory, a signal to say "read them again", and a
//! datagram back to say "look again". All that is known about an engine is in its directory, so a server that starts
//! anew knows as much as the one before.
//!
//! One more shim may wait for an engine, with a process that is ready to be its own ([`ProcessDriverConfig::spares_for`]). It has
//! no directory yet, and ends with the driver.
//!
//! ```text
//! <engines>/notify.sock            where shims say that something changed
//! <engines>/<engine id>/           mode 0700
//!     spec.json                    what to run and when it was placed; written before anything is started
//!     lock                         held by the shim as long as it lives: one engine per id
//!     shim.json                    which process the shim is; written before the engine is started
//!     status.json                  how far the engine is
//!     stop.json, deadline.json     what the driver wants of the shim
//!     used.json                    what the engine has used, once it has ended
//!     exit.json                    how the engine ended; nothing is started here any more
//!     shim.err                     what a shim says that cannot do its work
//!     log.<offset>                 pieces of the log, named after the offset of their first byte
//!     work/                        the engine's scratch directory, gone when it has ended
//! ```
//!
//! Never knows of sessions, runtimes or the store. Start reading at [`ProcessDriver`], then [`shim`].

mod cgroup;
mod config;
mod driver;
mod explain;
mod layout;
mod lock;
mod log;
mod notify;
mod place;
mod process;
pub mod shim;
mod spares;
mod strays;
mod tail;
mod usage;
mod watch;
mod work;

pub use cgroup::{Cgroups, NoCgroups};
pub use config::{ProcessDriverConfig, ShimCommand};
pub use driver::ProcessDriver;
