//! When and how often something is tried again.

use std::time::Duration;

/// How lost calls are tried again and how operations are polled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often a lost call is tried again.
    pub repeats: usize,
    /// The pause before the first repeat; each further one is twice as long.
    pub first_pause: Duration,
    /// The longest pause between repeats.
    pub longest_pause: Duration,
    /// The pause before an operation is first looked at; each further one is half as long again.
    pub first_poll: Duration,
    /// The longest pause between looks at an operation.
    pub longest_poll: Duration,
    /// How long the service may be away while an operation is waited for, as when it is restarted.
    pub outage: Duration,
}

impl Default for RetryPolicy {
    /// Repeats for about three seconds, sees quick operations end within hundredths of a second and slow ones within
    /// one, and sits out a restart.
    fn default() -> Self {
        Self {
            repeats: 5,
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(1),
            first_poll: Duration::from_millis(20),
            longest_poll: Duration::from_secs(1),
            outage: Duration::from_secs(30),
        }
    }
}

impl RetryPolicy {
    /// The pauses before each repeat.
    pub(crate) fn pauses(&self) -> impl Iterator<Item = Duration> + use<> {
        growing(self.first_pause, self.longest_pause, 2.0).take(self.repeats)
    }

    /// The pauses before each look at an operation.
    pub(crate) fn polls(&self) -> impl Iterator<Item = Duration> + use<> {
        growing(self.first_poll, self.longest_poll, 1.5)
    }
}

fn growing(first: Duration, longest: Duration, factor: f64) -> impl Iterator<Item = Duration> {
    std::iter::successors(Some(first.min(longest)), move |pause| Some(pause.mul_f64(factor).min(longest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_longest() {
        let policy = RetryPolicy::default();
        let pauses: Vec<_> = policy.pauses().map(|pause| pause.as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1000]);
        let polls: Vec<_> = policy.polls().take(12).map(|pause| pause.as_millis()).collect();
        assert_eq!(polls, [20, 30, 45, 67, 101, 151, 227, 341, 512, 768, 1000, 1000]);
    }
}
