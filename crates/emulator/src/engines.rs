//! Engines of an emulated world: scripted ones, each with what goes wrong with it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hearth_control::world::{Answer, Launcher, Probe, Start};
use hearth_core::Timestamp;
use hearth_core::admission::Need;
use hearth_core::config::SessionConfig;
use hearth_core::engine::{Endpoint, ExitStatus, Protocol};
use hearth_core::error::ErrorKind;
use hearth_core::id::SessionUuid;
use hearth_core::session::{Failure, Session};
use hearth_core::validate::Violation;
use hearth_driver::fake::{EnginePlan, ExitPlan, FakeWorld, OnStart};

use crate::fault::{Effect, Faults, Step};

/// How an engine ends that is said to crash without an exit code.
pub(crate) const KILLED: ExitStatus = ExitStatus::Signal(9);
/// The port of engines that never answer. No engine can have it.
const SILENT: u16 = 0;

/// Starts sessions as another launcher would, on engines that do what the faults say.
pub(crate) struct EmulatedLauncher {
    pub(crate) inner: Arc<dyn Launcher>,
    pub(crate) engines: FakeWorld,
    pub(crate) faults: Faults,
}

#[async_trait]
impl Launcher for EmulatedLauncher {
    fn check(&self, config: &SessionConfig) -> Vec<Violation> {
        self.inner.check(config)
    }

    fn need(&self, config: &SessionConfig) -> Need {
        self.inner.need(config)
    }

    async fn start(&self, session: &Session, deadline: Timestamp) -> Result<Start, Failure> {
        let start = self.inner.start(session, deadline).await?;
        if matches!(start, Start::Engine { .. }) {
            // An engine that is planned here is made at once, so that no fault is used up twice.
            self.engines.plan(session.uuid.engine_id(), plan(self.faults.of_start(&session.name))?);
        }
        Ok(start)
    }
}

/// Answers for all engines but those that are to be silent.
pub(crate) struct EmulatedProbe;

#[async_trait]
impl Probe for EmulatedProbe {
    async fn ask(&self, _session: SessionUuid, endpoint: &Endpoint, _protocol: Protocol) -> Answer {
        if endpoint.port == SILENT { Answer::NotYet } else { Answer::Good }
    }
}

/// What an engine does with which all this goes wrong.
fn plan(effects: Vec<Effect>) -> Result<EnginePlan, Failure> {
    let mut plan = EnginePlan::default();
    for effect in effects {
        match effect {
            Effect::FailStart { step, message, exit_code } => fail(&mut plan, step, message, exit_code)?,
            Effect::SlowStart { by } => plan.start_delay = plan.start_delay.saturating_add(by),
            Effect::Crash { after, exit_code, log_lines } => {
                let status = exit_code.map_or(KILLED, ExitStatus::Code);
                plan.exit.get_or_insert(ExitPlan { after, status, lines: log_lines });
            }
            // Faults of calls.
            Effect::Refuse { .. } | Effect::LoseAnswer { .. } => {}
        }
    }
    Ok(plan)
}

fn fail(plan: &mut EnginePlan, step: Step, message: String, exit_code: i32) -> Result<(), Failure> {
    let lines = || message.lines().map(str::to_owned).collect();
    let silent = Some(Endpoint { host: "127.0.0.1".to_owned(), port: SILENT });
    match step {
        Step::Accepted => {
            let message =
                if message.is_empty() { "The engine could not be placed".to_owned() } else { message };
            return Err(Failure { kind: ErrorKind::Internal, message });
        }
        Step::Placed => plan.on_start = OnStart::Fails { status: ExitStatus::NotStarted, lines: lines() },
        Step::ProcessUp => {
            plan.on_start = OnStart::Fails { status: ExitStatus::Code(exit_code), lines: lines() };
        }
        Step::Listening => {
            plan.endpoint = silent;
            let status = ExitStatus::Code(exit_code);
            plan.exit = Some(ExitPlan { after: Duration::ZERO, status, lines: lines() });
        }
        Step::Probe => {
            plan.endpoint = silent;
            plan.log = lines();
        }
    }
    Ok(())
}
