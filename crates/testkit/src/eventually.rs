//! Waiting for what must come, without saying when.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// How long anything may take that takes a second at most on an idle machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks until `look` sees what is wanted, and returns that.
///
/// # Panics
/// When it did not come within [`PATIENCE`]; the message has `what` and what was seen last.
pub fn eventually<T, E: Debug>(what: &str, look: impl FnMut() -> Result<T, E>) -> T {
    eventually_within(PATIENCE, what, look)
}

/// As [`eventually`], within a time of the caller's.
///
/// # Panics
/// When it did not come in time.
pub fn eventually_within<T, E: Debug>(
    patience: Duration,
    what: &str,
    mut look: impl FnMut() -> Result<T, E>,
) -> T {
    let give_up_at = Instant::now() + patience;
    loop {
        match look() {
            Ok(value) => return value,
            Err(seen) if Instant::now() >= give_up_at => {
                panic!("not within {patience:?}: {what}; last seen: {seen:#?}")
            }
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}
