//! Reading everything there is, to see whether it is whole.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use hearth_core::id::{OperationId, SessionUuid};
use rusqlite::Connection;

use crate::connection::{look_at, open_reader};
use crate::error::OpenError;
use crate::row::{
    OperationRow, PoolEngineRow, SessionRow, TemplateRow, UsageRow, parse_operation, parse_pool_engine,
    parse_session, parse_template, parse_usage,
};
use crate::schema;

/// What was found in a database.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Report {
    /// The format it has; 0 for a database that is empty.
    pub format: u32,
    /// How many sessions could be read.
    pub sessions: usize,
    /// How many session templates could be read.
    pub templates: usize,
    /// How many operations could be read.
    pub operations: usize,
    /// Of how many removed sessions it could be read what they used.
    pub removed_usage: usize,
    /// What cannot be read, in words for people.
    pub damage: Vec<String>,
    /// What can be read and does not fit together, in words for people.
    pub contradictions: Vec<String>,
}

impl Report {
    /// All that is wrong, the worst first. Nothing for a database that is whole.
    pub fn problems(&self) -> impl Iterator<Item = &str> {
        self.damage.iter().chain(&self.contradictions).map(String::as_str)
    }
}

/// The most problems that the file's own structure is reported with.
const MAX_STRUCTURE_PROBLEMS: u32 = 20;

/// Reads the whole database and looks for what cannot be. Changes nothing, and may run beside a server.
///
/// # Errors
/// When it cannot be looked at: it is not there, foreign, newer than this program, or locked. A damaged one is
/// reported instead.
pub fn check(path: impl AsRef<Path>) -> Result<Report, OpenError> {
    let path = path.as_ref();
    let mut report = Report::default();
    match check_into(path, &mut report) {
        Err(OpenError::Corrupt { detail, .. }) => report.damage.push(detail),
        other => other?,
    }
    Ok(report)
}

fn check_into(path: &Path, report: &mut Report) -> Result<(), OpenError> {
    let sqlite = |error: rusqlite::Error| OpenError::of(path, &error);
    look_at(path)?;
    let connection = open_reader(path)?;
    // One transaction: what a server writes meanwhile is not seen halfway.
    connection.execute_batch("BEGIN").map_err(sqlite)?;
    schema::refuse_strangers(&connection, path)?;
    report.format = schema::format(&connection).map_err(sqlite)?;
    check_structure(&connection, report).map_err(sqlite)?;
    // The tables are those of the newest format only; an older database has them once it was opened.
    if report.format == schema::known() {
        let open = check_sessions(&connection, report).map_err(sqlite)?;
        check_templates(&connection, report).map_err(sqlite)?;
        check_labels(&connection, report).map_err(sqlite)?;
        check_operations(&connection, &open, report).map_err(sqlite)?;
        check_usage(&connection, report).map_err(sqlite)?;
        check_pool_engines(&connection, &open, report).map_err(sqlite)?;
        check_references(&connection, report).map_err(sqlite)?;
    }
    Ok(())
}

fn check_structure(connection: &Connection, report: &mut Report) -> rusqlite::Result<()> {
    connection.pragma(None, "integrity_check", MAX_STRUCTURE_PROBLEMS, |row| {
        let text: String = row.get(0)?;
        if text != "ok" {
            report.damage.push(text);
        }
        Ok(())
    })
}

/// What the sessions say of their operations.
#[derive(Debug, Default)]
struct Open {
    sessions: HashSet<SessionUuid>,
    operations: HashMap<OperationId, SessionUuid>,
}

fn check_sessions(connection: &Connection, report: &mut Report) -> rusqlite::Result<Open> {
    let mut open = Open::default();
    let mut statement = connection.prepare(
        "SELECT document, generation, uuid, project, location, id, created_at, state, state_at, settled, deleting
         FROM sessions",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (document, uuid): (String, String) = (row.get(0)?, row.get(2)?);
        let read = parse_session(&document, row.get(1)?)
            .and_then(|session| SessionRow::of(&session).map(|expected| (session, expected)));
        let (session, expected) = match read {
            Ok(read) => read,
            Err(error) => {
                report.damage.push(format!("session {uuid}: {error}"));
                continue;
            }
        };
        report.sessions += 1;
        let columns = [
            ("uuid", &expected.uuid, uuid.clone()),
            ("project", &expected.project, row.get(3)?),
            ("location", &expected.location, row.get(4)?),
            ("id", &expected.id, row.get(5)?),
            ("creation time", &expected.created_at, row.get(6)?),
            ("state", &expected.state.to_owned(), row.get(7)?),
            ("state's time", &expected.state_at, row.get(8)?),
            ("settled mark", &u8::from(expected.settled).to_string(), row.get::<_, u8>(9)?.to_string()),
            ("delete mark", &u8::from(expected.deleting).to_string(), row.get::<_, u8>(10)?.to_string()),
        ];
        for (what, document, column) in columns {
            if *document != column {
                report.contradictions.push(format!(
                    "session {uuid}: its {what} is indexed as \"{column}\" but recorded as \"{document}\""
                ));
            }
        }
        open.operations.extend(session.open_operations.iter().map(|(_, id)| (*id, session.uuid)));
        open.sessions.insert(session.uuid);
    }
    Ok(open)
}

