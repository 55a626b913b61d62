//! RFC 3339 times and durations, in the few forms that the API and the command line need.
//!
//! Own code, because the date half of a time crate would be a tenth of the program.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A span of time in nanoseconds, never negative unless the API's form says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    nanos: i128,
}

impl Span {
    /// Whole seconds, rounded towards zero.
    pub fn seconds(self) -> i128 {
        self.nanos / 1_000_000_000
    }

    /// As the standard library's type; a negative span becomes zero.
    pub fn as_std(self) -> Duration {
        let nanos = u128::try_from(self.nanos).unwrap_or(0);
        let seconds = u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX);
        // The remainder of a division by 10^9 fits.
        Duration::new(seconds, u32::try_from(nanos % 1_000_000_000).unwrap_or(0))
    }
}

impl fmt::Display for Span {
    /// The API's form: seconds with as many digits as needed, and `s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.nanos < 0 { "-" } else { "" };
        let nanos = self.nanos.unsigned_abs();
        let fraction = format!("{:09}", nanos % 1_000_000_000);
        let fraction = fraction.trim_end_matches('0');
        let dot = if fraction.is_empty() { "" } else { "." };
        write!(f, "{sign}{}{dot}{fraction}s", nanos / 1_000_000_000)
    }
}

/// `600s`, `1.5s`, `-3s`; also `10m`, `1h30m`, `2d`, `250ms`.
///
/// # Errors
/// What is wrong, as a fragment.
pub fn parse_duration(text: &str) -> Result<Span, String> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut total: i128 = 0;
    if rest.is_empty() {
        return Err("there is no number".to_owned());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let scale: i128 = match unit {
            "ns" => 1,
            "us" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "d" => 86_400_000_000_000,
            "" => return Err("a unit is missing (s, m, h, d)".to_owned()),
            other => return Err(format!("unknown unit '{other}'")),
        };
        total = total.checked_add(scaled(number, scale)?).ok_or("it is too long")?;
        rest = after;
    }
    // The API's own limit: about 10,000 years (google.protobuf.Duration).
    if total > 315_576_000_000_000_000_000 {
        return Err("it is too long".to_owned());
    }
    Ok(Span { nanos: if negative { -total } else { total } })
}

fn scaled(number: &str, scale: i128) -> Result<i128, String> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let wrong = || format!("'{number}' is not a number");
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || whole.len() > 18 {
        return Err(wrong());
    }
    if fraction.len() > 9 {
        return Err("more than nine digits after the point".to_owned());
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| wrong())? };
    let part: i128 = format!("{fraction:0<9}").parse().map_err(|_| wrong())?;
    Ok(whole * scale + part * scale / 1_000_000_000)
}

/// Days since 1970-01-01 of a civil date (Howard Hinnant's algorithm).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// Seconds since 1970 of a year, day of the year (from 1) and time of day: the form of the original's token file.
pub fn from_ordinal(year: i64, day: i64, hour: i64, minute: i64, second: i64) -> i64 {
    (days_from_civil(year, 1, 1) + day - 1) * 86_400 + hour * 3600 + minute * 60 + second
}

/// The inverse of [`from_ordinal`].
pub fn to_ordinal(seconds: i64) -> [i64; 5] {
    let days = seconds.div_euclid(86_400);
    let (year, ..) = civil_from_days(days);
    let of_day = seconds.rem_euclid(86_400);
    [year, days - days_from_civil(year, 1, 1) + 1, of_day / 3600, of_day / 60 % 60, of_day % 60]
}

/// Seconds since 1970, now.
pub fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// An RFC 3339 time in UTC with no, three, six or nine digits after the point.
///
/// # Errors
/// What is wrong, as a fragment.
pub fn normalize_timestamp(text: &str) -> Result<String, String> {
    let (seconds, nanos) = parse_timestamp(text)?;
    let (year, month, day) = civil_from_days(seconds.div_euclid(86_400));
    let of_day = seconds.rem_euclid(86_400);
    let fraction = match nanos {
        0 => String::new(),
        n if n % 1_000_000 == 0 => format!(".{:03}", n / 1_000_000),
        n if n % 1_000 == 0 => format!(".{:06}", n / 1_000),
        n => format!(".{n:09}"),
    };
    Ok(format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}{fraction}Z",
        of_day / 3600,
        of_day / 60 % 60,
        of_day % 60
    ))
}

