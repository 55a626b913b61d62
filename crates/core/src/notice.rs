//! Notices: the few noteworthy things in a session's life, kept with it and told to whoever watches it.
//!
//! A notice is written together with the change that it tells of, so it costs no write of its own; only that an end
//! is near is written for itself, twice at most for each end.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::words;

/// How long before an end it is told: enough to save work, and then a last time.
pub const AHEAD: [Duration; 2] = [Duration::from_secs(300), Duration::from_secs(60)];
/// How many notices a session keeps. A session that is often nearly idle would otherwise grow without bound.
pub const KEPT: usize = 24;
/// By how much an end may move without being told anew. A restart moves an idle end by a few seconds.
const SLACK: Duration = Duration::from_secs(10);

/// Something noteworthy that happened to a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Its number among the session's notices, from 1 on. None is used twice.
    pub sequence: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub what: What,
}

/// What there is to tell of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// It was asked for.
    Created {
        /// By whom.
        by: String,
    },
    /// There is no room for it yet.
    Waiting {
        /// Why.
        why: String,
    },
    /// There is room for it now.
    Admitted,
    /// It can be used.
    Active,
    /// It will end soon.
    EndNear(EndNear),
    /// It may live longer than before.
    Extended {
        /// Who asked for it.
        by: String,
        /// When it ends now at the latest.
        ends_at: Timestamp,
    },
    /// Packages were installed into it while it ran.
    PackagesAdded {
        /// By whom.
        by: String,
        /// Each with its version.
        packages: Vec<String>,
    },
    /// It is being ended.
    Ending {
        /// Why.
        why: String,
    },
    /// It has ended as it should.
    Terminated {
        /// Why.
        why: String,
    },
    /// It never started, or ended as it should not.
    Failed {
        /// How, in one line.
        why: String,
    },
}

/// An end that is near.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndNear {
    /// Which of its limits ends it.
    pub limit: Limit,
    /// When.
    pub ends_at: Timestamp,
}

/// What ends a session by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// How long it may live.
    Ttl,
    /// How long it may be without activity.
    Idle,
}

/// A session's notices, oldest first: the latest [`KEPT`], and always how it began.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Notices {
    last: u64,
    kept: Vec<Notice>,
}

impl What {
    /// The kind in a word, for programs.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Created { .. } => "created",
            Self::Waiting { .. } => "waiting",
            Self::Admitted => "admitted",
            Self::Active => "active",
            Self::EndNear(_) => "end-near",
            Self::Extended { .. } => "extended",
            Self::PackagesAdded { .. } => "packages-added",
            Self::Ending { .. } => "ending",
            Self::Terminated { .. } => "terminated",
            Self::Failed { .. } => "failed",
        }
    }

    /// When the session ends, for notices that say so.
    pub fn ends_at(&self) -> Option<Timestamp> {
        match self {
            Self::EndNear(EndNear { ends_at, .. }) | Self::Extended { ends_at, .. } => Some(*ends_at),
            Self::Created { .. }
            | Self::Waiting { .. }
            | Self::Admitted
            | Self::Active
            | Self::PackagesAdded { .. }
            | Self::Ending { .. }
            | Self::Terminated { .. }
            | Self::Failed { .. } => None,
        }
    }
}

impl Notice {
    /// The notice as a sentence.
    pub fn text(&self) -> String {
        match &self.what {
            What::Created { by } => format!("Created by {by}"),
            What::Waiting { why } => format!("It {why}"),
            What::Admitted => "There is room for it".to_owned(),
            What::Active => "It can be used".to_owned(),
            What::EndNear(EndNear { limit: Limit::Ttl, ends_at }) => {
                format!("Its ttl ends it in {}, used or not", words::until(self.at, *ends_at))
            }
            What::EndNear(EndNear { limit: Limit::Idle, ends_at }) => {
                format!("It ends in {} unless it is used", words::until(self.at, *ends_at))
            }
            What::Extended { by, ends_at } => {
                format!("Extended by {by}: it ends in {} at the latest", words::until(self.at, *ends_at))
            }
            What::PackagesAdded { by, packages } => {
                format!("Packages added by {by}: {}", packages.join(", "))
            }
            What::Ending { why } => format!("It is being ended. {why}"),
            What::Terminated { why } => format!("It has ended. {why}"),
            What::Failed { why } => format!("It has failed. {why}"),
        }
    }
}

