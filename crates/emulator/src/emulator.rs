//! The handle on an emulated world: what callers ask of it, carried out by one task after the other's order.

use std::sync::Arc;

use hearth_control::virtual_time::VirtualClock;
use hearth_control::world::{Launcher, System, World};
use hearth_control::{Control, ControlError};
use hearth_core::Timestamp;
use hearth_core::clock::Clock;
use hearth_core::engine::ExitStatus;
use hearth_core::name::SessionName;
use hearth_core::notice::Notice;
use hearth_core::session::{Session, StateLabel};
use hearth_driver::fake::FakeWorld;
use hearth_store::MemoryStore;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::actor::{Actor, Order, Target};
use crate::document::{Document, DocumentError};
use crate::engines::{EmulatedLauncher, EmulatedProbe, KILLED};
use crate::fault::Faults;

/// How many orders may wait. Callers wait for their turn beyond that.
const ORDERS: usize = 64;

/// What an emulated world is made of, before anybody acts in it.
pub struct Start {
    clock: Arc<VirtualClock>,
    store: Arc<MemoryStore>,
    engines: FakeWorld,
    faults: Faults,
    /// Whether a reset sets the clock to the machine's.
    machine_time: bool,
}

/// A handle on an emulated world. Cheap to clone; clones are the same world.
#[derive(Clone)]
pub struct Emulator {
    control: Control,
    clock: Arc<VirtualClock>,
    engines: FakeWorld,
    faults: Faults,
    orders: mpsc::Sender<Order>,
}

/// The emulated world at work.
pub struct Running {
    actor: Actor,
    beginning: Option<Document>,
}

/// What the clock shows, and what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockReading {
    /// The time.
    pub now: Timestamp,
    /// Whether it runs with real time.
    pub runs: bool,
    /// When something happens next by itself; `None` if nothing will.
    pub next: Option<Timestamp>,
}

/// Something noteworthy that happened to a session.
#[derive(Debug, Clone, PartialEq)]
pub struct Happened {
    /// The session.
    pub session: SessionName,
    /// The state it is in by now.
    pub state: StateLabel,
    /// What happened.
    pub notice: Notice,
}

/// Why the emulator did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum EmulatorError {
    /// The server ends.
    #[error("The service is ending")]
    Ending,
    /// The clock cannot be moved so.
    #[error(
        "The clock shows {now} and cannot be moved to {to}: it moves on by 366 days at most, and never back"
    )]
    Unreachable {
        /// What it shows.
        now: Timestamp,
        /// Where it was to be moved.
        to: Timestamp,
    },
    /// A saved state that cannot be taken.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A session whose engine does not run.
    #[error("Session {name} is {state} and has no engine that runs")]
    NoEngine {
        /// The session.
        name: SessionName,
        /// The state it is in.
        state: StateLabel,
    },
    /// A use case failed.
    #[error(transparent)]
    Control(#[from] ControlError),
}

impl Start {
    /// An empty world. Its clock shows `at`, or the machine's time, and runs on with real time if it `runs`.
    pub fn new(at: Option<Timestamp>, runs: bool) -> Self {
        let clock = Arc::new(VirtualClock::new(at.unwrap_or_else(|| System.now())));
        if runs {
            clock.run();
        }
        Self {
            store: Arc::default(),
            engines: FakeWorld::without_entries(clock.clone()),
            clock,
            faults: Faults::default(),
            machine_time: runs && at.is_none(),
        }
    }

    /// The world as control sees it, in which `launcher` says what can be started at all.
    pub fn world(&self, launcher: Arc<dyn Launcher>) -> World {
        World {
            store: self.store.clone(),
            driver: Arc::new(self.engines.driver()),
            launcher: Arc::new(EmulatedLauncher {
                inner: launcher,
                engines: self.engines.clone(),
                faults: self.faults.clone(),
            }),
            probe: Arc::new(EmulatedProbe),
            // What engines write is kept with them.
            staging: None,
            packer: None,
            clock: self.clock.clone(),
            timer: self.clock.clone(),
            random: Arc::new(System),
        }
    }

    /// The world with its use cases. Nothing happens in it before [`Running::run`].
    pub fn begin(self, control: Control) -> (Emulator, Running) {
        let (sender, orders) = mpsc::channel(ORDERS);
        let Self { clock, store, engines, faults, machine_time } = self;
        let emulator = Emulator {
            control: control.clone(),
            clock: clock.clone(),
            engines: engines.clone(),
            faults: faults.clone(),
            orders: sender,
        };
        let actor = Actor::new(control, clock, store, engines, faults, machine_time, orders);
        (emulator, Running { actor, beginning: None })
    }
}