fn check_templates(connection: &Connection, report: &mut Report) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(
        "SELECT document, created_at, uuid, project, location, id, description, display_name, creator, kernel
         FROM templates",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (document, created_at): (String, String) = (row.get(0)?, row.get(1)?);
        let uuid: String = row.get(2)?;
        let expected = match parse_template(&document, &created_at).and_then(|it| TemplateRow::of(&it)) {
            Ok(expected) => expected,
            Err(error) => {
                report.damage.push(format!("session template {uuid}: {error}"));
                continue;
            }
        };
        report.templates += 1;
        let columns = [
            ("uuid", Some(expected.uuid), Some(uuid.clone())),
            ("project", Some(expected.project), row.get(3)?),
            ("location", Some(expected.location), row.get(4)?),
            ("id", Some(expected.id), row.get(5)?),
            ("description", Some(expected.description), row.get(6)?),
            ("title", Some(expected.display_name), row.get(7)?),
            ("creator", Some(expected.creator), row.get(8)?),
            ("kernel", expected.kernel.map(str::to_owned), row.get(9)?),
        ];
        for (what, document, column) in columns {
            if document != column {
                let [column, document] = [column, document].map(|text| text.unwrap_or("none".to_owned()));
                report.contradictions.push(format!(
                    "session template {uuid}: its {what} is indexed as \"{column}\" but recorded as \"{document}\""
                ));
            }
        }
    }
    Ok(())
}

/// Compares the labels beside sessions and templates with those in their documents.
fn check_labels(connection: &Connection, report: &mut Report) -> rusqlite::Result<()> {
    for (what, owner, labels, path) in [
        ("session", "sessions", "session_labels", "$.config.labels"),
        ("session template", "templates", "template_labels", "$.labels"),
    ] {
        let mut statement = connection.prepare(&format!(
            "SELECT owner.uuid FROM {owner} AS owner WHERE json_valid(owner.document) AND EXISTS (
                 SELECT key, value FROM json_each(owner.document, '{path}')
                 EXCEPT SELECT key, value FROM {labels} WHERE uuid = owner.uuid)
             UNION
             SELECT label.uuid FROM {labels} AS label LEFT JOIN {owner} AS owner ON owner.uuid = label.uuid
             WHERE owner.uuid IS NULL OR json_valid(owner.document) AND NOT EXISTS (
                 SELECT 1 FROM json_each(owner.document, '{path}') AS recorded
                 WHERE recorded.key = label.key AND recorded.value = label.value)"
        ))?;
        for uuid in statement.query_map([], |row| row.get::<_, String>(0))? {
            report.contradictions.push(format!("{what} {}: its labels are not indexed as recorded", uuid?));
        }
    }
    let mut stale = connection.prepare(
        "SELECT DISTINCT uuid FROM session_labels AS label JOIN sessions AS session USING (uuid)
         WHERE (label.project, label.location, label.created_at, label.id, label.state)
            <> (session.project, session.location, session.created_at, session.id, session.state)",
    )?;
    for uuid in stale.query_map([], |row| row.get::<_, String>(0))? {
        report.contradictions.push(format!("session {}: its labels are not indexed as it is now", uuid?));
    }
    Ok(())
}

