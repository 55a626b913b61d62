//! What is looked at once the body is whole: merging documents, remarks, the field mask.

use std::collections::BTreeSet;

use serde_json::Value;

use super::place::Node;
use crate::api::{Field, Kind, Rule, Schema, schema_at};
use crate::problem::Findings;
use crate::value::{join, remark};

/// Merges a document into a value; what words have set stays.
pub(super) fn merge(target: Node<'_>, given: Value, path: &str, set: &BTreeSet<String>) {
    if set.contains(path) && !path.is_empty() {
        return;
    }
    let target = target.0;
    match (target, given) {
        (_, Value::Null) => {}
        (Value::Object(members), Value::Object(more)) => {
            for (name, value) in more {
                // Words name their fields with hyphens, keys of maps as they are.
                let plain = join(path, &name);
                let dashed = join(path, &crate::names::kebab(&name));
                if set.contains(&plain) || set.contains(&dashed) {
                    continue;
                }
                merge(Node(members.entry(name).or_insert(Value::Null)), value, &dashed, set);
            }
        }
        (target, given) => *target = given,
    }
}

/// Notes about a body that is well formed: ignored and missing fields, limits, several members of a choice.
pub(super) fn remarks(
    schema: &'static Schema,
    value: &Value,
    elsewhere: Option<&[&str]>,
    findings: &mut Findings,
) {
    let mut seen = Seen::default();
    visit(schema, value, "", &mut seen);
    match elsewhere {
        Some(given) => seen.missing.retain(|path| !given.contains(&path.as_str())),
        None => seen.missing.clear(),
    }
    for (path, text) in seen.limits {
        findings.note(format!("'{path}' {text}"));
    }
    for (paths, text) in [
        (seen.output, "set by the service, which ignores what is sent"),
        (seen.deprecated, "deprecated"),
        (seen.missing, "required by the service and not given"),
    ] {
        if !paths.is_empty() {
            findings.note(format!("{text}: {}", paths.join(", ")));
        }
    }
    for names in seen.choices {
        findings.note(format!("only one of these may be set: {names}"));
    }
}

#[derive(Default)]
struct Seen {
    limits: Vec<(String, String)>,
    output: Vec<String>,
    deprecated: Vec<String>,
    missing: Vec<String>,
    choices: Vec<String>,
}

fn visit(schema: &'static Schema, value: &Value, path: &str, seen: &mut Seen) {
    let Value::Object(members) = value else { return };
    for field in schema.fields {
        let below = join(path, field.flag);
        let Some(value) = members.get(field.json) else {
            if field.rule == Rule::Required {
                seen.missing.push(below);
            }
            continue;
        };
        if field.rule == Rule::Output {
            seen.output.push(below);
            continue;
        }
        if field.deprecated {
            seen.deprecated.push(below.clone());
        }
        inside(field, field.kind, value, &below, seen);
    }
    for choice in schema.oneofs {
        let given: Vec<String> = choice
            .iter()
            .filter(|name| members.contains_key(**name))
            .map(|name| join(path, &crate::names::kebab(name)))
            .collect();
        if given.len() > 1 {
            seen.choices.push(given.join(", "));
        }
    }
}

fn inside(field: &'static Field, kind: Kind, value: &Value, path: &str, seen: &mut Seen) {
    match (kind, value) {
        (Kind::Struct(at), value) => visit(schema_at(at), value, path, seen),
        (Kind::List(of), Value::Array(items)) => {
            for (at, item) in items.iter().enumerate() {
                inside(field, *of, item, &join(path, &at.to_string()), seen);
            }
        }
        (Kind::Map(of), Value::Object(members)) => {
            for (key, item) in members {
                inside(field, *of, item, &join(path, key), seen);
            }
        }
        (kind, value) => {
            if let Some(text) = remark(kind, field.limit, value) {
                seen.limits.push((path.to_owned(), text));
            }
        }
    }
}

/// The fields that a body sets, as a mask names them: lists and maps as a whole.
pub(super) fn mask_paths(schema: &'static Schema, value: &Value, path: &str, paths: &mut BTreeSet<String>) {
    let Value::Object(members) = value else { return };
    for (name, value) in members {
        let below = join(path, name);
        match schema.field_any(name).map(|field| field.kind) {
            Some(Kind::Struct(at)) if value.as_object().is_some_and(|members| !members.is_empty()) => {
                mask_paths(schema_at(at), value, &below, paths);
            }
            _ => {
                paths.insert(below);
            }
        }
    }
}
