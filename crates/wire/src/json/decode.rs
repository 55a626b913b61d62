//! JSON tree to the binary form of a message, with every problem found on the way.
//!
//! The result is binary and not a message in memory, because binary forms can be joined: path variables
//! and query parameters are appended to what the body said, and the later value of a field wins.
//!
//! Texts and paths are those of CONTRACT section 4.3. A path is in snake_case, a name is echoed as sent,
//! and a map counts as a list of entries (`labels[0].value`).

use std::borrow::Cow;

use prost::{
    Message,
    encoding::{WireType, encode_key, encode_varint},
};

use crate::{
    json::{
        parse::{Json, floor_boundary},
        scalar::Scalar,
        time::{parse_duration, parse_timestamp},
    },
    schema::{Field, Kind, MessageType, Shape, Special, schema},
    violation::Violations,
};

/// Characters of a wrong value or unknown name that are echoed. Decision: enough to recognize it.
const ECHO: usize = 500;

/// Walks a JSON tree along a message type.
#[derive(Debug)]
pub(crate) struct Decoder {
    /// What was wrong so far.
    pub(crate) violations: Violations,
    /// Where the walk is.
    path: String,
}

impl Decoder {
    /// Starts at this path, which is empty for the request itself.
    pub(crate) fn new(path: &str) -> Self {
        Self { violations: Violations::default(), path: path.to_owned() }
    }

    /// Appends the fields of a message whose JSON form must be an object.
    pub(crate) fn root(&mut self, ty: &MessageType, value: &Json<'_>, out: &mut Vec<u8>) {
        match value {
            Json::Object(members) => self.members(ty, members, out),
            _ => self.violations.push(
                "",
                "Invalid JSON payload received. Unknown name \"\": Root element must be a message.",
            ),
        }
    }

    fn members(&mut self, ty: &MessageType, members: &[(Cow<'_, str>, Json<'_>)], out: &mut Vec<u8>) {
        let mut chosen: Vec<u16> = Vec::new();
        for (sent, value) in members {
            let Some(field) = ty.by_name(sent) else {
                self.unknown(sent, "Cannot find field.");
                continue;
            };
            if *value == Json::Null {
                continue;
            }
            if let Some(oneof) = field.oneof {
                if chosen.contains(&oneof) {
                    let oneof = &ty.oneofs[usize::from(oneof)];
                    let sent = echo(sent);
                    self.invalid(
                        "oneof",
                        &format!("oneof field '{oneof}' is already set. Cannot set '{sent}'"),
                    );
                    continue;
                }
                chosen.push(oneof);
            }
            self.field(field, sent, value, out);
        }
    }

    fn field(&mut self, field: &Field, sent: &str, value: &Json<'_>, out: &mut Vec<u8>) {
        match (field.shape, value) {
            (Shape::List, Json::List(items)) => self.list(field, items, out),
            (Shape::Map, Json::Object(entries)) => self.map(field, entries, out),
            (Shape::Map, Json::List(_)) => {
                self.unknown(sent, &format!("Cannot bind a list to map for field '{}'.", field.name));
            }
            (Shape::List, Json::Object(_)) => self.invalid(&field.name, "Starting an object on a list field"),
            (Shape::List | Shape::Map, _) => {
                self.at(&field.name, |decoder| decoder.wrong_value(field.kind, value));
            }
            (Shape::Implicit | Shape::Explicit, _) => self.single(field, sent, value, out),
        }
    }

    /// A field that holds one value.
    fn single(&mut self, field: &Field, sent: &str, value: &Json<'_>, out: &mut Vec<u8>) {
        match (field.kind, value) {
            (_, Json::List(_)) => self.unknown(sent, "Proto field is not repeating, cannot start list."),
            (Kind::Message(id), _) => {
                let ty = schema().message_at(id);
                let inner = self.at(&field.name, |decoder| decoder.message(ty, sent, value));
                if let Some(inner) = inner {
                    put_bytes(field.number, &inner, out);
                }
            }
            (_, Json::Object(_)) => self.invalid(&field.name, "Starting an object on a scalar field"),
            (kind, _) => match Scalar::from_json(kind, value) {
                Some(scalar) if field.shape == Shape::Implicit && scalar.is_default() => {}
                Some(scalar) => scalar.put(field.number, out),
                None => self.at(&field.name, |decoder| decoder.wrong_value(kind, value)),
            },
        }
    }

