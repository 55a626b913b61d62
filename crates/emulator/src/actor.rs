//! The one task in which things happen: due passes, the movement of time, and what replaces the world.

use std::sync::Arc;
use std::time::Duration;

use hearth_control::virtual_time::VirtualClock;
use hearth_control::world::{System, Timer};
use hearth_control::{Control, Reconciler};
use hearth_core::Timestamp;
use hearth_core::clock::Clock;
use hearth_core::session::later;
use hearth_driver::fake::FakeWorld;
use hearth_store::MemoryStore;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::document::{Document, DocumentError, SavedClock};
use crate::emulator::{EmulatorError, Happened};
use crate::fault::Faults;

/// How far the clock is moved at once at most: longer than any session is kept.
pub const FARTHEST: Duration = Duration::from_secs(366 * 24 * 3600);
/// The shortest movement. What failed is tried again no sooner.
const STEP: Duration = Duration::from_millis(1);

/// Where the clock is to be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// So far on.
    By(Duration),
    /// To this time.
    To(Timestamp),
    /// To the next time at which something happens by itself; nowhere if nothing will.
    Next,
}

/// What callers ask for.
pub(crate) enum Order {
    Settle(oneshot::Sender<()>),
    SetClock(bool, oneshot::Sender<()>),
    Advance(Target, oneshot::Sender<Result<Vec<Happened>, EmulatorError>>),
    Save(oneshot::Sender<String>),
    Load(Box<Document>, oneshot::Sender<Result<(), DocumentError>>),
    Reset(oneshot::Sender<()>),
}

/// Who carries it out. Passes run only here, so that nothing happens beside what was ordered.
pub(crate) struct Actor {
    control: Control,
    clock: Arc<VirtualClock>,
    store: Arc<MemoryStore>,
    engines: FakeWorld,
    faults: Faults,
    machine_time: bool,
    orders: mpsc::Receiver<Order>,
    reconciler: Reconciler,
}

/// Lets a clock that runs stand still while things happen, so that what is due at a time happens at that time.
struct Still<'c>(Option<&'c VirtualClock>);

impl<'c> Still<'c> {
    fn hold(clock: &'c VirtualClock) -> Self {
        let runs = clock.runs();
        if runs {
            clock.stop();
        }
        Self(runs.then_some(clock))
    }
}

impl Drop for Still<'_> {
    fn drop(&mut self) {
        if let Some(clock) = self.0 {
            clock.run();
        }
    }
}

impl Actor {
    pub(crate) fn new(
        control: Control,
        clock: Arc<VirtualClock>,
        store: Arc<MemoryStore>,
        engines: FakeWorld,
        faults: Faults,
        machine_time: bool,
        orders: mpsc::Receiver<Order>,
    ) -> Self {
        let reconciler = Reconciler::new(control.clone());
        Self { control, clock, store, engines, faults, machine_time, orders, reconciler }
    }

    /// Works until `shutdown`; what there is then.
    pub(crate) async fn run(mut self, beginning: Document, shutdown: CancellationToken) -> Document {
        loop {
            let due = self.settle().await;
            let clock = self.clock.clone();
            tokio::select! {
                () = shutdown.cancelled() => break,
                order = self.orders.recv() => match order {
                    Some(order) => self.carry_out(order, &beginning).await,
                    None => break,
                },
                () = clock.sleep_until(due) => {}
                () = self.control.work_added() => {}
            }
        }
        let end = self.document().await;
        self.reconciler.finish().await;
        end
    }

    /// Carries out an order. That nobody waits for the answer any more is fine.
    async fn carry_out(&mut self, order: Order, beginning: &Document) {
        match order {
            Order::Settle(done) => {
                self.settle().await;
                let _ = done.send(());
            }
            Order::SetClock(runs, done) => {
                if runs {
                    self.clock.run()
                } else {
                    self.clock.stop()
                }
                self.settle().await;
                let _ = done.send(());
            }
            Order::Advance(target, done) => {
                let _ = done.send(self.advance(target).await);
            }
            Order::Save(done) => {
                self.settle().await;
                let _ = done.send(self.document().await.write());
            }
            Order::Load(document, done) => {
                let _ = done.send(self.load(*document).await);
            }
            Order::Reset(done) => {
                let mut document = beginning.clone();
                if self.machine_time {
                    document.clock.time = document.clock.time.max(System.now());
                }
                if let Err(error) = self.load(document).await {
                    error!(%error, "what the server began with does not fit any more");
                }
                let _ = done.send(());
            }
        }
    }

