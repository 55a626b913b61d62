//! How a session changes: one pure function from state and event to state, and what follows from it.

use std::time::Duration;

use jiff::Timestamp;

use crate::admission::Admission;
use crate::engine::{Exit, ExitCause, Listening};
use crate::error::ErrorKind;
use crate::id::OperationId;
use crate::last_words::{last_words, missing_master};
use crate::notice::{EndNear, What};
use crate::operation::{OperationKind, Outcome};
use crate::session::{EndReason, Failure, PastState, Session, SessionState, StateLabel, Undoing, later};
use crate::staged::Keeping;
use crate::timeline::Milestone;
use crate::usage::Used;

/// Something that happened to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionEvent {
    /// There is no room for it yet, which is to be told.
    Waits {
        /// Why, in words.
        why: String,
    },
    /// There is room for it.
    Admitted {
        /// When its start has taken too long.
        start_by: Timestamp,
    },
    /// Its engine answered.
    EngineReady(Listening),
    /// Its start is given up: the engine is to be taken down by `stop_by`.
    GivenUp {
        /// Why.
        failure: Failure,
        /// When that has taken too long.
        stop_by: Timestamp,
    },
    /// Its end was asked for.
    EndRequested {
        /// Why.
        reason: EndReason,
        /// When that has taken too long.
        stop_by: Timestamp,
    },
    /// Its engine is not there (any more).
    EngineGone(Option<Exit>),
    /// Its engine could not be ended in time.
    StopTimedOut,
    /// Its end is near, which is to be told.
    EndNear(EndNear),
    /// Its ttl is another now.
    Extended {
        /// The ttl, counted from when it became active.
        ttl: Duration,
        /// Who asked for it.
        by: String,
    },
    /// Packages were installed into it while it runs.
    PackagesAdded {
        /// Who asked for them.
        by: String,
        /// Each with its version.
        packages: Vec<String>,
    },
    /// What its engine has used was looked at.
    Sampled(Used),
    /// What is kept of it in the staging store is this now.
    Kept(Keeping),
}

/// A transition that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a session that is {from} cannot see \"{event}\"")]
pub struct InvalidTransition {
    /// The state.
    pub from: StateLabel,
    /// The event.
    pub event: &'static str,
}

/// A session after an event, and the operations that the event finishes. Both are written together.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// The session as it is now.
    pub session: Session,
    /// What became of its operations.
    pub finished: Vec<(OperationId, Outcome)>,
}

impl SessionEvent {
    /// The event's name, for logs.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Waits { .. } => "waits",
            Self::Admitted { .. } => "admitted",
            Self::EngineReady(_) => "engine ready",
            Self::GivenUp { .. } => "given up",
            Self::EndRequested { .. } => "end requested",
            Self::EngineGone(_) => "engine gone",
            Self::StopTimedOut => "stop timed out",
            Self::EndNear(_) => "end near",
            Self::Extended { .. } => "extended",
            Self::PackagesAdded { .. } => "packages added",
            Self::Sampled(_) => "sampled",
            Self::Kept(_) => "kept",
        }
    }
}