    fn list(&mut self, field: &Field, items: &[Json<'_>], out: &mut Vec<u8>) {
        let mut packed = Vec::new();
        for (at, item) in items.iter().enumerate() {
            self.at(&format!("{}[{at}]", field.name), |decoder| match field.kind {
                Kind::Message(id) => {
                    let ty = schema().message_at(id);
                    if let Some(inner) = decoder.message(ty, &field.json_name, item) {
                        put_bytes(field.number, &inner, out);
                    }
                }
                kind => match Scalar::from_json(kind, item) {
                    Some(scalar) if scalar.packable() => scalar.put_bare(&mut packed),
                    Some(scalar) => scalar.put(field.number, out),
                    None => decoder.wrong_value(kind, item),
                },
            });
        }
        if !packed.is_empty() {
            put_bytes(field.number, &packed, out);
        }
    }

    fn map(&mut self, field: &Field, entries: &[(Cow<'_, str>, Json<'_>)], out: &mut Vec<u8>) {
        let Kind::Message(entry) = field.kind else { return };
        let [key_field, value_field] = schema().message_at(entry).fields.as_slice() else { return };
        for (at, (sent, value)) in entries.iter().enumerate() {
            let mut entry = Vec::new();
            self.at(&format!("{}[{at}]", field.name), |decoder| {
                let key = match (key_field.kind, &**sent) {
                    (Kind::Bool, "true") => Json::Bool(true),
                    (Kind::Bool, "false") => Json::Bool(false),
                    _ => Json::String(Cow::Borrowed(sent)),
                };
                decoder.single(key_field, "key", &key, &mut entry);
                if *value == Json::Null {
                    decoder.at("value", |decoder| decoder.wrong_value(value_field.kind, value));
                } else {
                    decoder.single(value_field, "value", value, &mut entry);
                }
            });
            put_bytes(field.number, &entry, out);
        }
    }

    /// The binary form of one message, without its length.
    fn message(&mut self, ty: &MessageType, sent: &str, value: &Json<'_>) -> Option<Vec<u8>> {
        match (ty.special, value) {
            (Special::Timestamp, Json::String(text)) => {
                self.time(ty, sent, parse_timestamp(text).map(|at| at.encode_to_vec()))
            }
            (Special::Duration, Json::String(text)) => {
                self.time(ty, sent, parse_duration(text).map(|long| long.encode_to_vec()))
            }
            (Special::Any, Json::Object(members)) => self.any(ty, members),
            (Special::None, Json::Object(members)) => {
                let mut out = Vec::new();
                self.members(ty, members, &mut out);
                Some(out)
            }
            (_, Json::Object(_) | Json::List(_)) => {
                self.invalid(&type_url(ty), "A value of another shape is expected");
                None
            }
            _ => {
                self.invalid(&type_url(ty), &shown(value));
                None
            }
        }
    }

    fn time(&mut self, ty: &MessageType, sent: &str, read: Result<Vec<u8>, String>) -> Option<Vec<u8>> {
        read.map_err(|why| self.invalid(&type_url(ty), &format!("Field '{}', {why}", echo(sent)))).ok()
    }

    fn any(&mut self, ty: &MessageType, members: &[(Cow<'_, str>, Json<'_>)]) -> Option<Vec<u8>> {
        if members.is_empty() {
            return Some(Vec::new());
        }
        let of_type = members.iter().find(|(name, _)| name == "@type");
        let Some((_, Json::String(url))) = of_type else {
            self.invalid(&type_url(ty), "Missing '@type'");
            return None;
        };
        let Some(inner) = url.rsplit('/').next().and_then(|name| schema().message(name)) else {
            self.invalid(&type_url(ty), &format!("Cannot find type '{}'", echo(url)));
            return None;
        };
        let mut value = Vec::new();
        if inner.special == Special::None {
            let rest: Vec<_> = members.iter().filter(|(name, _)| name != "@type").cloned().collect();
            self.members(inner, &rest, &mut value);
        } else if let Some((_, member)) = members.iter().find(|(name, _)| name == "value") {
            value = self.at("value", |decoder| decoder.message(inner, "value", member))?;
        }
        Some(prost_types::Any { type_url: url.clone().into_owned(), value }.encode_to_vec())
    }

    /// Does something one step further down the path.
    fn at<T>(&mut self, name: &str, work: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(name);
        let result = work(self);
        self.path.truncate(length);
        result
    }

    fn wrong_value(&mut self, kind: Kind, value: &Json<'_>) {
        let of_type = match kind {
            Kind::Enum(id) => format!("type.googleapis.com/{}", schema().enum_at(id).name),
            Kind::Message(id) => type_url(schema().message_at(id)),
            scalar => scalar.type_word().to_owned(),
        };
        self.invalid(&of_type, &shown(value));
    }

    fn invalid(&mut self, what: &str, why: &str) {
        let description = match self.path.as_str() {
            "" => format!("Invalid value ({what}), {why}"),
            path => format!("Invalid value at '{path}' ({what}), {why}"),
        };
        self.violations.push(self.path.clone(), description);
    }

    fn unknown(&mut self, sent: &str, why: &str) {
        let sent = echo(sent);
        let at = match self.path.as_str() {
            "" => String::new(),
            path => format!(" at '{path}'"),
        };
        let description = format!("Invalid JSON payload received. Unknown name \"{sent}\"{at}: {why}");
        self.violations.push(self.path.clone(), description);
    }

    /// Binds one text to a field that holds one value or a list, as query parameters do.
    pub(crate) fn parameter(&mut self, field: &Field, sent: &str, text: &str, out: &mut Vec<u8>) {
        let value = match (field.kind, text) {
            (Kind::Bool, "true") => Json::Bool(true),
            (Kind::Bool, "false") => Json::Bool(false),
            _ => Json::String(Cow::Borrowed(text)),
        };
        match field.shape {
            Shape::List => self.list(field, &[value], out),
            _ => self.single(field, sent, &value, out),
        }
    }
}

/// Appends a field of bytes: a string, a message, packed numbers.
pub(crate) fn put_bytes(number: u32, bytes: &[u8], out: &mut Vec<u8>) {
    encode_key(number, WireType::LengthDelimited, out);
    encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn type_url(ty: &MessageType) -> String {
    format!("type.googleapis.com/{}", ty.full_name())
}

/// A value as error texts show it.
fn shown(value: &Json<'_>) -> String {
    match value {
        Json::Null => "null".into(),
        Json::Bool(value) => value.to_string(),
        Json::Number(text) => echo(text).into_owned(),
        Json::String(text) => format!("\"{}\"", echo(text)),
        Json::List(_) => "[...]".into(),
        Json::Object(_) => "{...}".into(),
    }
}

fn echo(text: &str) -> Cow<'_, str> {
    if text.len() <= ECHO {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("{}...", &text[..floor_boundary(text, ECHO)]))
    }
}
