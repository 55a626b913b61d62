//! An emulated world in which everything can be started.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hearth_control::sessions::CreateSession;
use hearth_control::world::{Launcher, Start};
use hearth_control::{Caller, Control, Scope};
use hearth_core::Timestamp;
use hearth_core::config::{SessionConfig, SessionKind};
use hearth_core::name::{Parent, SessionName};
use hearth_core::operation::Operation;
use hearth_core::policy::SessionPolicy;
use hearth_core::session::{Failure, Session};
use hearth_core::validate::Violation;
use hearth_driver::fake::spec;
use hearth_emulator::Emulator;
use tokio_util::sync::CancellationToken;

/// When worlds begin: any time will do.
const BEGINNING: i64 = 1_900_000_000;

struct AnyEngine;

#[async_trait]
impl Launcher for AnyEngine {
    fn check(&self, _config: &SessionConfig) -> Vec<Violation> {
        Vec::new()
    }

    async fn start(&self, session: &Session, deadline: Timestamp) -> Result<Start, Failure> {
        Ok(Start::Engine { spec: Box::new(spec(session.uuid.engine_id(), deadline)), prepared: false })
    }
}

/// A world at work. It ends with the runtime it was made in.
pub(crate) struct World {
    pub(crate) control: Control,
    pub(crate) emulator: Emulator,
    _shutdown: tokio_util::sync::DropGuard,
}

impl World {
    /// A world whose clock stands still.
    pub(crate) fn new() -> Self {
        let at = Timestamp::from_second(BEGINNING).unwrap();
        let start = hearth_emulator::Start::new(Some(at), false);
        let control = Control::new(start.world(Arc::new(AnyEngine)), SessionPolicy::default());
        let (emulator, running) = start.begin(control.clone());
        let shutdown = CancellationToken::new();
        tokio::spawn(running.run(shutdown.clone()));
        Self { control, emulator, _shutdown: shutdown.drop_guard() }
    }

    pub(crate) async fn create(&self, id: &str, ttl: Duration) -> Operation {
        let mut config = SessionConfig { kind: Some(SessionKind::SparkConnect), ..SessionConfig::default() };
        let execution = config.execution_mut();
        (execution.ttl, execution.idle_ttl) = (Some(ttl), Some(ttl));
        let create = CreateSession {
            parent: parent(),
            session_id: id.to_owned(),
            name: String::new(),
            config,
            request_id: Some(id.parse().unwrap()),
        };
        let caller = Caller { name: "someone@example.com".to_owned(), scope: Scope::Full };
        let operation = self.control.create_session(&caller, create).await.unwrap();
        self.emulator.settle().await.unwrap();
        operation
    }

    pub(crate) async fn session(&self, id: &str) -> Session {
        self.control.session(&name(id)).await.unwrap()
    }
}

pub(crate) fn parent() -> Parent {
    Parent { project: "p".to_owned(), location: "l".to_owned() }
}

pub(crate) fn name(id: &str) -> SessionName {
    parent().session(id)
}
