//! How each kind of engine is started: pure functions from a session and a runtime's environment to an
//! [`EngineSpec`](hearth_core::engine::EngineSpec).
//!
//! Knows nothing of processes, stores or time beyond its arguments. One module an engine; start with [`sail`], then
//! [`spark`], whose JVM is described by [`jvm`]; [`kernel`] puts a notebook's kernel before either.

pub mod identity;
pub mod jvm;
pub mod kernel;
pub mod metastore;
pub mod packages;
pub mod properties;
pub mod sail;
pub mod spark;

use std::collections::BTreeMap;
use std::path::PathBuf;

use hearth_core::Timestamp;

/// A secret of one engine. Nothing that prints it shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// This text, which must fit an environment variable and a header.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for whom it is meant.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What a start needs to know beside the session.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Name and version of the runtime.
    pub runtime: String,
    /// The root of the runtime's Python environment.
    pub environment: PathBuf,
    /// The root of the session's own environment over it, if it has one.
    pub layer: Option<PathBuf>,
    /// Where the packages of the runtime's environment are.
    pub site_packages: PathBuf,
    /// What calls of the engine have to show, where an engine can ask for it.
    pub secret: Secret,
    /// The directory that the engine writes its event log into, if it has one to write.
    pub events: Option<PathBuf>,
    /// Environment variables that every engine of the runtime gets.
    pub variables: BTreeMap<String, String>,
    /// Properties that hold whatever the session says: those of the runtime, and of what the session is connected to.
    pub properties: BTreeMap<String, String>,
    /// How many cores the engine may count on.
    pub cores: usize,
    /// The most the engine's log may take on disk, in bytes.
    pub log_limit: u64,
    /// When the engine is ended even if no server is there to ask for it.
    pub deadline: Timestamp,
}