fn check_operations(connection: &Connection, open: &Open, report: &mut Report) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(
        "SELECT document, id, project, location, session_uuid, created_at, done_at FROM operations",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (document, id): (String, String) = (row.get(0)?, row.get(1)?);
        let read = parse_operation(&document)
            .and_then(|operation| OperationRow::of(&operation).map(|expected| (operation, expected)));
        let (operation, expected) = match read {
            Ok(read) => read,
            Err(error) => {
                report.damage.push(format!("operation {id}: {error}"));
                continue;
            }
        };
        report.operations += 1;
        let columns = [
            ("id", Some(expected.id), Some(id.clone())),
            ("project", Some(expected.project), row.get(2)?),
            ("location", Some(expected.location), row.get(3)?),
            ("session", Some(expected.session_uuid), row.get(4)?),
            ("creation time", Some(expected.created_at), row.get(5)?),
            ("end", expected.done_at, row.get(6)?),
        ];
        for (what, document, column) in columns {
            if document != column {
                let [column, document] = [column, document].map(|text| text.unwrap_or("none".to_owned()));
                report.contradictions.push(format!(
                    "operation {id}: its {what} is indexed as \"{column}\" but recorded as \"{document}\""
                ));
            }
        }
        let waited_for = open.operations.get(&operation.id);
        match (&operation.done, waited_for) {
            (None, None) if open.sessions.contains(&operation.session_uuid) => {
                report.contradictions.push(format!(
                    "operation {id}: it runs, but its session \"{}\" does not know it",
                    operation.session
                ))
            }
            (None, None) => report
                .contradictions
                .push(format!("operation {id}: it runs, but its session \"{}\" is gone", operation.session)),
            (Some(_), Some(session)) => report
                .contradictions
                .push(format!("operation {id}: it has ended, but session {session} still waits for it")),
            (None, Some(_)) | (Some(_), None) => {}
        }
    }
    Ok(())
}

fn check_usage(connection: &Connection, report: &mut Report) -> rusqlite::Result<()> {
    let mut statement =
        connection.prepare("SELECT document, uuid, project, location, ended_at FROM removed_usage")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (document, uuid): (String, String) = (row.get(0)?, row.get(1)?);
        let expected = match parse_usage(&document).and_then(|record| UsageRow::of(&record)) {
            Ok(expected) => expected,
            Err(error) => {
                report.damage.push(format!("removed session {uuid}: {error}"));
                continue;
            }
        };
        report.removed_usage += 1;
        let columns = [
            ("uuid", expected.uuid, uuid.clone()),
            ("project", expected.project, row.get(2)?),
            ("location", expected.location, row.get(3)?),
            ("end", expected.ended_at, row.get(4)?),
        ];
        for (what, document, column) in columns {
            if document != column {
                report.contradictions.push(format!(
                    "removed session {uuid}: its {what} is indexed as \"{column}\" but recorded as \"{document}\""
                ));
            }
        }
    }
    let mut twice = connection.prepare("SELECT uuid FROM removed_usage JOIN sessions USING (uuid)")?;
    for uuid in twice.query_map([], |row| row.get::<_, String>(0))? {
        let text = format!("session {}: its use is recorded as if it were removed, but it is there", uuid?);
        report.contradictions.push(text);
    }
    Ok(())
}

fn check_pool_engines(connection: &Connection, open: &Open, report: &mut Report) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("SELECT document, generation, id, made_at FROM pool_engines")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (document, id, made_at): (String, String, String) = (row.get(0)?, row.get(2)?, row.get(3)?);
        let read = parse_pool_engine(&document, row.get(1)?)
            .and_then(|engine| PoolEngineRow::of(&engine).map(|expected| (engine, expected)));
        match read {
            Err(error) => report.damage.push(format!("pool engine {id}: {error}")),
            Ok((engine, expected)) => {
                if (&expected.id, &expected.made_at) != (&id, &made_at) {
                    let text = format!("pool engine {id}: it is indexed otherwise than recorded");
                    report.contradictions.push(text);
                }
                if open.sessions.contains(&engine.id.session_uuid()) {
                    report.contradictions.push(format!("engine {id} is a session's and in a pool"));
                }
            }
        }
    }
    Ok(())
}

fn check_references(connection: &Connection, report: &mut Report) -> rusqlite::Result<()> {
    let lost = |sql: &str, what: &str, report: &mut Report| -> rusqlite::Result<()> {
        let mut statement = connection.prepare(sql)?;
        for id in statement.query_map([], |row| row.get::<_, String>(0))? {
            report.contradictions.push(format!("{what} {}", id?));
        }
        Ok(())
    };
    lost(
        "SELECT request_id || ' stands for operation ' || operation || ', which is not there' FROM requests
         WHERE operation NOT IN (SELECT id FROM operations)",
        "request id",
        report,
    )?;
    lost(
        "SELECT uuid || ' is noted as used, but is not there' FROM activity
         WHERE uuid NOT IN (SELECT uuid FROM sessions)",
        "session",
        report,
    )?;
    connection.pragma_query(None, "foreign_key_check", |row| {
        let (table, row): (String, Option<i64>) = (row.get(0)?, row.get(1)?);
        // Those above say it in words; this finds what later formats may add.
        if !["requests", "activity", "session_labels", "template_labels"].contains(&table.as_str()) {
            report.contradictions.push(format!("a reference of row {row:?} of \"{table}\" leads nowhere"));
        }
        Ok(())
    })
}
