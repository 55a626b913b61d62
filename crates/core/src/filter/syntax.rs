//! Reads a filter's text.
//!
//! ```text
//! filter      = [ expression ]
//! expression  = sequence { ("AND"|"and") sequence }
//! sequence    = factor { factor }                 juxtaposition = AND
//! factor      = term { ("OR"|"or") term }         OR binds tighter than AND
//! term        = [ "NOT"|"not" | "-" ] simple
//! simple      = "(" expression ")" | restriction
//! restriction = member comparator value
//! member      = name { "." (name | string) }
//! comparator  = "=" | "!=" | "<" | "<=" | ">" | ">=" | ":"
//! value       = text | string
//! ```
//!
//! An unquoted value goes on to the next white space, parenthesis, quote, comma or comparison sign; dots, slashes and
//! colons are part of it, so that times and resource names need no quotes. In a string a backslash stands before
//! `\`, `*` and either quote to mean just that character, and `\n`, `\r` and `\t` are what they are elsewhere. A `*`
//! that is not escaped may only stand at the end of a value, and makes it a prefix.

use super::FilterError;
use super::ast::{Comparator, Expression, Restriction, Value, keyword, name_char};
use crate::text::excerpt;

/// How deep parentheses may be nested. Our choice: deeper than anyone writes, and far from any stack's end.
pub const MAX_DEPTH: usize = 32;
/// How many comparisons a filter may have. Our choice: SQLite refuses expressions 1000 levels deep.
pub const MAX_RESTRICTIONS: usize = 200;

/// Reads a filter; `None` for one that is empty, which everything passes.
///
/// # Errors
/// With the first thing that does not fit the grammar, and where it stands.
pub fn parse(text: &str) -> Result<Option<Expression>, FilterError> {
    let mut parser = Parser { text, at: 0, depth: 0, restrictions: 0 };
    parser.skip_space();
    if parser.rest().is_empty() {
        return Ok(None);
    }
    let expression = parser.expression()?;
    if parser.rest().is_empty() {
        Ok(Some(expression))
    } else {
        // An expression only stops early at a parenthesis that nothing opened.
        Err(parser.problem(parser.at, "unmatched ')'"))
    }
}

struct Parser<'a> {
    text: &'a str,
    /// The next byte to read.
    at: usize,
    depth: usize,
    restrictions: usize,
}

impl<'a> Parser<'a> {
    /// One or more factors with AND or nothing between them, up to the end or a closing parenthesis.
    fn expression(&mut self) -> Result<Expression, FilterError> {
        let mut parts = vec![self.factor()?];
        loop {
            self.skip_space();
            if self.rest().is_empty() || self.rest().starts_with(')') {
                return Ok(one_or(parts, Expression::And));
            }
            self.take_word(["AND", "and"]);
            parts.push(self.factor()?);
        }
    }

    fn factor(&mut self) -> Result<Expression, FilterError> {
        let mut parts = vec![self.term()?];
        loop {
            self.skip_space();
            if !self.take_word(["OR", "or"]) {
                return Ok(one_or(parts, Expression::Or));
            }
            parts.push(self.term()?);
        }
    }

    fn term(&mut self) -> Result<Expression, FilterError> {
        self.skip_space();
        if self.take("-") || self.take_word(["NOT", "not"]) {
            self.skip_space();
            return Ok(Expression::Not(Box::new(self.simple()?)));
        }
        self.simple()
    }

    fn simple(&mut self) -> Result<Expression, FilterError> {
        let open = self.at;
        if !self.take("(") {
            return self.restriction().map(Expression::Restriction);
        }
        if self.depth == MAX_DEPTH {
            return Err(self.problem(open, format!("more than {MAX_DEPTH} nested parentheses")));
        }
        self.depth += 1;
        let inner = self.expression()?;
        self.depth -= 1;
        if self.take(")") { Ok(inner) } else { Err(self.problem(open, "unclosed '('")) }
    }

    fn restriction(&mut self) -> Result<Restriction, FilterError> {
        let member_at = self.at;
        if self.restrictions == MAX_RESTRICTIONS {
            return Err(self.problem(member_at, format!("more than {MAX_RESTRICTIONS} comparisons")));
        }
        self.restrictions += 1;
        let member = self.member()?;
        let member_end = self.at;
        self.skip_space();
        let comparator_at = self.at;
        let Some(comparator) = self.comparator() else {
            let written = &self.text[member_at..member_end];
            let problem = format!("'{}' is not compared with anything", excerpt(written));
            return Err(self.problem(member_at, problem));
        };
        self.skip_space();
        let value_at = self.at;
        let value = self.value()?;
        Ok(Restriction { member, comparator, value, member_at, comparator_at, value_at })
    }

