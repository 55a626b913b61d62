//! What is read, each as one statement on an index. Those of lists are made in `list.rs`.

use hearth_core::Timestamp;
use hearth_core::id::{OperationId, SessionUuid};
use hearth_core::name::{SessionName, TemplateName};
use hearth_core::operation::{Operation, RequestKey};
use hearth_core::pool::PoolEngine;
use hearth_core::session::Session;
use hearth_core::template::Template;
use hearth_core::usage::UsageRecord;
use hearth_store::{OperationQuery, SessionQuery, StoreError, TemplateQuery, UsageQuery};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Params, Row, params, params_from_iter};

use crate::error::store_error;
use crate::list;
use crate::restriction::Statement;
use crate::row::{
    parse_operation, parse_pool_engine, parse_session, parse_template, parse_time, parse_usage, time,
};

type Read<T> = Result<T, StoreError>;

const SESSION_BY_NAME: &str =
    "SELECT document, generation FROM sessions WHERE project = ?1 AND location = ?2 AND id = ?3";
const SESSION_BY_UUID: &str = "SELECT document, generation FROM sessions WHERE uuid = ?1";
const SESSIONS_WITH_ID: &str = "SELECT document, generation FROM sessions WHERE id = ?1 LIMIT ?2";
const UNSETTLED: &str = "SELECT uuid FROM sessions WHERE settled = 0";
const ENDED_BEFORE: &str =
    "SELECT uuid FROM sessions WHERE settled = 1 AND state_at <= ?1 ORDER BY state_at, uuid LIMIT ?2";
const OPERATION: &str = "SELECT document FROM operations WHERE id = ?1";
const TEMPLATE: &str =
    "SELECT document, created_at FROM templates WHERE project = ?1 AND location = ?2 AND id = ?3";
const FINISHED_BEFORE: &str = "SELECT id FROM operations
     WHERE done_at IS NOT NULL AND done_at <= ?1 ORDER BY done_at, id LIMIT ?2";
const REQUEST: &str = "SELECT operation FROM requests
     WHERE project = ?1 AND location = ?2 AND method = ?3 AND request_id = ?4";
/// One statement, and so one moment. A settled session was active for the last time when it entered its state or
/// before.
const USAGE: &str = "SELECT document, generation FROM sessions
     WHERE (?1 IS NULL OR project = ?1) AND (?2 IS NULL OR location = ?2) AND (settled = 0 OR state_at >= ?3)
     UNION ALL SELECT document, NULL FROM removed_usage
     WHERE ended_at >= ?3 AND (?1 IS NULL OR project = ?1) AND (?2 IS NULL OR location = ?2)";
const USAGE_BEFORE: &str =
    "SELECT uuid FROM removed_usage WHERE ended_at <= ?1 ORDER BY ended_at, uuid LIMIT ?2";
const POOL_ENGINES: &str = "SELECT document, generation FROM pool_engines ORDER BY made_at, id";
const ACTIVITY: &str = "SELECT used_at FROM activity WHERE uuid = ?1";

pub(crate) fn session(connection: &Connection, name: &SessionName) -> Read<Option<Session>> {
    let parent = name.parent();
    one(connection, SESSION_BY_NAME, params![parent.project, parent.location, name.id()], read_session)
}

pub(crate) fn session_by_uuid(connection: &Connection, uuid: SessionUuid) -> Read<Option<Session>> {
    one(connection, SESSION_BY_UUID, [uuid.to_string()], read_session)
}

pub(crate) fn sessions(connection: &Connection, query: &SessionQuery) -> Read<Vec<Session>> {
    let Statement { sql, values } = list::sessions(query);
    many(connection, &sql, params_from_iter(values), read_session)
}

pub(crate) fn sessions_with_id(connection: &Connection, id: &str, limit: usize) -> Read<Vec<Session>> {
    many(connection, SESSIONS_WITH_ID, params![id, clamp(limit)], read_session)
}

pub(crate) fn unsettled(connection: &Connection) -> Read<Vec<SessionUuid>> {
    many(connection, UNSETTLED, [], |row| parse_id(text(row, 0)?))
}

pub(crate) fn ended_before(connection: &Connection, at: Timestamp, limit: usize) -> Read<Vec<SessionUuid>> {
    many(connection, ENDED_BEFORE, params![time(at), clamp(limit)], |row| parse_id(text(row, 0)?))
}

pub(crate) fn operation(connection: &Connection, id: OperationId) -> Read<Option<Operation>> {
    one(connection, OPERATION, [id.to_string()], |row| parse_operation(text(row, 0)?))
}

pub(crate) fn operations(connection: &Connection, query: &OperationQuery) -> Read<Vec<Operation>> {
    let Statement { sql, values } = list::operations(query);
    many(connection, &sql, params_from_iter(values), |row| parse_operation(text(row, 0)?))
}

pub(crate) fn template(connection: &Connection, name: &TemplateName) -> Read<Option<Template>> {
    let parent = name.parent();
    one(connection, TEMPLATE, params![parent.project, parent.location, name.id()], read_template)
}

pub(crate) fn templates(connection: &Connection, query: &TemplateQuery) -> Read<Vec<Template>> {
    let Statement { sql, values } = list::templates(query);
    many(connection, &sql, params_from_iter(values), read_template)
}

pub(crate) fn finished_before(
    connection: &Connection,
    at: Timestamp,
    limit: usize,
) -> Read<Vec<OperationId>> {
    many(connection, FINISHED_BEFORE, params![time(at), clamp(limit)], |row| parse_id(text(row, 0)?))
}

