//! From the text of a configuration file to assignments with line numbers.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Problem};
use super::settings::{SETTINGS, find, sections};
use super::source::{Assignment, Origin, Raw};
use super::suggest::nearest;

/// The assignments of a file, and what is wrong with its shape.
///
/// A file that is not TOML gives only its syntax errors: what the parser makes of the rest may not be what is meant.
pub(super) fn assignments(path: &Path, text: &str) -> (Vec<Assignment>, Vec<ConfigError>) {
    let (table, syntax) = DeTable::parse_recoverable(text);
    let mut walk = Walk { path, text, assignments: Vec::new(), errors: Vec::new() };
    if syntax.is_empty() {
        walk.root(table.get_ref());
    }
    for error in syntax {
        let origin = walk.origin(error.span().map(|span| span.start));
        let problem = Problem::Syntax(error.message().trim().replace('\n', ", "));
        walk.errors.push(ConfigError { key: None, origin, problem });
    }
    (walk.assignments, walk.errors)
}

struct Walk<'t> {
    path: &'t Path,
    text: &'t str,
    assignments: Vec<Assignment>,
    errors: Vec<ConfigError>,
}

impl Walk<'_> {
    fn root(&mut self, table: &DeTable<'_>) {
        let sections = sections();
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let origin = self.origin(Some(key.span().start));
            match value.get_ref() {
                DeValue::Table(inner) if sections.contains(&name) => self.section(name, inner),
                value if sections.contains(&name) => {
                    self.refuse(name, origin, Problem::Section { found: value.type_str() });
                }
                // One error for a section there is none of, not one for each of its lines.
                DeValue::Table(_) if find(name).is_none() => {
                    let near = nearest(name, sections.iter().copied()).map(str::to_owned);
                    self.refuse(name, origin, Problem::UnknownKey { near });
                }
                value => self.setting(name.to_owned(), origin, value),
            }
        }
    }

    fn section(&mut self, section: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let origin = self.origin(Some(key.span().start));
            self.setting(format!("{section}.{}", key.get_ref()), origin, value.get_ref());
        }
    }

    fn setting(&mut self, key: String, origin: Origin, value: &DeValue<'_>) {
        match find(&key) {
            Some(_) => self.assignments.push(Assignment { key, raw: raw(value), origin }),
            None => {
                let near = near_key(&key);
                self.refuse(&key, origin, Problem::UnknownKey { near });
            }
        }
    }

    fn refuse(&mut self, key: &str, origin: Origin, problem: Problem) {
        self.errors.push(ConfigError { key: Some(key.to_owned()), origin, problem });
    }

    fn origin(&self, offset: Option<usize>) -> Origin {
        let before = |offset: usize| &self.text.as_bytes()[..offset.min(self.text.len())];
        let line = offset.map(|offset| before(offset).iter().filter(|byte| **byte == b'\n').count() + 1);
        Origin::File { path: self.path.to_owned(), line }
    }
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Integer(number) => Raw::Number(number.to_string()),
        DeValue::Float(number) => Raw::Number(number.to_string()),
        DeValue::Array(items) => Raw::List(items.iter().map(|item| raw(item.get_ref())).collect()),
        value @ (DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Table(_)) => {
            Raw::Other(value.type_str())
        }
    }
}

/// The key that somebody meant: one written nearly alike, or one with the same name in another section.
pub(super) fn near_key(key: &str) -> Option<String> {
    let normal = key.replace('_', "-").to_lowercase();
    let name = normal.rsplit('.').next().unwrap_or(&normal);
    nearest(&normal, SETTINGS.iter().map(|setting| setting.key))
        .or_else(|| {
            SETTINGS.iter().map(|setting| setting.key).find(|key| key.rsplit('.').next() == Some(name))
        })
        .map(str::to_owned)
}
