//! Writes of templates and of labels, inside the writer's transaction.

use std::collections::BTreeMap;

use hearth_core::name::TemplateName;
use hearth_store::{CommitError, StoreError, TemplateWrite};
use rusqlite::{Connection, params};

use crate::row::{SessionRow, TemplateRow};
use crate::writer::Failure;

type Applied = Result<(), Failure<CommitError>>;

/// A write with its row made.
#[derive(Debug)]
pub(crate) enum PreparedTemplate {
    Insert(TemplateName, TemplateRow),
    Replace(TemplateName, TemplateRow),
    Remove(TemplateName),
}

impl PreparedTemplate {
    pub(crate) fn new(write: TemplateWrite) -> Result<Self, StoreError> {
        Ok(match write {
            TemplateWrite::Insert(template) => {
                Self::Insert(template.name.clone(), TemplateRow::of(&template)?)
            }
            TemplateWrite::Replace(template) => {
                Self::Replace(template.name.clone(), TemplateRow::of(&template)?)
            }
            TemplateWrite::Remove(name) => Self::Remove(name),
        })
    }

    pub(crate) fn name(&self) -> &TemplateName {
        match self {
            Self::Insert(name, _) | Self::Replace(name, _) | Self::Remove(name) => name,
        }
    }
}

/// Refuses a write that does not fit what is there.
pub(crate) fn check(connection: &Connection, write: &PreparedTemplate) -> Applied {
    let name = write.name();
    let parent = name.parent();
    let mut by_name = connection
        .prepare_cached("SELECT uuid FROM templates WHERE project = ?1 AND location = ?2 AND id = ?3")?;
    let mut rows = by_name.query(params![parent.project, parent.location, name.id()])?;
    let stored: Option<String> = rows.next()?.map(|row| row.get(0)).transpose()?;
    match (write, stored) {
        (PreparedTemplate::Insert(..), None) | (PreparedTemplate::Remove(_), Some(_)) => Ok(()),
        (PreparedTemplate::Replace(_, row), Some(uuid)) if uuid == row.uuid => Ok(()),
        (PreparedTemplate::Insert(..), Some(_)) => {
            Err(Failure::Refused(CommitError::TemplateExists(name.clone())))
        }
        (PreparedTemplate::Replace(..), _) | (PreparedTemplate::Remove(_), None) => {
            Err(Failure::Refused(CommitError::TemplateAbsent(name.clone())))
        }
    }
}

/// Makes a write that [`check`] let through.
pub(crate) fn write(connection: &Connection, write: &PreparedTemplate) -> Applied {
    match write {
        PreparedTemplate::Insert(_, row) => {
            let written = connection
                .prepare_cached(
                    "INSERT INTO templates (uuid, project, location, id, created_at, description, display_name,
                                            creator, kernel, document)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING",
                )?
                .execute(params![
                    row.uuid,
                    row.project,
                    row.location,
                    row.id,
                    row.created_at,
                    row.description,
                    row.display_name,
                    row.creator,
                    row.kernel,
                    row.document,
                ])?;
            if written == 0 {
                return Err(Failure::Refused(CommitError::Conflict));
            }
            write_labels(connection, row)
        }
        PreparedTemplate::Replace(_, row) => {
            connection
                .prepare_cached(
                    "UPDATE templates
                     SET description = ?2, display_name = ?3, creator = ?4, kernel = ?5, document = ?6
                     WHERE uuid = ?1",
                )?
                .execute(params![
                    row.uuid,
                    row.description,
                    row.display_name,
                    row.creator,
                    row.kernel,
                    row.document,
                ])?;
            connection.prepare_cached("DELETE FROM template_labels WHERE uuid = ?1")?.execute([&row.uuid])?;
            write_labels(connection, row)
        }
        PreparedTemplate::Remove(name) => {
            // Its labels go with it: ON DELETE CASCADE.
            let parent = name.parent();
            connection
                .prepare_cached("DELETE FROM templates WHERE project = ?1 AND location = ?2 AND id = ?3")?
                .execute(params![parent.project, parent.location, name.id()])?;
            Ok(())
        }
    }
}

fn write_labels(connection: &Connection, row: &TemplateRow) -> Applied {
    let mut insert =
        connection.prepare_cached("INSERT INTO template_labels (uuid, key, value) VALUES (?1, ?2, ?3)")?;
    for (key, value) in &row.labels {
        insert.execute(params![row.uuid, key, value])?;
    }
    Ok(())
}

/// Brings the rows of a session's labels to what the session is now. Its state is beside them.
pub(crate) fn write_session_labels(connection: &Connection, row: &SessionRow) -> Applied {
    let mut read =
        connection.prepare_cached("SELECT key, value, state FROM session_labels WHERE uuid = ?1")?;
    let (mut known, mut current) = (BTreeMap::new(), true);
    let mut rows = read.query([&row.uuid])?;
    while let Some(label) = rows.next()? {
        known.insert(label.get(0)?, label.get(1)?);
        current &= label.get_ref(2)?.as_str().is_ok_and(|state| state == row.state);
    }
    if known == row.labels {
        if !current {
            connection
                .prepare_cached("UPDATE session_labels SET state = ?2 WHERE uuid = ?1")?
                .execute(params![row.uuid, row.state])?;
        }
        return Ok(());
    }
    if !known.is_empty() {
        connection.prepare_cached("DELETE FROM session_labels WHERE uuid = ?1")?.execute([&row.uuid])?;
    }
    // What a session is found by besides does not change: it is read from its row.
    let mut insert = connection.prepare_cached(
        "INSERT INTO session_labels (uuid, key, value, project, location, created_at, id, state)
         SELECT uuid, ?2, ?3, project, location, created_at, id, state FROM sessions WHERE uuid = ?1",
    )?;
    for (key, value) in &row.labels {
        insert.execute(params![row.uuid, key, value])?;
    }
    Ok(())
}
