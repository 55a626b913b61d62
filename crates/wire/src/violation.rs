//! What is wrong with a request, one entry for each wrong field.

use std::fmt;

use crate::rpc::{BadRequest, bad_request};

/// Entries kept. Decision: enough for any honest request, and a body made of wrong names cannot be
/// turned into a far larger answer.
const LIMIT: usize = 100;

/// One wrong field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldViolation {
    /// Path of the field in the request, snake_case with dots; empty for the request itself.
    pub field: String,
    /// A whole sentence.
    pub description: String,
}

/// Everything that is wrong with a request. The status that goes with it is `INVALID_ARGUMENT`.
///
/// Its text is all sentences, joined by newlines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Violations(pub Vec<FieldViolation>);

impl Violations {
    /// Adds one entry; beyond the hundredth it is dropped.
    pub fn push(&mut self, field: impl Into<String>, description: impl Into<String>) {
        if self.0.len() < LIMIT {
            self.0.push(FieldViolation { field: field.into(), description: description.into() });
        }
    }

    /// A single entry that is about no field in particular.
    pub fn one(description: impl Into<String>) -> Self {
        Self(vec![FieldViolation { field: String::new(), description: description.into() }])
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `ok` if nothing is wrong.
    ///
    /// # Errors
    ///
    /// The violations themselves, if there are any.
    pub fn or<T>(self, ok: T) -> Result<T, Self> {
        if self.is_empty() { Ok(ok) } else { Err(self) }
    }

    /// The same as an error detail.
    pub fn bad_request(&self) -> BadRequest {
        let field_violations = self
            .0
            .iter()
            .map(|v| bad_request::FieldViolation {
                field: v.field.clone(),
                description: v.description.clone(),
                ..Default::default()
            })
            .collect();
        BadRequest { field_violations }
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, violation) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            f.write_str(&violation.description)?;
        }
        Ok(())
    }
}

impl std::error::Error for Violations {}
