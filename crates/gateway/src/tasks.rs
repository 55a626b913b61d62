//! Tasks of connections, as hyper spawns them.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures::task::AtomicWaker;
use hyper::rt::Executor;
use tokio_util::task::TaskTracker;

/// How often in a row a task may wake itself before others get their turn.
const ROUNDS: u32 = 4;

/// Runs hyper's tasks. One that has woken itself goes on at once.
///
/// For each part of an answer hyper wakes the very task that sends it. To the runtime that is a task that gives way, so
/// it wakes another thread to take over what waits, which costs more than the part itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct StreamExecutor;

impl<F> Executor<F> for StreamExecutor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        // Ends with its connection, or with the body it carries; nobody waits for its result.
        drop(tokio::spawn(at_once(Box::pin(future))));
    }
}

/// The same, counted, so that draining can wait for them.
#[derive(Debug, Clone)]
pub(crate) struct TrackedExecutor(pub(crate) TaskTracker);

impl<F> Executor<F> for TrackedExecutor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        drop(self.0.spawn(at_once(Box::pin(future))));
    }
}

/// Polls `future` again where it was woken while it was polled. It is in a box already: kilobytes that would be moved with
/// each layer around it.
async fn at_once<F: Future>(mut future: Pin<Box<F>>) -> F::Output {
    let bell = Arc::new(Bell { state: AtomicU8::new(RESTING), task: AtomicWaker::new() });
    let waker = Waker::from(Arc::clone(&bell));
    poll_fn(move |cx| {
        bell.task.register(cx.waker());
        for _ in 0..ROUNDS {
            bell.state.swap(POLLED, Ordering::AcqRel);
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Poll::Ready(output);
            }
            let rest = bell.state.compare_exchange(POLLED, RESTING, Ordering::AcqRel, Ordering::Acquire);
            if rest.is_ok() {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}

/// What wakes a task, unless it is being polled and so is to be polled again.
struct Bell {
    state: AtomicU8,
    task: AtomicWaker,
}

/// Waits to be woken.
const RESTING: u8 = 0;
/// Is being polled.
const POLLED: u8 = 1;
/// Is to be polled: by the loop that polls it, or by the runtime, which has been told.
const WOKEN: u8 = 2;

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.swap(WOKEN, Ordering::AcqRel) == RESTING {
            self.task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::AtomicU32;
    use std::time::Duration;

    use super::*;

    /// Is ready once it was polled this often, and wakes itself each time.
    fn ready_after(polls: u32, polled: Arc<AtomicU32>) -> impl Future<Output = ()> {
        poll_fn(move |cx| {
            cx.waker().wake_by_ref();
            if polled.fetch_add(1, Ordering::Relaxed) + 1 >= polls { Poll::Ready(()) } else { Poll::Pending }
        })
    }

    #[test]
    fn a_task_that_woke_itself_goes_on_but_not_for_ever() {
        let polled = Arc::new(AtomicU32::new(0));
        let mut task = pin!(at_once(Box::pin(ready_after(ROUNDS + 2, Arc::clone(&polled)))));
        let told = Arc::new(Bell { state: AtomicU8::new(WOKEN), task: AtomicWaker::new() });
        let waker = Waker::from(Arc::clone(&told));
        let mut cx = Context::from_waker(&waker);
        told.state.store(RESTING, Ordering::Relaxed);
        assert!(task.as_mut().poll(&mut cx).is_pending());
        assert_eq!(polled.load(Ordering::Relaxed), ROUNDS);
        assert_eq!(told.state.load(Ordering::Relaxed), WOKEN, "the runtime polls it again");
        assert!(task.as_mut().poll(&mut cx).is_ready());
    }

    #[test]
    fn no_wake_of_another_thread_is_lost() {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
        runtime.block_on(async {
            let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
            let receiving = tokio::spawn(at_once(Box::pin(async move {
                let mut sum = 0_u64;
                while let Some(number) = receiver.recv().await {
                    sum += number;
                }
                sum
            })));
            tokio::spawn(async move {
                for number in 0..100_000_u64 {
                    sender.send(number).await.unwrap();
                }
            });
            let sum = tokio::time::timeout(Duration::from_secs(60), receiving).await.expect("it was woken");
            assert_eq!(sum.unwrap(), 100_000 * 99_999 / 2);
        });
    }
}
