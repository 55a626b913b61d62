//! The request body: from the words after `-r` to JSON.
//!
//! A place in the body is a list of parts from the top. Words are applied in order; everything wrong with them
//! is collected in [`Findings`], and the caller sends nothing if there is a problem.

mod assign;
mod checks;
mod place;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::api::Schema;
use crate::cursor::{self, PathError, Word};
use crate::problem::{Findings, Problem};
use crate::sources::Sources;
use place::Place;

/// A body under construction.
pub struct Body<'a> {
    schema: &'static Schema,
    root: u16,
    value: Value,
    cursor: Place,
    /// Paths that words have set, so that a second assignment is an error and documents do not override.
    set: BTreeSet<String>,
    /// JSON paths that were cleared with `:=null`.
    cleared: BTreeSet<String>,
    lenient: bool,
    sources: &'a mut dyn Sources,
    findings: &'a mut Findings,
}

/// A finished body.
#[derive(Debug)]
pub struct Built {
    /// What is sent.
    pub value: Value,
    /// The field mask that names everything given or cleared.
    pub mask: String,
}

/// Builds the body of `request` from `words`; `lenient` lets unknown names through.
///
/// Required fields that are missing are noted, but not those whose value is given `elsewhere` in the request; with
/// `None` none at all, as for a change of a part.
pub fn build(
    request: u16,
    words: &[String],
    lenient: bool,
    elsewhere: Option<&[&str]>,
    sources: &mut dyn Sources,
    findings: &mut Findings,
) -> Built {
    let mut body = Body {
        schema: crate::api::schema_at(request),
        root: request,
        value: Value::Object(Map::new()),
        cursor: Place::top(request),
        set: BTreeSet::new(),
        cleared: BTreeSet::new(),
        lenient,
        sources,
        findings,
    };
    for word in words {
        body.word(word);
    }
    body.finish(elsewhere)
}

/// The places where the cursor stands after each word, for completion and pictures; problems are skipped.
pub fn walk(request: u16, words: &[String]) -> Vec<(String, crate::api::Kind)> {
    let mut findings = Findings::default();
    let mut sources = crate::sources::Nothing;
    let mut body = Body {
        schema: crate::api::schema_at(request),
        root: request,
        value: Value::Object(Map::new()),
        cursor: Place::top(request),
        set: BTreeSet::new(),
        cleared: BTreeSet::new(),
        lenient: false,
        sources: &mut sources,
        findings: &mut findings,
    };
    words
        .iter()
        .map(|word| {
            body.word(word);
            (body.cursor.path(), body.cursor.kind())
        })
        .collect()
}

impl Body<'_> {
    fn word(&mut self, text: &str) {
        match cursor::word(text) {
            Word::Document(name) => self.document(name),
            Word::Move(path) => self.move_to(path),
            Word::Assign { value: "", .. } => {
                let hint = match text.split_once('=') {
                    Some((path, _)) if !path.is_empty() => {
                        format!(" To clear the field write '{path}:=null', for an empty text '{path}:=\"\"'.")
                    }
                    _ => String::new(),
                };
                self.findings.problem(Problem::new(format!(
                    "'{}' does not match pattern <key>=<value>.{hint}",
                    crate::problem::printable(text)
                )));
            }
            Word::Assign { path, source, value } => self.assign(path, source, value),
        }
    }

    fn path_error(&mut self, word: &str, error: PathError) {
        match error {
            PathError::Empty => {
                self.findings.problem(Problem::new("Field -> Field names must not be empty."));
                self.findings.problem(Problem::new("Field -> Field '' does not exist."));
            }
            PathError::TrailingDot => self.findings.problem(
                Problem::new(format!("Field -> '{word}': Single field separator may not be last character."))
                    .at(word, word.len() - 1..word.len()),
            ),
        }
    }

    fn move_to(&mut self, path: &str) {
        let steps = match cursor::steps(path) {
            Ok(steps) => steps,
            Err(error) => return self.path_error(path, error),
        };
        match place::resolve(&self.cursor, self.root, &self.value, path, &steps, self.lenient) {
            Ok(place) => {
                if let Some(wrong) = place.no_cursor_for() {
                    self.findings.problem(
                        Problem::new(format!(
                            "Field -> '{path}' is {wrong}, so the cursor cannot stand there."
                        ))
                        .at(path, 0..path.len()),
                    );
                    return;
                }
                // An element is made by entering it, and a structure without fields can only be set that way.
                if place.ends_in_element() || place.is_empty_structure() {
                    place.node(&mut self.value).get_or_insert_with(Default::default);
                }
                self.cursor = place;
            }
            Err(stop) => {
                let problem = self.explain(path, "", &stop);
                self.findings.problem(problem);
                if let Some(place) = stop.lost {
                    self.cursor = place;
                }
            }
        }
    }

    fn document(&mut self, name: &str) {
        if self.cursor.is_lost() {
            return;
        }
        match self.sources.document(name) {
            Err(why) => self.findings.problem(Problem::new(why)),
            Ok(given) => {
                let path = self.cursor.path();
                let value =
                    crate::value::from_json(self.cursor.kind(), given, &path, self.lenient, self.findings);
                let target = self.cursor.node(&mut self.value);
                checks::merge(target, value, &path, &self.set);
            }
        }
    }

    fn finish(self, elsewhere: Option<&[&str]>) -> Built {
        let mut value = self.value;
        strip_nulls(&mut value);
        if !value.is_object() {
            // `.:=null` clears everything.
            value = Value::Object(Map::new());
        }
        checks::remarks(self.schema, &value, elsewhere, self.findings);
        let mut paths = BTreeSet::new();
        checks::mask_paths(self.schema, &value, "", &mut paths);
        paths.extend(self.cleared);
        let mask = paths.into_iter().collect::<Vec<_>>().join(",");
        Built { value: crate::output::sorted(value), mask }
    }
}

/// Removes what was cleared; a null is never sent.
fn strip_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(strip_nulls);
        }
        Value::Array(items) => {
            items.retain(|item| !item.is_null());
            items.iter_mut().for_each(strip_nulls);
        }
        _ => {}
    }
}
