//! A filter as it was written, before anyone asks what its fields are.

use std::fmt::{self, Display as _, Write as _};

/// A filter's expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    /// All of them hold; at least two.
    And(Vec<Expression>),
    /// One of them holds; at least two.
    Or(Vec<Expression>),
    /// It does not hold.
    Not(Box<Expression>),
    /// A field compared with a value.
    Restriction(Restriction),
}

/// A field compared with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restriction {
    /// The field's path; never empty.
    pub member: Vec<String>,
    /// How it is compared.
    pub comparator: Comparator,
    /// With what.
    pub value: Value,
    /// Where the field stands in the text, in bytes.
    pub member_at: usize,
    /// Where the comparator stands in the text, in bytes.
    pub comparator_at: usize,
    /// Where the value stands in the text, in bytes.
    pub value_at: usize,
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "their spelling says all")]
pub enum Comparator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Has,
}

/// What a field is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// The text, without quotes, escapes and the `*` at its end.
    pub text: String,
    /// Whether a `*` followed: anything that begins with the text.
    pub prefix: bool,
}

impl Comparator {
    /// Its spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Has => ":",
        }
    }
}

/// Whether a character may stand in an unquoted name.
pub(super) fn name_char(c: char) -> bool {
    !c.is_whitespace() && !matches!(c, '(' | ')' | '"' | '\'' | '=' | '!' | '<' | '>' | ':' | ',' | '.')
}

/// Whether a word is an operator rather than a name or a value.
pub(super) fn keyword(word: &str) -> bool {
    matches!(word, "AND" | "and" | "OR" | "or" | "NOT" | "not")
}

/// Prints in the form that [`super::syntax::parse`] reads back as the same expression.
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(parts) => joined(f, parts, " AND ", |part| matches!(part, Self::And(_))),
            // OR binds tighter than AND, so it needs no parentheses inside AND.
            Self::Or(parts) => joined(f, parts, " OR ", |part| matches!(part, Self::And(_) | Self::Or(_))),
            Self::Not(inner) => {
                f.write_str("NOT ")?;
                operand(f, inner, !matches!(**inner, Self::Restriction(_)))
            }
            Self::Restriction(restriction) => restriction.fmt(f),
        }
    }
}

fn joined(
    f: &mut fmt::Formatter<'_>,
    parts: &[Expression],
    operator: &str,
    enclosed: impl Fn(&Expression) -> bool,
) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(operator)?;
        }
        operand(f, part, enclosed(part))?;
    }
    Ok(())
}

fn operand(f: &mut fmt::Formatter<'_>, part: &Expression, enclosed: bool) -> fmt::Result {
    if enclosed { write!(f, "({part})") } else { part.fmt(f) }
}

impl fmt::Display for Restriction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, segment) in self.member.iter().enumerate() {
            if index > 0 {
                f.write_char('.')?;
            }
            if !segment.is_empty() && segment.chars().all(name_char) {
                f.write_str(segment)?;
            } else {
                quoted(f, segment, false)?;
            }
        }
        write!(f, " {} {}", self.comparator.as_str(), self.value)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if !self.text.is_empty() && self.text.chars().all(plain) && !keyword(&self.text) {
            f.write_str(&self.text)?;
            if self.prefix { f.write_char('*') } else { Ok(()) }
        } else {
            quoted(f, &self.text, self.prefix)
        }
    }
}

fn quoted(f: &mut fmt::Formatter<'_>, text: &str, prefix: bool) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '*') {
            f.write_char('\\')?;
        }
        f.write_char(c)?;
    }
    f.write_str(if prefix { "*\"" } else { "\"" })
}
