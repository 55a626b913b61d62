//! Timestamps and durations as text.

use prost_types::{Duration, Timestamp};

/// 0001-01-01T00:00:00Z, the first moment a protobuf timestamp can say.
const FIRST_SECOND: i64 = -62_135_596_800;
/// 9999-12-31T23:59:59Z, the last one.
const LAST_SECOND: i64 = 253_402_300_799;
/// The longest protobuf duration in seconds, about 10,000 years.
const LONGEST: i64 = 315_576_000_000;

/// Reads RFC 3339 text; an offset is turned into UTC. The error is the end of a sentence.
pub fn parse_timestamp(text: &str) -> Result<Timestamp, String> {
    let zone_missing = || {
        "Illegal timestamp format; timestamps must end with 'Z' or have a valid timezone offset.".to_owned()
    };
    let malformed = || format!("Invalid time format: {text}");

    let (local, offset) = split_offset(text).ok_or_else(zone_missing)?;
    let (date, time) = local.split_once(['T', 't']).ok_or_else(malformed)?;
    let (clock, nanos) = match time.split_once('.') {
        None => (time, 0),
        Some((clock, fraction)) => (clock, parse_nanos(fraction).ok_or_else(malformed)?),
    };
    let [year, month, day] = numbers(date, '-', [4, 2, 2]).ok_or_else(malformed)?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2]).ok_or_else(malformed)?;
    let valid = (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && hour <= 23
        && minute <= 59
        && second <= 59;
    if !valid {
        return Err(malformed());
    }
    let seconds = days_since_epoch(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset;
    if !(FIRST_SECOND..=LAST_SECOND).contains(&seconds) {
        return Err(malformed());
    }
    Ok(Timestamp { seconds, nanos })
}

/// Appends RFC 3339 text in UTC with 0, 3, 6 or 9 fractional digits. False, and nothing appended, if the
/// value is not a valid timestamp.
pub fn write_timestamp(out: &mut Vec<u8>, at: &Timestamp) -> bool {
    if !(FIRST_SECOND..=LAST_SECOND).contains(&at.seconds) || !(0..1_000_000_000).contains(&at.nanos) {
        return false;
    }
    let (year, month, day) = civil_date(at.seconds.div_euclid(86_400));
    let second = at.seconds.rem_euclid(86_400);
    digits(out, year, 4);
    for (separator, value) in
        [(b'-', month), (b'-', day), (b'T', second / 3600), (b':', second / 60 % 60), (b':', second % 60)]
    {
        out.push(separator);
        digits(out, value, 2);
    }
    write_fraction(out, at.nanos);
    out.push(b'Z');
    true
}

/// Reads seconds with up to nine fractional digits and the suffix `s`. The error is the end of a sentence.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let number = text.strip_suffix('s').ok_or("Illegal duration format; duration must end with 's'")?;
    let malformed = || format!("Invalid duration format: {text}");

    let (negative, number) = match number.as_bytes().first() {
        Some(b'-') => (true, &number[1..]),
        Some(b'+') => (false, &number[1..]),
        _ => (false, number),
    };
    let (whole, nanos) = match number.split_once('.') {
        None => (number, 0),
        Some((whole, fraction)) => (whole, parse_nanos(fraction).ok_or_else(malformed)?),
    };
    if whole.is_empty() || !whole.bytes().all(|b| b.is_ascii_digit()) {
        return Err(malformed());
    }
    let too_long = || format!("Duration value exceeds limits: {text}");
    let seconds: i64 = whole.parse().map_err(|_| too_long())?;
    if seconds > LONGEST || (seconds == LONGEST && nanos > 0) {
        return Err(too_long());
    }
    let sign = if negative { -1 } else { 1 };
    Ok(Duration { seconds: seconds * i64::from(sign), nanos: nanos * sign })
}

/// Appends seconds with 0, 3, 6 or 9 fractional digits and the suffix `s`. False, and nothing appended,
/// if the value is not a valid duration.
pub fn write_duration(out: &mut Vec<u8>, long: &Duration) -> bool {
    let valid = (-LONGEST..=LONGEST).contains(&long.seconds)
        && (-999_999_999..=999_999_999).contains(&long.nanos)
        && (long.seconds == 0 || long.nanos == 0 || (long.seconds < 0) == (long.nanos < 0));
    if !valid {
        return false;
    }
    if long.seconds < 0 || long.nanos < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(long.seconds.unsigned_abs().to_string().as_bytes());
    write_fraction(out, long.nanos.abs());
    out.push(b's');
    true
}

/// Splits `Z` or `+hh:mm` off the end; the offset is in seconds east of UTC.
fn split_offset(text: &str) -> Option<(&str, i64)> {
    if let Some(local) = text.strip_suffix(['Z', 'z']) {
        return Some((local, 0));
    }
    // Only after the time has begun: the hyphens of a bare date are no offset.
    let time_from = text.find(['T', 't'])?;
    let at = time_from + text[time_from..].rfind(['+', '-'])?;
    let [hours, minutes] = numbers(&text[at + 1..], ':', [2, 2])?;
    if hours > 23 || minutes > 59 {
        return None;
    }
    let east = hours * 3600 + minutes * 60;
    Some((&text[..at], if text.as_bytes()[at] == b'-' { -east } else { east }))
}

/// Numbers of fixed widths between separators.
fn numbers<const N: usize>(text: &str, separator: char, widths: [usize; N]) -> Option<[i64; N]> {
    let mut parts = text.split(separator);
    let mut out = [0; N];
    for (slot, width) in out.iter_mut().zip(widths) {
        let part = parts.next()?;
        if part.len() != width || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *slot = part.parse().ok()?;
    }
    parts.next().is_none().then_some(out)
}