impl Notices {
    /// Adds one. A clock that went back counts as standing still.
    pub fn note(&mut self, at: Timestamp, what: What) {
        let at = self.kept.last().map_or(at, |last| last.at.max(at));
        self.last += 1;
        self.kept.push(Notice { sequence: self.last, at, what });
        if self.kept.len() > KEPT {
            let near = self.kept.iter().position(|notice| matches!(notice.what, What::EndNear(_)));
            // How it began comes first and stays.
            self.kept.remove(near.unwrap_or(2));
        }
    }

    /// The notices, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Notice> {
        self.kept.iter()
    }

    /// The notices after the one of this number.
    pub fn after(&self, sequence: u64) -> impl Iterator<Item = &Notice> {
        self.kept.iter().filter(move |notice| notice.sequence > sequence)
    }

    /// The number of the latest; 0 if there is none.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// When it is next to be told that an end is near, if it is. `since` is when the time that runs out began: an
    /// end closer to that than a notice is early is not told.
    pub fn due(&self, near: EndNear, since: Timestamp) -> Option<Timestamp> {
        let told = self.kept.iter().rev().find_map(|notice| match notice.what {
            What::EndNear(EndNear { limit, .. }) if limit == near.limit => Some(notice.at),
            _ => None,
        });
        AHEAD.iter().filter_map(|ahead| near.ends_at.checked_sub(*ahead).ok()).find(|at| {
            let covered = at.checked_sub(SLACK).is_ok_and(|from| told.is_some_and(|told| told >= from));
            *at > since && !covered
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn near(limit: Limit, second: i64) -> EndNear {
        EndNear { limit, ends_at: at(second) }
    }

    #[test]
    fn an_end_is_told_five_minutes_and_one_minute_before_and_not_again() {
        let mut notices = Notices::default();
        let end = near(Limit::Ttl, 1000);
        assert_eq!(notices.due(end, at(0)), Some(at(700)));
        notices.note(at(700), What::EndNear(end));
        assert_eq!(notices.due(end, at(0)), Some(at(940)));
        notices.note(at(940), What::EndNear(end));
        assert_eq!(notices.due(end, at(0)), None);
        assert_eq!(notices.due(near(Limit::Ttl, 1004), at(0)), None, "a restart moves it by seconds");
        assert_eq!(notices.due(near(Limit::Ttl, 2000), at(0)), Some(at(1700)), "it was extended");
        assert_eq!(notices.due(near(Limit::Idle, 1000), at(0)), Some(at(700)), "another end");
    }

    #[test]
    fn one_late_notice_stands_for_those_that_were_missed() {
        let mut notices = Notices::default();
        let end = near(Limit::Idle, 1000);
        notices.note(at(990), What::EndNear(end));
        assert_eq!(notices.due(end, at(0)), None);
    }

    #[test]
    fn an_end_that_was_never_far_is_told_only_as_early_as_it_can_be() {
        let notices = Notices::default();
        assert_eq!(notices.due(near(Limit::Idle, 1000), at(800)), Some(at(940)));
        assert_eq!(notices.due(near(Limit::Idle, 1000), at(970)), None);
    }

    #[test]
    fn notices_are_bounded_and_keep_how_it_began() {
        let mut notices = Notices::default();
        notices.note(at(0), What::Created { by: "ada".to_owned() });
        notices.note(at(1), What::Active);
        for second in 0..1000 {
            notices.note(at(second), What::EndNear(near(Limit::Idle, second + 300)));
            notices.note(at(second), What::Extended { by: "ada".to_owned(), ends_at: at(5000) });
        }
        assert_eq!(notices.iter().count(), KEPT);
        assert_eq!(notices.last(), 2002);
        let kept: Vec<_> = notices.iter().collect();
        assert!(matches!((&kept[0].what, &kept[1].what), (What::Created { .. }, What::Active)));
        assert!(kept.is_sorted_by_key(|notice| (notice.sequence, notice.at)));
        assert_eq!(notices.after(2001).count(), 1);
    }
}
