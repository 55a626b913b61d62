//! What compute units cost.

use std::fmt;
use std::str::FromStr;

/// What an hour of one compute unit costs. Written `0.089 USD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// In millionths of the currency's unit.
    pub micros_per_dcu_hour: u64,
    /// The currency: three capital letters, as ISO 4217 has them.
    pub currency: String,
}

/// A text that is no [`Price`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a price; write a number and a currency, such as 0.089 USD")]
pub struct InvalidPrice(String);

/// Decimals of a price: millionths.
const DECIMALS: usize = 6;
/// The highest price: a thousand million of any currency's unit for an hour.
const HIGHEST: u64 = 1_000_000_000_000_000;

impl Price {
    /// What so many thousandths of compute units times seconds cost, in millionths of the currency's unit, rounded
    /// down.
    pub fn micros(&self, milli_dcu_seconds: u64) -> u64 {
        let product = u128::from(milli_dcu_seconds) * u128::from(self.micros_per_dcu_hour);
        u64::try_from(product / (1000 * 3600)).unwrap_or(u64::MAX)
    }
}

impl FromStr for Price {
    type Err = InvalidPrice;

    fn from_str(text: &str) -> Result<Self, InvalidPrice> {
        let read = || {
            let (number, currency) = text.trim().split_once(' ')?;
            let currency = currency.trim_start();
            let known = currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase());
            let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
            let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            if !known || !digits(whole) || !digits(decimals) || decimals.len() > DECIMALS {
                return None;
            }
            let micros: u64 = format!("{whole}{decimals:0<DECIMALS$}").parse().ok()?;
            (micros <= HIGHEST).then(|| Self { micros_per_dcu_hour: micros, currency: currency.to_owned() })
        };
        read().ok_or_else(|| InvalidPrice(text.to_owned()))
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.micros_per_dcu_hour / 1_000_000, self.micros_per_dcu_hour % 1_000_000);
        let decimals = format!("{rest:06}");
        match decimals.trim_end_matches('0') {
            "" => write!(f, "{whole} {}", self.currency),
            decimals => write!(f, "{whole}.{decimals} {}", self.currency),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_price_is_a_number_and_a_currency() {
        for (text, micros) in
            [("0.089 USD", 89_000), ("12 EUR", 12_000_000), ("0.000001 CHF", 1), (" 1.5  USD ", 1_500_000)]
        {
            assert_eq!(text.parse::<Price>().unwrap().micros_per_dcu_hour, micros, "{text}");
        }
        for text in [
            "",
            "1",
            "USD",
            "1 usd",
            "1 US",
            "1. USD",
            ".5 USD",
            "-1 USD",
            "0.0000001 USD",
            "1e3 USD",
            "1,5 USD",
        ] {
            assert!(text.parse::<Price>().is_err(), "{text}");
        }
        assert!(format!("{}0 USD", "9".repeat(40)).parse::<Price>().is_err());
    }

    #[test]
    fn units_and_hours_are_multiplied() {
        let price: Price = "0.089 USD".parse().unwrap();
        // Twelve units for two hours.
        assert_eq!(price.micros(12_000 * 7200), 89_000 * 24);
        assert_eq!(price.micros(u64::MAX), u64::try_from(u128::from(u64::MAX) * 89_000 / 3_600_000).unwrap());
    }

    proptest! {
        #[test]
        fn a_price_reads_as_it_is_written(micros in 0..=HIGHEST, currency in "[A-Z]{3}") {
            let price = Price { micros_per_dcu_hour: micros, currency };
            prop_assert_eq!(price.to_string().parse(), Ok(price));
        }

        #[test]
        fn no_text_makes_the_reading_panic(text in ".{0,20}") {
            let _ = text.parse::<Price>();
        }
    }
}