impl Running {
    /// Begins with what a document says.
    ///
    /// # Errors
    /// When it does not fit. Then nothing has changed.
    pub async fn load(&mut self, document: &str) -> Result<(), DocumentError> {
        self.actor.load(Document::read(document)?).await
    }

    /// Goes on from what an earlier emulator ended with. A reset comes back to what there was before this.
    ///
    /// # Errors
    /// When it does not fit. Then nothing has changed.
    pub async fn resume(&mut self, document: &str) -> Result<(), DocumentError> {
        let document = Document::read(document)?;
        self.beginning = Some(self.actor.document().await);
        self.actor.load(document).await
    }

    /// Lets things happen until `shutdown`, and gives what there is then as a document. What there is now is what a
    /// reset comes back to.
    pub async fn run(mut self, shutdown: CancellationToken) -> String {
        self.actor.take_over().await;
        let beginning = match self.beginning.take() {
            Some(beginning) => beginning,
            None => self.actor.document().await,
        };
        self.actor.run(beginning, shutdown).await.write()
    }
}

impl Emulator {
    /// What the clock shows.
    pub fn clock(&self) -> ClockReading {
        let next = [self.control.next_due(), self.engines.next_change()].into_iter().flatten().min();
        ClockReading { now: self.clock.now(), runs: self.clock.runs(), next }
    }

    /// The faults that are still to come.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Returns when all that is due by the clock has happened.
    ///
    /// # Errors
    /// When the server ends.
    pub async fn settle(&self) -> Result<(), EmulatorError> {
        self.order(Order::Settle).await
    }

    /// Lets the clock run, or stand still.
    ///
    /// # Errors
    /// When the server ends.
    pub async fn set_clock(&self, runs: bool) -> Result<(), EmulatorError> {
        self.order(|done| Order::SetClock(runs, done)).await
    }

    /// Moves the clock on. All that becomes due on the way has happened when this returns, each thing at its time.
    ///
    /// # Errors
    /// When the clock cannot be moved so, or the server ends.
    pub async fn advance(&self, target: Target) -> Result<Vec<Happened>, EmulatorError> {
        self.order(|done| Order::Advance(target, done)).await?
    }

    /// Ends a session's engine by itself, after it wrote `lines`; without an exit code by a signal. What follows from it
    /// has happened when this returns.
    ///
    /// # Errors
    /// When there is no such session, its engine does not run, or the server ends.
    pub async fn crash(
        &self,
        name: &SessionName,
        exit_code: Option<i32>,
        lines: &[String],
    ) -> Result<Session, EmulatorError> {
        let session = self.control.session(name).await?;
        let status = exit_code.map_or(KILLED, ExitStatus::Code);
        if !self.engines.end(session.uuid.engine_id(), status, lines) {
            return Err(EmulatorError::NoEngine { name: name.clone(), state: session.state.label() });
        }
        self.settle().await?;
        Ok(self.control.session(name).await?)
    }

    /// Notes that a session is used now.
    ///
    /// # Errors
    /// When there is no such session.
    pub async fn use_session(&self, name: &SessionName) -> Result<(), EmulatorError> {
        let session = self.control.session(name).await?;
        drop(self.control.activity().enter(session.uuid));
        if self.control.activity().first_query(session.uuid) {
            self.control.note_first_query(session.uuid).await?;
        }
        Ok(())
    }

    /// Everything there is as a document.
    ///
    /// # Errors
    /// When the server ends.
    pub async fn save(&self) -> Result<String, EmulatorError> {
        self.order(Order::Save).await
    }

    /// Puts what a document says in the place of everything there is.
    ///
    /// # Errors
    /// When it does not fit, or the server ends. Then nothing has changed.
    pub async fn load(&self, document: &str) -> Result<(), EmulatorError> {
        let document = Box::new(Document::read(document)?);
        Ok(self.order(|done| Order::Load(document, done)).await??)
    }

    /// Makes everything as it was when [`Running::run`] began.
    ///
    /// # Errors
    /// When the server ends.
    pub async fn reset(&self) -> Result<(), EmulatorError> {
        self.order(Order::Reset).await
    }

    /// Gives an order and waits for its answer. An order whose caller stops waiting is carried out all the same.
    async fn order<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> Result<T, EmulatorError> {
        let (done, answer) = oneshot::channel();
        self.orders.send(order(done)).await.map_err(|_| EmulatorError::Ending)?;
        answer.await.map_err(|_| EmulatorError::Ending)
    }
}
