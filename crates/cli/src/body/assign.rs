//! One assignment, and the explanation of paths that lead nowhere.

use serde_json::Value;

use super::Body;
use super::place::{self, Place, Stop, Why};
use crate::api::{Kind, Schema, schema_at};
use crate::cursor::{self, Source};
use crate::problem::{Problem, shown};
use crate::suggest;
use crate::value::{from_json, from_text, join};

impl Body<'_> {
    pub(super) fn assign(&mut self, path: &str, source: Source, written: &str) {
        let steps = match cursor::steps(path) {
            Ok(steps) => steps,
            Err(error) => return self.path_error(path, error),
        };
        let place = match place::resolve(&self.cursor, self.root, &self.value, path, &steps, self.lenient) {
            Ok(place) => place,
            Err(stop) if stop.why == Why::AlreadyLost => return,
            Err(stop) => {
                let problem = self.explain(path, written, &stop);
                return self.findings.problem(problem);
            }
        };
        match source {
            Source::Json => self.json(path, &place, written),
            _ => self.text(path, &place, source, written),
        }
    }

    /// `path:=JSON`: the value as a whole, `null` to clear it.
    fn json(&mut self, path: &str, place: &Place, written: &str) {
        let value = match serde_json::from_str::<Value>(written) {
            Ok(value) => value,
            Err(why) => {
                return self.findings.problem(
                    Problem::new(format!("Value at '{}' is not JSON: {why}.", place.path()))
                        .at(path, 0..path.len()),
                );
            }
        };
        if !self.claim(place) {
            return;
        }
        if value.is_null() {
            self.cleared.insert(place.json_path());
            // Clearing must not make the structures above.
            if place.peek(&self.value).is_none() {
                return;
            }
        }
        let value = from_json(place.kind(), value, &place.path(), self.lenient, self.findings);
        *place.node(&mut self.value).0 = value;
    }

    /// `path=TEXT`, or the text of a file or a variable.
    fn text(&mut self, path: &str, place: &Place, source: Source, written: &str) {
        match place.kind() {
            Kind::Map(of) => self.entry(place, *of, source, written),
            Kind::Struct(_) | Kind::List(Kind::Struct(_)) => self.structure(path, place, source, written),
            Kind::List(of) => {
                let Some(value) = self.scalar(path, place, *of, source, written) else { return };
                self.set.insert(place.path());
                let node = place.node(&mut self.value).0;
                match node {
                    Value::Array(items) => items.push(value),
                    other => *other = Value::Array(vec![value]),
                }
            }
            kind => {
                let Some(value) = self.scalar(path, place, kind, source, written) else { return };
                if self.claim(place) {
                    *place.node(&mut self.value).0 = value;
                }
            }
        }
    }

    /// `map=key=value`.
    fn entry(&mut self, place: &Place, of: Kind, source: Source, written: &str) {
        let whole = place.path();
        if matches!(of, Kind::Struct(_)) && written.starts_with('{') && source == Source::Text {
            return self.json(&whole, place, written);
        }
        let Some((key, text)) = written.split_once('=').filter(|(_, text)| !text.is_empty()) else {
            let hint = match written.strip_suffix('=') {
                Some(key) => format!(" For an empty text write '{whole}:={{\"{key}\": \"\"}}'."),
                None => String::new(),
            };
            // The word is a value, and may be a secret that lacks its key.
            return self.findings.problem(Problem::new(format!(
                "'{}' does not match hashmap pattern <key>=<value>.{hint}",
                shown(&whole, written)
            )));
        };
        let path = join(&whole, key);
        if !self.set.insert(path.clone()) {
            return self
                .findings
                .problem(Problem::new(format!("Field -> Value at '{whole}' was already set")));
        }
        let value = if matches!(of, Kind::Struct(_)) {
            match serde_json::from_str(text) {
                Ok(value) => from_json(of, value, &path, self.lenient, self.findings),
                Err(why) => {
                    return self
                        .findings
                        .problem(Problem::new(format!("Value at '{path}' is not JSON: {why}.")));
                }
            }
        } else {
            let Some(value) = self.scalar(&path, place, of, source, text) else { return };
            value
        };
        let node = place.node(&mut self.value).get_or_insert_with(Default::default);
        if let Value::Object(members) = node {
            members.insert(key.to_owned(), value);
        }
    }

    /// A structure takes JSON; a list of structures takes one more element, or several.
    fn structure(&mut self, path: &str, place: &Place, source: Source, written: &str) {
        let text = match self.read(place, Kind::Text, source, written) {
            Some(Value::String(text)) => text,
            _ => return,
        };
        let list = matches!(place.kind(), Kind::List(_));
        if !(text.trim_start().starts_with('{') || list && text.trim_start().starts_with('[')) {
            let problem = structure_takes_no_text(path, place);
            return self.findings.problem(problem);
        }
        let value = match serde_json::from_str::<Value>(&text) {
            Ok(value) => value,
            Err(why) => {
                return self
                    .findings
                    .problem(Problem::new(format!("Value at '{}' is not JSON: {why}.", place.path())));
            }
        };
        if !list {
            if self.claim(place) {
                let value = from_json(place.kind(), value, &place.path(), self.lenient, self.findings);
                *place.node(&mut self.value).0 = value;
            }
            return;
        }
        let value = if value.is_array() { value } else { Value::Array(vec![value]) };
        let value = from_json(place.kind(), value, &place.path(), self.lenient, self.findings);
        self.set.insert(place.path());
        let node = place.node(&mut self.value).0;
        match (node, value) {
            (Value::Array(items), Value::Array(more)) => items.extend(more),
            (node, value) => *node = value,
        }
    }

    /// A scalar value; a problem is reported and `None`.
    fn scalar(
        &mut self,
        path: &str,
        place: &Place,
        kind: Kind,
        source: Source,
        written: &str,
    ) -> Option<Value> {
        let text = match self.read(place, kind, source, written)? {
            Value::String(text) => text,
            other => return Some(other),
        };
        match from_text(kind, &text) {
            Ok(value) => Some(value),
            Err(why) => {
                let name = place.owner().map_or("", |field| field.json);
                let value = if source == Source::Text { shown(path, &text) } else { "…".into() };
                self.findings.problem(
                    Problem::new(format!(
                        "Failed to parse argument '{name}' with value '{value}' as {} with error: {}.",
                        why.wanted, why.reason
                    ))
                    .at(path, 0..path.len()),
                );
                None
            }
        }
    }

    /// The text that an assignment names.
    fn read(&mut self, place: &Place, kind: Kind, source: Source, written: &str) -> Option<Value> {
        let read = match source {
            Source::Text | Source::Json => return Some(Value::String(written.to_owned())),
            Source::Environment => self.sources.variable(written),
            Source::File if kind == Kind::Bytes => {
                self.sources.bytes(written).map(|raw| crate::value::encoded(&raw))
            }
            Source::File => self.sources.text(written),
        };
        match read {
            Ok(text) => Some(Value::String(text)),
            Err(why) => {
                self.findings.problem(Problem::new(format!("Value at '{}': {why}", place.path())));
                None
            }
        }
    }

    /// Marks a place as set; a second time is an error.
    fn claim(&mut self, place: &Place) -> bool {
        let path = place.path();
        let fresh = self.set.insert(path.clone());
        if !fresh {
            self.findings.problem(Problem::new(format!("Field -> Value at '{path}' was already set")));
        }
        fresh
    }

    /// The problem of a path that leads nowhere, with a suggestion from the level where it went wrong.
    pub(super) fn explain(&self, path: &str, written: &str, stop: &Stop) -> Problem {
        let mut text = match &stop.why {
            Why::NoLevelAbove => {
                let text = format!("Field -> '{path}': Cannot move up on empty field cursor.");
                return Problem::new(text).at(path, stop.at.clone());
            }
            Why::NoElement(name, count) => {
                let text = format!(
                    "Field -> Field '{}' does not exist. '{}' is a list of {count}: write '+' for a new element, \
                     'last', or a number from 0 to {count}, not '{name}'.",
                    stop.full,
                    stop.last.path()
                );
                return Problem::new(text).at(path, stop.at.clone());
            }
            _ => format!("Field -> Field '{}' does not exist.", stop.full),
        };
        match &stop.why {
            Why::Unknown(_) => {
                if let Some(better) = self.corrected(path, stop) {
                    let end = match written {
                        "" => String::new(),
                        value => format!("={}", shown(path, value)),
                    };
                    text.push_str(&format!(" Did you mean '{better}{end}' ?"));
                } else if let Some(schema) =
                    stop.last.kind().inner_schema().filter(|_| !stop.last.path().is_empty())
                {
                    text.push_str(&format!(" '{}' has {}.", stop.last.path(), names(schema)));
                }
            }
            Why::Scalar(_) => {
                text.push_str(&format!(" '{}' is a value ({}).", stop.last.path(), stop.last.kind().label()));
            }
            _ => {}
        }
        Problem::new(text).at(path, stop.at.clone())
    }

    /// The path with every wrong name replaced by the nearest at its level, or by the only path with that name.
    fn corrected(&self, path: &str, stop: &Stop) -> Option<String> {
        let mut kind = stop.last.kind();
        let mut out = path[..stop.at.start].to_owned();
        let mut rest = &path[stop.at.start..];
        loop {
            let end = rest.find('.').unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            let Kind::Struct(at) = kind else { return None };
            let schema = schema_at(at);
            let dashed = crate::names::kebab(name);
            let known = schema.field(&dashed).map(|field| field.flag);
            let found =
                known.or_else(|| suggest::nearest(&dashed, schema.fields.iter().map(|field| field.flag)));
            let Some(found) = found else {
                return if out.len() == stop.at.start { self.elsewhere(&dashed, after) } else { None };
            };
            out.push_str(found);
            kind = schema.field(found)?.kind;
            let dots = after.len() - after.trim_start_matches('.').len();
            if dots != 1 {
                // Dots that go up again: the rest is kept as written.
                out.push_str(after);
                return Some(out);
            }
            out.push('.');
            rest = &after[1..];
        }
    }

    /// The one place in the whole body where a field of this name is, as an absolute path.
    fn elsewhere(&self, name: &str, after: &str) -> Option<String> {
        let mut found = Vec::new();
        search(self.schema, name, "", 0, &mut found);
        match found.as_slice() {
            [only] => Some(format!("{}{only}{after}", if self.cursor.path().is_empty() { "" } else { "." })),
            _ => None,
        }
    }
}

