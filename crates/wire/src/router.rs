//! From an HTTP request to the bytes of a gRPC request.

use std::collections::HashSet;

use crate::{
    json::{Decoder, Json, parse, put_bytes},
    method::{Binding, Body, Method, methods},
    schema::{Field, Kind, MessageType, Shape, Special, schema},
    violation::Violations,
};

/// A method and binding that an HTTP request meets.
#[derive(Debug)]
pub struct Found {
    /// The method.
    pub method: &'static Method,
    /// The binding that matched.
    pub binding: &'static Binding,
    /// Values of the binding's path variables in their order, decoded.
    pub captures: Vec<String>,
}

/// Finds the method behind an HTTP method and a path without query. `None` is the caller's 404, for an
/// unknown path and for a wrong method alike.
pub fn find(http_method: &str, path: &str) -> Option<Found> {
    methods().iter().find_map(|method| {
        method.bindings.iter().filter(|b| b.http_method == http_method).find_map(|binding| {
            let captures = binding.template.matches(path)?;
            Some(Found { method, binding, captures })
        })
    })
}

impl Found {
    /// The binary form of the request: what the body says, then the query, then the path.
    ///
    /// `query` holds decoded names and values, system parameters already taken out. An empty `body` is an
    /// absent one and stands for an empty message.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with body, query and path together.
    pub fn request(&self, query: &[(String, String)], body: &[u8]) -> Result<Vec<u8>, Violations> {
        let mut wire = Vec::with_capacity(body.len() + 128);
        let mut violations = Violations::default();
        let json = self.body(body, &mut wire, &mut violations);
        let mut seen = HashSet::new();
        // An empty value is an absent one.
        for (name, text) in query.iter().filter(|(_, text)| !text.is_empty()) {
            self.parameter(name, text, &mut seen, &mut wire, &mut violations);
        }
        for (path, value) in self.binding.template.variables().zip(&self.captures) {
            self.contradiction(path, value, json.as_ref(), &mut violations);
            if let Some(fields) = resolve(self.method.input, path) {
                put_nested(&fields, value, &mut wire);
            }
        }
        violations.or(wire)
    }

