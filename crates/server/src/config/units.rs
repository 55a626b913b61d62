//! Durations and sizes, which carry their units: `1h30m`, `16MiB`.

use std::time::Duration;

/// The units of a duration, largest first, in milliseconds.
pub(super) const DURATION_UNITS: [(&str, u64); 6] =
    [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// The units of a size, in bytes. The binary ones come first: values are shown in them.
pub(super) const SIZE_UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
];

/// Why a text is no duration or no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnitError {
    /// Nothing is there.
    #[error("the value is empty")]
    Empty,
    /// A number without a unit.
    #[error("{number} has no unit")]
    NoUnit {
        /// The number.
        number: String,
    },
    /// A unit without a number, a sign, a fraction.
    #[error("a whole number is missing before \"{rest}\"")]
    NoNumber {
        /// What stands where the number should.
        rest: String,
    },
    /// A unit there is none of.
    #[error("\"{unit}\" is not a unit; there are {known}")]
    UnknownUnit {
        /// What stands where the unit should.
        unit: String,
        /// The units.
        known: String,
    },
    /// Units out of order, or one twice.
    #[error("units go from large to small, each at most once, as in 1h30m")]
    Order,
    /// More than fits.
    #[error("the value is too large")]
    TooLarge,
}

/// Reads `1h30m`: whole numbers with units, from large to small.
pub(super) fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(UnitError::Empty);
    }
    let mut total: u64 = 0;
    let mut last = u64::MAX;
    while !rest.is_empty() {
        let (number, factor, after) = part(rest, &DURATION_UNITS)?;
        if factor >= last {
            return Err(UnitError::Order);
        }
        let value = number.checked_mul(factor).ok_or(UnitError::TooLarge)?;
        total = total.checked_add(value).ok_or(UnitError::TooLarge)?;
        last = factor;
        rest = after;
    }
    Ok(Duration::from_millis(total))
}

/// Reads `16MiB`: one whole number with one unit.
pub(super) fn parse_size(text: &str) -> Result<u64, UnitError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(UnitError::Empty);
    }
    let (number, factor, rest) = part(text, &SIZE_UNITS)?;
    if !rest.is_empty() {
        return Err(UnitError::UnknownUnit {
            unit: after_digits(text).to_owned(),
            known: names(&SIZE_UNITS),
        });
    }
    number.checked_mul(factor).ok_or(UnitError::TooLarge)
}

/// Splits the first number and its unit off `text`.
fn part<'t>(text: &'t str, units: &[(&str, u64)]) -> Result<(u64, u64, &'t str), UnitError> {
    let tail = after_digits(text);
    let digits = &text[..text.len() - tail.len()];
    if digits.is_empty() {
        return Err(UnitError::NoNumber { rest: text.to_owned() });
    }
    if tail.is_empty() {
        return Err(UnitError::NoUnit { number: digits.to_owned() });
    }
    // Digits only, so all that can go wrong is the size of the number.
    let number = digits.parse().map_err(|_| UnitError::TooLarge)?;
    let (unit, rest) = tail.split_at(tail.find(|c: char| !c.is_alphabetic()).unwrap_or(tail.len()));
    let factor = units.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
    let unknown = || UnitError::UnknownUnit {
        unit: if unit.is_empty() { tail.to_owned() } else { unit.to_owned() },
        known: names(units),
    };
    Ok((number, factor.ok_or_else(unknown)?, rest))
}

fn after_digits(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_ascii_digit())
}

/// The units' names, as messages list them.
fn names(units: &[(&str, u64)]) -> String {
    units.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// Writes a duration as [`parse_duration`] reads it; weeks are shown as days. Less than a millisecond is dropped.
pub(super) fn show_duration(duration: Duration) -> String {
    let mut rest = duration.as_millis();
    let mut text = String::new();
    for (name, factor) in DURATION_UNITS.iter().filter(|(name, _)| *name != "w") {
        let number = rest / u128::from(*factor);
        if number > 0 {
            text.push_str(&format!("{number}{name}"));
            rest %= u128::from(*factor);
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// Writes a size as [`parse_size`] reads it, in the largest binary unit without a rest.
pub(super) fn show_size(size: u64) -> String {
    let exact = SIZE_UNITS[..5].iter().find(|(_, factor)| size >= *factor && size.is_multiple_of(*factor));
    exact.map_or_else(|| format!("{size}B"), |(name, factor)| format!("{}{name}", size / factor))
}
