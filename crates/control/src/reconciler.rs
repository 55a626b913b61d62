//! The loop around passes: the lease, the queue, the sweep, and what is written down now and then.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use hearth_core::Timestamp;
use hearth_core::id::{EngineId, SessionUuid};
use hearth_core::lease::Lease;
use hearth_core::session::later;
use hearth_store::Change;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use crate::Control;
use crate::activity::FLUSH_INTERVAL;
use crate::pass::PassError;
use crate::queue::Requeue;

/// How long a lease lasts unless it is renewed. Longer than a store may take to answer.
const LEASE_TIME: Duration = Duration::from_secs(15);
/// How often it is renewed.
const LEASE_RENEWAL: Duration = Duration::from_secs(4);
/// How often records and engines are compared, both ways (DESIGN.md, I2).
const SWEEP_INTERVAL: Duration = Duration::from_secs(20);
/// How many passes run side by side. Each mostly waits for the disk or an engine.
const PASSES_AT_ONCE: usize = 32;
/// How many ended sessions and operations one sweep removes.
const PURGE_BATCH: usize = 500;

/// Makes what callers asked for come true. One per server; only it touches engines.
pub struct Reconciler {
    control: Control,
    holder: String,
    lease: Option<Lease>,
    changes: BoxStream<'static, EngineId>,
    next_renewal: Timestamp,
    next_sweep: Timestamp,
    next_flush: Timestamp,
}

impl Reconciler {
    /// A reconciler that has no lease yet.
    pub fn new(control: Control) -> Self {
        let start = Timestamp::MIN;
        let holder = control.world.random.uuid().to_string();
        let changes = control.world.driver.changes();
        Self {
            control,
            holder,
            lease: None,
            changes,
            next_renewal: start,
            next_sweep: start,
            next_flush: start,
        }
    }

    /// Takes the lease from whoever held it. Only for a server that knows that every earlier one is dead, as the
    /// holder of a state directory's lock does.
    ///
    /// # Errors
    /// When the store has a problem.
    pub async fn seize(&mut self) -> Result<(), PassError> {
        self.renew(true).await
    }

