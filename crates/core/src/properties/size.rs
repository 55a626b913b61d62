//! Sizes as the JVM and Spark write them: `512m`, `4g`.

/// The bytes in each unit.
const UNITS: [(u8, u64); 4] = [(b'k', 1 << 10), (b'm', 1 << 20), (b'g', 1 << 30), (b't', 1 << 40)];

/// Bytes in a mebibyte, in which Spark takes sizes without a unit.
pub(super) const MEBIBYTE: u64 = 1 << 20;

/// The bytes that a size of memory means in Spark: with any unit of the JVM, or bare in mebibytes.
pub fn memory_bytes(text: &str) -> Option<u64> {
    parse(text, &["k", "m", "g", "t", ""].map(str::to_owned))
}

/// The bytes that a size means, if it is a whole number above zero followed by one of `units` in either case.
/// An empty unit among them takes a bare number, as mebibytes.
pub(super) fn parse(text: &str, units: &[String]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    if !units.iter().any(|known| known.eq_ignore_ascii_case(unit)) {
        return None;
    }
    let factor = match unit.as_bytes() {
        [] => MEBIBYTE,
        [letter] => UNITS.iter().find(|(known, _)| *known == letter.to_ascii_lowercase())?.1,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor).filter(|bytes| *bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_whole_number_and_one_of_the_units() {
        let units = ["m", "g", "t", ""].map(str::to_owned);
        for (text, bytes) in [
            ("512m", 512 << 20),
            ("1g", 1 << 30),
            ("2T", 2 << 40),
            ("4G", 4 << 30),
            ("384", 384 << 20),
            ("007m", 7 << 20),
        ] {
            assert_eq!(parse(text, &units), Some(bytes), "{text}");
        }
        for text in [
            "",
            "m",
            "1.5g",
            "-1g",
            "1 g",
            " 1g",
            "1gb",
            "1k",
            "0m",
            "99999999999999999999m",
            "18446744073709551615g",
            "1ä",
        ] {
            assert_eq!(parse(text, &units), None, "{text}");
        }
        assert_eq!(parse("5", &["m".to_owned()]), None);
    }
}
