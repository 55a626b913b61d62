//! What the writer does inside its transaction: guards first, then rows.

use std::collections::HashSet;

use hearth_core::Timestamp;
use hearth_core::id::{OperationId, SessionUuid};
use hearth_core::lease::{Fence, Lease};
use hearth_core::name::SessionName;
use hearth_core::operation::RequestKey;
use hearth_store::{Change, CommitError, SessionWrite, StoreError};
use rusqlite::{Connection, OptionalExtension, params};

use crate::pool::{self, PreparedEngine};
use crate::row::{OperationRow, SessionRow, UsageRow, count, parse_time, time};
use crate::template::{self, PreparedTemplate};
use crate::writer::Failure;

/// A change with its rows made, which is done on the caller's thread: there is only one writer.
#[derive(Debug)]
pub(crate) struct Prepared {
    fence: Option<Fence>,
    request: Option<(RequestKey, OperationId)>,
    sessions: Vec<PreparedWrite>,
    templates: Vec<PreparedTemplate>,
    pool_engines: Vec<PreparedEngine>,
    operations: Vec<OperationRow>,
    removed_operations: Vec<OperationId>,
    removed_usage: Vec<SessionUuid>,
}

#[derive(Debug)]
enum PreparedWrite {
    Insert(SessionName, SessionRow),
    Update(SessionRow, u64),
    Remove(String, u64, Option<UsageRow>),
}

impl PreparedWrite {
    fn uuid(&self) -> &str {
        match self {
            Self::Insert(_, row) | Self::Update(row, _) => &row.uuid,
            Self::Remove(uuid, ..) => uuid,
        }
    }
}

impl Prepared {
    pub(crate) fn new(change: Change) -> Result<Self, StoreError> {
        let prepare = |write: SessionWrite| {
            Ok(match write {
                SessionWrite::Insert(session) => {
                    PreparedWrite::Insert(session.name.clone(), SessionRow::of(&session)?)
                }
                SessionWrite::Update(session) => {
                    PreparedWrite::Update(SessionRow::of(&session)?, session.generation)
                }
                SessionWrite::Remove { uuid, generation, usage } => {
                    let usage = usage.map(|usage| UsageRow::of(&usage)).transpose()?;
                    PreparedWrite::Remove(uuid.to_string(), generation, usage)
                }
            })
        };
        Ok(Self {
            fence: change.fence,
            request: change.request,
            sessions: change.sessions.into_iter().map(prepare).collect::<Result<_, StoreError>>()?,
            templates: change
                .templates
                .into_iter()
                .map(PreparedTemplate::new)
                .collect::<Result<_, StoreError>>()?,
            pool_engines: change.pool_engines.iter().map(PreparedEngine::new).collect::<Result<_, _>>()?,
            operations: change.operations.iter().map(OperationRow::of).collect::<Result<_, _>>()?,
            removed_operations: change.removed_operations,
            removed_usage: change.removed_usage,
        })
    }
}

type Applied<T = ()> = Result<T, Failure<CommitError>>;

/// Applies a change. The order of the guards is part of the contract ([`hearth_store::Store::commit`]).
pub(crate) fn commit(connection: &Connection, change: &Prepared) -> Applied {
    if let Some(fence) = change.fence
        && lease(connection)?.is_none_or(|lease| lease.fence != fence)
    {
        return Err(Failure::Refused(CommitError::Fenced));
    }
    if let Some((key, _)) = &change.request
        && let Some(operation) = crate::query::request(connection, key)?
    {
        return Err(Failure::Refused(CommitError::Replayed(operation)));
    }
    for write in &change.sessions {
        if let PreparedWrite::Insert(name, row) = write {
            refuse_taken(connection, name, row)?;
        }
    }
    let mut written = HashSet::new();
    if !change.sessions.iter().all(|write| written.insert(write.uuid())) {
        return Err(Failure::Refused(CommitError::Conflict));
    }
    for write in &change.sessions {
        write_session(connection, write)?;
    }
    for write in &change.templates {
        template::check(connection, write)?;
    }
    let mut written = HashSet::new();
    if !change.templates.iter().all(|write| written.insert(write.name())) {
        return Err(Failure::Refused(CommitError::Conflict));
    }
    for write in &change.templates {
        template::write(connection, write)?;
    }
    let mut written = HashSet::new();
    if !change.pool_engines.iter().all(|write| written.insert(write.id())) {
        return Err(Failure::Refused(CommitError::Conflict));
    }
    for write in &change.pool_engines {
        pool::write(connection, write)?;
    }
    for operation in &change.operations {
        write_operation(connection, operation)?;
    }
    if let Some((key, operation)) = &change.request {
        write_request(connection, key, *operation)?;
    }
    for id in &change.removed_operations {
        // The request ids go with it: ON DELETE CASCADE.
        connection.prepare_cached("DELETE FROM operations WHERE id = ?1")?.execute([id.to_string()])?;
    }
    for uuid in &change.removed_usage {
        connection
            .prepare_cached("DELETE FROM removed_usage WHERE uuid = ?1")?
            .execute([uuid.to_string()])?;
    }
    Ok(())
}

fn refuse_taken(connection: &Connection, name: &SessionName, row: &SessionRow) -> Applied {
    let taken = connection
        .prepare_cached("SELECT 1 FROM sessions WHERE project = ?1 AND location = ?2 AND id = ?3")?
        .exists(params![row.project, row.location, row.id])?;
    if taken { Err(Failure::Refused(CommitError::SessionExists(name.clone()))) } else { Ok(()) }
}

