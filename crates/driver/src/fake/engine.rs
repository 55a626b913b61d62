//! One fake engine: its state, and what happens to it next.

use std::sync::Arc;
use std::time::Duration;

use hearth_core::Timestamp;
use hearth_core::engine::{
    Endpoint, EngineSpec, Exit, ExitCause, ExitStatus, Introduction, Listening, Observed,
};
use hearth_core::id::EngineId;
use hearth_core::session::later;
use serde::{Deserialize, Serialize};

use super::plan::{EnginePlan, OnStart, OnStop};
use crate::{EngineUsage, LogChunk};

/// The status of a process that was killed.
const KILLED: ExitStatus = ExitStatus::Signal(9);

/// A fake engine. Kept small: benchmarks make a hundred thousand of them.
#[derive(Debug)]
pub(super) struct Engine {
    plan: Arc<EnginePlan>,
    placed_at: Timestamp,
    deadline: Timestamp,
    log_limit: u64,
    port: u16,
    phase: Phase,
    stop: Option<Stop>,
    introduced: Option<Box<Introduction>>,
    /// When it changes next, as it is filed in the world's agenda.
    pub(super) due: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Phase {
    Starting,
    Listening { at: Timestamp },
    Exited(Box<Exit>),
}

/// A stop that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stop {
    ends_at: Timestamp,
    status: ExitStatus,
    cause: ExitCause,
}

/// A fake engine as it can be written down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedEngine {
    /// Its id.
    pub id: EngineId,
    plan: EnginePlan,
    placed_at: Timestamp,
    deadline: Timestamp,
    log_limit: u64,
    port: u16,
    phase: Phase,
    stop: Option<Stop>,
}

/// Something that happens to an engine.
#[derive(Debug)]
pub(super) enum Event {
    Listens,
    Ends { status: ExitStatus, cause: ExitCause, lines: Vec<String> },
}

impl Engine {
    pub(super) fn new(spec: &EngineSpec, plan: Arc<EnginePlan>, port: u16, now: Timestamp) -> Self {
        Self {
            plan,
            placed_at: now,
            deadline: spec.deadline.max(now),
            log_limit: spec.log_limit,
            port,
            phase: Phase::Starting,
            stop: None,
            introduced: None,
            due: None,
        }
    }

    pub(super) fn save(&self, id: EngineId) -> SavedEngine {
        SavedEngine {
            id,
            plan: (*self.plan).clone(),
            placed_at: self.placed_at,
            deadline: self.deadline,
            log_limit: self.log_limit,
            port: self.port,
            phase: self.phase.clone(),
            stop: self.stop,
        }
    }

    pub(super) fn load(saved: SavedEngine) -> Self {
        let SavedEngine { id: _, plan, placed_at, deadline, log_limit, port, phase, stop } = saved;
        Self {
            plan: Arc::new(plan),
            placed_at,
            deadline,
            log_limit,
            port,
            phase,
            stop,
            introduced: None,
            due: None,
        }
    }

    pub(super) fn observed(&self) -> Observed {
        match &self.phase {
            Phase::Exited(exit) => Observed::Exited((**exit).clone()),
            Phase::Starting | Phase::Listening { .. } if self.stop.is_some() => Observed::Stopping,
            Phase::Starting => Observed::Starting,
            Phase::Listening { at } => Observed::Listening(Listening {
                endpoint: self.endpoint(),
                ui: None,
                placed_at: self.placed_at,
                process_up_at: self.placed_at,
                listening_at: *at,
            }),
        }
    }

    pub(super) fn lives(&self) -> bool {
        !matches!(self.phase, Phase::Exited(_))
    }

