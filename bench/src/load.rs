//! Load: callers that wait for each answer (closed), and callers that come at a rate, whatever the server does (open).

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::stats::Latencies;

/// What came of a load.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// How long calls took.
    pub(crate) latencies: Latencies,
    /// From the first call to the last answer.
    pub(crate) elapsed: Duration,
}

impl Outcome {
    /// Calls answered a second.
    pub(crate) fn rate(&self) -> f64 {
        self.latencies.count() as f64 / self.elapsed.as_secs_f64()
    }
}

/// `callers` make `count` calls in all, each the next one as soon as it has an answer. A call gets its number, and the
/// number of its caller.
///
/// # Errors
/// With the first call that fails.
pub(crate) async fn closed<F, R>(callers: usize, count: usize, call: F) -> anyhow::Result<Outcome>
where
    F: Fn(usize, usize) -> R + Clone + Send + 'static,
    R: Future<Output = anyhow::Result<()>> + Send,
{
    let next = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        let (next, call) = (next.clone(), call.clone());
        tasks.spawn(async move {
            let mut times = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return anyhow::Ok(times);
                }
                let start = Instant::now();
                call(number, caller).await?;
                times.push(start.elapsed());
            }
        });
    }
    let mut latencies = Latencies::new();
    while let Some(times) = tasks.join_next().await {
        times??.into_iter().for_each(|time| latencies.add(time));
    }
    Ok(Outcome { latencies, elapsed: start.elapsed() })
}

/// `count` calls that begin evenly spaced, `rate` a second. A call's time counts from the moment it was due to be sent,
/// so one that waits behind a slow server counts with its wait.
///
/// # Errors
/// With the first call that fails.
pub(crate) async fn open<F, R>(rate: usize, count: usize, call: F) -> anyhow::Result<Outcome>
where
    F: Fn(usize) -> R + Clone + Send + 'static,
    R: Future<Output = anyhow::Result<()>> + Send,
{
    let (sender, mut due) = mpsc::unbounded_channel();
    let gap = Duration::from_secs(1) / u32::try_from(rate)?;
    let start = Instant::now();
    // A thread of its own: tokio's timer is good to a millisecond, which is more than what is measured.
    std::thread::spawn(move || {
        for number in 0..u32::try_from(count).unwrap_or(u32::MAX) {
            std::thread::sleep((start + gap * number).saturating_duration_since(Instant::now()));
            // Stamped when let go: that this thread woke late is not the server's doing.
            if sender.send(Instant::now()).is_err() {
                return;
            }
        }
    });
    let mut tasks = JoinSet::new();
    let mut number = 0;
    let mut latencies = Latencies::new();
    while let Some(begun) = due.recv().await {
        let call = call.clone();
        tasks.spawn(async move { call(number).await.map(|()| begun.elapsed()) });
        number += 1;
        while let Some(time) = tasks.try_join_next() {
            latencies.add(time??);
        }
    }
    while let Some(time) = tasks.join_next().await {
        latencies.add(time??);
    }
    Ok(Outcome { latencies, elapsed: start.elapsed() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_call_is_made_once_by_either_kind_of_load() {
        let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
        let note = {
            let seen = seen.clone();
            move |number| {
                seen.lock().unwrap().push(number);
                std::future::ready(anyhow::Ok(()))
            }
        };
        let by_caller = note.clone();
        let outcome = closed(3, 100, move |number, _| by_caller(number)).await.unwrap();
        assert_eq!(outcome.latencies.count(), 100);
        assert_eq!(open(10_000, 50, note).await.unwrap().latencies.count(), 50);
        let mut seen = seen.lock().unwrap().clone();
        seen.sort_unstable();
        let mut expected: Vec<usize> = (0..100).chain(0..50).collect();
        expected.sort_unstable();
        assert_eq!(seen, expected);
    }

    #[tokio::test]
    async fn a_call_that_fails_ends_the_load() {
        let fail = |_| std::future::ready(Err(anyhow::anyhow!("no")));
        assert!(closed(2, 10, move |number, _| fail(number)).await.is_err());
        assert!(open(1_000, 10, fail).await.is_err());
    }
}
