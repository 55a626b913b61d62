//! What each kernel does: followed as long as its session lives, because a cell that runs is use of the session.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use bytes::BytesMut;
use hearth_core::id::SessionUuid;
use hearth_jupyter::State;
use http::Request;
use http_body_util::BodyExt as _;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio_util::task::TaskTracker;

use super::relay::{Relay, RelayError};
use crate::directory::{Directory, InUse};

/// How soon a relay that could not be reached is asked again.
const AGAIN: Duration = Duration::from_millis(500);

/// The longest line of a relay, in bytes; a state takes some two hundred.
const LINE: usize = 16 * 1024;

/// Follows kernels. Cheap to clone.
#[derive(Clone)]
pub struct KernelWatch(Arc<Inner>);

struct Inner {
    directory: Arc<dyn Directory>,
    followed: Mutex<HashMap<SessionUuid, Followed>>,
    tasks: TaskTracker,
}

struct Followed {
    state: watch::Receiver<Option<State>>,
    task: AbortHandle,
}

impl KernelWatch {
    /// Follows nothing yet. That a kernel works is told to `directory`.
    pub fn new(directory: Arc<dyn Directory>) -> Self {
        Self(Arc::new(Inner { directory, followed: Mutex::default(), tasks: TaskTracker::new() }))
    }

    /// Follows the kernel of a session until it is told to stop. Twice is as once.
    pub fn follow(&self, uuid: SessionUuid, relay: Relay) {
        let mut followed = self.followed();
        if followed.contains_key(&uuid) {
            return;
        }
        let (sender, state) = watch::channel(None);
        let directory = self.0.directory.clone();
        let task = self.0.tasks.spawn(async move { follow(uuid, relay, &sender, &*directory).await });
        followed.insert(uuid, Followed { state, task: task.abort_handle() });
    }

    /// Stops following.
    pub fn forget(&self, uuid: SessionUuid) {
        if let Some(followed) = self.followed().remove(&uuid) {
            followed.task.abort();
        }
    }

    /// What the kernel of a session does, as far as it is known.
    pub fn state(&self, uuid: SessionUuid) -> Option<State> {
        self.followed().get(&uuid).and_then(|followed| followed.state.borrow().clone())
    }

    /// Waits until it is known what each followed kernel does, but no longer than this.
    pub async fn caught_up(&self, limit: Duration) {
        let states: Vec<_> = self.followed().values().map(|followed| followed.state.clone()).collect();
        let all = async {
            for mut state in states {
                // One whose task has ended will never be known.
                let _ = state.wait_for(Option::is_some).await;
            }
        };
        let _ = tokio::time::timeout(limit, all).await;
    }

    fn followed(&self) -> MutexGuard<'_, HashMap<SessionUuid, Followed>> {
        self.0.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Follows one kernel for ever. The use it counts ends with the task.
async fn follow(
    uuid: SessionUuid,
    relay: Relay,
    told: &watch::Sender<Option<State>>,
    directory: &dyn Directory,
) {
    let mut in_use: Option<InUse> = None;
    loop {
        let on_state = |state: State| {
            match (state.working, &in_use) {
                (true, None) => in_use = Some(directory.enter(uuid)),
                (false, Some(_)) => in_use = None,
                _ => {}
            }
            if let (false, Some(at)) = (state.working, state.worked_at) {
                directory.used_at(uuid, at);
            }
            told.send_replace(Some(state));
        };
        // A kernel that cannot be reached is as busy as it was: a session must not end because of that.
        if let Err(error) = states(&relay, on_state).await {
            tracing::debug!(session = %uuid, %error, "could not follow the kernel");
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Hands on each state that the relay tells, until it tells no more.
async fn states(relay: &Relay, mut each: impl FnMut(State)) -> Result<(), RelayError> {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = http::Uri::from_static("/state");
    let response = relay.send(request).await?;
    if !response.status().is_success() {
        return Err(RelayError::Status(response.status()));
    }
    let (mut body, mut unread) = (response.into_body(), BytesMut::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| RelayError::Gone(Box::new(error)))?;
        unread.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
        while let Some(end) = unread.iter().position(|byte| *byte == b'\n') {
            let line = unread.split_to(end + 1);
            match serde_json::from_slice(&line) {
                Ok(state) => each(state),
                Err(error) => tracing::debug!(%error, "a state of a kernel cannot be read"),
            }
        }
        if unread.len() > LINE {
            return Err(RelayError::Status(http::StatusCode::PAYLOAD_TOO_LARGE));
        }
    }
    Ok(())
}
