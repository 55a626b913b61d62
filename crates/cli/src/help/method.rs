//! The manual page of a method.

use std::collections::BTreeSet;

use super::fields::{describe, example, limits, list, values};
use super::page::Page;
use super::usage_line;
use crate::api::{Method, Param, Rule, common_params, methods};

/// The page.
pub fn page(method: &'static Method) -> Page {
    let mut page = Page::new(format!("dataproc1-projects-{}", method.command), method.about);
    page.heading("USAGE").code(usage_line(method));
    page.heading("REQUEST").code(format!("{} {}", method.http.name(), method.path));
    let names = |schema: Option<&'static crate::api::Schema>| schema.map_or("nothing", |schema| schema.name);
    page.text(format!("Body: {}. Answer: {}.", names(method.body()), names(method.answer())));
    if method.answers_operation() {
        page.text("The answer is an operation that goes on; with --wait its end is waited for and its result printed.");
    }
    if method.paged() {
        page.text("The answer is one page of a list; with --all-pages every page is asked for.");
    }
    page.heading("POSITIONALS");
    for param in method.positionals {
        let mut body = param.about.to_owned();
        if let Some(pattern) = param.pattern {
            body.push_str(&format!(": {}", shape(pattern)));
        }
        page.item(0, format!("<{}>", param.flag), body);
    }
    if let Some(schema) = method.body() {
        page.heading("FIELDS, after -r");
        if schema.fields.is_empty() {
            page.text("There are none; '-r .' sends the empty body, and so does no -r.");
        } else {
            page.text(
                "Indented fields are reached with dots or by moving the cursor; see dataproc1 help cursors.",
            );
        }
        list(&mut page, schema, "", 0, &mut BTreeSet::from([schema.name]));
    }
    if !method.query.is_empty() {
        page.heading("PARAMETERS, after -p");
        for param in method.query {
            page.item(0, param.flag, parameter(param));
        }
    }
    page.heading("GENERAL PARAMETERS, after -p");
    for param in common_params() {
        page.item(0, param.flag, param.about);
    }
    page.heading("OUTPUT").text("-o <out> writes the answer to a file, which is only replaced when the call succeeded; '-' is standard output.");
    page.heading("EXAMPLE").code(example_call(method));
    page
}

fn parameter(param: &Param) -> String {
    let mut out =
        format!("({}{}) {}", param.kind.label(), if param.required { ", required" } else { "" }, param.about);
    if let Some((default, most)) = param.page {
        out.push_str(&format!("; default {default}, at most {most}"));
    }
    if let Some(limits) = limits(param.limit) {
        out.push_str(&format!("; {limits}"));
    }
    if let Some(values) = values(param.kind) {
        out.push_str(&format!("; one of {values}"));
    }
    if param.repeated {
        out.push_str("; may be given several times");
    }
    if let Some(example) = example(param.flag, param.kind, param.example) {
        out.push_str(&format!("; such as {example}"));
    }
    out
}

/// `^projects/[^/]+/…$` with capital letters for what is to be filled in.
fn shape(pattern: &str) -> String {
    let mut last = "";
    let parts: Vec<String> = pattern
        .trim_matches(['^', '$'])
        .replace("[^/]+", "*")
        .split('/')
        .map(|part| {
            let shown = match part {
                "*" => crate::names::kebab(last.trim_end_matches('s')).to_uppercase(),
                part => part.to_owned(),
            };
            last = if part == "*" { "" } else { part_of(pattern, part) };
            shown
        })
        .collect();
    parts.join("/")
}

/// The same word with the pattern's lifetime.
fn part_of<'a>(pattern: &'a str, part: &str) -> &'a str {
    pattern.find(part).map_or("", |at| &pattern[at..at + part.len()])
}

/// A call that works, with the examples of the fields that matter most.
pub fn example_call(method: &'static Method) -> String {
    let mut out = format!("dataproc1 projects {}", method.command);
    for param in method.positionals {
        let value = match param.pattern {
            Some(pattern) => filled(pattern),
            None if param.example.is_empty() => "etl".to_owned(),
            None => param.example.to_owned(),
        };
        out.push_str(&format!(" {value}"));
    }
    let mut words = Vec::new();
    if let Some(schema) = method.body() {
        let mut fields: Vec<_> =
            schema.fields.iter().filter(|field| field.rule != Rule::Output && !field.deprecated).collect();
        fields.sort_by_key(|field| field.rule != Rule::Required);
        for field in fields {
            if let Some(word) = example(field.flag, field.kind, field.example) {
                words.push(plain(&word));
            } else if let Some(inner) = field.kind.inner_schema() {
                let entry = if matches!(field.kind, crate::api::Kind::List(_)) { ".+" } else { "" };
                let first =
                    inner.fields.iter().filter(|inner| inner.rule != Rule::Output).find_map(|inner| {
                        example(&format!("{}{entry}.{}", field.flag, inner.flag), inner.kind, inner.example)
                    });
                words.extend(first.map(|word| plain(&word)));
            }
            if words.len() == 4 {
                break;
            }
        }
        if !words.is_empty() {
            out.push_str(&format!(" \\\n    -r {}", words.join(" ")));
        } else if !method.body_optional() {
            out.push_str(" -r .");
        }
    }
    let params: Vec<String> = method
        .query
        .iter()
        .filter(|param| {
            param.required || matches!(param.json, "sessionId" | "batchId" | "filter" | "updateMask")
        })
        .filter_map(|param| example(param.flag, param.kind, param.example))
        .map(|word| plain(&word))
        .collect();
    if !params.is_empty() {
        out.push_str(&format!(" \\\n    -p {}", params.join(" ")));
    }
    out
}

/// Quotes only where a shell wants them.
fn plain(word: &str) -> String {
    let bare = word.trim_matches('\'');
    let safe = bare.chars().all(|c| c.is_ascii_alphanumeric() || "=-_./:@,+%".contains(c));
    if safe { bare.to_owned() } else { word.to_owned() }
}

fn filled(pattern: &str) -> String {
    let mut last = String::new();
    let parts: Vec<String> = pattern
        .trim_matches(['^', '$'])
        .replace("[^/]+", "*")
        .split('/')
        .map(|part| {
            let shown = match (part, last.as_str()) {
                ("*", "projects") => "acme".to_owned(),
                ("*", "locations" | "regions") => "europe-west1".to_owned(),
                ("*", "operations") => "5f0c7a3e".to_owned(),
                ("*", "sparkApplications") => "app-1".to_owned(),
                ("*", _) => "etl-1".to_owned(),
                (part, _) => part.to_owned(),
            };
            last = part.to_owned();
            shown
        })
        .collect();
    parts.join("/")
}

/// Every method's page, for the manual's folder.
pub fn all() -> impl Iterator<Item = Page> {
    methods().iter().map(page)
}

/// One line about a field, for completion.
pub fn hint(field: &crate::api::Field) -> String {
    describe(field)
}
