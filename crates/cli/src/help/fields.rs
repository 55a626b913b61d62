//! Fields of structures: names, types, limits, examples.

use std::collections::BTreeSet;

use super::page::Page;
use super::{find, unknown};
use crate::api::{self, Field, Kind, Limit, Rule, Schema};
use crate::failure::Failure;
use crate::value::join;

/// `help fields METHOD [PATH]` or `help fields STRUCTURE`.
///
/// # Errors
/// No such method, path or structure.
pub fn explain(words: &[&str]) -> Result<String, Failure> {
    let (schema, path) = match words {
        [name] if api::method(name).is_none() && api::schema(name).is_some() => (api::schema(name), ""),
        [command] => (find(command)?.body(), ""),
        [command, path, ..] => (find(command)?.body(), *path),
        [] => (None, ""),
    };
    let Some(schema) = schema else { return Err(unknown(words.first().unwrap_or(&"fields"))) };
    let mut at = schema;
    let mut field: Option<&'static Field> = None;
    for name in path.split('.').filter(|name| !name.is_empty() && !is_element(name)) {
        let found = at.field(name).ok_or_else(|| unknown(path))?;
        field = Some(found);
        match found.kind.inner_schema() {
            Some(inner) => at = inner,
            None => break,
        }
    }
    let name = if path.is_empty() { schema.name.to_owned() } else { path.trim_matches('.').to_owned() };
    let mut page = Page::new(name, field.map_or("a structure of the API", |field| field.about));
    if let Some(field) = field {
        page.heading("TYPE").text(describe(field));
    }
    if field.is_none_or(|field| field.kind.inner_schema().is_some()) {
        page.heading("FIELDS");
        list(&mut page, at, "", 0, &mut BTreeSet::new());
    }
    Ok(page.to_text())
}

fn is_element(name: &str) -> bool {
    matches!(name, "+" | "last") || name.bytes().all(|b| b.is_ascii_digit())
}

/// Adds the fields of a structure and of those below it; each structure is spelled out once on a page.
pub(super) fn list(
    page: &mut Page,
    schema: &'static Schema,
    path: &str,
    depth: usize,
    seen: &mut BTreeSet<&'static str>,
) {
    for field in schema.fields {
        let below = join(path, field.flag);
        let inner = field.kind.inner_schema().filter(|inner| !inner.fields.is_empty());
        let mut body = describe(field);
        let fresh = inner.is_none_or(|inner| seen.insert(inner.name));
        if let Some(inner) = inner.filter(|_| !fresh) {
            body.push_str(&format!("; fields as in another {} on this page", inner.name));
        }
        page.item(depth, field.flag, body);
        // What the service sets need not be spelled out by people.
        if let Some(inner) = inner.filter(|_| fresh && field.rule != Rule::Output) {
            list(page, inner, &below, depth + 1, seen);
        }
    }
}

/// Type, meaning, rule, limits, values, example.
pub(super) fn describe(field: &Field) -> String {
    let mut out = format!("({}", field.kind.label());
    match field.rule {
        Rule::Required => out.push_str(", required"),
        Rule::Output => out.push_str(", set by the service"),
        Rule::Optional => {}
    }
    if field.deprecated {
        out.push_str(", deprecated");
    }
    out.push_str(") ");
    out.push_str(field.about);
    if let Some(limits) = limits(field.limit) {
        out.push_str(&format!("; {limits}"));
    }
    if let Some(values) = values(field.kind) {
        out.push_str(&format!("; one of {values}"));
    }
    if let Some(example) =
        example(field.flag, field.kind, field.example).filter(|_| field.rule != Rule::Output)
    {
        out.push_str(&format!("; such as {example}"));
    }
    out
}

pub(super) fn limits(limit: Limit) -> Option<String> {
    match limit {
        Limit::None => None,
        Limit::Seconds(low, high) => Some(format!("{} to {}", span(low), span(high))),
        Limit::Range(low, high) => Some(format!("{low} to {high}")),
        Limit::Text(0, high, _) => Some(format!("at most {high} characters")),
        Limit::Text(low, high, "") => Some(format!("{low} to {high} characters")),
        Limit::Text(low, high, class) => Some(format!("{low} to {high} characters of {class}")),
    }
}

fn span(seconds: u64) -> String {
    match seconds {
        0 => "0s".to_owned(),
        n if n % 86_400 == 0 => format!("{}d", n / 86_400),
        n if n % 3600 == 0 => format!("{}h", n / 3600),
        n if n % 60 == 0 => format!("{}m", n / 60),
        n => format!("{n}s"),
    }
}

pub(super) fn values(kind: Kind) -> Option<String> {
    match kind {
        Kind::Enum(known) => {
            let known: Vec<&str> =
                known.iter().copied().filter(|name| !name.ends_with("UNSPECIFIED")).collect();
            Some(known.join(", "))
        }
        Kind::List(of) | Kind::Map(of) => values(*of),
        _ => None,
    }
}

/// A word that sets the field, without quotes where a shell needs none.
pub(super) fn example(path: &str, kind: Kind, written: &str) -> Option<String> {
    let value = match (kind, written) {
        (Kind::Struct(at), _) if api::schema_at(at).fields.is_empty() => return Some(format!("'{path}'")),
        (Kind::Struct(_) | Kind::List(Kind::Struct(_)) | Kind::Map(Kind::Struct(_)), _) => return None,
        (_, "") => match kind {
            Kind::Bool => "true",
            Kind::Int32 | Kind::Int64 => "10",
            Kind::Number => "0.5",
            Kind::Timestamp => "2026-01-31T08:00:00Z",
            Kind::Duration => "10m",
            Kind::Bytes => "QUJD",
            Kind::Enum(known) => known.last()?,
            Kind::Map(_) => "key=value",
            Kind::List(of) => return example(path, *of, ""),
            _ => return None,
        },
        (_, written) => written,
    };
    Some(format!("'{path}={value}'"))
}
