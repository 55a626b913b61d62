//! What a row holds besides its document, and how values are spelt in columns.

use std::collections::BTreeMap;

use hearth_core::Timestamp;
use hearth_core::config::Kernel;
use hearth_core::filter::Row;
use hearth_core::operation::Operation;
use hearth_core::pool::PoolEngine;
use hearth_core::session::Session;
use hearth_core::template::Template;
use hearth_core::usage::UsageRecord;
use hearth_store::StoreError;

/// A session as its row holds it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SessionRow {
    pub(crate) uuid: String,
    pub(crate) project: String,
    pub(crate) location: String,
    pub(crate) id: String,
    pub(crate) created_at: String,
    pub(crate) state: &'static str,
    pub(crate) state_at: String,
    pub(crate) settled: bool,
    pub(crate) deleting: bool,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) document: String,
}

/// An operation as its row holds it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OperationRow {
    pub(crate) id: String,
    pub(crate) project: String,
    pub(crate) location: String,
    pub(crate) session_uuid: String,
    pub(crate) created_at: String,
    pub(crate) done_at: Option<String>,
    pub(crate) document: String,
}

/// A pool engine as its row holds it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PoolEngineRow {
    pub(crate) id: String,
    pub(crate) made_at: String,
    pub(crate) document: String,
}

/// A template as its row holds it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TemplateRow {
    pub(crate) uuid: String,
    pub(crate) project: String,
    pub(crate) location: String,
    pub(crate) id: String,
    pub(crate) created_at: String,
    pub(crate) description: String,
    pub(crate) display_name: String,
    pub(crate) creator: String,
    pub(crate) kernel: Option<&'static str>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) document: String,
}

/// What a removed session used, as its row holds it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UsageRow {
    pub(crate) uuid: String,
    pub(crate) project: String,
    pub(crate) location: String,
    pub(crate) ended_at: String,
    pub(crate) document: String,
}

impl SessionRow {
    pub(crate) fn of(session: &Session) -> Result<Self, StoreError> {
        let parent = session.name.parent();
        Ok(Self {
            uuid: session.uuid.to_string(),
            project: parent.project.clone(),
            location: parent.location.clone(),
            id: session.name.id().to_owned(),
            created_at: time(session.created_at),
            state: session.state.label().as_str(),
            state_at: time(session.state_at),
            settled: session.settled(),
            deleting: session.deleting_since.is_some(),
            labels: session.config.labels.clone(),
            document: document(session, "session")?,
        })
    }
}

impl OperationRow {
    pub(crate) fn of(operation: &Operation) -> Result<Self, StoreError> {
        let parent = operation.session.parent();
        Ok(Self {
            id: operation.id.to_string(),
            project: parent.project.clone(),
            location: parent.location.clone(),
            session_uuid: operation.session_uuid.to_string(),
            created_at: time(operation.created_at),
            done_at: operation.done.as_ref().map(|done| time(done.at)),
            document: document(operation, "operation")?,
        })
    }
}

impl PoolEngineRow {
    pub(crate) fn of(engine: &PoolEngine) -> Result<Self, StoreError> {
        Ok(Self {
            id: engine.id.to_string(),
            made_at: time(engine.made_at),
            document: document(engine, "pool engine")?,
        })
    }
}

impl TemplateRow {
    pub(crate) fn of(template: &Template) -> Result<Self, StoreError> {
        let parent = template.name.parent();
        Ok(Self {
            uuid: template.uuid.to_string(),
            project: parent.project.clone(),
            location: parent.location.clone(),
            id: template.name.id().to_owned(),
            created_at: time(template.created_at),
            description: template.description.clone(),
            display_name: template.display_name.clone(),
            creator: template.creator.clone(),
            kernel: template.kernel().map(kernel),
            labels: template.labels.clone(),
            document: document(template, "session template")?,
        })
    }
}

impl UsageRow {
    pub(crate) fn of(record: &UsageRecord) -> Result<Self, StoreError> {
        let parent = record.session.parent();
        Ok(Self {
            uuid: record.uuid.to_string(),
            project: parent.project.clone(),
            location: parent.location.clone(),
            ended_at: time(record.ended_at.unwrap_or(record.began_at)),
            document: document(record, "record of use")?,
        })
    }
}

/// A kernel as columns hold it.
pub(crate) fn kernel(kernel: Kernel) -> &'static str {
    match kernel {
        Kernel::Python => "PYTHON",
        Kernel::Scala => "SCALA",
    }
}

/// A time as columns hold it: all of one width, so that text order is time order (from the year 0 on).
pub(crate) fn time(at: Timestamp) -> String {
    format!("{at:.9}")
}

/// A time as it was put in a column.
pub(crate) fn parse_time(text: &str) -> Result<Timestamp, StoreError> {
    text.parse().map_err(|_| StoreError::Damaged(format!("\"{text}\" is not a time")))
}

/// A generation or a fence as columns hold it. They count by one, so that none ever leaves the range.
pub(crate) fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Reads a session's document; the generation is a column of its own.
pub(crate) fn parse_session(document: &str, generation: i64) -> Result<Session, StoreError> {
    let mut session: Session = parse(document, "session")?;
    session.generation = u64::try_from(generation)
        .map_err(|_| StoreError::Damaged(format!("session \"{}\" has a generation below 0", session.name)))?;
    Ok(session)
}

/// Reads a pool engine's document; the generation is a column of its own.
pub(crate) fn parse_pool_engine(document: &str, generation: i64) -> Result<PoolEngine, StoreError> {
    let engine: PoolEngine = parse(document, "pool engine")?;
    let generation = u64::try_from(generation)
        .map_err(|_| StoreError::Damaged(format!("pool engine {} has a generation below 0", engine.id)))?;
    Ok(PoolEngine { generation, ..engine })
}

/// Reads an operation's document.
pub(crate) fn parse_operation(document: &str) -> Result<Operation, StoreError> {
    parse(document, "operation")
}

/// Reads a template's document; when it was made is a column of its own.
pub(crate) fn parse_template(document: &str, created_at: &str) -> Result<Template, StoreError> {
    let template: Template = parse(document, "session template")?;
    Ok(Template { created_at: parse_time(created_at)?, ..template })
}

/// Reads the document of what a removed session used.
pub(crate) fn parse_usage(document: &str) -> Result<UsageRecord, StoreError> {
    parse(document, "removed session's use")
}

fn document<T: serde::Serialize>(value: &T, what: &str) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::Unavailable(format!("the {what} cannot be written as JSON: {error}")))
}

fn parse<T: serde::de::DeserializeOwned>(document: &str, what: &str) -> Result<T, StoreError> {
    serde_json::from_str(document)
        .map_err(|error| StoreError::Damaged(format!("the record of a {what} cannot be read: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_sort_as_text_and_keep_their_nanoseconds() {
        let nano = |n: i128| Timestamp::from_nanosecond(n).unwrap();
        let times = [
            "0000-01-01T00:00:00Z".parse().unwrap(),
            nano(-1),
            Timestamp::UNIX_EPOCH,
            nano(1),
            nano(999_999_999),
            nano(1_000_000_000),
            nano(1_700_000_000_120_000_000),
            Timestamp::MAX,
        ];
        let texts: Vec<String> = times.iter().copied().map(time).collect();
        assert!(texts.is_sorted(), "{texts:?}");
        for (at, text) in times.iter().zip(&texts) {
            assert_eq!(parse_time(text).unwrap(), *at);
        }
    }
}
