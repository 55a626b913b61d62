//! Times and durations in the words of people.

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

/// A point in time of a message.
pub(crate) fn timestamp(time: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
    let time = time?;
    Timestamp::new(time.seconds, time.nanos).ok()
}

/// A duration of a message, as far as it is not negative.
pub(crate) fn duration(duration: &prost_types::Duration) -> Duration {
    let seconds = u64::try_from(duration.seconds).unwrap_or(0);
    Duration::new(seconds, u32::try_from(duration.nanos).unwrap_or(0))
}

/// How long ago something was, in the largest unit that fits: `just now`, `5 min ago`, `in 2 h`.
pub(crate) fn ago(time: Timestamp, now: Timestamp) -> String {
    let passed = now.duration_since(time);
    let text = rough(passed.unsigned_abs());
    match passed {
        passed if passed.unsigned_abs() < Duration::from_secs(1) => "just now".to_owned(),
        passed if passed.is_negative() => format!("in {text}"),
        _ => format!("{text} ago"),
    }
}

/// Local date and time with the offset from UTC.
pub(crate) fn local(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
}

/// Local date and time, and how long ago that was.
pub(crate) fn local_and_ago(time: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    format!("{} ({})", local(time, zone), ago(time, now))
}

/// A duration as it is measured: `12 ms`, `0.41 s`, `3 min 20 s`, `2 h 30 min`.
pub(crate) fn exact(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 if duration.as_millis() < 100 => format!("{} ms", duration.as_millis()),
        0..10 => format!("{:.2} s", duration.as_secs_f64()),
        10..60 => format!("{:.1} s", duration.as_secs_f64()),
        60..3600 => two(seconds, 60, "min", "s"),
        3600..86_400 => two(seconds / 60, 60, "h", "min"),
        _ => two(seconds / 3600, 24, "d", "h"),
    }
}

/// A duration as a message.
pub(crate) fn message(duration: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        // Below a thousand million.
        nanos: i32::try_from(duration.subsec_nanos()).unwrap_or_default(),
    }
}

/// Reads a time: `2026-12-24T18:00:00Z`, a date for its beginning here, or how long ago it was, such as `30d`.
pub(crate) fn parse_past(text: &str) -> Result<Past, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(Past::At(at));
    }
    if let Ok(date) = text.parse::<Date>() {
        return Ok(Past::Date(date));
    }
    let problem = |_| {
        format!("\"{text}\" is not a time; write 2026-12-24T18:00:00Z, 2026-12-24 or, for so long ago, 30d")
    };
    parse(text).map(Past::Ago).map_err(problem)
}

/// A time in the past, as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Past {
    /// At this moment.
    At(Timestamp),
    /// When this day began.
    Date(Date),
    /// So long ago.
    Ago(Duration),
}

impl Past {
    /// The moment that is meant.
    ///
    /// # Errors
    /// When it is before the calendar begins.
    pub(crate) fn moment(self, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, jiff::Error> {
        match self {
            Self::At(at) => Ok(at),
            Self::Date(date) => Ok(date.to_zoned(zone.clone())?.timestamp()),
            Self::Ago(ago) => now.checked_sub(ago),
        }
    }
}

/// A time as a message has it.
pub(crate) fn time_message(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }
}

/// Reads a duration with units, such as `2h`, `30m`, `1h 30m`, `1d` or `7200s`. A day has 24 hours.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let problem = || format!("\"{text}\" is not a duration; write 2h, 30m, 1h30m, 1d or 7200s");
    let span: Span = text.parse().map_err(|_| problem())?;
    let relative = SpanRelativeTo::days_are_24_hours();
    let duration: SignedDuration = span.to_duration(relative).map_err(|_| problem())?;
    Duration::try_from(duration).map_err(|_| format!("\"{text}\" is less than nothing"))
}

fn rough(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

fn two(total: u64, per: u64, large: &str, small: &str) -> String {
    match (total / per, total % per) {
        (whole, 0) => format!("{whole} {large}"),
        (whole, rest) => format!("{whole} {large} {rest} {small}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_units() {
        for (text, seconds) in [
            ("2h", 7200),
            ("30m", 1800),
            ("1h30m", 5400),
            ("1h 30m", 5400),
            ("90 min", 5400),
            ("1d", 86_400),
            ("2w", 1_209_600),
            ("7200s", 7200),
            ("PT10M", 600),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "2", "h", "2x", "soon", "1mo", "-5m"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_read_as_moments_days_and_how_long_ago() {
        let now: Timestamp = "2026-11-22T18:15:02Z".parse().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        for (text, moment) in [
            ("2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z"),
            ("2026-11-01T00:00:00+01:00", "2026-10-31T23:00:00Z"),
            ("2026-11-01", "2026-10-31T23:00:00Z"),
            ("1d", "2026-11-21T18:15:02Z"),
            ("90m", "2026-11-22T16:45:02Z"),
        ] {
            let read = parse_past(text).unwrap().moment(now, &zone).unwrap();
            assert_eq!(read.to_string(), moment, "{text}");
        }
        for text in ["", "soon", "2026-13-01", "-3d"] {
            assert!(parse_past(text).is_err(), "{text}");
        }
        assert!(parse_past("6000000d").unwrap().moment(now, &zone).is_err());
    }

    #[test]
    fn times_are_told_in_the_unit_that_fits() {
        let now: Timestamp = "2026-11-22T18:15:02Z".parse().unwrap();
        for (before, text) in
            [(0, "just now"), (5, "5 s ago"), (300, "5 min ago"), (7300, "2 h ago"), (200_000, "2 d ago")]
        {
            assert_eq!(ago(now - SignedDuration::from_secs(before), now), text);
        }
        assert_eq!(ago(now + SignedDuration::from_mins(3), now), "in 3 min");
        assert_eq!(local(now, &TimeZone::fixed(jiff::tz::offset(1))), "2026-11-22 19:15:02 +01:00");
        for (millis, text) in [
            (0, "0 ms"),
            (12, "12 ms"),
            (412, "0.41 s"),
            (12_345, "12.3 s"),
            (200_000, "3 min 20 s"),
            (9_000_000, "2 h 30 min"),
            (86_400_000, "1 d"),
        ] {
            assert_eq!(exact(Duration::from_millis(millis)), text);
        }
    }
}
