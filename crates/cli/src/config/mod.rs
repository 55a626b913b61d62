//! Where things are: the original's folder, named contexts, and the endpoint of a call.

pub mod contexts;
pub mod endpoint;

use std::path::PathBuf;

use crate::env;

/// A configuration that cannot be used; texts are the original's where it has some.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// `--config-dir` is blank.
    #[error("Configuration -> --config-dir was unset or empty.")]
    BlankFolder,
    /// `HOME` is not set.
    #[error("Configuration -> Couldn't find HOME directory of current user, failed to expand '{0}'.")]
    NoHome(String),
    /// A file could not be read or written.
    #[error("Configuration -> IO operation failed on path '{path}' with error: {source}.")]
    Io {
        /// The file.
        path: String,
        /// What happened.
        #[source]
        source: std::io::Error,
    },
    /// The folder cannot be made.
    #[error("Configuration -> Directory '{path}' could not be created with error: {source}.")]
    Folder {
        /// The folder.
        path: String,
        /// What happened.
        #[source]
        source: std::io::Error,
    },
    /// The contexts file is not what it should be.
    #[error("Configuration -> Contexts -> Could not decode file at '{path}' with error: {why}.")]
    Contexts {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// No context of this name.
    #[error("Configuration -> Contexts -> There is no context '{name}' (known: {known}).")]
    NoContext {
        /// The wanted name.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// Nothing runs here.
    #[error("Configuration -> Contexts -> No Hearth of this user is running: there is no file '{0}'.")]
    NoLocal(String),
    /// An endpoint that cannot be used.
    #[error("Configuration -> Endpoint -> {0}")]
    Endpoint(String),
    /// A proxy or a certificate file that cannot be used.
    #[error("Configuration -> Transport -> {0}")]
    Transport(String),
}

/// The original's folder of tokens.
///
/// # Errors
/// A blank `--config-dir`, or no `HOME` to find the folder in.
pub fn folder(given: Option<&str>) -> Result<PathBuf, ConfigError> {
    let given = given.unwrap_or("~/.google-service-cli");
    if given.trim().is_empty() {
        return Err(ConfigError::BlankFolder);
    }
    match given.strip_prefix('~') {
        None => Ok(PathBuf::from(given)),
        Some(rest) => {
            let home = env::var("HOME").ok_or_else(|| ConfigError::NoHome(given.to_owned()))?;
            Ok(PathBuf::from(format!("{home}{rest}")))
        }
    }
}
