//! What fake engines do, and what goes wrong with the driver.

use std::time::Duration;

use hearth_core::engine::{Endpoint, ExitStatus};
use serde::{Deserialize, Serialize};

/// What a fake engine does from its start to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnginePlan {
    /// How long after it was placed `on_start` happens.
    pub start_delay: Duration,
    /// What comes of its start.
    pub on_start: OnStart,
    /// How it ends by itself, if it does.
    pub exit: Option<ExitPlan>,
    /// What it does when asked to end.
    pub on_stop: OnStop,
    /// Where it says that it listens; `None` for an address on loopback that no other engine of the world has
    /// (until 40,000 were made).
    pub endpoint: Option<Endpoint>,
    /// Lines that it writes to its log once it is placed.
    pub log: Vec<String>,
    /// How much of a core it uses once it listens, in thousandths.
    pub milli_cores: u32,
    /// How much memory it has then, in bytes.
    pub memory: u64,
}

/// What comes of a fake engine's start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnStart {
    /// It listens.
    Listens,
    /// It ends by itself before it listens.
    Fails {
        /// With this status.
        status: ExitStatus,
        /// After writing these lines.
        lines: Vec<String>,
    },
    /// It runs and never listens.
    Hangs,
}

/// How a fake engine ends by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExitPlan {
    /// How long after it began to listen.
    pub after: Duration,
    /// With this status.
    pub status: ExitStatus,
    /// After writing these lines.
    pub lines: Vec<String>,
}

/// What a fake engine does when asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnStop {
    /// It ends after this time, or is killed when its grace is over.
    Ends(Duration),
    /// It takes no notice, and is killed when its grace is over.
    Ignores,
    /// It cannot even be killed, not at its deadline either: a process stuck in the kernel, an unreachable node.
    Survives,
}

impl Default for EnginePlan {
    /// Listens at once, runs until it is asked to end, and then ends at once.
    fn default() -> Self {
        Self {
            start_delay: Duration::ZERO,
            on_start: OnStart::Listens,
            exit: None,
            on_stop: OnStop::Ends(Duration::ZERO),
            endpoint: None,
            log: Vec::new(),
            milli_cores: 0,
            memory: 0,
        }
    }
}

impl EnginePlan {
    /// Listens after `delay`, and otherwise as by default.
    pub fn starts_after(delay: Duration) -> Self {
        Self { start_delay: delay, ..Self::default() }
    }

    /// Ends with `status` at its start, having written `lines`.
    pub fn fails_to_start(status: ExitStatus, lines: &[&str]) -> Self {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        Self { on_start: OnStart::Fails { status, lines }, ..Self::default() }
    }

    /// Ends with `status` once it has listened for `after`.
    pub fn exits_after(after: Duration, status: ExitStatus) -> Self {
        Self { exit: Some(ExitPlan { after, status, lines: Vec::new() }), ..Self::default() }
    }
}

/// A method of [`Driver`](crate::Driver).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the method of the same name")]
pub enum Method {
    Ensure,
    Observe,
    Stop,
    SetDeadline,
    Introduce,
    Remove,
    Engines,
    Log,
}

impl Method {
    /// What the method tries, for error texts.
    pub(super) fn what(self) -> &'static str {
        match self {
            Self::Ensure => "start the engine",
            Self::Observe => "look at the engine",
            Self::Stop => "stop the engine",
            Self::SetDeadline => "set the engine's deadline",
            Self::Introduce => "introduce the engine",
            Self::Remove => "remove the engine",
            Self::Engines => "list the engines",
            Self::Log => "read the engine's log",
        }
    }
}

/// What goes wrong with one call of a driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails and does nothing.
    Refuse,
    /// It does what was asked and fails all the same: the answer is lost.
    LoseAnswer,
    /// It waits this long by the world's clock and then does what was asked.
    Delay(Duration),
}
