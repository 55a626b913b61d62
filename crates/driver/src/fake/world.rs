//! The fake world: what would be processes, and the agenda of what happens to them.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hearth_core::Timestamp;
use hearth_core::clock::Clock;
use hearth_core::engine::ExitStatus;
use hearth_core::id::EngineId;
use hearth_core::session::later;
use tokio::sync::{Notify, broadcast};

use super::driver::FakeDriver;
use super::engine::{Engine, Event, SavedEngine};
use super::journal::{Counts, Entry, Journal, What};
use super::plan::{EnginePlan, Fault, Method};

/// How many hints a slow reader of [`Driver::changes`](crate::Driver::changes) may be behind before it loses the
/// oldest. Losing some is allowed; this is enough for a reader that keeps up at all.
const HINTS: usize = 4096;

/// The lowest port that engines say they have, and how many there are. Nothing listens there.
const PORTS: (u16, u16) = (20_000, 40_000);

/// What would be processes, shared by the drivers of every server that ever lived. Cheap to clone: all clones are
/// the same world.
#[derive(Clone)]
pub struct FakeWorld {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    hints: broadcast::Sender<EngineId>,
    /// Told when the agenda's first entry changed.
    agenda_changed: Notify,
    /// Told when delayed calls may go on.
    settled: Notify,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) engines: BTreeMap<EngineId, Engine>,
    pub(super) journal: Journal,
    default_plan: Arc<EnginePlan>,
    plans: HashMap<EngineId, Arc<EnginePlan>>,
    faults: HashMap<Method, VecDeque<(Fault, u32)>>,
    /// When which engine changes.
    agenda: BTreeSet<(Timestamp, EngineId)>,
    /// When delayed calls go on.
    wakes: BTreeSet<Timestamp>,
    made: u64,
}

