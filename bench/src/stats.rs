//! Statistics: medians of few runs, histograms of many calls.

use std::time::Duration;

use anyhow::Context as _;
use hdrhistogram::Histogram;

/// The longest call that is told apart from longer ones, in nanoseconds: two minutes.
const LONGEST: u64 = 120_000_000_000;

/// Times of many calls, to three significant digits.
#[derive(Debug, Clone)]
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    /// None yet.
    pub(crate) fn new() -> Self {
        let histogram = Histogram::new_with_max(LONGEST, 3);
        Self(histogram.expect("three digits are few enough, and the longest is longer than two"))
    }

    /// One more.
    pub(crate) fn add(&mut self, time: Duration) {
        self.0.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The longest.
    pub(crate) fn max(&self) -> Duration {
        Duration::from_nanos(self.0.max())
    }

    /// The time that half of the calls took at most.
    pub(crate) fn p50(&self) -> Duration {
        Duration::from_nanos(self.0.value_at_quantile(0.5))
    }

    /// The time that all but a hundredth of the calls took at most.
    pub(crate) fn p99(&self) -> Duration {
        Duration::from_nanos(self.0.value_at_quantile(0.99))
    }
}

/// The middle of a few measurements; of an even number, the upper of the two in the middle.
pub(crate) fn median<T: PartialOrd + Copy>(mut values: Vec<T>) -> anyhow::Result<T> {
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    values.get(values.len() / 2).copied().context("nothing was measured")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_all_calls() {
        let mut latencies = Latencies::new();
        (1..=100).map(Duration::from_millis).for_each(|time| latencies.add(time));
        assert_eq!(latencies.count(), 100);
        assert_eq!(latencies.p50().as_millis(), 50);
        assert_eq!(latencies.p99().as_millis(), 99);
    }

    #[test]
    fn the_median_ignores_a_run_that_went_astray() {
        assert_eq!(median(vec![3, 1000, 1, 2, 4]).unwrap(), 3);
        assert!(median(Vec::<u32>::new()).is_err());
    }
}
