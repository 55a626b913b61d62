//! What was asked of a fake world, and what came of it.

use std::collections::HashMap;

use hearth_core::Timestamp;
use hearth_core::engine::{ExitCause, ExitStatus};
use hearth_core::id::EngineId;

use super::plan::Method;

/// All that was asked of a fake world and all that came of it, in order.
///
/// The counts are always kept; the entries only if the world was made to keep them.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    pub(super) keep_entries: bool,
    entries: Vec<Entry>,
    counts: HashMap<EngineId, Counts>,
}

/// One thing that was asked or happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// To which engine; `None` for a call about all of them.
    pub id: Option<EngineId>,
    /// What.
    pub what: What,
}

/// What was asked or happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The method was called.
    Called(Method),
    /// The call failed by an injected fault.
    Faulted(Method),
    /// An engine was started.
    Started,
    /// It began to listen.
    Listened,
    /// It was asked to end, while it ran.
    StopAsked,
    /// It ended.
    Ended(ExitStatus, ExitCause),
    /// What it left was cleared away.
    Removed,
}

/// How often each thing happened to an engine, over the whole life of the world, removals included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// How often it was started.
    pub started: u32,
    /// How often it was asked to end while it ran.
    pub stop_asked: u32,
    /// How often it ended.
    pub ended: u32,
    /// How often it was removed.
    pub removed: u32,
}

impl Journal {
    /// The entries so far, oldest first; none if the world does not keep them.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What happened to `id`, as numbers.
    pub fn counts(&self, id: EngineId) -> Counts {
        self.counts.get(&id).copied().unwrap_or_default()
    }

    /// The most often that any engine was started: more than 1 means that one was started anew after its removal.
    pub fn most_starts(&self) -> u32 {
        self.counts.values().map(|counts| counts.started).max().unwrap_or(0)
    }

    pub(super) fn note(&mut self, at: Timestamp, id: Option<EngineId>, what: What) {
        if let Some(id) = id {
            let count = |number: fn(&mut Counts) -> &mut u32, of: &mut HashMap<EngineId, Counts>| {
                *number(of.entry(id).or_default()) += 1;
            };
            match what {
                What::Started => count(|counts| &mut counts.started, &mut self.counts),
                What::StopAsked => count(|counts| &mut counts.stop_asked, &mut self.counts),
                What::Ended(..) => count(|counts| &mut counts.ended, &mut self.counts),
                What::Removed => count(|counts| &mut counts.removed, &mut self.counts),
                What::Called(_) | What::Faulted(_) | What::Listened => {}
            }
        }
        if self.keep_entries {
            self.entries.push(Entry { at, id, what });
        }
    }
}