pub(crate) fn pool_engines(connection: &Connection) -> Read<Vec<PoolEngine>> {
    many(connection, POOL_ENGINES, [], |row| {
        let generation = row.get(1).map_err(|error| store_error(&error))?;
        parse_pool_engine(text(row, 0)?, generation)
    })
}

pub(crate) fn request(connection: &Connection, key: &RequestKey) -> Read<Option<OperationId>> {
    let RequestKey { parent, method, request_id } = key;
    let values = params![parent.project, parent.location, method.label(), request_id.as_str()];
    one(connection, REQUEST, values, |row| parse_id(text(row, 0)?))
}

pub(crate) fn activity(connection: &Connection, uuid: SessionUuid) -> Read<Option<Timestamp>> {
    one(connection, ACTIVITY, [uuid.to_string()], |row| parse_time(text(row, 0)?))
}

pub(crate) fn usage(connection: &Connection, query: &UsageQuery) -> Read<Vec<UsageRecord>> {
    let values = params![query.project, query.location, time(query.since)];
    let mut found =
        many(connection, USAGE, values, |row| match row.get(1).map_err(|error| store_error(&error))? {
            Some(generation) => Ok(UsageRecord::of(&parse_session(text(row, 0)?, generation)?)),
            None => parse_usage(text(row, 0)?).map(Some),
        })?;
    found.retain(|record| record.as_ref().is_some_and(|record| query.selects(record)));
    Ok(found.into_iter().flatten().collect())
}

pub(crate) fn usage_before(connection: &Connection, at: Timestamp, limit: usize) -> Read<Vec<SessionUuid>> {
    many(connection, USAGE_BEFORE, params![time(at), clamp(limit)], |row| parse_id(text(row, 0)?))
}

fn one<T>(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Read<T>,
) -> Read<Option<T>> {
    let sqlite = |error: rusqlite::Error| store_error(&error);
    let mut statement = connection.prepare_cached(sql).map_err(sqlite)?;
    let mut rows = statement.query(values).map_err(sqlite)?;
    rows.next().map_err(sqlite)?.map(&mut read).transpose()
}

fn many<T>(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Read<T>,
) -> Read<Vec<T>> {
    let sqlite = |error: rusqlite::Error| store_error(&error);
    let mut statement = connection.prepare_cached(sql).map_err(sqlite)?;
    let mut rows = statement.query(values).map_err(sqlite)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(sqlite)? {
        found.push(read(row)?);
    }
    Ok(found)
}

fn read_session(row: &Row<'_>) -> Read<Session> {
    let generation = row.get(1).map_err(|error| store_error(&error))?;
    parse_session(text(row, 0)?, generation)
}

fn read_template(row: &Row<'_>) -> Read<Template> {
    parse_template(text(row, 0)?, text(row, 1)?)
}

/// The text in a column, without a copy: documents are parsed where SQLite has them.
fn text<'a>(row: &'a Row<'_>, column: usize) -> Read<&'a str> {
    match row.get_ref(column) {
        Ok(ValueRef::Text(bytes)) => {
            std::str::from_utf8(bytes).map_err(|_| StoreError::Damaged("a record is not UTF-8".to_owned()))
        }
        Ok(_) => Err(StoreError::Damaged("a record does not have the expected form".to_owned())),
        Err(error) => Err(store_error(&error)),
    }
}

fn parse_id<T: std::str::FromStr>(text: &str) -> Read<T> {
    text.parse().map_err(|_| StoreError::Damaged(format!("\"{text}\" is not a uuid")))
}

fn clamp(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How SQLite goes about a statement, a step a line.
    fn plan(connection: &Connection, sql: &str) -> String {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let count = statement.parameter_count();
        let rows =
            statement.query_map(rusqlite::params_from_iter(vec![1_i64; count]), |row| row.get(3)).unwrap();
        rows.collect::<Result<Vec<String>, _>>().unwrap().join("\n")
    }

    #[test]
    fn every_statement_goes_by_an_index_and_none_sorts() {
        let scratch = tempfile::tempdir().unwrap();
        let connection = crate::connection::open_writer(&scratch.path().join("hearth.db")).unwrap();
        for (sql, index) in [
            (SESSION_BY_NAME, "sessions_by_name (project=? AND location=? AND id=?)"),
            (SESSION_BY_UUID, "sqlite_autoindex_sessions_1 (uuid=?)"),
            (SESSIONS_WITH_ID, "sessions_by_id (id=?)"),
            (UNSETTLED, "sessions_unsettled"),
            (ENDED_BEFORE, "sessions_settled (state_at<?)"),
            (TEMPLATE, "templates_by_name (project=? AND location=? AND id=?)"),
            (OPERATION, "sqlite_autoindex_operations_1 (id=?)"),
            (FINISHED_BEFORE, "operations_finished (done_at>? AND done_at<?)"),
            (REQUEST, "PRIMARY KEY (project=? AND location=? AND method=? AND request_id=?)"),
            (POOL_ENGINES, "pool_engines_oldest_first"),
            (ACTIVITY, "PRIMARY KEY (uuid=?)"),
            (USAGE_BEFORE, "removed_usage_by_end (ended_at<?)"),
        ] {
            let plan = plan(&connection, sql);
            assert!(plan.contains(index), "{sql}\n{plan}");
            assert!(!plan.contains("TEMP B-TREE") && !plan.contains('\n'), "{sql}\n{plan}");
        }
    }
}