    /// What happens to it next if nobody intervenes, and when.
    pub(super) fn next_event(&self) -> Option<(Timestamp, Event)> {
        let own = match &self.phase {
            Phase::Exited(_) => return None,
            Phase::Starting => {
                let at = later(self.placed_at, self.plan.start_delay);
                match &self.plan.on_start {
                    OnStart::Listens => Some((at, Event::Listens)),
                    OnStart::Fails { status, lines } => Some((at, Event::itself(*status, lines))),
                    OnStart::Hangs => None,
                }
            }
            Phase::Listening { at } => self
                .plan
                .exit
                .as_ref()
                .map(|exit| (later(*at, exit.after), Event::itself(exit.status, &exit.lines))),
        };
        let stopped = self.stop.filter(|_| self.mortal()).map(|stop| (stop.ends_at, stop.into()));
        let overdue = self.mortal().then(|| {
            let event = Event::Ends { status: KILLED, cause: ExitCause::Deadline, lines: Vec::new() };
            (self.deadline, event)
        });
        [own, stopped, overdue].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    pub(super) fn apply(&mut self, event: Event, at: Timestamp) {
        self.phase = match event {
            Event::Listens => Phase::Listening { at },
            Event::Ends { status, cause, lines } => {
                let tail = self.plan.log.iter().chain(&lines).cloned().collect();
                Phase::Exited(Box::new(Exit { status, cause, at, tail }))
            }
        };
    }

    /// Notes that it was asked to end. Asked again, it never gets more time than before.
    pub(super) fn ask_to_stop(&mut self, grace: Duration, now: Timestamp) {
        let killed = Stop { ends_at: later(now, grace), status: KILLED, cause: ExitCause::Killed };
        let stop = match self.plan.on_stop {
            OnStop::Ends(after) if after <= grace => {
                Stop { ends_at: later(now, after), status: ExitStatus::Signal(15), cause: ExitCause::Stopped }
            }
            OnStop::Ends(_) | OnStop::Ignores | OnStop::Survives => killed,
        };
        if self.stop.is_none_or(|before| stop.ends_at < before.ends_at) {
            self.stop = Some(stop);
        }
    }

    pub(super) fn introduce(&mut self, introduction: &Introduction) {
        self.introduced.get_or_insert_with(|| Box::new(introduction.clone()));
    }

    pub(super) fn set_deadline(&mut self, deadline: Timestamp, now: Timestamp) {
        self.deadline = deadline.max(now);
    }

    pub(super) fn log(&self, offset: u64, limit: usize) -> LogChunk {
        let mut text = String::new();
        let exit_lines = match &self.phase {
            Phase::Exited(exit) => exit.tail.get(self.plan.log.len()..).unwrap_or_default(),
            Phase::Starting | Phase::Listening { .. } => &[],
        };
        let mut write = |line: &String| {
            text.push_str(line);
            text.push('\n');
        };
        self.plan.log.iter().for_each(&mut write);
        if let Some(introduction) = &self.introduced {
            write(&introduction.log_line);
        }
        exit_lines.iter().for_each(write);
        let written = text.len() as u64;
        let offset = offset.max(written.saturating_sub(self.log_limit)).min(written);
        // The text is in memory, so its length and every offset in it fit a usize.
        let content: Vec<u8> = text.into_bytes().into_iter().skip(offset as usize).take(limit).collect();
        LogChunk { next_offset: offset + content.len() as u64, content, offset }
    }

    pub(super) fn usage(&self, now: Timestamp) -> Option<EngineUsage> {
        let Phase::Listening { at } = self.phase else { return None };
        let cpu = hearth_core::words::between(at, now).saturating_mul(self.plan.milli_cores) / 1000;
        Some(EngineUsage { cpu, memory: self.plan.memory, peak_memory: self.plan.memory })
    }

    fn endpoint(&self) -> Endpoint {
        self.plan
            .endpoint
            .clone()
            .unwrap_or_else(|| Endpoint { host: "127.0.0.1".to_owned(), port: self.port })
    }

    fn mortal(&self) -> bool {
        self.plan.on_stop != OnStop::Survives
    }
}

impl Event {
    /// Ends by itself.
    pub(super) fn itself(status: ExitStatus, lines: &[String]) -> Self {
        Self::Ends { status, cause: ExitCause::Itself, lines: lines.to_vec() }
    }
}

impl From<Stop> for Event {
    fn from(stop: Stop) -> Self {
        Self::Ends { status: stop.status, cause: stop.cause, lines: Vec::new() }
    }
}