fn search(schema: &'static Schema, name: &str, path: &str, depth: usize, found: &mut Vec<String>) {
    // Deep enough for every structure that people write by hand; some of the API's refer to themselves.
    if depth > 5 || found.len() > 1 {
        return;
    }
    for field in schema.fields {
        let below = join(path, field.flag);
        if field.flag == name {
            found.push(below.clone());
        }
        if let Kind::Struct(at) = field.kind {
            search(schema_at(at), name, &below, depth + 1, found);
        }
    }
}

fn structure_takes_no_text(path: &str, place: &Place) -> Problem {
    let what = match place.kind() {
        Kind::List(_) => "a list of structures",
        _ => "a structure",
    };
    let below = place.kind().inner_schema();
    let entry = if matches!(place.kind(), Kind::List(_)) { ".+" } else { "" };
    let example = below.and_then(|schema| schema.fields.first()).map_or_else(
        || format!("'{path}' alone, or '{path}:={{}}'"),
        |field| format!("'{path}{entry}.{}=…', or '{path}:=JSON'", field.flag),
    );
    Problem::new(format!(
        "Field -> Field '{}' does not exist. It is {what} and takes no text: write {example}.",
        place.path()
    ))
    .at(path, 0..path.len())
}

fn names(schema: &Schema) -> String {
    if schema.fields.is_empty() {
        return "no fields".to_owned();
    }
    let names: Vec<&str> = schema.fields.iter().map(|field| field.flag).collect();
    format!("the fields {}", names.join(", "))
}
