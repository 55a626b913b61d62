//! Use of many sessions, added up by what they have in common.

use std::collections::BTreeMap;
use std::str::FromStr;

use jiff::Timestamp;

use super::{Total, UsageRecord};

/// What sessions are put together by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupBy {
    /// The user they belong to.
    User,
    /// The value of the label with this key.
    Label(String),
    /// The project they are in.
    Project,
    /// Their name: one after the other of the same name are one group.
    Session,
}

/// A text that is no [`GroupBy`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is nothing to group by; there are user, label:KEY, project and session")]
pub struct InvalidGroupBy(String);

/// What the sessions of a group used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What they have in common. `None` for the sessions that do not have the label.
    pub key: Option<String>,
    /// What they used.
    pub total: Total,
}

/// What many sessions used.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RollUp {
    /// By what they have in common: the most compute units first, then by key.
    pub groups: Vec<Group>,
    /// All together.
    pub total: Total,
}

impl FromStr for GroupBy {
    type Err = InvalidGroupBy;

    fn from_str(text: &str) -> Result<Self, InvalidGroupBy> {
        match (text, text.strip_prefix("label:")) {
            ("user", _) => Ok(Self::User),
            ("project", _) => Ok(Self::Project),
            ("session", _) => Ok(Self::Session),
            (_, Some(key)) if !key.is_empty() => Ok(Self::Label(key.to_owned())),
            _ => Err(InvalidGroupBy(text.to_owned())),
        }
    }
}

impl GroupBy {
    /// The group that a session belongs to.
    fn key(&self, record: &UsageRecord) -> Option<String> {
        match self {
            Self::User => Some(record.user.clone()),
            Self::Label(key) => record.labels.get(key).cloned(),
            Self::Project => Some(record.session.parent().project.clone()),
            Self::Session => Some(record.session.to_string()),
        }
    }
}

/// Adds up what sessions used between two times. Those that were not active in it do not count.
pub fn roll_up<'r>(
    records: impl IntoIterator<Item = &'r UsageRecord>,
    by: &GroupBy,
    since: Timestamp,
    until: Timestamp,
    now: Timestamp,
) -> RollUp {
    let mut groups: BTreeMap<Option<String>, Total> = BTreeMap::new();
    for record in records {
        if let Some(total) = record.total(since, until, now) {
            let group = groups.entry(by.key(record)).or_default();
            *group = group.plus(&total);
        }
    }
    let total = groups.values().fold(Total::default(), |sum, group| sum.plus(group));
    let mut groups: Vec<Group> = groups.into_iter().map(|(key, total)| Group { key, total }).collect();
    // Stable: groups that used the same stay in the order of their keys.
    groups.sort_by_key(|group| std::cmp::Reverse(group.total.milli_dcu_seconds));
    RollUp { groups, total }
}
