//! Resources of the API in files that people write.

use std::io::Read;
use std::path::Path;

use hearth_wire::json;
use prost::{Message, Name};

use super::failure::CommandError;

/// Reads a resource from a JSON or YAML file, or standard input for `-`. `what` is what it should be.
///
/// # Errors
/// When it cannot be read, or is none.
pub(crate) fn read<M: Message + Name + Default>(path: &Path, what: &str) -> Result<M, CommandError> {
    let shown =
        if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() };
    let mut text = String::new();
    let outcome = if path.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text).map(drop)
    } else {
        std::fs::read_to_string(path).map(|read| text = read)
    };
    outcome.map_err(|source| CommandError::Read { path: shown.clone(), source })?;
    let broken = |problem: String| CommandError::usage(format!("\"{shown}\" is not {what}: {problem}"));
    // Anything that does not begin like JSON is YAML.
    if !text.trim_start().starts_with('{') {
        let value: serde_json::Value =
            serde_norway::from_str(&text).map_err(|error| broken(error.to_string()))?;
        text = value.to_string();
    }
    json::from_slice(text.as_bytes()).map_err(|violations| broken(violations.to_string()))
}
