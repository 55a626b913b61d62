//! Who holds room and who waits for it, and whose turn it is.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::time::Duration;

use jiff::Timestamp;

use super::need::{Budget, Need};
use crate::id::SessionUuid;
use crate::session::{Session, SessionState, later};

/// For how long a session that is next and does not fit lets smaller ones pass. Then the room that becomes free is kept
/// for it: long enough that room is not idle for one that came a moment ago, and a small part of how long it may wait.
pub const PASSED_FOR: Duration = Duration::from_secs(30);

/// Everything that takes room or asks for it. What is in it decides, and nothing else.
#[derive(Debug, Clone, Default)]
pub struct Book {
    budget: Budget,
    entries: HashMap<SessionUuid, Entry>,
    users: HashMap<String, User>,
    used: Need,
    /// What of it engines take that were started ahead, and what of that those that are being ended.
    pooled: Need,
    retiring: Need,
    holders: usize,
}

/// Something that takes room or asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// How much.
    pub need: Need,
    /// For whom.
    pub place: Place,
}

/// What stands in the book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A session that has room.
    Holds {
        /// Whose it is.
        user: String,
    },
    /// A session that waits for room.
    Waits {
        /// Whose it is.
        user: String,
        /// Since when.
        since: Timestamp,
    },
    /// An engine that is nobody's yet.
    Pool {
        /// Whether it is being ended.
        retiring: bool,
    },
}

/// What is known of one user.
#[derive(Debug, Clone, Default)]
struct User {
    held: Need,
    sessions: usize,
    waiting: BTreeMap<(Timestamp, SessionUuid), Need>,
}

/// How it looks for a session that waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outlook {
    /// What there is in all.
    pub budget: Budget,
    /// What of it is taken.
    pub used: Need,
    /// Whether it is its turn, and it fits.
    pub next: bool,
    /// How many are before it.
    pub before: usize,
    /// How many sessions hold room.
    pub holders: usize,
    /// How many users they belong to.
    pub users: usize,
}

/// Whose turn it is: the smaller the earlier. The share held, the number of sessions for those so small that their share
/// is nothing, and then who waits longest.
type Turn<'b> = (u64, usize, Timestamp, &'b str);

impl Entry {
    /// What a session takes or asks for; `None` when it does neither.
    pub fn of(session: &Session) -> Option<Self> {
        let user = session.creator.clone();
        let place = match &session.state {
            SessionState::Creating { admission, undoing, .. } if *admission != super::Admission::Admitted => {
                if undoing.is_some() {
                    return None;
                }
                Place::Waits { user, since: session.created_at }
            }
            SessionState::Creating { .. }
            | SessionState::Active { .. }
            | SessionState::Terminating { .. } => Place::Holds { user },
            SessionState::Terminated { .. } | SessionState::Failed { .. } => return None,
        };
        Some(Self { need: session.need, place })
    }
}

impl Book {
    /// An empty book.
    pub fn new(budget: Budget) -> Self {
        Self { budget, ..Self::default() }
    }

    /// What there is in all.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// What of it is taken.
    pub fn used(&self) -> Need {
        self.used
    }

    /// Writes what stands of a session or an engine now, in the place of what stood of it; `None` for nothing. A session
    /// and the engine that it took over have the same id, so its room goes with it.
    pub fn set(&mut self, id: SessionUuid, entry: Option<Entry>) {
        if self.entries.get(&id) == entry.as_ref() {
            return;
        }
        if let Some(before) = self.entries.remove(&id) {
            self.take_out(id, &before);
        }
        if let Some(entry) = entry {
            self.put_in(id, &entry);
            self.entries.insert(id, entry);
        }
    }

    fn put_in(&mut self, id: SessionUuid, entry: &Entry) {
        match &entry.place {
            Place::Holds { user } => {
                let of = self.users.entry(user.clone()).or_default();
                (of.held, of.sessions) = (of.held.and(entry.need), of.sessions + 1);
                self.used = self.used.and(entry.need);
                self.holders += 1;
            }
            Place::Waits { user, since } => {
                self.users.entry(user.clone()).or_default().waiting.insert((*since, id), entry.need);
            }
            Place::Pool { retiring } => {
                self.used = self.used.and(entry.need);
                self.pooled = self.pooled.and(entry.need);
                if *retiring {
                    self.retiring = self.retiring.and(entry.need);
                }
            }
        }
    }

    fn take_out(&mut self, id: SessionUuid, entry: &Entry) {
        match &entry.place {
            Place::Holds { user } => {
                if let Some(of) = self.users.get_mut(user) {
                    (of.held, of.sessions) = (of.held.without(entry.need), of.sessions - 1);
                }
                self.used = self.used.without(entry.need);
                self.holders -= 1;
                self.forget_idle(user);
            }
            Place::Waits { user, since } => {
                if let Some(of) = self.users.get_mut(user) {
                    of.waiting.remove(&(*since, id));
                }
                self.forget_idle(user);
            }
            Place::Pool { retiring } => {
                self.used = self.used.without(entry.need);
                self.pooled = self.pooled.without(entry.need);
                if *retiring {
                    self.retiring = self.retiring.without(entry.need);
                }
            }
        }
    }

