//! Whether a session may have been written since, without reading it.

use std::sync::atomic::{AtomicU64, Ordering};

use hearth_core::id::SessionUuid;

use crate::{Change, SessionWrite};

/// How many numbers there are. Sessions that share one are taken for changed together, which only costs a read.
const NUMBERS: usize = 1024;

/// Numbers that grow with each write of a session.
#[derive(Debug)]
pub struct Versions(Box<[AtomicU64]>);

impl Default for Versions {
    fn default() -> Self {
        Self((0..NUMBERS).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Versions {
    /// A session's number now. What is read after it, and kept with it, is true as long as the number is the same.
    pub fn of(&self, uuid: SessionUuid) -> u64 {
        self.number(uuid).load(Ordering::Acquire)
    }

    /// Notes that these sessions were written. To be called once that can be read, and before anybody is told.
    pub fn written(&self, uuids: &[SessionUuid]) {
        for uuid in uuids {
            self.number(*uuid).fetch_add(1, Ordering::Release);
        }
    }

    fn number(&self, uuid: SessionUuid) -> &AtomicU64 {
        // Uuids are random in every part but their version.
        let [.., high, low] = *uuid.0.as_bytes();
        &self.0[usize::from(u16::from_be_bytes([high, low])) % NUMBERS]
    }
}

impl Change {
    /// The sessions that it writes.
    pub fn written_sessions(&self) -> Vec<SessionUuid> {
        let uuid = |write: &SessionWrite| match write {
            SessionWrite::Insert(session) | SessionWrite::Update(session) => session.uuid,
            SessionWrite::Remove { uuid, .. } => *uuid,
        };
        self.sessions.iter().map(uuid).collect()
    }
}