impl FakeWorld {
    /// An empty world that keeps the entries of its journal.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let world = Self::without_entries(clock);
        world.state().journal.keep_entries = true;
        world
    }

    /// An empty world whose journal keeps counts only, for many engines or many calls.
    pub fn without_entries(clock: Arc<dyn Clock>) -> Self {
        let (hints, _) = broadcast::channel(HINTS);
        Self {
            shared: Arc::new(Shared {
                clock,
                state: Mutex::default(),
                hints,
                agenda_changed: Notify::new(),
                settled: Notify::new(),
            }),
        }
    }

    /// A new driver over this world, as a server that starts makes one.
    pub fn driver(&self) -> FakeDriver {
        FakeDriver::new(self.clone())
    }

    /// Says what engines without a plan of their own do, from their start on.
    pub fn plan_by_default(&self, plan: EnginePlan) {
        self.state().default_plan = Arc::new(plan);
    }

    /// Says what the engine `id` will do once it is started.
    pub fn plan(&self, id: EngineId, plan: EnginePlan) {
        self.state().plans.insert(id, Arc::new(plan));
    }

    /// Lets the next `calls` calls of `method` go wrong, after those for which something was injected before.
    pub fn inject(&self, method: Method, fault: Fault, calls: u32) {
        self.state().faults.entry(method).or_default().push_back((fault, calls));
    }

    /// Takes back all that was injected and not yet used.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// Ends the engine `id` now, as a crash or an administrator would, after it wrote `lines`. Whether it ran.
    pub fn end(&self, id: EngineId, status: ExitStatus, lines: &[String]) -> bool {
        let (mut state, now) = self.settled_state();
        let lives = state.engines.get(&id).is_some_and(Engine::lives);
        if lives {
            self.apply(&mut state, id, Event::itself(status, lines), now);
        }
        lives
    }

    /// Every engine of which there is any trace, as it can be written down.
    pub fn save(&self) -> Vec<SavedEngine> {
        self.settled_state().0.engines.iter().map(|(id, engine)| engine.save(*id)).collect()
    }

    /// Puts these engines in the place of all there are. Plans and injected faults go; the default plan and the
    /// journal stay. Of two with the same id the later one counts.
    pub fn load(&self, engines: Vec<SavedEngine>) {
        let mut state = self.state();
        state.engines.clear();
        state.agenda.clear();
        state.plans.clear();
        state.faults.clear();
        state.made = u64::try_from(engines.len()).unwrap_or(0);
        for saved in engines {
            let id = saved.id;
            state.forget(id);
            state.engines.insert(id, Engine::load(saved));
            self.file(&mut state, id);
        }
    }

    /// Lets happen what is due by the clock. Every call of a driver does so first.
    pub fn settle(&self) {
        drop(self.settled_state());
    }

    /// The next time at which something changes by itself; `None` if nothing will.
    pub fn next_change(&self) -> Option<Timestamp> {
        let state = self.state();
        let engine = state.agenda.first().map(|(at, _)| *at);
        let wake = state.wakes.first().copied();
        [engine, wake].into_iter().flatten().min()
    }

    /// Settles the world whenever something is due, for a clock that runs by itself. Never returns.
    ///
    /// # Cancel safety
    /// May be dropped at any time; the world then stands still between calls.
    pub async fn keep_settled(&self) {
        loop {
            let changed = self.shared.agenda_changed.notified();
            self.settle();
            match self.next_change() {
                None => changed.await,
                Some(at) => {
                    let wait = at.duration_since(self.now());
                    // Already due: settled by the next turn.
                    let wait = Duration::try_from(wait).unwrap_or_default();
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = changed => {}
                    }
                }
            }
        }
    }

    /// The engines that run now.
    pub fn live(&self) -> Vec<EngineId> {
        let (state, _) = self.settled_state();
        state.engines.iter().filter(|(_, engine)| engine.lives()).map(|(id, _)| *id).collect()
    }

    /// Every engine of which there is any trace: those that run and those that ended and were not removed.
    pub fn traces(&self) -> Vec<EngineId> {
        self.settled_state().0.engines.keys().copied().collect()
    }

    /// What happened to `id` over the whole life of the world, as numbers.
    pub fn counts(&self, id: EngineId) -> Counts {
        self.settled_state().0.journal.counts(id)
    }

    /// A copy of the journal up to now.
    pub fn journal(&self) -> Journal {
        self.settled_state().0.journal.clone()
    }

    /// The entries of the journal about `id`, oldest first.
    pub fn entries_of(&self, id: EngineId) -> Vec<Entry> {
        let (state, _) = self.settled_state();
        state.journal.entries().iter().filter(|entry| entry.id == Some(id)).copied().collect()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    pub(super) fn hints(&self) -> broadcast::Receiver<EngineId> {
        self.shared.hints.subscribe()
    }

    /// The state after all that is due has happened, and the time of that.
    pub(super) fn settled_state(&self) -> (MutexGuard<'_, State>, Timestamp) {
        let mut state = self.state();
        let now = self.now();
        while let Some(&(at, id)) = state.agenda.first()
            && at <= now
        {
            let event = state.engines.get(&id).and_then(Engine::next_event);
            match event {
                Some((_, event)) => self.apply(&mut state, id, event, at),
                // Only engines that something happens to are on the agenda.
                None => drop(state.agenda.pop_first()),
            }
        }
        if state.wakes.first().is_some_and(|at| *at <= now) {
            state.wakes.retain(|at| *at > now);
            self.shared.settled.notify_waiters();
        }
        (state, now)
    }

    /// Writes down when `id` changes next. Called after every change to an engine.
    pub(super) fn file(&self, state: &mut State, id: EngineId) {
        let Some(engine) = state.engines.get_mut(&id) else { return };
        if let Some(at) = engine.due.take() {
            state.agenda.remove(&(at, id));
        }
        if let Some((at, _)) = engine.next_event() {
            engine.due = Some(at);
            state.agenda.insert((at, id));
            if state.agenda.first() == Some(&(at, id)) {
                self.shared.agenda_changed.notify_one();
            }
        }
        // Nobody listening is fine.
        let _ = self.shared.hints.send(id);
    }

    /// Waits until the clock has come to `now` and then `by`.
    pub(super) async fn wait(&self, by: Duration) {
        let until = later(self.now(), by);
        loop {
            let settled = self.shared.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            if self.now() >= until {
                return;
            }
            self.state().wakes.insert(until);
            self.shared.agenda_changed.notify_one();
            settled.await;
        }
    }

    fn apply(&self, state: &mut State, id: EngineId, event: Event, at: Timestamp) {
        let Some(engine) = state.engines.get_mut(&id) else { return };
        let what = match &event {
            Event::Listens => What::Listened,
            Event::Ends { status, cause, .. } => What::Ended(*status, *cause),
        };
        engine.apply(event, at);
        state.journal.note(at, Some(id), what);
        self.file(state, id);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves the state as whole as it was: every change is made under one lock.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The fault of the next call of `method`, used up by asking.
    pub(super) fn next_fault(&mut self, method: Method) -> Option<Fault> {
        let queue = self.faults.get_mut(&method)?;
        while let Some((fault, calls)) = queue.front_mut() {
            if let Some(rest) = calls.checked_sub(1) {
                *calls = rest;
                return Some(*fault);
            }
            queue.pop_front();
        }
        None
    }

    pub(super) fn plan_of(&self, id: EngineId) -> Arc<EnginePlan> {
        Arc::clone(self.plans.get(&id).unwrap_or(&self.default_plan))
    }

    pub(super) fn next_port(&mut self) -> u16 {
        let (first, count) = PORTS;
        let port = first + u16::try_from(self.made % u64::from(count)).unwrap_or(0);
        self.made += 1;
        port
    }

    /// Takes away what `id` left.
    pub(super) fn forget(&mut self, id: EngineId) -> bool {
        match self.engines.remove(&id) {
            Some(engine) => {
                if let Some(at) = engine.due {
                    self.agenda.remove(&(at, id));
                }
                true
            }
            None => false,
        }
    }
}
