//! Admission: which session may start now, and which waits for room.
//!
//! A service has a [`Budget`] of memory and cores, and a session a [`Need`] that is reckoned from its settings when it is
//! asked for and does not change any more. A session that fits starts; one that does not waits, in CREATING, until others
//! have ended; one that never can fails at once. Who is next is decided by [`book::Book::next`]:
//!
//! * sessions of one user start in the order in which they were asked for;
//! * among users it is the turn of the one who holds the smallest share of the budget ("dominant resource fairness",
//!   Ghodsi et al., NSDI 2011), so nobody waits for another's second session while having none;
//! * a session that is next and does not fit lets smaller ones pass, but not for longer than [`book::PASSED_FOR`].
//!
//! Nothing here remembers anything: the same sessions give the same order, also after a restart.

pub mod book;
mod need;

pub use self::book::Outlook;
pub use self::need::{Budget, Need, Shortage};

use serde::{Deserialize, Serialize};

use crate::error::ErrorKind;
use crate::session::{Failure, Session};
use crate::words;

/// How far a session is with its admission, while it is being created.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Admission {
    /// It has room: its engine may be made. So has one that was created where there was no budget.
    #[default]
    Admitted,
    /// It asks for room, and nobody has looked yet whether there is any.
    Asked,
    /// There was none, which was told.
    Waiting,
}

/// How a session has failed that can never fit the budget: the contract's text (section 14), and where a session's
/// memory is what is too much, what to change.
pub fn never_fits(session: &Session, budget: &Budget) -> Option<Failure> {
    let lacking = budget.lacking(Need::default(), session.need);
    (!lacking.is_empty()).then(|| exhausted(&lacking, ""))
}

/// How a session has failed that waited for as long as it may.
pub fn waited_too_long(session: &Session, room: &Outlook, waited: std::time::Duration) -> Failure {
    let waited = words::duration(waited);
    let held = room.held_by();
    let lacking = room.budget.lacking(room.used, session.need);
    if lacking.is_empty() {
        let message = format!("It waited {waited} for others that were before it. {held}.");
        return Failure { kind: ErrorKind::ResourceExhausted, message };
    }
    exhausted(&lacking, &format!(" It waited {waited} for room. {held}."))
}

fn exhausted(lacking: &[Shortage], more: &str) -> Failure {
    let sentences: Vec<String> = lacking.iter().map(ToString::to_string).collect();
    Failure { kind: ErrorKind::ResourceExhausted, message: format!("{}{more}", sentences.join(" ")) }
}
