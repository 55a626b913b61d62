//! Standard error: a reader that went away is no reason to stop, let alone to panic.

use std::io::Write as _;

/// Writes to standard error as it is.
pub fn say(text: &str) {
    // There is nowhere else to tell it.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Writes a line to standard error.
pub fn say_line(text: &str) {
    say(&format!("{text}\n"));
}
