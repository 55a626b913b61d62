//! A state directory with a past: many ended sessions, each with the operation that made it.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use hearth_core::Timestamp;
use hearth_core::config::{SessionConfig, SessionKind};
use hearth_core::error::ErrorKind;
use hearth_core::id::{OperationId, SessionUuid};
use hearth_core::name::Parent;
use hearth_core::operation::{Done, Operation, OperationKind, Outcome};
use hearth_core::policy::SessionPolicy;
use hearth_core::session::{EndReason, Failure, PastState, Session, SessionState, StateLabel};
use hearth_store::{Change, SessionWrite, Store as _};
use hearth_store_sqlite::{SqliteStore, StateDir};
use tempfile::TempDir;
use uuid::Uuid;

use crate::bench::Bench;
use crate::server::PARENT;

/// How many sessions one transaction writes: the point is to be done soon.
const BATCH: usize = 2_000;
/// How far apart sessions were made. All of them together stay within what is kept (seven days).
const APART: Duration = Duration::from_secs(2);

/// How many records the state directory with a past has.
pub(crate) const RECORDS: usize = 100_000;

/// The state directory with [`RECORDS`] sessions, made once for all benchmarks of a run.
pub(crate) async fn with_a_past(bench: &mut Bench) -> anyhow::Result<&Path> {
    if bench.seeded.is_none() {
        let count = bench.scaled(RECORDS);
        eprintln!("  writing {count} records");
        let directory = bench.directory()?;
        write(directory.path(), count).await?;
        bench.seeded = Some(directory);
    }
    bench.seeded.as_ref().map(TempDir::path).context("it was just made")
}

/// Writes ended sessions through the store, as the server would have.
pub(crate) async fn write(state_dir: &Path, count: usize) -> anyhow::Result<()> {
    let parent: Parent = PARENT.parse()?;
    let lock = StateDir::lock(state_dir)?;
    let store = SqliteStore::open(lock.database())?;
    let newest = Timestamp::now();
    let numbers: Vec<usize> = (0..count).collect();
    for batch in numbers.chunks(BATCH) {
        let mut change = Change::default();
        for &number in batch {
            let age = APART * u32::try_from(count - number)?;
            let (session, operation) = ended(&parent, number, newest.checked_sub(age)?)?;
            change.sessions.push(SessionWrite::Insert(Box::new(session)));
            change.operations.push(operation);
        }
        store.commit(change).await?;
    }
    Ok(())
}

/// The teams that sessions are labelled with, in turn.
const TEAMS: usize = 50;
/// Of each team's sessions every so manieth failed.
const FAILED_EVERY: usize = 5;

/// `labels.team = "team-7" AND state = FAILED`, as a query has it; one session in 250 passes.
pub(crate) const FILTER: &str = "&filter=labels.team%20%3D%20%22team-7%22%20AND%20state%20%3D%20FAILED";

/// A session that lived for a second, and its operation.
fn ended(parent: &Parent, number: usize, at: Timestamp) -> anyhow::Result<(Session, Operation)> {
    let operation_id = OperationId(Uuid::new_v4());
    let config = SessionConfig {
        kind: Some(SessionKind::SparkConnect),
        labels: [("team".to_owned(), format!("team-{}", number % TEAMS))].into(),
        ..SessionConfig::default()
    };
    let mut session = Session::new(
        parent.session(format!("past-{number:06}")),
        SessionUuid(Uuid::new_v4()),
        config,
        "bench@localhost".to_owned(),
        operation_id,
        at,
        &SessionPolicy::default(),
    );
    session.open_operations.clear();
    let past = |state, milliseconds| {
        let at = at.checked_add(Duration::from_millis(milliseconds))?;
        anyhow::Ok(PastState { state, message: String::new(), at })
    };
    session.history = vec![
        past(StateLabel::Creating, 0)?,
        past(StateLabel::Active, 300)?,
        past(StateLabel::Terminating, 900)?,
    ];
    session.state_at = at.checked_add(Duration::from_secs(1))?;
    session.state = if (number / TEAMS).is_multiple_of(FAILED_EVERY) {
        let message = "The engine ended".to_owned();
        SessionState::Failed { failure: Failure { kind: ErrorKind::Internal, message } }
    } else {
        SessionState::Terminated { reason: EndReason::Requested { by: session.creator.clone() } }
    };
    let operation = Operation {
        id: operation_id,
        kind: OperationKind::Create,
        session: session.name.clone(),
        session_uuid: session.uuid,
        created_at: at,
        labels: session.config.labels.clone(),
        done: Some(Done { at: session.state_at, outcome: Outcome::Succeeded(Box::new(session.clone())) }),
    };
    Ok((session, operation))
}
