//! Runtimes: which ones exist, and the Python environments they run in.
//!
//! The catalogue ([`Catalogue`]) is data: built-in entries and an operator's file merged over them. The
//! [`Installer`] makes each runtime's [`Environment`] with `uv`, once, in a folder named after everything that
//! decides its content, and shared by all sessions. An environment is there when its marker is; the marker is
//! written last, and whatever lacks one is removed, so nothing half-installed is ever used.
//!
//! Must never know: sessions, drivers, how an engine is started, the wire. Everything here blocks (it waits for
//! child processes and disks): call it from a blocking thread, except [`Installer::installed`] and
//! [`Installer::layer`], which only read one small file.
//!
//! Start reading at `catalogue.rs` for what can be installed and at `installer.rs` for how.

mod additions;
mod catalogue;
mod dataset;
mod disk;
mod distributions;
mod environment;
mod error;
mod installer;
mod java;
mod layers;
mod listing;
mod lock;
mod lookup;
mod progress;
mod requirements;
mod runtime;
mod uv;
mod uv_failure;
mod verify;
mod wheels;

pub use additions::Addition;
pub use catalogue::{Catalogue, CatalogueError, ReadLock};
pub use environment::Environment;
pub use error::{InstallError, LayerError, LayerErrorKind, RemoveError, VerifyError};
pub use installer::Installer;
pub use java::{Java, JavaError, JavaNeed, JavaSource};
pub use layers::LayerSpec;
pub use listing::{Listed, ListedState};
pub use progress::{Progress, Silent};
pub use requirements::{InvalidRequirement, Requirements};
pub use runtime::{Dataset, EngineKind, Packages, Runtime};
