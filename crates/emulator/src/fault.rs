//! What goes wrong on demand: with starts, with engines, and with calls.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hearth_core::error::ErrorKind;
use hearth_core::name::SessionName;
use serde::{Deserialize, Serialize};

/// The most faults there can be at once. Each call looks at every one.
pub const MOST: usize = 1000;

/// Something that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Which sessions: an id or a full name, with `*` for any characters; empty for all, and for calls about none.
    pub sessions: String,
    /// How many times more; `None` for every time until it is taken back.
    pub left: Option<u32>,
    /// What goes wrong.
    pub effect: Effect,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// A start fails.
    FailStart {
        /// The last step that is reached.
        step: Step,
        /// What the engine writes before it ends, or why it cannot be placed; may be empty.
        message: String,
        /// The exit code of an engine that ends.
        exit_code: i32,
    },
    /// A start takes long.
    SlowStart {
        /// How long.
        by: Duration,
    },
    /// An engine crashes by itself.
    Crash {
        /// How long after it began to listen.
        after: Duration,
        /// Its exit code; `None` if a signal ends it.
        exit_code: Option<i32>,
        /// What it writes before.
        log_lines: Vec<String>,
    },
    /// A call is refused, without having done anything.
    Refuse {
        /// The method; empty for all.
        method: String,
        /// With which error.
        kind: ErrorKind,
        /// And which text.
        message: String,
    },
    /// A call does what it should, and its answer is lost.
    LoseAnswer {
        /// The method; empty for all.
        method: String,
    },
}

/// The step of a start after which it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Its engine cannot be placed.
    Accepted,
    /// Its process cannot be started.
    Placed,
    /// The process ends before it listens.
    ProcessUp,
    /// The engine ends before it has answered.
    Listening,
    /// The engine never answers.
    Probe,
}

/// The faults that are still to come. Cheap to clone: clones share them.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    state: Arc<Mutex<Numbered>>,
}

/// The faults by number, as they are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Numbered {
    last: u64,
    faults: BTreeMap<u64, Fault>,
}

impl Faults {
    /// Adds a fault, and gives its number; `None` when there are [`MOST`] already.
    pub fn add(&self, fault: Fault) -> Option<u64> {
        let mut state = self.state();
        if state.faults.len() >= MOST {
            return None;
        }
        // The numbers of a document may be any; none is used twice.
        let highest = state.faults.last_key_value().map_or(0, |(number, _)| *number);
        state.last = state.last.max(highest).checked_add(1)?;
        let number = state.last;
        state.faults.insert(number, fault);
        Some(number)
    }

    /// The faults by number.
    pub fn list(&self) -> Vec<(u64, Fault)> {
        self.state().faults.iter().map(|(number, fault)| (*number, fault.clone())).collect()
    }

    /// Takes a fault back. Whether it was there.
    pub fn remove(&self, number: u64) -> bool {
        self.state().faults.remove(&number).is_some()
    }

    /// Takes all faults back.
    pub fn clear(&self) {
        self.state().faults.clear();
    }

    /// What goes wrong with the start of a session: every fault that fits, used once.
    pub(crate) fn of_start(&self, session: &SessionName) -> Vec<Effect> {
        self.state().take(usize::MAX, |fault| {
            matches!(fault.effect, Effect::FailStart { .. } | Effect::SlowStart { .. } | Effect::Crash { .. })
                && aims_at(&fault.sessions, Some(session))
        })
    }

    /// What goes wrong with a call: the first fault that fits, used once. `session` is what the call is about, if it
    /// is about one.
    pub fn of_call(&self, method: &str, session: Option<&SessionName>) -> Option<Effect> {
        let fits = |fault: &Fault| match &fault.effect {
            Effect::Refuse { method: of, .. } | Effect::LoseAnswer { method: of } => {
                (of.is_empty() || of == method) && aims_at(&fault.sessions, session)
            }
            Effect::FailStart { .. } | Effect::SlowStart { .. } | Effect::Crash { .. } => false,
        };
        self.state().take(1, fits).pop()
    }

    pub(crate) fn save(&self) -> Numbered {
        self.state().clone()
    }