    /// Reads the body and appends what it says.
    fn body<'b>(&self, body: &'b [u8], wire: &mut Vec<u8>, violations: &mut Violations) -> Option<Json<'b>> {
        if self.binding.body == Body::None || body.trim_ascii().is_empty() {
            return None;
        }
        let json = match parse(body) {
            Ok(json) => json,
            Err(sentence) => {
                violations.push("", sentence);
                return None;
            }
        };
        match &self.binding.body {
            Body::None => {}
            Body::Whole => {
                let mut decoder = Decoder::new("");
                decoder.root(self.method.input, &json, wire);
                violations.0.append(&mut decoder.violations.0);
            }
            Body::Field(name) => {
                let mut decoder = Decoder::new(name);
                let mut inner = Vec::with_capacity(body.len());
                if let Some((field, ty)) = message_field(self.method.input, name) {
                    decoder.root(ty, &json, &mut inner);
                    put_bytes(field.number, &inner, wire);
                }
                violations.0.append(&mut decoder.violations.0);
            }
        }
        Some(json)
    }

    /// Binds one query parameter, whose name may descend with dots.
    fn parameter(
        &self,
        name: &str,
        text: &str,
        seen: &mut HashSet<Vec<u32>>,
        wire: &mut Vec<u8>,
        violations: &mut Violations,
    ) {
        let mut refuse = |why: String| {
            violations.push("", format!("Invalid JSON payload received. Unknown name \"{name}\": {why}"));
        };
        let fields = match resolve_or_part(self.method.input, name) {
            Ok(fields) if !self.bound_elsewhere(&fields) => fields,
            Ok(_) => return refuse(not_found(name)),
            Err(part) => return refuse(not_found(part)),
        };
        let [outer @ .., leaf] = fields.as_slice() else { return };
        let primitive = match leaf.kind {
            Kind::Message(id) => {
                matches!(schema().message_at(id).special, Special::Timestamp | Special::Duration)
            }
            _ => true,
        };
        if !primitive || leaf.shape == Shape::Map {
            return refuse(format!(
                "Cannot bind query parameter. '{name}' is a message type. Parameters can only be bound to primitive types."
            ));
        }
        if !seen.insert(fields.iter().map(|f| f.number).collect()) && leaf.shape != Shape::List {
            return refuse("Proto field is not repeating, cannot start list.".to_owned());
        }
        let path: Vec<&str> = outer.iter().map(|f| &*f.name).collect();
        let mut decoder = Decoder::new(&path.join("."));
        let mut value = Vec::new();
        let sent = name.rsplit('.').next().unwrap_or(name);
        decoder.parameter(leaf, sent, text, &mut value);
        if decoder.violations.is_empty() {
            wire.extend_from_slice(&wrapped(outer, value));
        }
        violations.0.append(&mut decoder.violations.0);
    }

    /// Whether a field is set by the path or the body, and so cannot be a query parameter too.
    fn bound_elsewhere(&self, fields: &[&Field]) -> bool {
        let by_body = match &self.binding.body {
            Body::Field(name) => fields.first().is_some_and(|f| *f.name == **name),
            Body::None | Body::Whole => false,
        };
        let path: Vec<&str> = fields.iter().map(|f| &*f.name).collect();
        let path = path.join(".");
        by_body || self.binding.template.variables().any(|variable| variable == path)
    }

    /// Refuses a body that says something else than the path about the same field.
    fn contradiction(&self, path: &str, value: &str, json: Option<&Json<'_>>, violations: &mut Violations) {
        let in_body = match &self.binding.body {
            Body::Whole => Some(path),
            Body::Field(name) => path.strip_prefix(name.as_str()).and_then(|rest| rest.strip_prefix('.')),
            Body::None => None,
        };
        let start = match &self.binding.body {
            Body::Field(name) => message_field(self.method.input, name).map(|(_, ty)| ty),
            _ => Some(self.method.input),
        };
        let (Some(in_body), Some(start), Some(json)) = (in_body, start, json) else { return };
        let Some(fields) = resolve(start, in_body) else { return };
        let said = fields.iter().try_fold(json, |json, field| match json {
            Json::Object(members) => members
                .iter()
                .rev()
                .find(|(name, _)| *name == *field.name || *name == *field.json_name)
                .map(|(_, value)| value),
            _ => None,
        });
        if let Some(Json::String(said)) = said
            && !said.is_empty()
            && said != value
        {
            violations.push(
                path,
                format!("Invalid value at '{path}' (TYPE_STRING), the path of the request says \"{value}\""),
            );
        }
    }
}

fn not_found(part: &str) -> String {
    format!("Cannot bind query parameter. Field '{part}' could not be found in request message.")
}

/// A field that holds one message, and its type.
fn message_field<'s>(ty: &'s MessageType, name: &str) -> Option<(&'s Field, &'s MessageType)> {
    let field = ty.by_name(name)?;
    match (field.kind, field.shape) {
        (Kind::Message(id), Shape::Explicit) => Some((field, schema().message_at(id))),
        _ => None,
    }
}

/// The fields along a dotted path.
fn resolve(ty: &'static MessageType, path: &str) -> Option<Vec<&'static Field>> {
    resolve_or_part(ty, path).ok()
}

/// The fields along a dotted path, or the part of it that names none.
fn resolve_or_part<'p>(ty: &'static MessageType, path: &'p str) -> Result<Vec<&'static Field>, &'p str> {
    let mut fields = Vec::new();
    let mut inside = Some(ty);
    for part in path.split('.') {
        let field = inside.and_then(|ty| ty.by_name(part)).ok_or(part)?;
        inside = match (field.kind, field.shape) {
            (Kind::Message(id), Shape::Explicit) => Some(schema().message_at(id)),
            _ => None,
        }
        .filter(|ty| ty.special == Special::None);
        fields.push(field);
    }
    Ok(fields)
}

/// Appends a text at the end of a path of fields.
fn put_nested(fields: &[&Field], text: &str, wire: &mut Vec<u8>) {
    let [outer @ .., leaf] = fields else { return };
    let mut value = Vec::with_capacity(text.len() + 8);
    put_bytes(leaf.number, text.as_bytes(), &mut value);
    wire.extend_from_slice(&wrapped(outer, value));
}

/// Puts a binary form inside the messages of a path, innermost last.
fn wrapped(outer: &[&Field], inner: Vec<u8>) -> Vec<u8> {
    outer.iter().rev().fold(inner, |inner, field| {
        let mut wire = Vec::with_capacity(inner.len() + 8);
        put_bytes(field.number, &inner, &mut wire);
        wire
    })
}
