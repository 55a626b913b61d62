//! Follows the kernels of sessions: what they do counts as use, and what is noteworthy about a session is told in its
//! notebook.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hearth_control::watch::Seen;
use hearth_control::{Control, ControlError};
use hearth_core::Timestamp;
use hearth_core::engine::{Endpoint, Protocol};
use hearth_core::id::SessionUuid;
use hearth_core::notice::{Notice, What};
use hearth_core::session::{Session, SessionState, StateLabel};
use hearth_gateway::jupyter::{Kernel, KernelWatch, Relay};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::Cards;
use crate::serve::secrets::EngineSecrets;

/// How soon a session whose record could not be read is looked at again.
const AGAIN: Duration = Duration::from_secs(1);

/// How long kernels may take to say what they do, after a start of the service. Sessions are not ended before that.
const CATCH_UP: Duration = Duration::from_secs(3);

/// A kernel that was seen to answer, before its session is recorded as active.
pub(crate) type Answered = (SessionUuid, Endpoint);

/// Follows kernels. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Keeper(Arc<Inner>);

struct Inner {
    control: Control,
    secrets: Arc<EngineSecrets>,
    watch: KernelWatch,
    cards: Arc<dyn Cards>,
    kept: Mutex<HashMap<SessionUuid, Kept>>,
    tasks: TaskTracker,
}

struct Kept {
    kernel: Kernel,
    /// It says its last words.
    ending: bool,
    task: AbortHandle,
}

impl Keeper {
    pub(crate) fn new(
        control: Control,
        secrets: Arc<EngineSecrets>,
        watch: KernelWatch,
        cards: Arc<dyn Cards>,
    ) -> Self {
        let (kept, tasks) = (Mutex::default(), TaskTracker::new());
        Self(Arc::new(Inner { control, secrets, watch, cards, kept, tasks }))
    }

    /// Takes up the kernels that an earlier service has left, and waits until most have said what they do: one whose
    /// cell runs since yesterday must not be taken for idle.
    ///
    /// # Errors
    /// When the store has a problem.
    pub(crate) async fn catch_up(&self) -> Result<(), ControlError> {
        for session in self.0.control.live_sessions().await? {
            if let SessionState::Active { endpoint, .. } = &session.state
                && session.config.protocol() == Protocol::Jupyter
            {
                self.keep(&session, endpoint.clone(), session.notices.last());
            }
        }
        self.0.watch.caught_up(CATCH_UP).await;
        Ok(())
    }

    /// Takes up each kernel that answers for the first time, until nobody is left to tell of any.
    pub(crate) fn listen(&self, mut answered: mpsc::UnboundedReceiver<Answered>) {
        let keeper = self.clone();
        self.0.tasks.spawn(async move {
            while let Some((uuid, endpoint)) = answered.recv().await {
                match keeper.0.control.session_by_uuid(uuid).await {
                    Ok(Some(session)) => keeper.keep(&session, endpoint, 0),
                    Ok(None) => {}
                    Err(error) => warn!(session = %uuid, %error, "could not take up a kernel"),
                }
            }
        });
    }

    /// The kernels that can be used.
    pub(crate) fn kernels(&self) -> Vec<Kernel> {
        self.kept().values().filter(|kept| !kept.ending).map(|kept| kept.kernel.clone()).collect()
    }

    /// The session of a kernel is ending: it is not listed any more.
    pub(crate) fn ending(&self, uuid: SessionUuid) {
        if let Some(kept) = self.kept().get_mut(&uuid) {
            kept.ending = true;
        }
    }

    /// The kernel of a session, which answers at this endpoint.
    pub(crate) fn kernel(&self, session: &Session, endpoint: Endpoint, spec: String) -> Kernel {
        Kernel {
            uuid: session.uuid,
            spec,
            session: session.name.to_string(),
            relay: Relay { endpoint, authorization: self.0.secrets.header(session.uuid) },
            started_at: session.state_at,
        }
    }

    /// Follows the kernel of a session, and tells it of notices after this one.
    fn keep(&self, session: &Session, endpoint: Endpoint, after: u64) {
        let mut kept = self.kept();
        if kept.contains_key(&session.uuid) {
            return;
        }
        let kernel =
            self.kernel(session, endpoint, super::sessions::spec_name(&*self.0.cards, &session.config));
        self.0.watch.follow(session.uuid, kernel.relay.clone());
        let (keeper, session, relay) = (self.clone(), session.clone(), kernel.relay.clone());
        let uuid = session.uuid;
        let task = self.0.tasks.spawn(async move {
            keeper.tell(&session, &relay, after).await;
            keeper.0.watch.forget(session.uuid);
            keeper.kept().remove(&session.uuid);
        });
        kept.insert(uuid, Kept { kernel, ending: false, task: task.abort_handle() });
    }

    /// Tells the notebook what happens to its session, until that has ended.
    async fn tell(&self, session: &Session, relay: &Relay, mut after: u64) {
        loop {
            let followed = async {
                let mut watch = self.0.control.watch(&session.name, after).await?;
                while let Some(seen) = watch.next().await? {
                    let Seen::Notice { notice, state } = seen else { break };
                    after = notice.sequence;
                    if !matches!(state, StateLabel::Creating | StateLabel::Active) {
                        self.ending(session.uuid);
                    }
                    if let Some((text, last)) = words(session, &notice)
                        && let Err(error) = relay.notice(&text, last).await
                    {
                        debug!(session = %session.name, %error, "could not tell the notebook");
                    }
                    if state.terminal() {
                        break;
                    }
                }
                Ok::<_, ControlError>(())
            };
            match followed.await {
                Ok(()) | Err(ControlError::SessionNotFound(_) | ControlError::Ending(_)) => return,
                Err(error) => {
                    warn!(session = %session.name, %error, "could not follow the session of a kernel");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    /// Stops following, so that the service can end. Kernels go on.
    pub(crate) fn close(&self) {
        for kept in self.kept().values() {
            kept.task.abort();
        }
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<SessionUuid, Kept>> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a notice says in a notebook, and whether it is the last thing that is said there.
fn words(session: &Session, notice: &Notice) -> Option<(String, bool)> {
    let id = session.name.id();
    match &notice.what {
        What::EndNear(_) | What::Extended { .. } => Some((format!("Session {id}: {}", notice.text()), false)),
        What::Ending { why } => {
            let why = why.trim_end_matches('.');
            let (first, rest) = why.split_at(why.chars().next().map_or(0, char::len_utf8));
            Some((format!("Session {id} is ending: {}{rest}.", first.to_lowercase()), true))
        }
        What::Created { .. }
        | What::Waiting { .. }
        | What::Admitted
        | What::Active
        | What::PackagesAdded { .. }
        | What::Terminated { .. }
        | What::Failed { .. } => None,
    }
}

/// Why a session's kernel cannot be used, for a state that nothing follows or that is not there yet.
pub(super) fn ended(session: &Session) -> Option<String> {
    let at = |at: Timestamp| format!("{at:.0}");
    let id = session.name.id();
    match &session.state {
        SessionState::Active { .. } | SessionState::Creating { undoing: None, .. } => None,
        SessionState::Creating { undoing: Some(undoing), .. } => {
            Some(format!("Session {id} could not start. {}", undoing.failure.message))
        }
        SessionState::Terminating { reason, .. } => Some(format!("Session {id} is ending. {reason}")),
        SessionState::Terminated { reason } => {
            Some(format!("Session {id} ended at {}. {reason}", at(session.state_at)))
        }
        SessionState::Failed { failure } => {
            Some(format!("Session {id} failed at {}. {}", at(session.state_at), failure.message))
        }
    }
}
