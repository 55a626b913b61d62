//! Tasks of the gateway: counted, so that draining can wait for them.

use std::future::Future;

use hyper::rt::Executor;
use tokio_util::task::TaskTracker;

/// Runs hyper's tasks under a tracker.
#[derive(Debug, Clone)]
pub(crate) struct TrackedExecutor(pub(crate) TaskTracker);

impl<F> Executor<F> for TrackedExecutor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        // Ends with its connection, or with the body it carries; nobody waits for its result.
        drop(self.0.spawn(future));
    }
}
