//! The document that an emulated world fits into: JSON, versioned, and taken whole or not at all.

use std::collections::HashSet;

use hearth_core::Timestamp;
use hearth_core::name::SessionName;
use hearth_driver::fake::SavedEngine;
use hearth_store::{Contents, Misfit};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fault::{self, Numbered};

/// The form of documents that this program writes and reads. Grows with every change that an earlier program would
/// misread.
const FORM: u64 = 1;
/// The largest number of a document. More cannot be told from its neighbours by programs that read JSON as most do.
const LARGEST: u64 = 1 << 53;
/// The longest time of a document, in seconds: a hundred years, which is longer than anything lives.
const LONGEST: u64 = 100 * 366 * 24 * 3600;

/// Everything there is in an emulated world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    /// [`FORM`].
    #[serde(rename = "hearth-emulator")]
    form: u64,
    pub(crate) clock: SavedClock,
    pub(crate) faults: Numbered,
    pub(crate) records: Contents,
    pub(crate) engines: Vec<SavedEngine>,
}

/// The clock of a document.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedClock {
    pub(crate) time: Timestamp,
    pub(crate) runs: bool,
}

/// Why a document cannot be taken. What there was is still there.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It is something else.
    #[error("this is not the saved state of an emulator: {0}")]
    Foreign(String),
    /// It was written by another version of the program.
    #[error("the saved state has form {0}, and this program reads form {FORM}")]
    Form(u64),
    /// A part of it cannot be read.
    #[error("the saved state cannot be read: {0}")]
    Unreadable(String),
    /// Its parts do not fit together.
    #[error("the saved state does not fit together: {0}")]
    Misfit(String),
}

impl From<Misfit> for DocumentError {
    fn from(misfit: Misfit) -> Self {
        Self::Misfit(misfit.to_string())
    }
}

impl Document {
    pub(crate) fn new(
        clock: SavedClock,
        records: Contents,
        engines: Vec<SavedEngine>,
        faults: Numbered,
    ) -> Self {
        Self { form: FORM, clock, faults, records, engines }
    }

    /// The document as text.
    pub(crate) fn write(&self) -> String {
        let mut text = serde_json::to_string_pretty(self)
            .expect("keys are strings, and nothing in a document fails to be written");
        text.push('\n');
        text
    }

    /// Reads a document, and checks that it can be lived with.
    pub(crate) fn read(text: &str) -> Result<Self, DocumentError> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| DocumentError::Foreign(error.to_string()))?;
        match value.get("hearth-emulator").map(Value::as_u64) {
            Some(Some(FORM)) => {}
            Some(Some(form)) => return Err(DocumentError::Form(form)),
            _ => return Err(DocumentError::Foreign("it has no number \"hearth-emulator\"".to_owned())),
        }
        bounded(&value)?;
        // From the text once more: only so an error says where it is.
        let document: Self =
            serde_json::from_str(text).map_err(|error| DocumentError::Unreadable(error.to_string()))?;
        document.check()?;
        Ok(document)
    }

    fn check(&self) -> Result<(), DocumentError> {
        let misfit = |text: String| Err(DocumentError::Misfit(text));
        if self.faults.len() > fault::MOST {
            return misfit(format!("there are more than {} faults", fault::MOST));
        }
        let mut engines = HashSet::new();
        for engine in &self.engines {
            if !engines.insert(engine.id) {
                return misfit(format!("engine \"{}\" is there twice", engine.id));
            }
        }
        let now = self.clock.time;
        for session in &self.records.sessions {
            SessionName::check_id(session.name.id())
                .map_err(|error| DocumentError::Misfit(error.to_string()))?;
            if session.created_at > now || session.state_at > now {
                return misfit(format!("session \"{}\" is from after the clock's time", session.name));
            }
        }
        for operation in &self.records.operations {
            if operation.created_at > now || operation.done.as_ref().is_some_and(|done| done.at > now) {
                return misfit(format!("operation \"{}\" is from after the clock's time", operation.id));
            }
        }
        Ok(())
    }
}

/// Whether all numbers and times can be reckoned with: sums of a few of them never overflow.
fn bounded(value: &Value) -> Result<(), DocumentError> {
    match value {
        Value::Number(number) => {
            let small = number.as_i64().is_some_and(|number| number.unsigned_abs() <= LARGEST);
            if small {
                Ok(())
            } else {
                Err(DocumentError::Misfit(format!("the number {number} is too large, or not whole")))
            }
        }
        Value::Object(fields) => {
            if let Some(seconds) = fields.get("secs").and_then(Value::as_u64).filter(|secs| *secs > LONGEST) {
                return Err(DocumentError::Misfit(format!("{seconds} s is more than a hundred years")));
            }
            fields.values().try_for_each(bounded)
        }
        Value::Array(items) => items.iter().try_for_each(bounded),
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
    }
}