    pub(crate) fn load(&self, numbered: Numbered) {
        *self.state() = numbered;
    }

    fn state(&self) -> MutexGuard<'_, Numbered> {
        // Every change is whole before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Numbered {
    pub(crate) fn len(&self) -> usize {
        self.faults.len()
    }

    /// The effects of those that fit, at most `limit`, each used once.
    fn take(&mut self, limit: usize, fits: impl Fn(&Fault) -> bool) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.faults.retain(|_, fault| {
            if effects.len() >= limit || !fits(fault) {
                return true;
            }
            effects.push(fault.effect.clone());
            match &mut fault.left {
                None => true,
                Some(left) => {
                    *left = left.saturating_sub(1);
                    *left > 0
                }
            }
        });
        effects
    }
}

fn aims_at(pattern: &str, session: Option<&SessionName>) -> bool {
    match session {
        _ if pattern.is_empty() => true,
        None => false,
        Some(name) if pattern.contains('/') => matches(pattern, &name.to_string()),
        Some(name) => matches(pattern, name.id()),
    }
}

/// Whether a text fits a pattern, in which `*` stands for any characters.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use hearth_core::name::Parent;

    use super::*;

    fn name(id: &str) -> SessionName {
        Parent { project: "p".to_owned(), location: "l".to_owned() }.session(id)
    }

    fn refuse(sessions: &str, method: &str, left: Option<u32>) -> Fault {
        let effect = Effect::Refuse {
            method: method.to_owned(),
            kind: ErrorKind::Unavailable,
            message: sessions.to_owned(),
        };
        Fault { sessions: sessions.to_owned(), left, effect }
    }

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, text) in [
            ("etl", "etl"),
            ("*", ""),
            ("*", "etl"),
            ("etl-*", "etl-"),
            ("etl-*", "etl-7"),
            ("*-7", "etl-7"),
            ("e*l*7", "etl-7"),
            ("a**b", "ab"),
            ("*a*a*", "aa"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("etl", "etl2"), ("etl-*", "etl"), ("*-7", "etl-8"), ("a*a", "a"), ("*a*a*", "a"), ("", "x")]
        {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_fault_is_used_up_by_what_it_is_aimed_at_alone() {
        let faults = Faults::default();
        faults.add(refuse("etl-*", "CreateSession", Some(2)));
        assert_eq!(faults.of_call("GetSession", Some(&name("etl-1"))), None);
        assert_eq!(faults.of_call("CreateSession", Some(&name("other"))), None);
        assert_eq!(faults.of_call("CreateSession", None), None);
        assert!(faults.of_start(&name("etl-1")).is_empty());
        assert!(faults.of_call("CreateSession", Some(&name("etl-1"))).is_some());
        assert_eq!(faults.list()[0].1.left, Some(1));
        assert!(faults.of_call("CreateSession", Some(&name("etl-2"))).is_some());
        assert_eq!((faults.of_call("CreateSession", Some(&name("etl-3"))), faults.list()), (None, vec![]));
    }

    #[test]
    fn the_older_of_two_faults_of_a_call_comes_first_and_both_of_a_start_count() {
        let faults = Faults::default();
        let first = faults.add(refuse("", "", Some(1))).unwrap();
        let second = faults.add(refuse("projects/p/*", "", None)).unwrap();
        assert!(first < second);
        let told = |effect: Option<Effect>| match effect {
            Some(Effect::Refuse { message, .. }) => message,
            other => panic!("{other:?}"),
        };
        let session = name("any");
        assert_eq!(told(faults.of_call("X", Some(&session))), "");
        assert_eq!(told(faults.of_call("X", Some(&session))), "projects/p/*");
        assert_eq!(told(faults.of_call("X", Some(&session))), "projects/p/*");
        for seconds in [1, 2] {
            let effect = Effect::SlowStart { by: Duration::from_secs(seconds) };
            faults.add(Fault { sessions: String::new(), left: Some(1), effect });
        }
        assert_eq!(faults.of_start(&session).len(), 2);
        assert!(faults.remove(second) && !faults.remove(second));
        assert!(faults.list().is_empty());
    }
}
