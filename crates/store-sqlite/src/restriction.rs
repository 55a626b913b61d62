//! From a filter to a condition in SQL. Values are always bound, never written into the text.

use hearth_core::filter::{Filter, Test, TextField, TextMatch, TimeOrder};
use rusqlite::types::Value;

use crate::row::{kernel, time};

/// Where the fields of a filter are found in a statement.
///
/// A field that the list does not have is `None`; no row passes a test of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns {
    /// When a row was made.
    pub(crate) created_at: &'static str,
    /// A session's state.
    pub(crate) state: Option<&'static str>,
    /// When an operation ended.
    pub(crate) done_at: Option<&'static str>,
    /// What an operation does.
    pub(crate) operation_kind: Option<&'static str>,
    /// A template's kernel.
    pub(crate) kernel: Option<&'static str>,
    /// Texts; an expression each.
    pub(crate) text: fn(TextField) -> Option<&'static str>,
    /// The table of labels, and the column with the uuid of their owner.
    pub(crate) labels: Option<(&'static str, &'static str)>,
}

/// A condition in the making: its text, and the values of its parameters in their order.
#[derive(Debug, Default)]
pub(crate) struct Statement {
    pub(crate) sql: String,
    pub(crate) values: Vec<Value>,
}

impl Statement {
    /// Adds text without a value.
    pub(crate) fn push(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    /// Adds a parameter.
    pub(crate) fn bind(&mut self, value: impl Into<Value>) {
        self.values.push(value.into());
        self.sql.push('?');
        self.sql.push_str(&self.values.len().to_string());
    }

    /// Adds the condition that a row passes. It is never NULL, so that it can be negated.
    pub(crate) fn condition(&mut self, filter: &Filter, columns: &Columns) {
        match filter {
            Filter::And(parts) => self.joined(parts, " AND ", "1", columns),
            Filter::Or(parts) => self.joined(parts, " OR ", "0", columns),
            Filter::Not(inner) => {
                self.push("NOT ");
                self.condition(inner, columns);
            }
            Filter::Test(test) => {
                self.push("(");
                self.test(test, columns);
                self.push(")");
            }
        }
    }

    fn joined(&mut self, parts: &[Filter], operator: &str, nothing: &str, columns: &Columns) {
        self.push("(");
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                self.push(operator);
            }
            self.condition(part, columns);
        }
        if parts.is_empty() {
            self.push(nothing);
        }
        self.push(")");
    }

    fn test(&mut self, test: &Test, columns: &Columns) {
        match test {
            Test::Text { field, matching } => match (columns.text)(*field) {
                Some(column) => self.matching(column, matching),
                None => self.push("0"),
            },
            Test::State(state) => self.equal(columns.state, state.as_str()),
            Test::OperationKind(kind) => self.equal(columns.operation_kind, kind.label()),
            Test::Kernel(wanted) => match columns.kernel {
                // NULL for a template without one.
                Some(column) => {
                    self.push(column);
                    self.push(" IS ");
                    self.bind(kernel(*wanted).to_owned());
                }
                None => self.push("0"),
            },
            Test::Done(done) => match columns.done_at {
                Some(column) => {
                    self.push(column);
                    self.push(if *done { " IS NOT NULL" } else { " IS NULL" });
                }
                None => self.push("0"),
            },
            Test::Created(order, at) => {
                self.push(columns.created_at);
                self.push(match order {
                    TimeOrder::Before => " < ",
                    TimeOrder::AtOrBefore => " <= ",
                    TimeOrder::At => " = ",
                    TimeOrder::AtOrAfter => " >= ",
                    TimeOrder::After => " > ",
                });
                self.bind(time(*at));
            }
            Test::LabelPresent(key) => self.label(key, None, columns),
            Test::Label { key, matching } => self.label(key, Some(matching), columns),
        }
    }

    fn equal(&mut self, column: Option<&str>, value: &str) {
        match column {
            Some(column) => {
                self.push(column);
                self.push(" = ");
                self.bind(value.to_owned());
            }
            None => self.push("0"),
        }
    }

    fn label(&mut self, key: &str, matching: Option<&TextMatch>, columns: &Columns) {
        let Some((table, owner)) = columns.labels else { return self.push("0") };
        self.push("EXISTS (SELECT 1 FROM ");
        self.push(table);
        self.push(" AS label WHERE label.uuid = ");
        self.push(owner);
        self.push(" AND label.key = ");
        self.bind(key.to_owned());
        if let Some(matching) = matching {
            self.push(" AND ");
            self.matching("label.value", matching);
        }
        self.push(")");
    }

    fn matching(&mut self, column: &str, matching: &TextMatch) {
        match matching {
            TextMatch::Exact(text) => {
                self.push(column);
                self.push(" = ");
                self.bind(text.clone());
            }
            // The comparison lets an index narrow it down; the bytes decide.
            TextMatch::Prefix(prefix) => {
                self.push(column);
                self.push(" >= ");
                self.bind(prefix.clone());
                self.push(" AND substr(CAST(");
                self.push(column);
                self.push(" AS BLOB), 1, ");
                self.bind(i64::try_from(prefix.len()).unwrap_or(i64::MAX));
                self.push(") = ");
                self.bind(prefix.clone().into_bytes());
            }
        }
    }
}
