//! The environment: variables that are set and not empty.

use std::path::PathBuf;

/// A variable that is set, not empty and UTF-8.
pub fn var(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A folder of the XDG convention: its variable if absolute, else `HOME` and the default.
pub fn xdg(variable: &str, default: &str) -> Option<PathBuf> {
    match var(variable).map(PathBuf::from).filter(|path| path.is_absolute()) {
        Some(path) => Some(path),
        None => Some(PathBuf::from(var("HOME")?).join(default)),
    }
}
