//! The writer: one thread, one connection, and as many changes in one transaction as are waiting.
//!
//! A commit costs one flush of the disk however many changes are in it. So the thread takes everything that has
//! queued up while the last flush ran, applies each change in a savepoint of its own (a refused one leaves nothing
//! and harms no other), flushes once, and only then answers all of them.

use std::sync::mpsc;
use std::thread::JoinHandle;

use hearth_store::StoreError;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::error::store_error;

/// The most changes in one transaction: bounds how long the first of them waits for its answer.
const MAX_GROUP: usize = 256;

/// Why a change was not applied.
#[derive(Debug)]
pub(crate) enum Failure<E> {
    /// A guard does not hold: the change alone is refused.
    Refused(E),
    /// The database has a problem: nothing of the transaction can be relied on.
    Broken(StoreError),
}

impl<E> From<rusqlite::Error> for Failure<E> {
    fn from(error: rusqlite::Error) -> Self {
        Self::Broken(store_error(&error))
    }
}

impl<E> From<StoreError> for Failure<E> {
    fn from(error: StoreError) -> Self {
        Self::Broken(error)
    }
}

/// The handle of the writer thread. Dropping it ends the thread, after what is queued.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(connection: Connection) -> std::io::Result<Self> {
        let (queue, jobs) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || write_until_closed(&connection, &jobs))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Has `work` done in a transaction, and answers once that is on disk.
    ///
    /// `work` may be called twice, when what it did was rolled back with a group that failed.
    ///
    /// # Cancel safety
    /// A caller that stops waiting does not stop the work.
    pub(crate) async fn run<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnMut(&Connection) -> Result<T, Failure<E>> + Send + 'static,
    {
        self.run_and(work, || ()).await
    }

    /// The same, and calls `then` before it answers, on disk or not: after some errors nobody knows.
    ///
    /// # Cancel safety
    /// A caller that stops waiting stops neither.
    pub(crate) async fn run_and<T, E, F, A>(&self, work: F, then: A) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnMut(&Connection) -> Result<T, Failure<E>> + Send + 'static,
        A: FnOnce() + Send + 'static,
    {
        let stopped = || E::from(StoreError::Unavailable("the store has stopped".to_owned()));
        let (answer, answered) = oneshot::channel();
        let task = Task { work, then, outcome: None, answer };
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        queue.send(Box::new(task)).map_err(|_| stopped())?;
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has answered nobody; there is nothing to add here.
            let _ = thread.join();
        }
    }
}

/// A change on its way through the writer.
trait Job: Send {
    /// Applies it, in a savepoint. True if what it did is to be kept.
    fn apply(&mut self, connection: &Connection) -> Result<bool, StoreError>;
    /// Tells its caller: `problem` if the transaction failed, else what came of it.
    fn answer(self: Box<Self>, problem: Option<StoreError>);
}

struct Task<T, E, F, A> {
    work: F,
    then: A,
    outcome: Option<Result<T, E>>,
    answer: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F, A> Job for Task<T, E, F, A>
where
    T: Send,
    E: From<StoreError> + Send,
    F: FnMut(&Connection) -> Result<T, Failure<E>> + Send,
    A: FnOnce() + Send,
{
    fn apply(&mut self, connection: &Connection) -> Result<bool, StoreError> {
        self.outcome = None;
        match (self.work)(connection) {
            Ok(value) => self.outcome = Some(Ok(value)),
            Err(Failure::Refused(refusal)) => self.outcome = Some(Err(refusal)),
            Err(Failure::Broken(problem)) => return Err(problem),
        }
        Ok(matches!(self.outcome, Some(Ok(_))))
    }

    fn answer(self: Box<Self>, problem: Option<StoreError>) {
        let outcome = match (problem, self.outcome) {
            (None, Some(outcome)) => outcome,
            (Some(problem), _) => Err(problem.into()),
            (None, None) => Err(StoreError::Unavailable("the change was not tried".to_owned()).into()),
        };
        (self.then)();
        // A caller that is gone has no use for the answer.
        let _ = self.answer.send(outcome);
    }
}

fn write_until_closed(connection: &Connection, jobs: &mpsc::Receiver<Box<dyn Job>>) {
    while let Ok(first) = jobs.recv() {
        let mut group = vec![first];
        group.extend(jobs.try_iter().take(MAX_GROUP - 1));
        match write(connection, &mut group) {
            Ok(()) => answer_all(group, None),
            // One that cannot be applied must not take the others along: each gets a transaction of its own.
            Err(GroupError::Apply(_)) if group.len() > 1 => {
                for job in group {
                    let mut alone = vec![job];
                    let problem = write(connection, &mut alone).err().map(GroupError::into_inner);
                    answer_all(alone, problem.as_ref());
                }
            }
            Err(problem) => answer_all(group, Some(&problem.into_inner())),
        }
    }
}

/// Where a group failed.
enum GroupError {
    /// At one of its changes.
    Apply(StoreError),
    /// When it was begun or committed.
    Commit(StoreError),
}

impl GroupError {
    fn into_inner(self) -> StoreError {
        match self {
            Self::Apply(problem) | Self::Commit(problem) => problem,
        }
    }
}

/// Writes a group in one transaction. After an error nothing of it is written.
fn write(connection: &Connection, group: &mut [Box<dyn Job>]) -> Result<(), GroupError> {
    let run = |sql: &str| -> rusqlite::Result<()> {
        connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    };
    let written =
        run("BEGIN IMMEDIATE").map_err(|error| GroupError::Commit(store_error(&error))).and_then(|()| {
            for job in group.iter_mut() {
                let sqlite = |error: rusqlite::Error| GroupError::Apply(store_error(&error));
                run("SAVEPOINT change").map_err(sqlite)?;
                if !job.apply(connection).map_err(GroupError::Apply)? {
                    run("ROLLBACK TO change").map_err(sqlite)?;
                }
                run("RELEASE change").map_err(sqlite)?;
            }
            run("COMMIT").map_err(|error| GroupError::Commit(store_error(&error)))
        });
    // Some errors end the transaction by themselves (a full disk, a failed write), some do not.
    if written.is_err()
        && !connection.is_autocommit()
        && let Err(error) = run("ROLLBACK")
    {
        tracing::error!(error = %error, "could not roll back; the next change will fail too");
    }
    written
}

fn answer_all(group: Vec<Box<dyn Job>>, problem: Option<&StoreError>) {
    for job in group {
        job.answer(problem.map(|problem| match problem {
            StoreError::Unavailable(text) => StoreError::Unavailable(text.clone()),
            StoreError::Damaged(text) => StoreError::Damaged(text.clone()),
        }));
    }
}
