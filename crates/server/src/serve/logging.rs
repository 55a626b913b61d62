//! The log of the service: to stderr, as text or as JSON.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use super::ServeError;
use crate::config::{LogConfig, LogFormat};

/// Starts logging. Once per process; a second call leaves the first in place.
pub(super) fn start(config: &LogConfig) -> Result<(), ServeError> {
    let filter = EnvFilter::try_new(&config.filter).map_err(|error| ServeError::LogFilter {
        filter: config.filter.clone(),
        reason: error.to_string(),
    })?;
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match config.format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    // Only a process that logs already, such as a test, comes here; its own log is the one it wants.
    drop(started);
    Ok(())
}