    fn member(&mut self) -> Result<Vec<String>, FilterError> {
        let start = self.at;
        let first = self.run(name_char);
        if first.is_empty() || keyword(first) {
            self.at = start;
            return Err(self.missing("a field name"));
        }
        let mut member = vec![first.to_owned()];
        while self.take(".") {
            if let Some(quote) = self.quote() {
                let Value { text, prefix } = self.string(quote)?;
                if prefix {
                    return Err(self.problem(start, "a field name cannot end with '*'"));
                }
                member.push(text);
                continue;
            }
            let name = self.run(name_char);
            if name.is_empty() {
                return Err(self.missing("a field name after '.'"));
            }
            member.push(name.to_owned());
        }
        Ok(member)
    }

    fn comparator(&mut self) -> Option<Comparator> {
        // The longer spellings first: each begins with a shorter one.
        let all = [
            Comparator::LessOrEqual,
            Comparator::GreaterOrEqual,
            Comparator::NotEqual,
            Comparator::Equal,
            Comparator::Less,
            Comparator::Greater,
            Comparator::Has,
        ];
        all.into_iter().find(|comparator| self.take(comparator.as_str()))
    }

    fn value(&mut self) -> Result<Value, FilterError> {
        if let Some(quote) = self.quote() {
            return self.string(quote);
        }
        let start = self.at;
        let word = self.run(|c| name_char(c) || matches!(c, '.' | ':'));
        if word.is_empty() || keyword(word) {
            self.at = start;
            return Err(self.missing("a value"));
        }
        let text = word.strip_suffix('*').unwrap_or(word);
        if let Some(star) = text.find('*') {
            return Err(self.problem(start + star, MISPLACED_STAR));
        }
        Ok(Value { text: text.to_owned(), prefix: text.len() < word.len() })
    }

    /// The rest of a string whose opening quote was taken.
    fn string(&mut self, quote: char) -> Result<Value, FilterError> {
        let open = self.at - quote.len_utf8();
        let mut text = String::new();
        let mut star: Option<usize> = None;
        loop {
            let at = self.at;
            let Some(c) = self.next() else { return Err(self.problem(open, "unclosed string")) };
            if c == quote {
                return Ok(Value { text, prefix: star.is_some() });
            }
            if let Some(star) = star {
                return Err(self.problem(star, MISPLACED_STAR));
            }
            match c {
                '*' => star = Some(at),
                '\\' => text.push(self.escaped(at)?),
                _ => text.push(c),
            }
        }
    }

    fn escaped(&mut self, at: usize) -> Result<char, FilterError> {
        match self.next() {
            Some('n') => Ok('\n'),
            Some('r') => Ok('\r'),
            Some('t') => Ok('\t'),
            Some(c @ ('\\' | '"' | '\'' | '*')) => Ok(c),
            Some(c) => Err(self.problem(at, format!("unknown escape '\\{c}'"))),
            None => Err(self.problem(at, "unfinished escape '\\'")),
        }
    }

    fn quote(&mut self) -> Option<char> {
        ['"', '\''].into_iter().find(|quote| self.take(quote.encode_utf8(&mut [0; 4])))
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn take(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    /// Takes one of these words if it stands here as a whole.
    fn take_word(&mut self, words: [&str; 2]) -> bool {
        let start = self.at;
        let found = words.contains(&self.run(name_char));
        if !found {
            self.at = start;
        }
        found
    }

    /// Takes as many characters as belong.
    fn run(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn skip_space(&mut self) {
        self.run(char::is_whitespace);
    }

    fn problem(&self, at: usize, problem: impl Into<String>) -> FilterError {
        FilterError::at(self.text, at, problem)
    }

    /// Says what should stand here, and what does.
    fn missing(&self, expected: &str) -> FilterError {
        let rest = self.rest();
        let word_end = rest.find(|c| !name_char(c)).unwrap_or(rest.len());
        let found = match rest.chars().next() {
            None => "the filter ends".to_owned(),
            Some(_) if word_end > 0 => format!("found '{}'", excerpt(&rest[..word_end])),
            Some(c) if c.is_whitespace() => "found white space".to_owned(),
            Some(c) => format!("found '{c}'"),
        };
        self.problem(self.at, format!("expected {expected}, {found}"))
    }
}

const MISPLACED_STAR: &str = "'*' can only stand at the end of a value";

fn one_or(mut parts: Vec<Expression>, join: fn(Vec<Expression>) -> Expression) -> Expression {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            join(parts)
        }
        None => join(parts),
    }
}
