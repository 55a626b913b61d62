//! Where broken rules are gathered.

use crate::text::excerpt;

/// A rule that a request broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field, as a path of the API description.
    pub field: String,
    /// What is wrong with it, in the words its caller reads.
    pub description: String,
}

/// The rules broken so far, by a message whose path in the request is known.
pub(super) struct Report<'a> {
    prefix: &'a str,
    violations: Vec<Violation>,
}

impl<'a> Report<'a> {
    /// Nothing yet, of the message at a path such as `session`.
    pub(super) fn new(prefix: &'a str) -> Self {
        Self { prefix, violations: Vec::new() }
    }

    pub(super) fn into_violations(self) -> Vec<Violation> {
        self.violations
    }

    /// Reports a problem of a field in the words given. The path is below the message; empty for itself.
    pub(super) fn add(&mut self, path: &str, description: impl Into<String>) {
        let field = self.field(path);
        self.violations.push(Violation { field, description: description.into() });
    }

    /// Reports that a field's value is not what it must be.
    pub(super) fn invalid(&mut self, path: &str, problem: &str) {
        let field = self.field(path);
        let description = format!("Invalid value for field '{field}': {problem}");
        self.violations.push(Violation { field, description });
    }

    /// Reports a value that is not of the kind expected, unless it is empty or `good`.
    pub(super) fn expect(&mut self, path: &str, value: &str, good: impl Fn(&str) -> bool, expected: &str) {
        if !value.is_empty() && !good(value) {
            self.invalid(path, &format!("'{}' is not {expected}", excerpt(value)));
        }
    }

    fn field(&self, path: &str) -> String {
        match path {
            "" => self.prefix.to_owned(),
            path => format!("{}.{path}", self.prefix),
        }
    }
}
