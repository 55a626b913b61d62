//! Whether a session may have been written since, or a name may mean another one, without reading anything.

use std::sync::atomic::{AtomicU64, Ordering};

use hearth_core::id::SessionUuid;

use crate::{Change, SessionWrite};

/// How many numbers there are. Sessions that share one are taken for changed together, which only costs a read.
const NUMBERS: usize = 1024;

/// Numbers that grow with each write of a session.
#[derive(Debug)]
pub struct Versions {
    sessions: Box<[AtomicU64]>,
    /// Grows with each session that is new or removed.
    names: AtomicU64,
}

/// What a change writes, as far as it matters for versions.
#[derive(Debug)]
pub struct Written {
    sessions: Vec<SessionUuid>,
    names: bool,
}

impl Default for Versions {
    fn default() -> Self {
        let sessions = (0..NUMBERS).map(|_| AtomicU64::new(0)).collect();
        Self { sessions, names: AtomicU64::new(0) }
    }
}

impl Versions {
    /// A session's number now. What is read after it, and kept with it, is true as long as the number is the same.
    pub fn of(&self, uuid: SessionUuid) -> u64 {
        self.number(uuid).load(Ordering::Acquire)
    }

    /// The names' number now. Which session a name means, looked up after it, is true as long as the number is the same.
    pub fn of_names(&self) -> u64 {
        self.names.load(Ordering::Acquire)
    }

    /// Notes what was written. To be called once that can be read, and before anybody is told.
    pub fn note(&self, written: &Written) {
        for uuid in &written.sessions {
            self.number(*uuid).fetch_add(1, Ordering::Release);
        }
        if written.names {
            self.names.fetch_add(1, Ordering::Release);
        }
    }

    fn number(&self, uuid: SessionUuid) -> &AtomicU64 {
        // Uuids are random in every part but their version.
        let [.., high, low] = *uuid.0.as_bytes();
        &self.sessions[usize::from(u16::from_be_bytes([high, low])) % NUMBERS]
    }
}

impl Change {
    /// What it writes.
    pub fn written(&self) -> Written {
        let mut names = false;
        let uuid = |write: &SessionWrite| match write {
            SessionWrite::Update(session) => session.uuid,
            SessionWrite::Insert(session) => {
                names = true;
                session.uuid
            }
            SessionWrite::Remove { uuid, .. } => {
                names = true;
                *uuid
            }
        };
        let sessions = self.sessions.iter().map(uuid).collect();
        Written { sessions, names }
    }
}
