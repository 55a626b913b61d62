//! How each kind of engine is started: pure functions from a session and a runtime's environment to an
//! [`EngineSpec`](hearth_core::engine::EngineSpec).
//!
//! Knows nothing of processes, stores or time beyond its arguments. One module an engine; start with [`sail`].

pub mod identity;
pub mod properties;
pub mod sail;

use std::collections::BTreeMap;
use std::path::PathBuf;

use hearth_core::Timestamp;

/// What a start needs to know beside the session.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Name and version of the runtime.
    pub runtime: String,
    /// The root of the runtime's Python environment.
    pub environment: PathBuf,
    /// The root of the session's own environment over it, if it has one.
    pub layer: Option<PathBuf>,
    /// Environment variables that every engine of the runtime gets.
    pub variables: BTreeMap<String, String>,
    /// How many cores the engine may count on.
    pub cores: usize,
    /// The most the engine's log may take on disk, in bytes.
    pub log_limit: u64,
    /// When the engine is ended even if no server is there to ask for it.
    pub deadline: Timestamp,
}
