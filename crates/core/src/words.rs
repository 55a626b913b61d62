//! Durations as people say them.

use std::time::Duration;

use jiff::Timestamp;

/// A duration in its two largest units: `40 s`, `5 min`, `1 h 30 min`, `14 d`.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let two = |large: u64, small: u64, names: [&str; 2]| match small {
        0 => format!("{large} {}", names[0]),
        _ => format!("{large} {} {small} {}", names[0], names[1]),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => two(seconds / 60, seconds % 60, ["min", "s"]),
        3600..86_400 => two(seconds / 3600, seconds % 3600 / 60, ["h", "min"]),
        _ => two(seconds / 86_400, seconds % 86_400 / 3600, ["d", "h"]),
    }
}

/// How long it is from one time to another, rounded to whole seconds; nothing if it is over.
pub fn until(from: Timestamp, to: Timestamp) -> String {
    duration(between(from, to) + Duration::from_millis(500))
}

/// The time between two times; zero if the second comes first.
pub fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_said_in_their_two_largest_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (90, "1 min 30 s"),
            (5400, "1 h 30 min"),
            (86_400, "1 d"),
            (1_209_600, "14 d"),
        ] {
            assert_eq!(duration(Duration::from_secs(seconds)), text);
        }
    }
}
