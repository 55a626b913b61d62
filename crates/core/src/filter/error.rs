//! What is wrong with a filter, and where.

/// A filter that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Invalid filter: {problem} at position {position}")]
pub struct FilterError {
    /// What is wrong, in the words its caller reads.
    pub problem: String,
    /// Where, counted in characters from 1; one past the last when something is missing at the end.
    pub position: usize,
    /// The same place as an offset in bytes from 0.
    pub offset: usize,
}

impl FilterError {
    /// A problem at a byte offset of the filter's text.
    pub(super) fn at(text: &str, offset: usize, problem: impl Into<String>) -> Self {
        let position = text[..offset].chars().count() + 1;
        Self { problem: problem.into(), position, offset }
    }
}
