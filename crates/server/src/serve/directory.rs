//! What the gateway is told of sessions.

use std::sync::Arc;

use async_trait::async_trait;
use hearth_control::Control;
use hearth_core::Timestamp;
use hearth_core::engine::Protocol;
use hearth_core::id::SessionUuid;
use hearth_core::session::{Session, SessionState};
use hearth_gateway::{Caller, Code, Directory, InUse, Refusal, SessionKey, Target};
use tokio_util::task::TaskTracker;
use tracing::warn;

use super::routes::Routes;
use super::secrets::EngineSecrets;

/// The call that answers a query; the first one of a session completes its timeline.
const QUERY: &str = "ExecutePlan";

/// Leads calls to the sessions of a control.
pub(crate) struct ControlDirectory {
    pub(crate) control: Control,
    pub(crate) secrets: Arc<EngineSecrets>,
    pub(crate) tasks: TaskTracker,
    /// Whether sessions are emulated: then there is nothing to lead a call to.
    pub(crate) emulated: bool,
    pub(crate) routes: Routes,
}

impl ControlDirectory {
    async fn session(&self, key: &SessionKey) -> Result<Session, Refusal> {
        let found = match key {
            SessionKey::Uuid(uuid) => self.control.session_by_uuid(*uuid).await.map_err(unavailable)?,
            SessionKey::Name(text) => match (text.parse(), text.parse()) {
                (Ok(name), _) => self.control.session(&name).await.ok(),
                (_, Ok(uuid)) => self.control.session_by_uuid(uuid).await.map_err(unavailable)?,
                _ => self.by_id(text).await?,
            },
        };
        found.ok_or_else(|| {
            let hint = "Run `hearth sessions list` to see the sessions there are";
            Refusal::new(Code::NotFound, format!("Not found: Session {key}. {hint}"))
        })
    }

    async fn by_id(&self, id: &str) -> Result<Option<Session>, Refusal> {
        let mut found = self.control.sessions_with_id(id, 2).await.map_err(unavailable)?;
        if found.len() > 1 {
            let text =
                format!("Session id '{id}' exists in several projects or locations. Give the full name");
            return Err(Refusal::new(Code::InvalidArgument, text));
        }
        Ok(found.pop())
    }

    /// Looks at the session that is meant now.
    async fn look(&self, key: &SessionKey) -> Result<Target, Refusal> {
        let session = self.session(key).await?;
        match &session.state {
            SessionState::Active { .. } if self.emulated => {
                // Used all the same: tests of clients see that a session in use is not idle.
                drop(self.control.activity().enter(session.uuid));
                let text = format!("Session {} is emulated: no engine answers Spark calls", session.name);
                Err(Refusal::new(Code::Unimplemented, text))
            }
            SessionState::Active { .. } if session.config.protocol() != Protocol::SparkConnect => {
                let text =
                    format!("Session {} has a notebook's kernel, and no Spark Connect server", session.name);
                Err(Refusal::new(Code::FailedPrecondition, text))
            }
            SessionState::Active { endpoint, .. } => Ok(Target {
                uuid: session.uuid,
                endpoint: endpoint.clone(),
                authorization: Some(self.secrets.header(session.uuid)),
                label: session.name.to_string(),
                settings: self.control.settings(&session),
            }),
            // Clients try again for minutes, which is longer than a start takes.
            SessionState::Creating { undoing: None, .. } => Err(Refusal::new(
                Code::Unavailable,
                format!("Session {} is still being created", session.name),
            )),
            SessionState::Creating { undoing: Some(undoing), .. } => {
                Err(ended(&session, &format!("could not start. {}", undoing.failure.message)))
            }
            SessionState::Terminating { reason, .. } => Err(ended(&session, &format!("is ending. {reason}"))),
            SessionState::Terminated { reason } => {
                Err(ended(&session, &format!("ended at {:.0}. {reason}", session.state_at)))
            }
            SessionState::Failed { failure } => {
                Err(ended(&session, &format!("failed at {:.0}. {}", session.state_at, failure.message)))
            }
        }
    }
}

#[async_trait]
impl Directory for ControlDirectory {
    async fn find(&self, _caller: &Caller, key: &SessionKey) -> Result<Target, Refusal> {
        let names = self.control.names_version();
        let uuid = match key {
            SessionKey::Uuid(uuid) => Some(*uuid),
            SessionKey::Name(name) => self.routes.named(name, names),
        };
        let version = uuid.map(|uuid| self.control.session_version(uuid));
        if let Some(target) = uuid.zip(version).and_then(|(uuid, version)| self.routes.of(uuid, version)) {
            return Ok(target);
        }
        let target = self.look(key).await?;
        if let SessionKey::Name(name) = key {
            self.routes.remember_name(name, names, target.uuid);
        }
        // Of one that was found by its name it was not known before whose version to ask for; its next call is remembered.
        if let Some(version) = version {
            self.routes.remember(version, &target);
        }
        Ok(target)
    }

    fn enter(&self, uuid: SessionUuid) -> InUse {
        let in_use = self.control.activity().enter(uuid);
        InUse::new(move || drop(in_use))
    }

    fn used_at(&self, uuid: SessionUuid, at: Timestamp) {
        self.control.activity().used_at(uuid, at);
    }

    fn answered(&self, uuid: SessionUuid, method: &str) {
        if method != QUERY || !self.control.activity().first_query(uuid) {
            return;
        }
        let control = self.control.clone();
        self.tasks.spawn(async move {
            if let Err(error) = control.note_first_query(uuid).await {
                warn!(session = %uuid, %error, "could not note the first query");
            }
        });
    }
}

/// An answer that clients do not try again.
fn ended(session: &Session, how: &str) -> Refusal {
    Refusal::new(Code::FailedPrecondition, format!("Session {} {how}", session.name))
}

fn unavailable(error: hearth_control::ControlError) -> Refusal {
    Refusal::new(Code::Unavailable, error.to_string())
}
