//! Room for sessions: what is known of who has it, and letting in who is next.
//!
//! A create only writes that a session asks for room. Its own pass admits it, under the lease, when
//! [`Book::next`](hearth_core::admission::book::Book::next) names it; so the budget has one keeper. The book is no second
//! record: it is made from the store when the lease is taken, and every pass writes into it what it has read. What is
//! taken between a decision and its commit is in it too, since passes run side by side.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hearth_core::Timestamp;
use hearth_core::admission::book::{Book, Entry, Place};
use hearth_core::admission::{Admission, Budget, Outlook};
use hearth_core::id::{EngineId, SessionUuid};
use hearth_core::pool::PoolEngine;
use hearth_core::pool::plan;
use hearth_core::session::{Session, SessionState};

use crate::Control;
use crate::pass::PassError;

/// Who has room, and who waits for it.
#[derive(Debug)]
pub(crate) struct Room {
    budget: Budget,
    book: Mutex<Book>,
}

impl Room {
    pub(crate) fn new(budget: Budget) -> Self {
        Self { budget, book: Mutex::new(Book::new(budget)) }
    }

    /// What there is in all.
    pub(crate) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        *self.book() = Book::new(self.budget);
    }

    /// How it looks for a session that was just read. When it is its turn, its room is taken from now on, so that a pass
    /// beside this one does not give it away too.
    fn ask(&self, session: &Session, now: Timestamp) -> Outlook {
        let mut book = self.book();
        book.set(session.uuid, Entry::of(session));
        // It is told once how many are before it, which is not looked up again each time.
        let told = matches!(session.state, SessionState::Creating { admission: Admission::Waiting, .. });
        let look = if told { Book::glance } else { Book::outlook };
        let outlook = look(&book, session.uuid, now);
        if outlook.next {
            let user = session.creator.clone();
            book.set(session.uuid, Some(Entry { need: session.need, place: Place::Holds { user } }));
        }
        outlook
    }

    /// Takes the room of an engine that is to be made ahead, if no session wants it.
    pub(crate) fn spare(&self, engine: &PoolEngine) -> bool {
        let mut book = self.book();
        let spare = !self.budget.limited() || !book.anybody_waits() && book.fits(engine.need);
        if spare && self.budget.limited() {
            book.set(engine.id.session_uuid(), Some(entry(engine)));
        }
        spare
    }

    /// Whether a session waits.
    pub(crate) fn wanted(&self) -> bool {
        self.book().anybody_waits()
    }

    /// What pools have to leave to sessions.
    pub(crate) fn for_pools(&self, now: Timestamp) -> plan::Room {
        let book = self.book();
        plan::Room {
            budget: self.budget,
            used: book.used(),
            wanted: book.anybody_waits(),
            give_way: book.pools_give_way(now),
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing in here panics between two related changes.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Control {
    /// Makes the book from the store: for a server that has just taken the lease.
    ///
    /// # Errors
    /// When the store has a problem.
    pub(crate) async fn open_book(&self) -> Result<(), PassError> {
        self.room.clear();
        if !self.room.budget.limited() {
            return Ok(());
        }
        // Before sessions: one that is handed over meanwhile is found as a session's.
        for engine in self.world.store.pool_engines().await? {
            self.room.book().set(engine.id.session_uuid(), Some(entry(&engine)));
        }
        for uuid in self.world.store.unsettled().await? {
            if let Some(session) = self.world.store.session_by_uuid(uuid).await? {
                self.room.book().set(uuid, Entry::of(&session));
            }
        }
        Ok(())
    }

    /// Writes down what a session has or asks for, as it was just read or written; `None` once it is gone. Whose turn it
    /// is then is looked at.
    pub(crate) fn book(&self, uuid: SessionUuid, session: Option<&Session>) {
        let mut book = self.room.book();
        // Without limits only those are in it that were asked for when there were some.
        if self.room.budget.limited() || book.entry(uuid).is_some() {
            book.set(uuid, session.and_then(Entry::of));
            self.wake_next(&book);
        }
    }

    /// Writes down what a pool engine takes, as it was just read or written; `None` once it is gone. From when a session
    /// takes it on, what stands of that session counts.
    pub(crate) fn book_engine(&self, id: EngineId, engine: Option<&PoolEngine>) {
        if self.room.budget.limited() {
            let mut book = self.room.book();
            book.set(id.session_uuid(), engine.map(entry));
            self.wake_next(&book);
        }
    }

    /// Has the session looked at whose turn it is, if there is one.
    fn wake_next(&self, book: &Book) {
        let now = self.world.clock.now();
        if let Some(next) = book.next(now) {
            self.queue.push(next, now);
        }
    }

    /// How it looks for a session that was just read; nothing to see for one that does not wait.
    pub(crate) fn ask_for_room(&self, session: &Session, now: Timestamp) -> Outlook {
        match Entry::of(session) {
            Some(Entry { place: Place::Waits { .. }, .. }) => {
                let outlook = self.room.ask(session, now);
                if self.room.for_pools(now).give_way {
                    self.look_at_pools();
                }
                outlook
            }
            _ => {
                self.book(session.uuid, Some(session));
                Outlook::default()
            }
        }
    }

    /// How it looks for a session, for people. Changes nothing.
    pub(crate) fn outlook(&self, session: &Session, now: Timestamp) -> Outlook {
        self.room.book().outlook(session.uuid, now)
    }
}

/// What stands of a pool engine.
fn entry(engine: &PoolEngine) -> Entry {
    Entry { need: engine.need, place: Place::Pool { retiring: engine.retiring() } }
}