fn write_session(connection: &Connection, write: &PreparedWrite) -> Applied {
    let written = match write {
        PreparedWrite::Insert(name, row) => {
            let written = connection
                .prepare_cached(
                    "INSERT INTO sessions (uuid, project, location, id, created_at, state, state_at, settled,
                                           deleting, generation, document)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1, ?10)
                     ON CONFLICT DO NOTHING",
                )?
                .execute(params![
                    row.uuid,
                    row.project,
                    row.location,
                    row.id,
                    row.created_at,
                    row.state,
                    row.state_at,
                    row.settled,
                    row.deleting,
                    row.document,
                ])?;
            if written == 0 {
                // The name was free a moment ago: this change itself has taken it. Or else the uuid is known.
                refuse_taken(connection, name, row)?;
            }
            written
        }
        PreparedWrite::Update(row, generation) => connection
            .prepare_cached(
                "UPDATE sessions
                 SET state = ?3, state_at = ?4, settled = ?5, deleting = ?6, document = ?7, generation = ?2 + 1
                 WHERE uuid = ?1 AND generation = ?2",
            )?
            .execute(params![
                row.uuid,
                count(*generation),
                row.state,
                row.state_at,
                row.settled,
                row.deleting,
                row.document,
            ])?,
        PreparedWrite::Remove(uuid, generation, _) => connection
            // Its activity goes with it: ON DELETE CASCADE.
            .prepare_cached("DELETE FROM sessions WHERE uuid = ?1 AND generation = ?2")?
            .execute(params![uuid, count(*generation)])?,
    };
    if written == 0 {
        return Err(Failure::Refused(CommitError::Conflict));
    }
    match write {
        PreparedWrite::Insert(_, row) | PreparedWrite::Update(row, _) => {
            template::write_session_labels(connection, row)
        }
        // Its labels went with it: ON DELETE CASCADE.
        PreparedWrite::Remove(_, _, usage) => {
            usage.as_ref().map_or(Ok(()), |row| write_usage(connection, row))
        }
    }
}

fn write_usage(connection: &Connection, row: &UsageRow) -> Applied {
    connection
        .prepare_cached(
            "INSERT INTO removed_usage (uuid, project, location, ended_at, document) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (uuid) DO UPDATE SET project = ?2, location = ?3, ended_at = ?4, document = ?5",
        )?
        .execute(params![row.uuid, row.project, row.location, row.ended_at, row.document])?;
    Ok(())
}

fn write_operation(connection: &Connection, row: &OperationRow) -> Applied {
    connection
        // Not INSERT OR REPLACE: that deletes the row first, and the request ids with it.
        .prepare_cached(
            "INSERT INTO operations (id, project, location, session_uuid, created_at, done_at, document)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (id) DO UPDATE
             SET project = ?2, location = ?3, session_uuid = ?4, created_at = ?5, done_at = ?6, document = ?7",
        )?
        .execute(params![
            row.id,
            row.project,
            row.location,
            row.session_uuid,
            row.created_at,
            row.done_at,
            row.document,
        ])?;
    Ok(())
}

fn write_request(connection: &Connection, key: &RequestKey, operation: OperationId) -> Applied {
    let written = connection
        .prepare_cached(
            "INSERT INTO requests (project, location, method, request_id, operation)
             SELECT ?1, ?2, ?3, ?4, id FROM operations WHERE id = ?5",
        )?
        .execute(params![
            key.parent.project,
            key.parent.location,
            key.method.label(),
            key.request_id.as_str(),
            operation.to_string(),
        ])?;
    if written == 1 { Ok(()) } else { Err(Failure::Refused(CommitError::Conflict)) }
}

/// Notes uses of sessions; older ones and those of sessions that are gone change nothing.
pub(crate) fn note_activity(
    connection: &Connection,
    uses: &[(SessionUuid, Timestamp)],
) -> Result<(), Failure<StoreError>> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO activity (uuid, used_at) SELECT uuid, ?2 FROM sessions WHERE uuid = ?1
         ON CONFLICT (uuid) DO UPDATE SET used_at = max(used_at, ?2) WHERE used_at < ?2",
    )?;
    for (uuid, at) in uses {
        statement.execute(params![uuid.to_string(), time(*at)])?;
    }
    Ok(())
}

/// Grants the lease as [`Lease::grant`] decides, and remembers it.
pub(crate) fn acquire_lease(
    connection: &Connection,
    holder: &str,
    now: Timestamp,
    expires_at: Timestamp,
    seize: bool,
) -> Result<Option<Lease>, Failure<StoreError>> {
    let granted = Lease::grant(lease(connection)?.as_ref(), holder, now, expires_at, seize);
    if let Some(lease) = &granted {
        write_lease(connection, lease)?;
    }
    Ok(granted)
}

/// Lets the lease lapse, if `holder` has it.
pub(crate) fn release_lease(connection: &Connection, holder: &str) -> Result<(), Failure<StoreError>> {
    match lease(connection)? {
        Some(lease) if lease.holder == holder => {
            write_lease(connection, &Lease { expires_at: Timestamp::UNIX_EPOCH, ..lease })
        }
        _ => Ok(()),
    }
}

fn write_lease(connection: &Connection, lease: &Lease) -> Result<(), Failure<StoreError>> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO lease (one, holder, fence, expires_at) VALUES (1, ?1, ?2, ?3)",
        )?
        .execute(params![lease.holder, count(lease.fence.0), time(lease.expires_at)])?;
    Ok(())
}

fn lease<E>(connection: &Connection) -> Result<Option<Lease>, Failure<E>> {
    let row: Option<(String, i64, String)> = connection
        .prepare_cached("SELECT holder, fence, expires_at FROM lease")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((holder, fence, expires_at)) = row else { return Ok(None) };
    let fence = Fence(u64::try_from(fence).map_err(|_| StoreError::Damaged("a fence below 0".to_owned()))?);
    Ok(Some(Lease { holder, fence, expires_at: parse_time(&expires_at)? }))
}