/// Seconds since 1970 and nanoseconds of an RFC 3339 time.
///
/// # Errors
/// What is wrong, as a fragment.
pub fn parse_timestamp(text: &str) -> Result<(i64, u32), String> {
    let shape = || "write it like 2026-01-31T08:30:00Z or 2026-01-31T10:30:00+02:00".to_owned();
    let bytes = text.as_bytes();
    if !text.is_ascii() || bytes.len() < 20 || bytes[4] != b'-' || bytes[7] != b'-' || bytes[13] != b':' {
        return Err(shape());
    }
    if !matches!(bytes[10], b'T' | b't' | b' ') || bytes[16] != b':' {
        return Err(shape());
    }
    let number = |from: usize, to: usize| -> Result<i64, String> {
        let part = &text[from..to];
        if part.bytes().all(|b| b.is_ascii_digit()) {
            part.parse().map_err(|_| shape())
        } else {
            Err(shape())
        }
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let rest = &text[19..];
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(shape)?),
        None => ("", rest),
    };
    if rest.starts_with('.') && (fraction.is_empty() || fraction.len() > 9) {
        return Err("the fraction of a second has one to nine digits".to_owned());
    }
    let offset = match zone {
        "Z" | "z" => 0,
        _ if zone.len() == 6 && matches!(zone.as_bytes()[0], b'+' | b'-') && zone.as_bytes()[3] == b':' => {
            let part = |text: &str| -> Result<i64, String> {
                if text.bytes().all(|b| b.is_ascii_digit()) {
                    text.parse().map_err(|_| shape())
                } else {
                    Err(shape())
                }
            };
            let (hours, minutes) = (part(&zone[1..3])?, part(&zone[4..6])?);
            if hours > 23 || minutes > 59 {
                return Err("the offset is out of range".to_owned());
            }
            (hours * 3600 + minutes * 60) * if zone.starts_with('-') { -1 } else { 1 }
        }
        "" => return Err("the offset is missing: end it with Z".to_owned()),
        _ => return Err(shape()),
    };
    let days = days_from_civil(year, month, day);
    if year < 1 || civil_from_days(days) != (year, month, day) {
        return Err(format!("there is no such day as {}", &text[..10]));
    }
    if hour > 23 || minute > 59 || second > 60 {
        return Err(format!("there is no such time as {}", &text[11..19]));
    }
    let nanos = format!("{fraction:0<9}").parse().map_err(|_| shape())?;
    Ok((days * 86_400 + hour * 3600 + minute * 60 + second - offset, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_sent_in_utc() {
        let cases = [
            ("2024-03-05T00:00:00+05:30", "2024-03-04T18:30:00Z"),
            ("2024-03-05T10:00:00.5Z", "2024-03-05T10:00:00.500Z"),
            ("2024-02-29t23:59:59.123456z", "2024-02-29T23:59:59.123456Z"),
            ("1969-12-31T23:59:59-00:01", "1970-01-01T00:00:59Z"),
        ];
        for (given, sent) in cases {
            assert_eq!(normalize_timestamp(given).as_deref(), Ok(sent), "{given}");
        }
    }

    #[test]
    fn times_that_are_none_are_refused() {
        for text in ["dolore", "2024-02-30T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T00:00:00", "", "é"]
        {
            assert!(normalize_timestamp(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_take_units_and_are_sent_in_seconds() {
        let cases = [
            ("600s", "600s"),
            ("10m", "600s"),
            ("1h30m", "5400s"),
            ("1.5s", "1.5s"),
            ("250ms", "0.25s"),
            ("-3s", "-3s"),
        ];
        for (given, sent) in cases {
            assert_eq!(parse_duration(given).map(|span| span.to_string()).as_deref(), Ok(sent), "{given}");
        }
        for text in ["", "600", "10q", "s", "-", "1.2.3s", "9999999999999999999s"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_form_of_the_token_file_goes_both_ways() {
        for seconds in [0, 951_782_400, 1_709_632_800, 4_102_444_799] {
            let [year, day, hour, minute, second] = to_ordinal(seconds);
            assert_eq!(from_ordinal(year, day, hour, minute, second), seconds);
        }
    }
}
