//! How often engines of a recipe have been asked for of late.

use std::time::Duration;

use jiff::Timestamp;

use crate::words;

/// The time in which half of the past is forgotten. A class of students that starts at nine has its engines while it
/// arrives, and a quarter of an hour later they are gone.
pub const HALF_LIFE: Duration = Duration::from_secs(300);

/// A count of requests in which old ones weigh less: each half as much for every [`HALF_LIFE`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Demand {
    weight: f64,
    at: Option<Timestamp>,
}

impl Demand {
    /// As much as if so many had been asked for just now.
    pub fn of(count: usize, now: Timestamp) -> Self {
        Self { weight: f64::from(u32::try_from(count).unwrap_or(u32::MAX)), at: Some(now) }
    }

    /// Notes a request.
    pub fn note(&mut self, now: Timestamp) {
        *self = Self { weight: self.weight(now) + 1.0, at: Some(now) };
    }

    /// How many engines to have ready: one for each recent request. One request stands for two half lives.
    pub fn wanted(&self, now: Timestamp) -> u32 {
        // The weight is never negative, and what does not fit is more than any pool has.
        (self.weight(now) - 0.25).ceil().max(0.0) as u32
    }

    fn weight(&self, now: Timestamp) -> f64 {
        let Some(at) = self.at else { return 0.0 };
        let lives = words::between(at, now).as_secs_f64() / HALF_LIFE.as_secs_f64();
        self.weight * 0.5_f64.powf(lives)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(second)
    }

    #[test]
    fn what_was_asked_for_of_late_is_wanted_and_forgotten_again() {
        let mut demand = Demand::default();
        assert_eq!(demand.wanted(at(0)), 0);
        demand.note(at(0));
        assert_eq!(demand.wanted(at(0)), 1);
        assert_eq!(demand.wanted(at(599)), 1);
        assert_eq!(demand.wanted(at(601)), 0);
        for _ in 0..20 {
            demand.note(at(700));
        }
        assert_eq!(demand.wanted(at(700)), 20);
        assert!((8..=11).contains(&demand.wanted(at(1000))));
        assert_eq!(demand.wanted(at(10_000)), 0);
    }

    #[test]
    fn a_clock_that_goes_back_changes_nothing() {
        let mut demand = Demand::of(3, at(1000));
        assert_eq!(demand.wanted(at(0)), 3);
        demand.note(at(0));
        assert_eq!(demand.wanted(at(0)), 4);
    }
}
