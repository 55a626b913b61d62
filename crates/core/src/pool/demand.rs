//! How often engines of a recipe have been asked for of late.

use std::time::Duration;

use jiff::Timestamp;

use crate::words;

/// The time in which half of the past is forgotten. A class of students that starts at nine has its engines while it
/// arrives, and a quarter of an hour later they are gone.
pub const HALF_LIFE: Duration = Duration::from_secs(300);

/// After how long without a look at what can be started the next one tells that somebody is about to start something.
/// JupyterLab asks for its cards when it opens, and then every one to five minutes for as long as its page is open.
pub const SILENCE: Duration = Duration::from_secs(600);

/// Looks at what can be started. Most are clients that ask again and again, and mean nothing by it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Looks {
    last: Option<Timestamp>,
}

impl Looks {
    /// Notes a look. Whether somebody has just come.
    pub fn note(&mut self, now: Timestamp) -> bool {
        let last = self.last.replace(now);
        last.is_none_or(|last| words::between(last, now) >= SILENCE)
    }
}

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

    /// Notes that a request is likely to come: as one, where none is remembered.
    pub fn expect(&mut self, now: Timestamp) {
        *self = Self { weight: self.weight(now).max(1.0), at: Some(now) };
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
    fn what_is_expected_counts_as_one_and_not_beside_what_was_asked_for() {
        let mut demand = Demand::default();
        demand.expect(at(0));
        demand.expect(at(1));
        assert_eq!((demand.wanted(at(1)), demand.wanted(at(700))), (1, 0));
        let mut asked = Demand::of(3, at(0));
        asked.expect(at(0));
        assert_eq!(asked.wanted(at(0)), 3);
    }

    #[test]
    fn a_client_that_asks_again_and_again_is_one_that_has_come_once() {
        let mut looks = Looks::default();
        assert!(looks.note(at(0)));
        // The longest that JupyterLab waits between two.
        assert!((1..1000).all(|n| !looks.note(at(300 * n))));
        assert!(looks.note(at(300 * 1000 + 600)), "someone opens it in the morning");
        assert!(!looks.note(at(0)), "a clock that goes back");
    }

    #[test]
    fn a_clock_that_goes_back_changes_nothing() {
        let mut demand = Demand::of(3, at(1000));
        assert_eq!(demand.wanted(at(0)), 3);
        demand.note(at(0));
        assert_eq!(demand.wanted(at(0)), 4);
    }
}