impl SessionState {
    /// The state after `event`.
    ///
    /// # Errors
    /// When `event` cannot happen in this state.
    pub fn after(&self, event: &SessionEvent) -> Result<SessionState, InvalidTransition> {
        use {SessionEvent as E, SessionState as S};
        Ok(match (self, event) {
            (S::Creating { undoing: None, .. }, E::EngineReady(at)) => {
                S::Active { endpoint: at.endpoint.clone(), ui: at.ui.clone() }
            }
            (
                S::Creating { start_by, admission: Admission::Asked | Admission::Waiting, undoing: None },
                E::Waits { .. },
            ) => S::Creating { start_by: *start_by, admission: Admission::Waiting, undoing: None },
            (
                S::Creating { admission: Admission::Asked | Admission::Waiting, undoing: None, .. },
                E::Admitted { start_by },
            ) => S::Creating { start_by: *start_by, admission: Admission::Admitted, undoing: None },
            (S::Creating { start_by, admission, undoing: None }, E::GivenUp { failure, stop_by }) => {
                S::Creating {
                    start_by: *start_by,
                    admission: *admission,
                    undoing: Some(Undoing { failure: failure.clone(), stop_by: *stop_by }),
                }
            }
            (S::Creating { undoing: None, .. }, E::EngineGone(exit)) => {
                S::Failed { failure: start_failed(exit.as_ref()) }
            }
            // Giving up twice is not an error; the first reason stays.
            (S::Creating { undoing: Some(_), .. }, E::GivenUp { .. }) => self.clone(),
            (S::Creating { undoing: Some(undoing), .. }, E::EngineGone(exit)) => {
                S::Failed { failure: given_up(&undoing.failure, exit.as_ref()) }
            }
            (S::Creating { undoing: Some(undoing), .. }, E::StopTimedOut) => {
                S::Failed { failure: could_not_stop(&undoing.failure.message) }
            }
            (S::Active { .. }, E::EndRequested { reason, stop_by }) => {
                S::Terminating { reason: reason.clone(), stop_by: *stop_by }
            }
            (S::Active { .. }, E::EngineGone(exit)) => S::Failed { failure: engine_lost(exit.as_ref()) },
            // None changes the state: what is new is noted beside it.
            (S::Active { .. }, E::EndNear(_) | E::Extended { .. } | E::PackagesAdded { .. }) => self.clone(),
            (S::Active { .. } | S::Terminating { .. }, E::Sampled(_)) => self.clone(),
            // Asked for at any time, and done by itself after an end.
            (
                S::Creating { .. }
                | S::Active { .. }
                | S::Terminating { .. }
                | S::Terminated { .. }
                | S::Failed { .. },
                E::Kept(_),
            ) => self.clone(),
            // Asking twice is not an error: a client retries when an answer is lost.
            (S::Terminating { .. } | S::Terminated { .. } | S::Failed { .. }, E::EndRequested { .. }) => {
                self.clone()
            }
            (S::Terminating { reason, .. }, E::EngineGone(_)) => S::Terminated { reason: reason.clone() },
            (S::Terminating { reason, .. }, E::StopTimedOut) => {
                S::Failed { failure: could_not_stop(&reason.to_string()) }
            }
            // An engine that outlived the failure of its session, and a delete that waits for it.
            (S::Failed { .. } | S::Terminated { .. }, E::StopTimedOut) => self.clone(),
            (S::Creating { undoing: Some(_), .. }, E::EngineReady(_))
            | (
                S::Creating { .. }
                | S::Active { .. }
                | S::Terminating { .. }
                | S::Terminated { .. }
                | S::Failed { .. },
                E::Waits { .. } | E::Admitted { .. },
            )
            | (
                S::Creating { .. },
                E::EndRequested { .. }
                | E::EndNear(_)
                | E::Extended { .. }
                | E::PackagesAdded { .. }
                | E::Sampled(_),
            )
            | (S::Creating { undoing: None, .. }, E::StopTimedOut)
            | (S::Active { .. }, E::EngineReady(_) | E::GivenUp { .. } | E::StopTimedOut)
            | (
                S::Terminating { .. },
                E::EngineReady(_)
                | E::GivenUp { .. }
                | E::EndNear(_)
                | E::Extended { .. }
                | E::PackagesAdded { .. },
            )
            | (
                S::Terminated { .. } | S::Failed { .. },
                E::EngineReady(_)
                | E::GivenUp { .. }
                | E::EngineGone(_)
                | E::EndNear(_)
                | E::Extended { .. }
                | E::PackagesAdded { .. }
                | E::Sampled(_),
            ) => {
                return Err(InvalidTransition { from: self.label(), event: event.label() });
            }
        })
    }
}

impl Session {
    /// This session after `event`, with its history, its message and its finished operations.
    ///
    /// Times never go back: a clock that did counts as standing still.
    ///
    /// # Errors
    /// When `event` cannot happen in this state.
    pub fn after(&self, event: &SessionEvent, now: Timestamp) -> Result<Transition, InvalidTransition> {
        let state = self.state.after(event)?;
        let mut session = self.clone();
        let now = now.max(self.state_at);
        if state.label() != self.state.label() {
            session.history.push(PastState {
                state: self.state.label(),
                message: self.state_message.clone(),
                at: self.state_at,
            });
            session.state_at = now;
            session.state_message = state_message(&state);
            session.notices.note(now, entered(&state));
            session.keeping.diagnostics_due = matches!(state, SessionState::Failed { .. });
        }
        if let (SessionEvent::Admitted { .. }, SessionState::Creating { admission: Admission::Waiting, .. }) =
            (event, &self.state)
        {
            // One that had room at once has nothing to tell of it.
            session.timeline.reach(Milestone::Admitted, now);
            session.notices.note(now, What::Admitted);
            session.state_message.clear();
        }
        session.state = state;
        match event {
            SessionEvent::Waits { why } => {
                session.state_message = format!("It {why}");
                session.notices.note(now, What::Waiting { why: why.clone() });
            }
            SessionEvent::EndNear(near) => session.notices.note(now, What::EndNear(*near)),
            SessionEvent::Extended { ttl, by } => {
                session.config.execution_mut().ttl = Some(*ttl);
                let ends_at = later(session.state_at, *ttl);
                session.notices.note(now, What::Extended { by: by.clone(), ends_at });
            }
            SessionEvent::PackagesAdded { by, packages } => {
                session.notices.note(now, What::PackagesAdded { by: by.clone(), packages: packages.clone() });
            }
            SessionEvent::Sampled(used) => session.used = session.used.grown(used),
            SessionEvent::Kept(keeping) => session.keeping = *keeping,
            SessionEvent::Admitted { .. }
            | SessionEvent::EngineReady(_)
            | SessionEvent::GivenUp { .. }
            | SessionEvent::EndRequested { .. }
            | SessionEvent::EngineGone(_)
            | SessionEvent::StopTimedOut => {}
        }
        if let SessionEvent::EngineReady(listening) = event {
            // What came before the session is no part of its start.
            if !session.handed_over() {
                session.timeline.reach(Milestone::Placed, listening.placed_at);
                session.timeline.reach(Milestone::ProcessUp, listening.process_up_at);
                session.timeline.reach(Milestone::Listening, listening.listening_at);
            }
            session.timeline.reach(Milestone::ProtocolUp, now);
            session.timeline.reach(Milestone::Active, now);
        }
        let finished = session.finish_operations(event);
        Ok(Transition { session, finished })
    }