    /// Lets happen what is due by the clock. When something is due next.
    async fn settle(&mut self) -> Timestamp {
        let clock = self.clock.clone();
        let _still = Still::hold(&clock);
        let due = self.turn().await;
        self.engines.next_change().map_or(due, |at| at.min(due))
    }

    /// One turn, the clock standing still.
    async fn turn(&mut self) -> Timestamp {
        self.engines.settle();
        match self.reconciler.turn().await {
            Ok(due) => due,
            Err(error) => {
                error!(error = &error as &dyn std::error::Error, "housekeeping failed");
                later(self.clock.now(), STEP)
            }
        }
    }

    async fn advance(&mut self, target: Target) -> Result<Vec<Happened>, EmulatorError> {
        let clock = self.clock.clone();
        let _still = Still::hold(&clock);
        self.turn().await;
        let began = clock.now();
        let to = match target {
            Target::By(by) => began.checked_add(by).unwrap_or(Timestamp::MAX),
            Target::To(to) => to,
            Target::Next => self.next_change().unwrap_or(began).max(began),
        };
        if to < began || to > later(began, FARTHEST) {
            return Err(EmulatorError::Unreachable { now: began, to });
        }
        // From change to change: nothing happens in between but housekeeping, which each turn does if it is due.
        while clock.now() < to {
            let step = later(clock.now(), STEP);
            let next = self.next_change().map_or(to, |at| at.max(step));
            clock.move_to(next.min(to));
            self.turn().await;
        }
        Ok(self.happened_since(began))
    }

    fn next_change(&self) -> Option<Timestamp> {
        [self.control.next_due(), self.engines.next_change()].into_iter().flatten().min()
    }

    /// What sessions that are still there have to tell of the time after `began`.
    fn happened_since(&self, began: Timestamp) -> Vec<Happened> {
        let sessions = self.store.contents().sessions;
        let mut happened: Vec<Happened> = sessions
            .iter()
            .flat_map(|session| {
                session.notices.iter().filter(|notice| notice.at > began).map(|notice| Happened {
                    session: session.name.clone(),
                    state: session.state.label(),
                    notice: notice.clone(),
                })
            })
            .collect();
        happened.sort_by_key(|happened| (happened.notice.at, happened.notice.sequence));
        happened
    }

    /// Everything there is.
    pub(crate) async fn document(&mut self) -> Document {
        if let Err(error) = self.reconciler.flush().await {
            error!(error = &error as &dyn std::error::Error, "could not note the last uses");
        }
        let clock = SavedClock { time: self.clock.now(), runs: self.clock.runs() };
        Document::new(clock, self.store.contents(), self.engines.save(), self.faults.save())
    }

    /// Puts a document in the place of everything there is, and lets happen what is due in it.
    pub(crate) async fn load(&mut self, document: Document) -> Result<(), DocumentError> {
        self.store.replace(document.records)?;
        // From here on nothing can fail.
        self.clock.stop();
        self.clock.set(document.clock.time);
        self.engines.load(document.engines);
        self.faults.load(document.faults);
        self.control.start_over();
        self.reconciler = Reconciler::new(self.control.clone());
        self.take_over().await;
        self.turn().await;
        if document.clock.runs {
            self.clock.run();
        }
        info!(now = %self.clock.now(), "the emulated world was replaced");
        Ok(())
    }

    /// Takes the lease from whoever was there before.
    pub(crate) async fn take_over(&mut self) {
        if let Err(error) = self.reconciler.seize().await {
            error!(error = &error as &dyn std::error::Error, "could not take over the store");
        }
    }
}
