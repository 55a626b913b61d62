//! What a kernel does.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What the service is told of a kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// What the kernel says of itself.
    pub execution: Execution,
    /// Whether it does something that a user has asked for. What clients ask by themselves does not count.
    pub working: bool,
    /// When it last began or ended such work.
    pub worked_at: Option<Timestamp>,
    /// When it last said anything.
    pub last_activity: Timestamp,
    /// How many clients are connected.
    pub connections: usize,
}

/// A kernel's state, in Jupyter's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the states are Jupyter's own")]
pub enum Execution {
    Starting,
    Idle,
    Busy,
    Restarting,
    Dead,
}

impl Execution {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Idle => "idle",
            Self::Busy => "busy",
            Self::Restarting => "restarting",
            Self::Dead => "dead",
        }
    }
}