    /// Works until `shutdown`, then finishes the passes that run, and gives the lease back.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let passes = TaskTracker::new();
        let room = Arc::new(Semaphore::new(PASSES_AT_ONCE));
        let control = self.control.clone();
        while !shutdown.is_cancelled() {
            let now = control.world.clock.now();
            if let Err(error) = self.housekeeping(now).await {
                error!(error = &error as &dyn std::error::Error, "housekeeping failed");
            }
            if let Some(fence) = self.lease_at(now) {
                while let Ok(permit) = room.clone().try_acquire_owned() {
                    let Some(uuid) = control.queue.pop(now) else { break };
                    let control = control.clone();
                    passes.spawn(async move {
                        control.look(uuid, fence).await;
                        drop(permit);
                    });
                }
            }
            let wake_at = self.wake_at(now, room.available_permits() > 0);
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = control.world.timer.sleep_until(wake_at) => {}
                () = control.queue.changed() => {}
                Some(id) = self.changes.next() => control.queue.push(id.session_uuid(), now),
            }
        }
        passes.close();
        passes.wait().await;
        self.finish().await;
    }

    /// Does everything that is due now, one thing after the other, and says when the next is due. For worlds whose
    /// clock only moves between turns.
    ///
    /// # Errors
    /// When a part of the world is out of reach.
    pub async fn turn(&mut self) -> Result<Timestamp, PassError> {
        let now = self.control.world.clock.now();
        self.housekeeping(now).await?;
        // Passes change engines, which is heard of and may ask for another pass.
        while self.hear(now) || self.control.queue.next_due().is_some_and(|due| due <= now) {
            let Some(fence) = self.lease_at(now) else { break };
            while let Some(uuid) = self.control.queue.pop(now) {
                self.control.look(uuid, fence).await;
            }
        }
        Ok(self.wake_at(now, true))
    }

    /// Puts engines that have changed on the queue. Whether there were any.
    fn hear(&mut self, now: Timestamp) -> bool {
        let mut heard = false;
        while let Some(Some(id)) = self.changes.next().now_or_never() {
            self.control.queue.push(id.session_uuid(), now);
            heard = true;
        }
        heard
    }

    /// Writes down what is only in memory yet, and gives the lease back: for an end in order.
    pub async fn finish(&mut self) {
        if let Err(error) = self.flush().await {
            warn!(error = &error as &dyn std::error::Error, "could not note the last uses");
        }
        if let Err(error) = self.control.world.store.release_lease(&self.holder).await {
            warn!(error = &error as &dyn std::error::Error, "could not give the lease back");
        }
    }

    fn wake_at(&self, now: Timestamp, room: bool) -> Timestamp {
        let housekeeping = self.next_renewal.min(self.next_sweep).min(self.next_flush);
        if self.lease_at(now).is_none() {
            return housekeeping;
        }
        let housekeeping = housekeeping.min(self.control.pools.due_at());
        match self.control.queue.next_due() {
            Some(due) if room => due.min(housekeeping),
            _ => housekeeping,
        }
    }

    fn lease_at(&self, now: Timestamp) -> Option<hearth_core::lease::Fence> {
        self.lease.as_ref().filter(|lease| now < lease.expires_at).map(|lease| lease.fence)
    }

    async fn housekeeping(&mut self, now: Timestamp) -> Result<(), PassError> {
        if now >= self.next_renewal {
            self.next_renewal = later(now, LEASE_RENEWAL);
            self.renew(false).await?;
        }
        if now >= self.next_flush {
            self.next_flush = later(now, FLUSH_INTERVAL);
            self.flush().await?;
        }
        if now >= self.next_sweep && self.lease_at(now).is_some() {
            self.next_sweep = later(now, SWEEP_INTERVAL);
            self.sweep(now).await?;
        }
        if let Some(fence) = self.lease_at(now) {
            self.control.keep_pools(fence, now).await?;
        }
        Ok(())
    }

    async fn renew(&mut self, seize: bool) -> Result<(), PassError> {
        let now = self.control.world.clock.now();
        let store = &self.control.world.store;
        let granted = store.acquire_lease(&self.holder, now, later(now, LEASE_TIME), seize).await?;
        if self.lease.is_none() != granted.is_none() {
            match &granted {
                Some(lease) => info!(fence = lease.fence.0, "this server acts on sessions now"),
                None => warn!("another server acts on sessions now"),
            }
            self.next_sweep = now;
        }
        let fence = |lease: &Option<Lease>| lease.as_ref().map(|lease| lease.fence);
        if granted.is_some() && fence(&granted) != fence(&self.lease) {
            // Before any pass: whoever had the lease may have let others in.
            self.lease = None;
            self.control.open_book().await?;
        }
        self.lease = granted;
        Ok(())
    }

    /// Writes down when sessions were last used.
    ///
    /// # Errors
    /// When the store has a problem.
    pub async fn flush(&mut self) -> Result<(), PassError> {
        let uses = self.control.activity.take_unnoted();
        if !uses.is_empty() {
            self.control.world.store.note_activity(&uses).await?;
        }
        Ok(())
    }

    /// Compares records and engines both ways, and removes what has been kept long enough.
    async fn sweep(&mut self, now: Timestamp) -> Result<(), PassError> {
        let Control { world, queue, .. } = &self.control;
        let engines: HashSet<SessionUuid> =
            world.driver.engines().await?.into_iter().map(EngineId::session_uuid).collect();
        let pooled = world.store.pool_engines().await?.into_iter().map(|engine| engine.id.session_uuid());
        let mut recorded: HashSet<SessionUuid> = world.store.unsettled().await?.into_iter().collect();
        recorded.extend(pooled);
        for uuid in recorded.difference(&engines) {
            queue.push(*uuid, now);
        }
        queue.keep_settled(&engines);
        for uuid in &engines {
            // Those of ended sessions are looked at once, to end any that nobody knows.
            if recorded.contains(uuid) || !queue.is_settled(*uuid) {
                // There are many, and most are as they should be: none whose time has come waits for them.
                queue.push_when_idle(*uuid);
            }
        }
        self.purge(now).await
    }

    async fn purge(&mut self, now: Timestamp) -> Result<(), PassError> {
        let world = &self.control.world;
        let kept_since = now.checked_sub(self.control.policy.retention).unwrap_or(Timestamp::MIN);
        for uuid in world.store.ended_before(kept_since, PURGE_BATCH).await? {
            self.control.queue.push(uuid, now);
        }
        let removed_operations = world.store.finished_before(kept_since, PURGE_BATCH).await?;
        let counted_since = now.checked_sub(self.control.policy.usage_retention).unwrap_or(Timestamp::MIN);
        let removed_usage = world.store.usage_before(counted_since, PURGE_BATCH).await?;
        if !removed_operations.is_empty() || !removed_usage.is_empty() {
            let change = Change { removed_operations, removed_usage, ..Change::default() };
            if let Err(error) = world.store.commit(change).await {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "could not remove old operations and records of use"
                );
            }
        }
        Ok(())
    }
}

impl Control {
    /// One pass over a session, with what follows from its outcome.
    async fn look(&self, uuid: SessionUuid, fence: hearth_core::lease::Fence) {
        let requeue = match self.pass(uuid, fence).await {
            Ok(requeue) => requeue,
            Err(error) => {
                warn!(session = %uuid, error = &error as &dyn std::error::Error, "pass failed");
                Requeue::Retry
            }
        };
        self.queue.done(uuid, requeue, self.world.clock.now());
    }
}