    fn forget_idle(&mut self, user: &str) {
        if self.users.get(user).is_some_and(|of| of.sessions == 0 && of.waiting.is_empty()) {
            self.users.remove(user);
        }
    }

    /// What stands of a session or an engine.
    pub fn entry(&self, id: SessionUuid) -> Option<&Entry> {
        self.entries.get(&id)
    }

    /// Whether any session waits.
    pub fn anybody_waits(&self) -> bool {
        self.users.values().any(|of| !of.waiting.is_empty())
    }

    /// Whether `need` fits beside what is taken.
    pub fn fits(&self, need: Need) -> bool {
        self.budget.fits(self.used, need)
    }

    /// The session that is to be admitted now, if there is one.
    pub fn next(&self, now: Timestamp) -> Option<SessionUuid> {
        for (id, since, need) in self.heads() {
            if self.fits(need) {
                return Some(id);
            }
            if now >= later(since, PASSED_FOR) {
                return None;
            }
        }
        None
    }

    /// Whether an engine that was started ahead is to give way: a session waits that could have its room, and would not
    /// have it from those that end already.
    pub fn pools_give_way(&self, now: Timestamp) -> bool {
        let (soon, in_the_end) = (self.used.without(self.retiring), self.used.without(self.pooled));
        for (_, since, need) in self.heads() {
            if self.budget.fits(soon, need) {
                return false;
            }
            if self.budget.fits(in_the_end, need) {
                return true;
            }
            if now >= later(since, PASSED_FOR) {
                return false;
            }
        }
        false
    }

    /// How it looks for a session.
    pub fn outlook(&self, id: SessionUuid, now: Timestamp) -> Outlook {
        Outlook { before: self.before(id), ..self.glance(id, now) }
    }

    /// The same without who is before it, which takes as long as there are many who wait.
    pub fn glance(&self, id: SessionUuid, now: Timestamp) -> Outlook {
        Outlook {
            budget: self.budget,
            used: self.used,
            next: self.next(now) == Some(id),
            before: 0,
            holders: self.holders,
            users: self.users.values().filter(|of| of.sessions > 0).count(),
        }
    }

    /// The first session that waits of each user, in the order of their turns.
    fn heads(&self) -> Vec<(SessionUuid, Timestamp, Need)> {
        let mut heads: Vec<(Turn<'_>, SessionUuid, Need)> = self
            .users
            .iter()
            .filter_map(|(name, of)| {
                let ((since, id), need) = of.waiting.first_key_value()?;
                Some(((self.budget.share(of.held), of.sessions, *since, name.as_str()), *id, *need))
            })
            .collect();
        heads.sort_unstable_by_key(|(turn, ..)| *turn);
        heads.into_iter().map(|(turn, id, need)| (id, turn.2, need)).collect()
    }

    /// How many sessions have their turn before this one, as things are: each counts for its user once it had its own.
    fn before(&self, id: SessionUuid) -> usize {
        if !matches!(self.entries.get(&id), Some(Entry { place: Place::Waits { .. }, .. })) {
            return 0;
        }
        let mut turns = BinaryHeap::new();
        let mut queues: HashMap<&str, _> = HashMap::new();
        for (name, of) in &self.users {
            let mut queue = of.waiting.iter();
            if let Some(((since, id), need)) = queue.next() {
                let turn: Turn<'_> = (self.budget.share(of.held), of.sessions, *since, name.as_str());
                turns.push(Reverse((turn, *id)));
                queues.insert(name.as_str(), (queue, of.held.and(*need), of.sessions + 1));
            }
        }
        let mut before = 0;
        while let Some(Reverse(((.., name), turn_of))) = turns.pop() {
            if turn_of == id {
                break;
            }
            before += 1;
            let Some((queue, held, sessions)) = queues.get_mut(name) else { continue };
            if let Some(((since, id), need)) = queue.next() {
                turns.push(Reverse(((self.budget.share(*held), *sessions, *since, name), *id)));
                (*held, *sessions) = (held.and(*need), *sessions + 1);
            }
        }
        before
    }
}

impl Outlook {
    /// Why a session with this need waits, in words: "waits for memory: asks for 4.0 GiB, …; 2 sessions are before it".
    pub fn words(&self, need: Need) -> String {
        let before = match self.before {
            0 => String::new(),
            1 => "; 1 session is before it".to_owned(),
            n => format!("; {n} sessions are before it"),
        };
        format!("{}{before}", self.budget.words(self.used, need))
    }

    /// Who has what there is, in words.
    pub fn held_by(&self) -> String {
        let plural = |n: usize, one: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") };
        match self.holders {
            0 => "No session holds any".to_owned(),
            n => {
                let verb = if n == 1 { "holds" } else { "hold" };
                format!("{} of {} {verb} it", plural(n, "session"), plural(self.users, "user"))
            }
        }
    }
}

#[cfg(test)]
mod tests;