/// One to nine fractional digits, in nanoseconds.
fn parse_nanos(fraction: &str) -> Option<i32> {
    if fraction.is_empty() || fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let scale = 10_i32.pow(9 - u32::try_from(fraction.len()).ok()?);
    Some(fraction.parse::<i32>().ok()? * scale)
}

fn write_fraction(out: &mut Vec<u8>, nanos: i32) {
    let nanos = i64::from(nanos);
    let (value, width) = match nanos {
        0 => return,
        n if n % 1_000_000 == 0 => (n / 1_000_000, 3),
        n if n % 1_000 == 0 => (n / 1_000, 6),
        n => (n, 9),
    };
    out.push(b'.');
    digits(out, value, width);
}

/// Appends a number that is not negative, zero-padded to `width`.
fn digits(out: &mut Vec<u8>, mut value: i64, width: usize) {
    let from = out.len();
    out.resize(from + width, b'0');
    for slot in out[from..].iter_mut().rev() {
        *slot += u8::try_from(value % 10).expect("a decimal digit fits a byte");
        value /= 10;
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01. Years are counted from March, so that the leap day is the last of its year; 400
/// years have 146,097 days.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719_468
}

/// The inverse of [`days_since_epoch`].
fn civil_date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12 + 1;
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(seconds: i64, nanos: i32) -> String {
        let mut out = Vec::new();
        assert!(write_timestamp(&mut out, &Timestamp { seconds, nanos }));
        String::from_utf8(out).unwrap()
    }

    fn long(seconds: i64, nanos: i32) -> String {
        let mut out = Vec::new();
        assert!(write_duration(&mut out, &Duration { seconds, nanos }));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn timestamps_have_as_many_digits_as_they_need() {
        assert_eq!(stamp(0, 0), "1970-01-01T00:00:00Z");
        assert_eq!(stamp(1_667_241_040, 959_187_000), "2022-10-31T18:30:40.959187Z");
        assert_eq!(stamp(1_667_241_040, 500_000_000), "2022-10-31T18:30:40.500Z");
        assert_eq!(stamp(-1, 1), "1969-12-31T23:59:59.000000001Z");
        assert_eq!(stamp(FIRST_SECOND, 0), "0001-01-01T00:00:00Z");
        assert_eq!(stamp(LAST_SECOND, 999_999_999), "9999-12-31T23:59:59.999999999Z");
        assert_eq!(stamp(951_782_400, 0), "2000-02-29T00:00:00Z");
    }

    #[test]
    fn offsets_become_utc() {
        let at = parse_timestamp("2022-10-31T20:30:40.959187+02:00").unwrap();
        assert_eq!((at.seconds, at.nanos), (1_667_241_040, 959_187_000));
        assert_eq!(parse_timestamp("1969-12-31t19:00:00-05:00").unwrap().seconds, 0);
    }

    #[test]
    fn a_timestamp_without_zone_is_refused_with_its_own_text() {
        for text in ["2022-10-31T20:30:40", "2022-10-31", "yesterday", "", "2022-10-31T20:30:40+2"] {
            assert_eq!(
                parse_timestamp(text).unwrap_err(),
                "Illegal timestamp format; timestamps must end with 'Z' or have a valid timezone offset."
            );
        }
    }

    #[test]
    fn impossible_timestamps_are_refused() {
        for text in [
            "2022-02-29T00:00:00Z",
            "2022-13-01T00:00:00Z",
            "2022-01-01T24:00:00Z",
            "2022-01-01T00:00:00.Z",
            "2022-01-01T00:00:00.1234567890Z",
            "2022-1-1T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "0001-01-01T00:00:00+01:00",
            "2022-01-01 00:00:00Z",
            "Z",
        ] {
            assert_eq!(parse_timestamp(text).unwrap_err(), format!("Invalid time format: {text}"));
        }
    }

    #[test]
    fn durations_have_as_many_digits_as_they_need() {
        assert_eq!(long(3600, 0), "3600s");
        assert_eq!(long(3, 500_000_000), "3.500s");
        assert_eq!(long(0, -1_000), "-0.000001s");
        assert_eq!(long(-5, -5), "-5.000000005s");
    }

    #[test]
    fn durations_are_read_with_sign_and_fraction() {
        let read = |text| parse_duration(text).map(|d| (d.seconds, d.nanos));
        assert_eq!(read("3.5s"), Ok((3, 500_000_000)));
        assert_eq!(read("+1s"), Ok((1, 0)));
        assert_eq!(read("-0.25s"), Ok((0, -250_000_000)));
        assert_eq!(read("600"), Err("Illegal duration format; duration must end with 's'".into()));
        assert_eq!(read("10m"), Err("Illegal duration format; duration must end with 's'".into()));
        for text in ["s", "-s", ".5s", "1.s", "1e3s", "--1s", " 1s", "1.1234567891s"] {
            assert_eq!(read(text), Err(format!("Invalid duration format: {text}")), "{text}");
        }
        assert!(read("315576000001s").is_err());
        assert!(read("99999999999999999999s").is_err());
    }

    #[test]
    fn what_cannot_be_said_is_not_written() {
        let mut out = Vec::new();
        assert!(!write_timestamp(&mut out, &Timestamp { seconds: LAST_SECOND + 1, nanos: 0 }));
        assert!(!write_timestamp(&mut out, &Timestamp { seconds: 0, nanos: -1 }));
        assert!(!write_duration(&mut out, &Duration { seconds: 1, nanos: -1 }));
        assert!(out.is_empty());
    }
}
