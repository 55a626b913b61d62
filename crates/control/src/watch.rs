//! Watching sessions: each of their notices as it comes.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hearth_core::id::SessionUuid;
use hearth_core::name::SessionName;
use hearth_core::notice::Notice;
use hearth_core::session::StateLabel;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::Control;
use crate::error::ControlError;

/// How often a session is looked at although nothing was heard, as when another server acts on it.
const LOOK: Duration = Duration::from_secs(2);

/// Who watches which session, to be told at once when it was written.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    watching: Mutex<HashMap<SessionUuid, watch::Sender<()>>>,
    closed: CancellationToken,
}

/// What a watcher sees.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// Something noteworthy happened.
    Notice {
        /// What.
        notice: Notice,
        /// The state that the session is in by now.
        state: StateLabel,
    },
    /// The session's record was removed.
    Removed,
}

/// A look at one session that goes on.
pub struct Watch {
    control: Control,
    name: SessionName,
    uuid: SessionUuid,
    /// The number of the last notice that was taken up.
    after: u64,
    ready: VecDeque<Seen>,
    over: bool,
    changed: watch::Receiver<()>,
}

impl Watchers {
    /// Tells those who watch a session that it was written.
    pub(crate) fn changed(&self, uuid: SessionUuid) {
        let mut watching = self.watching();
        if let Some(sender) = watching.get(&uuid)
            && sender.send(()).is_err()
        {
            // Nobody is left.
            watching.remove(&uuid);
        }
    }

    /// Lets everybody look again, whatever they watch.
    pub(crate) fn all_changed(&self) {
        // One that nobody listens to any more goes.
        self.watching().retain(|_, sender| sender.send(()).is_ok());
    }

    fn watch(&self, uuid: SessionUuid) -> watch::Receiver<()> {
        self.watching().entry(uuid).or_insert_with(|| watch::channel(()).0).subscribe()
    }

    fn left(&self, uuid: SessionUuid) {
        let mut watching = self.watching();
        // The one that leaves still counts.
        if watching.get(&uuid).is_some_and(|sender| sender.receiver_count() <= 1) {
            watching.remove(&uuid);
        }
    }

    fn watching(&self) -> MutexGuard<'_, HashMap<SessionUuid, watch::Sender<()>>> {
        self.watching.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Control {
    /// Watches a session from the notice after number `after` on: 0 begins with its creation.
    ///
    /// # Errors
    /// When there is no such session, or the store has a problem.
    pub async fn watch(&self, name: &SessionName, after: u64) -> Result<Watch, ControlError> {
        let session = self.session(name).await?;
        // Numbers of an earlier session of that name mean nothing here.
        let after = if after > session.notices.last() { 0 } else { after };
        Ok(Watch {
            changed: self.watchers.watch(session.uuid),
            control: self.clone(),
            name: name.clone(),
            uuid: session.uuid,
            after,
            ready: VecDeque::new(),
            over: false,
        })
    }

    /// Ends every watch, now and from now on, so that a server can end.
    pub fn end_watches(&self) {
        self.watchers.closed.cancel();
    }
}

impl Watch {
    /// The next thing to see; `None` once nothing more can come, because the session has ended or is gone.
    ///
    /// # Errors
    /// When the store has a problem, or the server ends. Watching again from the last number seen loses nothing.
    ///
    /// # Cancel safety
    /// Safe: what was not returned is returned by the next call.
    pub async fn next(&mut self) -> Result<Option<Seen>, ControlError> {
        loop {
            if let Some(seen) = self.ready.pop_front() {
                return Ok(Some(seen));
            }
            if self.over {
                return Ok(None);
            }
            // From here on a change is heard of, so that none is missed by looking first.
            self.changed.borrow_and_update();
            match self.control.session_by_uuid(self.uuid).await? {
                None => {
                    self.over = true;
                    self.ready.push_back(Seen::Removed);
                }
                Some(session) => {
                    let state = session.state.label();
                    let new = session.notices.after(self.after);
                    self.ready.extend(new.map(|notice| Seen::Notice { notice: notice.clone(), state }));
                    self.after = session.notices.last();
                    self.over = session.ended();
                }
            }
            if self.over || !self.ready.is_empty() {
                continue;
            }
            tokio::select! {
                // The sender stays while this receiver does; without it the looks still find everything.
                _ = self.changed.changed() => {}
                () = tokio::time::sleep(LOOK) => {}
                () = self.control.watchers.closed.cancelled() => {
                    return Err(ControlError::Ending(self.name.clone()));
                }
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.control.watchers.left(self.uuid);
    }
}