    /// What becomes of this session's open operations when it is removed.
    pub fn removed(&self) -> Transition {
        let mut session = self.clone();
        let frozen = Box::new(Session { open_operations: Vec::new(), deleting_since: None, ..self.clone() });
        let finished = session
            .open_operations
            .drain(..)
            .map(|(_, id)| (id, Outcome::Succeeded(frozen.clone())))
            .collect();
        Transition { session, finished }
    }

    /// Takes out the operations that end here. What a delete waits for is its removal, so it stays.
    fn finish_operations(&mut self, event: &SessionEvent) -> Vec<(OperationId, Outcome)> {
        let label = self.state.label();
        let stuck = matches!(event, SessionEvent::StopTimedOut);
        let ends = |kind: OperationKind| match kind {
            OperationKind::Create => label != StateLabel::Creating,
            OperationKind::Terminate => label.terminal(),
            OperationKind::Delete => stuck,
        };
        let (ended, open): (Vec<_>, Vec<_>) =
            self.open_operations.drain(..).partition(|(kind, _)| ends(*kind));
        self.open_operations = open;
        if stuck {
            self.deleting_since = None;
        }
        let frozen = Box::new(Session { open_operations: Vec::new(), deleting_since: None, ..self.clone() });
        let outcome = |kind: OperationKind| match (&self.state, kind) {
            (SessionState::Failed { failure }, OperationKind::Create) => {
                Outcome::Failed { kind: failure.kind, message: failure.message.clone() }
            }
            (SessionState::Failed { failure }, _) if stuck => {
                Outcome::Failed { kind: ErrorKind::Internal, message: failure.message.clone() }
            }
            _ => Outcome::Succeeded(frozen.clone()),
        };
        ended.into_iter().map(|(kind, id)| (id, outcome(kind))).collect()
    }
}

impl std::fmt::Display for EndReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Requested { by } => write!(f, "Terminated by {by}"),
            Self::Deleted { by } => write!(f, "Deleted by {by}"),
            Self::Ttl(ttl) => write!(f, "Terminated after its ttl of {}", seconds(*ttl)),
            Self::Idle(idle) => write!(f, "Terminated after {} without activity (idle ttl)", seconds(*idle)),
        }
    }
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs())
}

fn state_message(state: &SessionState) -> String {
    match state {
        SessionState::Creating { .. } | SessionState::Active { .. } => String::new(),
        SessionState::Terminating { reason, .. } | SessionState::Terminated { reason } => reason.to_string(),
        SessionState::Failed { failure } => failure.message.clone(),
    }
}

/// What there is to tell of a state that was entered.
fn entered(state: &SessionState) -> What {
    match state {
        // No session comes back to it, so it is told of by whoever makes one.
        SessionState::Creating { .. } | SessionState::Active { .. } => What::Active,
        SessionState::Terminating { reason, .. } => What::Ending { why: reason.to_string() },
        SessionState::Terminated { reason } => What::Terminated { why: reason.to_string() },
        SessionState::Failed { failure } => {
            let line = failure.message.lines().next().unwrap_or_default();
            What::Failed { why: line.to_owned() }
        }
    }
}

/// Why a start was given up, with what its engine was waiting for where that can be seen.
fn given_up(failure: &Failure, exit: Option<&Exit>) -> Failure {
    let waited_for = exit.filter(|_| failure.kind == ErrorKind::DeadlineExceeded);
    match waited_for.and_then(|exit| missing_master(&exit.tail)) {
        Some(missing) => Failure { message: format!("{}: {missing}", failure.message), ..failure.clone() },
        None => failure.clone(),
    }
}

fn start_failed(exit: Option<&Exit>) -> Failure {
    let message = match exit {
        None => "The engine was gone before it was ready".to_owned(),
        Some(exit) if exit.cause == ExitCause::Deadline => {
            "The engine was not ready before its deadline".to_owned()
        }
        Some(exit) => format!("The engine ended before it was ready ({}){}", exit.status, last_words(exit)),
    };
    Failure { kind: ErrorKind::Internal, message }
}

fn engine_lost(exit: Option<&Exit>) -> Failure {
    let message = match exit {
        None => "The engine is gone and left nothing behind".to_owned(),
        Some(exit) if exit.cause == ExitCause::Deadline => {
            "The engine was ended at its deadline while no server was there to ask".to_owned()
        }
        Some(exit) => format!("The engine ended by itself ({}){}", exit.status, last_words(exit)),
    };
    Failure { kind: ErrorKind::Internal, message }
}

fn could_not_stop(what: &str) -> Failure {
    Failure { kind: ErrorKind::Internal, message: format!("The engine could not be ended in time. {what}") }
}
