//! The fake driver: calls on a fake world.

use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use hearth_core::Timestamp;
use hearth_core::engine::{EngineSpec, Introduction, Observed};
use hearth_core::id::EngineId;
use tokio_stream::wrappers::BroadcastStream;

use super::engine::Engine;
use super::journal::What;
use super::plan::{Fault, Method};
use super::world::{FakeWorld, State};
use crate::{Driver, DriverError, EngineUsage, LogChunk};

/// A driver over a [`FakeWorld`]. Holds nothing of its own.
#[derive(Clone)]
pub struct FakeDriver {
    world: FakeWorld,
}

impl FakeDriver {
    pub(super) fn new(world: FakeWorld) -> Self {
        Self { world }
    }

    /// Carries out one call, with the fault that was injected for it.
    async fn call<T>(
        &self,
        method: Method,
        id: Option<EngineId>,
        act: impl FnOnce(&FakeWorld, &mut State, Timestamp) -> Result<T, DriverError> + Send,
    ) -> Result<T, DriverError> {
        let fault = {
            let (mut state, now) = self.world.settled_state();
            state.journal.note(now, id, What::Called(method));
            state.next_fault(method)
        };
        if let Some(Fault::Delay(by)) = fault {
            self.world.wait(by).await;
        }
        let (mut state, now) = self.world.settled_state();
        if matches!(fault, Some(Fault::Refuse | Fault::LoseAnswer)) {
            state.journal.note(now, id, What::Faulted(method));
        }
        match fault {
            Some(Fault::Refuse) => Err(injected(method)),
            Some(Fault::LoseAnswer) => act(&self.world, &mut state, now).and(Err(injected(method))),
            Some(Fault::Delay(_)) | None => act(&self.world, &mut state, now),
        }
    }
}

#[async_trait]
impl Driver for FakeDriver {
    async fn ensure(&self, spec: &EngineSpec) -> Result<(), DriverError> {
        let id = spec.id;
        self.call(Method::Ensure, Some(id), |world, state, now| {
            if !state.engines.contains_key(&id) {
                let (plan, port) = (state.plan_of(id), state.next_port());
                state.engines.insert(id, Engine::new(spec, plan, port, now));
                state.journal.note(now, Some(id), What::Started);
                world.file(state, id);
            }
            Ok(())
        })
        .await?;
        // What takes no time has happened when the call returns.
        self.world.settle();
        Ok(())
    }

    async fn observe(&self, id: EngineId) -> Result<Observed, DriverError> {
        self.call(Method::Observe, Some(id), |_, state, _| {
            Ok(state.engines.get(&id).map_or(Observed::Absent, Engine::observed))
        })
        .await
    }

    async fn stop(&self, id: EngineId, grace: Duration) -> Result<(), DriverError> {
        self.call(Method::Stop, Some(id), |world, state, now| {
            if let Some(engine) = state.engines.get_mut(&id).filter(|engine| engine.lives()) {
                engine.ask_to_stop(grace, now);
                state.journal.note(now, Some(id), What::StopAsked);
                world.file(state, id);
            }
            Ok(())
        })
        .await?;
        self.world.settle();
        Ok(())
    }

    async fn set_deadline(&self, id: EngineId, deadline: Timestamp) -> Result<(), DriverError> {
        self.call(Method::SetDeadline, Some(id), |world, state, now| {
            if let Some(engine) = state.engines.get_mut(&id).filter(|engine| engine.lives()) {
                engine.set_deadline(deadline, now);
                world.file(state, id);
            }
            Ok(())
        })
        .await
    }

    async fn introduce(&self, id: EngineId, introduction: &Introduction) -> Result<(), DriverError> {
        self.call(Method::Introduce, Some(id), |_, state, _| {
            if let Some(engine) = state.engines.get_mut(&id).filter(|engine| engine.lives()) {
                engine.introduce(introduction);
            }
            Ok(())
        })
        .await
    }

    async fn remove(&self, id: EngineId) -> Result<(), DriverError> {
        self.call(Method::Remove, Some(id), |_, state, now| {
            if state.engines.get(&id).is_some_and(Engine::lives) {
                return Err(DriverError::StillRunning(id));
            }
            if state.forget(id) {
                state.journal.note(now, Some(id), What::Removed);
            }
            Ok(())
        })
        .await
    }

    async fn engines(&self) -> Result<Vec<EngineId>, DriverError> {
        self.call(Method::Engines, None, |_, state, _| Ok(state.engines.keys().copied().collect())).await
    }

    async fn log(&self, id: EngineId, offset: u64, limit: usize) -> Result<LogChunk, DriverError> {
        self.call(Method::Log, Some(id), |_, state, _| {
            Ok(state.engines.get(&id).map_or_else(LogChunk::default, |engine| engine.log(offset, limit)))
        })
        .await
    }

    async fn usage(&self, id: EngineId) -> Result<Option<EngineUsage>, DriverError> {
        // Not in the journal: it changes nothing, and no fault is injected into it.
        let (state, now) = self.world.settled_state();
        Ok(state.engines.get(&id).and_then(|engine| engine.usage(now)))
    }

    fn changes(&self) -> BoxStream<'static, EngineId> {
        // A reader that fell behind loses the oldest hints, which hints may be.
        BroadcastStream::new(self.world.hints()).filter_map(async |hint| hint.ok()).boxed()
    }
}

fn injected(method: Method) -> DriverError {
    DriverError::io(method.what())(std::io::Error::other("a fault was injected here"))
}
