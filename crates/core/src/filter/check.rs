//! From an expression to a filter: fields are found, comparators and values checked.

use jiff::Timestamp;

use super::ast::{Comparator as C, Expression, Restriction, Value};
use super::schema::Field;
use super::{Filter, FilterError, Schema, Test, TextMatch, TimeOrder};
use crate::config::Kernel;
use crate::operation::OperationKind;
use crate::session::StateLabel;
use crate::text::excerpt;

const STATES: [(&str, StateLabel); 5] = [
    ("CREATING", StateLabel::Creating),
    ("ACTIVE", StateLabel::Active),
    ("TERMINATING", StateLabel::Terminating),
    ("TERMINATED", StateLabel::Terminated),
    ("FAILED", StateLabel::Failed),
];
const OPERATION_KINDS: [(&str, OperationKind); 3] = [
    ("CREATE", OperationKind::Create),
    ("TERMINATE", OperationKind::Terminate),
    ("DELETE", OperationKind::Delete),
];
const KERNELS: [(&str, Kernel); 2] = [("PYTHON", Kernel::Python), ("SCALA", Kernel::Scala)];
const BOOLEANS: [(&str, bool); 2] = [("true", true), ("false", false)];

const EQUALITY_ONLY: &str = "only 'field = value' joined with AND can be used here";

/// The filter that an expression means in a list. `text` is what it was read from.
pub(super) fn checked(text: &str, expression: &Expression, schema: Schema) -> Result<Filter, FilterError> {
    Checker { text, schema }.expression(expression)
}

struct Checker<'a> {
    text: &'a str,
    schema: Schema,
}

impl Checker<'_> {
    fn expression(&self, expression: &Expression) -> Result<Filter, FilterError> {
        let all = |parts: &[Expression]| -> Result<Vec<Filter>, FilterError> {
            parts.iter().map(|part| self.expression(part)).collect()
        };
        match expression {
            Expression::And(parts) => Ok(Filter::And(all(parts)?)),
            Expression::Or(_) | Expression::Not(_) if self.schema.equality_only() => {
                Err(self.problem(first_member(expression), EQUALITY_ONLY))
            }
            Expression::Or(parts) => Ok(Filter::Or(all(parts)?)),
            Expression::Not(inner) => Ok(Filter::Not(Box::new(self.expression(inner)?))),
            Expression::Restriction(restriction) => self.restriction(restriction),
        }
    }

    fn restriction(&self, restriction: &Restriction) -> Result<Filter, FilterError> {
        let Some(field) = self.schema.field(&restriction.member) else {
            let name = excerpt(&restriction.member.join("."));
            let problem = format!("unknown field '{name}' (there are {})", self.schema.known());
            return Err(self.problem(restriction.member_at, problem));
        };
        self.comparator(&field, restriction)?;
        let test = self.test(field, restriction)?;
        let negated = restriction.comparator == C::NotEqual;
        Ok(if negated { Filter::Not(Box::new(Filter::Test(test))) } else { Filter::Test(test) })
    }

    fn comparator(&self, field: &Field, restriction: &Restriction) -> Result<(), FilterError> {
        let comparator = restriction.comparator;
        if self.schema.equality_only() && comparator != C::Equal {
            return Err(self.problem(restriction.comparator_at, EQUALITY_ONLY));
        }
        let taken: &[C] = match field {
            Field::Text(_) => &[C::Equal, C::NotEqual],
            Field::Created => {
                &[C::Equal, C::NotEqual, C::Less, C::LessOrEqual, C::Greater, C::GreaterOrEqual]
            }
            Field::State | Field::Done | Field::OperationKind | Field::Kernel | Field::Label(_) => {
                &[C::Equal, C::NotEqual, C::Has]
            }
            Field::Labels => &[C::Has],
        };
        if taken.contains(&comparator) {
            return Ok(());
        }
        let spellings: Vec<&str> = taken.iter().map(|comparator| comparator.as_str()).collect();
        let problem = format!(
            "'{}' cannot be compared with '{}' (only with {})",
            excerpt(&restriction.member.join(".")),
            comparator.as_str(),
            spellings.join(" ")
        );
        Err(self.problem(restriction.comparator_at, problem))
    }

    fn test(&self, field: Field, restriction: &Restriction) -> Result<Test, FilterError> {
        let Restriction { value, value_at, comparator, .. } = restriction;
        Ok(match field {
            Field::Text(field) => Test::Text { field, matching: matching(value) },
            Field::State => Test::State(self.one_of("state", &STATES, value, *value_at)?),
            Field::Done => Test::Done(self.one_of("truth value", &BOOLEANS, value, *value_at)?),
            Field::OperationKind => {
                Test::OperationKind(self.one_of("operation type", &OPERATION_KINDS, value, *value_at)?)
            }
            Field::Kernel => Test::Kernel(self.one_of("kernel", &KERNELS, value, *value_at)?),
            Field::Created => Test::Created(order(*comparator), self.time(value, *value_at)?),
            // Every value begins with nothing, so a bare `*` asks for the key alone.
            Field::Label(key) if value.prefix && value.text.is_empty() => Test::LabelPresent(key),
            Field::Label(key) => Test::Label { key, matching: matching(value) },
            Field::Labels if value.prefix => {
                return Err(self.problem(*value_at, "a label's key cannot end with '*'"));
            }
            Field::Labels => Test::LabelPresent(value.text.clone()),
        })
    }

    /// The value that a name stands for.
    fn one_of<T: Copy>(
        &self,
        what: &str,
        known: &[(&str, T)],
        value: &Value,
        at: usize,
    ) -> Result<T, FilterError> {
        let found = known.iter().find(|(name, _)| *name == value.text && !value.prefix);
        found.map(|(_, known)| *known).ok_or_else(|| {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            self.problem(at, format!("unknown {what} '{}' (there are {})", shown(value), names.join(", ")))
        })
    }

    fn time(&self, value: &Value, at: usize) -> Result<Timestamp, FilterError> {
        // RFC 3339 has years of four digits only; ISO 8601 also has years with a sign.
        let unsigned = value.text.starts_with(|c: char| c.is_ascii_digit());
        let parsed = if value.prefix || !unsigned { None } else { value.text.parse().ok() };
        parsed.ok_or_else(|| {
            let problem = format!("'{}' is not a time such as \"2023-01-01T00:00:00Z\"", shown(value));
            self.problem(at, problem)
        })
    }

    fn problem(&self, at: usize, problem: impl Into<String>) -> FilterError {
        FilterError::at(self.text, at, problem)
    }
}

fn matching(value: &Value) -> TextMatch {
    let text = value.text.clone();
    if value.prefix { TextMatch::Prefix(text) } else { TextMatch::Exact(text) }
}

/// How times are compared; `!=` is `=` with a negation around it.
fn order(comparator: C) -> TimeOrder {
    match comparator {
        C::Less => TimeOrder::Before,
        C::LessOrEqual => TimeOrder::AtOrBefore,
        C::Equal | C::NotEqual | C::Has => TimeOrder::At,
        C::GreaterOrEqual => TimeOrder::AtOrAfter,
        C::Greater => TimeOrder::After,
    }
}

fn shown(value: &Value) -> String {
    format!("{}{}", excerpt(&value.text), if value.prefix { "*" } else { "" })
}

fn first_member(expression: &Expression) -> usize {
    match expression {
        Expression::And(parts) | Expression::Or(parts) => parts.first().map_or(0, first_member),
        Expression::Not(inner) => first_member(inner),
        Expression::Restriction(restriction) => restriction.member_at,
    }
}
