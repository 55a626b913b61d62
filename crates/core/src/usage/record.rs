//! What is kept of a session's use, also once the session itself is removed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Allocation, Total, Used, active_span, allocation, total_of};
use crate::id::SessionUuid;
use crate::name::SessionName;
use crate::session::{Session, StateLabel};

/// A session's use, apart from the rest of its record: all that counting it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRecord {
    /// The session's full name.
    pub session: SessionName,
    /// What tells it apart from others that had the same name.
    pub uuid: SessionUuid,
    /// Whose it was.
    pub user: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// What was allocated to it while it was active.
    pub allocation: Allocation,
    /// When it became active.
    pub began_at: Timestamp,
    /// When it stopped being active; `None` while it still is.
    pub ended_at: Option<Timestamp>,
    /// What its engine was seen to have used.
    pub used: Used,
}

impl UsageRecord {
    /// That of a session; `None` if it never was active, and so used nothing that counts.
    pub fn of(session: &Session) -> Option<Self> {
        let (began_at, ended_at) = active_span(session, session.state_at)?;
        let active = session.state.label() == StateLabel::Active;
        Some(Self {
            session: session.name.clone(),
            uuid: session.uuid,
            user: session.config.user.clone(),
            labels: session.config.labels.clone(),
            allocation: allocation(session),
            began_at,
            ended_at: (!active).then_some(ended_at),
            used: session.used,
        })
    }

    /// What was used between two times. What was allocated is exact; of what the engine took, and of the idle time,
    /// it is the share that the span has in the session's life. `None` if the session was not active in it.
    pub fn total(&self, since: Timestamp, until: Timestamp, now: Timestamp) -> Option<Total> {
        let ended = self.ended_at.unwrap_or(now).max(self.began_at);
        total_of((self.began_at, ended), self.allocation, &self.used, since, until)
    }

    /// Whether it still counts at `since` or later.
    pub fn reaches(&self, since: Timestamp) -> bool {
        self.ended_at.is_none_or(|ended| ended >= since)
    }
}
