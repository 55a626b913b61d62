//! Sessions: the user's long-lived resource.
//!
//! ```mermaid
//! stateDiagram-v2
//!     [*] --> Creating: create
//!     Creating --> Active: engine ready
//!     Creating --> Failed: start failed, cancelled
//!     Active --> Terminating: terminate, delete, ttl, idle ttl
//!     Active --> Failed: engine lost
//!     Terminating --> Terminated: engine gone
//!     Terminating --> Failed: could not stop
//!     Terminated --> [*]: delete, retention
//!     Failed --> [*]: delete, retention
//! ```

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::admission::{Admission, Budget, Need};
use crate::config::SessionConfig;
use crate::engine::Endpoint;
use crate::error::ErrorKind;
use crate::id::{OperationId, SessionUuid};
use crate::name::SessionName;
use crate::notice::{Notices, What};
use crate::operation::OperationKind;
use crate::policy::SessionPolicy;
use crate::pool::recipe::EngineFrom;
use crate::staged::{Keeping, Owner};
use crate::timeline::{Milestone, Timeline};
use crate::usage::Used;

/// A session as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// Its full name.
    pub name: SessionName,
    /// What tells it apart from others that had the same name.
    pub uuid: SessionUuid,
    /// What it was made from, with effective values.
    pub config: SessionConfig,
    /// Who made it.
    pub creator: String,
    /// When it entered CREATING.
    pub created_at: Timestamp,
    /// Its state.
    pub state: SessionState,
    /// When it entered that state.
    pub state_at: Timestamp,
    /// What there is to say about the state; empty for nothing.
    pub state_message: String,
    /// The states before this one, oldest first.
    pub history: Vec<PastState>,
    /// When each step of its start was reached.
    pub timeline: Timeline,
    /// What was noteworthy in its life.
    #[serde(default)]
    pub notices: Notices,
    /// The room it takes from when it is admitted until its engine is gone, reckoned when it was asked for.
    #[serde(default)]
    pub need: Need,
    /// Where its engine came from; `None` where nothing is kept ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine_from: Option<EngineFrom>,
    /// What its engine was seen to have used.
    #[serde(default)]
    pub used: Used,
    /// What of it is in the staging store, or is still to come there.
    #[serde(default)]
    pub keeping: Keeping,
    /// Operations about it that have no outcome yet.
    pub open_operations: Vec<(OperationKind, OperationId)>,
    /// Since when it is to be removed once it has ended.
    pub deleting_since: Option<Timestamp>,
    /// Counts its writes, for compare-and-swap.
    #[serde(skip)]
    pub generation: u64,
}

/// The state, and what only that state knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum SessionState {
    /// Its engine is being started.
    Creating {
        /// When the start has taken too long; before it is admitted, when it has waited too long.
        start_by: Timestamp,
        /// Whether there is room for it. Nothing is made of one that is not admitted.
        #[serde(default)]
        admission: Admission,
        /// Set once the start was given up: the engine is being taken down.
        undoing: Option<Undoing>,
    },
    /// It can be used.
    Active {
        /// Where its engine answers.
        endpoint: Endpoint,
        /// Where the web pages of its engine are, if it has any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ui: Option<Endpoint>,
    },
    /// Its engine is being ended.
    Terminating {
        /// Why.
        reason: EndReason,
        /// When ending it has taken too long.
        stop_by: Timestamp,
    },
    /// It has ended as it should.
    Terminated {
        /// Why.
        reason: EndReason,
    },
    /// It never started, or ended as it should not.
    Failed {
        /// How.
        failure: Failure,
    },
}

/// A start that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undoing {
    /// Why.
    pub failure: Failure,
    /// When taking the engine down has taken too long.
    pub stop_by: Timestamp,
}

/// A state that a session was in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastState {
    /// The state.
    pub state: StateLabel,
    /// What was said of it.
    pub message: String,
    /// When it began.
    pub at: Timestamp,
}

/// A state without what it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the states are described at SessionState")]
pub enum StateLabel {
    Creating,
    Active,
    Terminating,
    Terminated,
    Failed,
}

/// Why a session was ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndReason {
    /// Someone asked for it.
    Requested {
        /// Who.
        by: String,
    },
    /// Someone deleted it.
    Deleted {
        /// Who.
        by: String,
    },
    /// It lived as long as it may.
    Ttl(Duration),
    /// It was without activity as long as it may be.
    Idle(Duration),
}

/// How a session failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind, which the create operation ends with.
    pub kind: ErrorKind,
    /// Why, for people.
    pub message: String,
}

/// What is known of a session's use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activity {
    /// Calls that run now.
    pub running: u32,
    /// When the last call ended; `None` if there was none.
    pub last_at: Option<Timestamp>,
}

