//! Times and durations.

use std::time::Duration;

use hearth_core::Timestamp;

/// A time as the wire has it. Answers carry microseconds, as the hosted service's do (contract, section 3).
pub fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    let micros = at.as_microsecond();
    prost_types::Timestamp {
        seconds: micros.div_euclid(1_000_000),
        nanos: i32::try_from(micros.rem_euclid(1_000_000) * 1000).unwrap_or_default(),
    }
}

/// A duration as the wire has it.
pub fn duration(duration: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(duration.subsec_nanos()).unwrap_or_default(),
    }
}

/// A time from the wire; `None` for one that is none, as beyond the year 9999.
pub fn from_timestamp(at: &prost_types::Timestamp) -> Option<Timestamp> {
    Timestamp::new(at.seconds, at.nanos).ok()
}

/// A duration of whole seconds as the wire has it.
pub fn from_seconds(seconds: u64) -> prost_types::Duration {
    duration(Duration::from_secs(seconds))
}

/// A duration from the wire. One below zero becomes zero, which every bound of ours refuses.
pub fn from_duration(duration: &prost_types::Duration) -> Duration {
    Duration::try_from(*duration).unwrap_or(Duration::ZERO)
}
