//! The timeline of a session's start: each step with the time it was reached.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A step on the way from a request to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Milestone {
    /// The request is on disk.
    Accepted,
    /// There is room for the session; only for sessions that had to wait for it.
    Admitted,
    /// An engine of a pool became the session's; only for sessions that got one.
    HandedOver,
    /// The session's own packages are there; only for sessions that have some.
    PackagesInstalled,
    /// A driver was given the engine.
    Placed,
    /// The engine's process runs.
    ProcessUp,
    /// The engine has its port.
    Listening,
    /// The engine answered a request of its protocol.
    ProtocolUp,
    /// The session was recorded as active.
    Active,
    /// A client's first query was answered.
    FirstQuery,
}

impl Milestone {
    /// The milestone in words.
    pub fn label(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Admitted => "admitted",
            Self::HandedOver => "handed over",
            Self::PackagesInstalled => "packages installed",
            Self::Placed => "placed",
            Self::ProcessUp => "process up",
            Self::Listening => "listening",
            Self::ProtocolUp => "protocol up",
            Self::Active => "active",
            Self::FirstQuery => "first query",
        }
    }
}

/// When each milestone was reached. Earlier ones come first, and none comes twice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timeline(Vec<(Milestone, Timestamp)>);

impl Timeline {
    /// Notes a milestone. One that was reached before keeps its time.
    pub fn reach(&mut self, milestone: Milestone, at: Timestamp) {
        if self.at(milestone).is_none() {
            self.0.push((milestone, at));
            self.0.sort_by_key(|(milestone, _)| *milestone);
        }
    }

    /// When a milestone was reached.
    pub fn at(&self, milestone: Milestone) -> Option<Timestamp> {
        self.0.iter().find(|(reached, _)| *reached == milestone).map(|(_, at)| *at)
    }

    /// The milestones in order.
    pub fn iter(&self) -> impl Iterator<Item = (Milestone, Timestamp)> + '_ {
        self.0.iter().copied()
    }
}