impl SessionState {
    /// The state alone.
    pub fn label(&self) -> StateLabel {
        match self {
            Self::Creating { .. } => StateLabel::Creating,
            Self::Active { .. } => StateLabel::Active,
            Self::Terminating { .. } => StateLabel::Terminating,
            Self::Terminated { .. } => StateLabel::Terminated,
            Self::Failed { .. } => StateLabel::Failed,
        }
    }
}

impl StateLabel {
    /// Whether nothing follows.
    pub fn terminal(self) -> bool {
        matches!(self, Self::Terminated | Self::Failed)
    }

    /// The state in the API's spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Active => "ACTIVE",
            Self::Terminating => "TERMINATING",
            Self::Terminated => "TERMINATED",
            Self::Failed => "FAILED",
        }
    }
}

impl std::fmt::Display for StateLabel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Session {
    /// A new session in CREATING, with effective values filled in from the policy.
    pub fn new(
        name: SessionName,
        uuid: SessionUuid,
        mut config: SessionConfig,
        creator: String,
        operation: OperationId,
        now: Timestamp,
        policy: &SessionPolicy,
    ) -> Self {
        let execution = config.execution_mut();
        execution.ttl.get_or_insert(policy.default_ttl);
        execution.idle_ttl.get_or_insert(policy.default_idle_ttl);
        if config.user.is_empty() {
            config.user.clone_from(&creator);
        }
        let mut timeline = Timeline::default();
        timeline.reach(Milestone::Accepted, now);
        let mut notices = Notices::default();
        notices.note(now, What::Created { by: creator.clone() });
        Self {
            name,
            uuid,
            config,
            creator,
            created_at: now,
            state: SessionState::Creating {
                start_by: later(now, policy.start_timeout),
                admission: Admission::Admitted,
                undoing: None,
            },
            state_at: now,
            state_message: String::new(),
            history: Vec::new(),
            timeline,
            notices,
            need: Need::default(),
            engine_from: None,
            used: Used::default(),
            keeping: Keeping::default(),
            open_operations: vec![(OperationKind::Create, operation)],
            deleting_since: None,
            generation: 0,
        }
    }

    /// Notes, for a session that is being made, what it takes; where that is limited it is to be admitted first, unless
    /// it gets an engine that has its room already.
    #[must_use]
    pub fn asking(mut self, need: Need, budget: &Budget, policy: &SessionPolicy) -> Self {
        self.need = need;
        if budget.limited() && !self.handed_over() {
            self.state = SessionState::Creating {
                start_by: later(self.created_at, policy.wait_timeout),
                admission: Admission::Asked,
                undoing: None,
            };
        }
        self
    }

    /// Notes, for a session that is being made, where its engine comes from.
    #[must_use]
    pub fn with_engine_from(mut self, from: EngineFrom) -> Self {
        if let EngineFrom::Pool { .. } = from {
            self.timeline.reach(Milestone::HandedOver, self.created_at);
        }
        self.engine_from = Some(from);
        self
    }

    /// Whether it got an engine that ran already.
    pub fn handed_over(&self) -> bool {
        matches!(self.engine_from, Some(EngineFrom::Pool { .. }))
    }

    /// How long it lives at most once it is active.
    pub fn ttl(&self, policy: &SessionPolicy) -> Duration {
        self.config.execution().and_then(|execution| execution.ttl).unwrap_or(policy.default_ttl)
    }

    /// How long it may be without activity.
    pub fn idle_ttl(&self, policy: &SessionPolicy) -> Duration {
        self.config.execution().and_then(|execution| execution.idle_ttl).unwrap_or(policy.default_idle_ttl)
    }

    /// When its ttl ends it: counted from the moment it became active, so `None` before that and after its end.
    pub fn ttl_ends_at(&self, policy: &SessionPolicy) -> Option<Timestamp> {
        matches!(self.state, SessionState::Active { .. }).then(|| later(self.state_at, self.ttl(policy)))
    }

    /// Whose things its own are in the staging store.
    pub fn staged(&self) -> Owner<'_> {
        let bucket = self.config.execution().map_or("", |execution| execution.staging_bucket.as_str());
        Owner { session: self.uuid, bucket, history_server: self.config.history_server() }
    }

    /// Whether the reconciler still has something to do for it, retention aside.
    pub fn settled(&self) -> bool {
        self.ended() && !self.keeping.due()
    }

    /// Whether it has ended and nobody has asked for its removal: its state does not change any more.
    pub fn ended(&self) -> bool {
        self.state.label().terminal() && self.deleting_since.is_none()
    }
}

/// `at` and then `by`, or the end of time if that is sooner.
pub fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}
