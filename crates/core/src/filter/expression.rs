//! A filter whose fields and values have been checked.

use std::borrow::Cow;

use jiff::Timestamp;

use super::{FilterError, Schema, check, syntax};
use crate::config::Kernel;
use crate::operation::OperationKind;
use crate::session::StateLabel;

/// Which rows a list shows.
///
/// A tree at most [`syntax::MAX_DEPTH`] levels of parentheses deep, with at most [`syntax::MAX_RESTRICTIONS`] tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// All of them hold; everything passes where there are none.
    And(Vec<Filter>),
    /// One of them holds.
    Or(Vec<Filter>),
    /// It does not hold.
    Not(Box<Filter>),
    /// One field passes a test.
    Test(Test),
}

/// A test of one field. A row without the field does not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// A text is, or begins with, another. Case counts.
    Text {
        /// Which.
        field: TextField,
        /// What it is compared with.
        matching: TextMatch,
    },
    /// The session is in this state.
    State(StateLabel),
    /// It was made before or after a moment.
    Created(TimeOrder, Timestamp),
    /// The operation has ended, or has not.
    Done(bool),
    /// The operation does this.
    OperationKind(OperationKind),
    /// The template's kernel is this one.
    Kernel(Kernel),
    /// There is a label with this key, whatever its value.
    LabelPresent(String),
    /// The label with this key has a value that passes.
    Label {
        /// The label's key.
        key: String,
        /// What its value is compared with.
        matching: TextMatch,
    },
}

/// Fields that hold text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TextField {
    /// A session's id, the last segment of its name.
    SessionId,
    /// A session's uuid.
    SessionUuid,
    /// The full name of the session that an operation is about.
    OperationSession,
    /// A template's full name.
    Name,
    /// A template's description.
    Description,
    /// A template's title.
    DisplayName,
    /// Who made a template.
    Creator,
}

/// How a text is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextMatch {
    /// It is this.
    Exact(String),
    /// It begins with this.
    Prefix(String),
}

/// How a moment is compared with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say all")]
pub enum TimeOrder {
    Before,
    AtOrBefore,
    At,
    AtOrAfter,
    After,
}

/// A row as a filter sees it. Fields that a kind of row does not have are left at `None`.
pub trait Row {
    /// When it was made.
    fn created_at(&self) -> Timestamp;

    /// A text.
    fn text(&self, field: TextField) -> Option<Cow<'_, str>>;

    /// The value of a label.
    fn label(&self, key: &str) -> Option<&str>;

    /// A session's state.
    fn state(&self) -> Option<StateLabel> {
        None
    }

    /// Whether an operation has ended.
    fn done(&self) -> Option<bool> {
        None
    }

    /// What an operation does.
    fn operation_kind(&self) -> Option<OperationKind> {
        None
    }

    /// A template's kernel.
    fn kernel(&self) -> Option<Kernel> {
        None
    }
}

impl Filter {
    /// Reads the filter of a list. An empty one lets everything pass.
    ///
    /// # Errors
    /// With the first problem and its position, in the words the caller reads.
    pub fn parse(text: &str, schema: Schema) -> Result<Self, FilterError> {
        match syntax::parse(text)? {
            Some(expression) => check::checked(text, &expression, schema),
            None => Ok(Self::all()),
        }
    }

    /// The filter that everything passes.
    pub const fn all() -> Self {
        Self::And(Vec::new())
    }

    /// Whether it is [`Filter::all`].
    pub fn passes_all(&self) -> bool {
        matches!(self, Self::And(parts) if parts.is_empty())
    }

    /// Whether a row passes.
    pub fn matches(&self, row: &impl Row) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.matches(row)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(row)),
            Self::Not(inner) => !inner.matches(row),
            Self::Test(test) => test.passes(row),
        }
    }
}

impl Default for Filter {
    fn default() -> Self {
        Self::all()
    }
}

impl Test {
    /// Whether a row passes.
    pub fn passes(&self, row: &impl Row) -> bool {
        match self {
            Self::Text { field, matching } => row.text(*field).is_some_and(|text| matching.holds(&text)),
            Self::State(state) => row.state() == Some(*state),
            Self::Created(order, at) => order.holds(row.created_at(), *at),
            Self::Done(done) => row.done() == Some(*done),
            Self::OperationKind(kind) => row.operation_kind() == Some(*kind),
            Self::Kernel(kernel) => row.kernel() == Some(*kernel),
            Self::LabelPresent(key) => row.label(key).is_some(),
            Self::Label { key, matching } => row.label(key).is_some_and(|value| matching.holds(value)),
        }
    }
}

impl TextMatch {
    /// Whether a text passes.
    pub fn holds(&self, text: &str) -> bool {
        match self {
            Self::Exact(exact) => text == exact,
            Self::Prefix(prefix) => text.starts_with(prefix),
        }
    }
}

impl TimeOrder {
    /// Whether `left` stands in this order to `right`.
    pub fn holds(self, left: Timestamp, right: Timestamp) -> bool {
        match self {
            Self::Before => left < right,
            Self::AtOrBefore => left <= right,
            Self::At => left == right,
            Self::AtOrAfter => left >= right,
            Self::After => left > right,
        }
    }
}
