//! The one task that hears of changes: from shims, from the kernel, and by looking.

use std::sync::Arc;
use std::time::Duration;

use hearth_core::id::EngineId;
use tokio::net::UnixDatagram;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::broadcast;
use tokio::time::{MissedTickBehavior, interval};

use crate::notify::MESSAGE;
use crate::place::Place;

/// How many hints a slow reader may be behind before it loses the oldest, which the periodic passes make up for.
pub(crate) const HINTS: usize = 4096;

/// Hints at every engine that is worth looking at again. Never returns.
pub(crate) async fn watch(
    place: Arc<Place>,
    socket: UnixDatagram,
    hints: broadcast::Sender<EngineId>,
    scan_every: Duration,
) {
    // Without it ended shims are found by the scan.
    let mut child_ended = signal(SignalKind::child()).ok();
    let mut scan = interval(scan_every);
    scan.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut buffer = [0; MESSAGE];
    loop {
        let found = tokio::select! {
            received = socket.recv(&mut buffer) => match received {
                Ok(length) => read(&buffer[..length]).into_iter().collect(),
                Err(error) => {
                    tracing::debug!(%error, "could not receive from supervisors");
                    // So as not to spin; the scan finds what is missed.
                    tokio::time::sleep(scan_every).await;
                    Vec::new()
                }
            },
            () = next(&mut child_ended) => blocking(&place, Place::reap).await,
            _ = scan.tick() => blocking(&place, |place| {
                let mut found = place.reap();
                found.extend(place.scan());
                place.tend_spares();
                found
            })
            .await,
        };
        for id in found {
            // Nobody listening is fine.
            let _ = hints.send(id);
        }
    }
}

fn read(message: &[u8]) -> Option<EngineId> {
    std::str::from_utf8(message).ok()?.parse().ok()
}

async fn next(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            if signal.recv().await.is_none() {
                std::future::pending().await
            }
        }
        None => std::future::pending().await,
    }
}

async fn blocking(
    place: &Arc<Place>,
    work: impl FnOnce(&Place) -> Vec<EngineId> + Send + 'static,
) -> Vec<EngineId> {
    let place = Arc::clone(place);
    tokio::task::spawn_blocking(move || work(&place)).await.unwrap_or_default()
}
