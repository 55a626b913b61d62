//! The manual: commands, methods, fields and topics, from the tables and from texts written by hand.

pub mod fields;
pub mod method;
pub mod page;
pub mod topics;

use crate::api::{self, Method};
use crate::exit::Cause;
use crate::failure::Failure;
use crate::grammar::COMMANDS;
use crate::options::SPECS;
use crate::suggest;
use page::Page;

/// The text that `help WORDS` or `--help` prints.
///
/// # Errors
/// Nothing of that name.
pub fn topic(words: &[String]) -> Result<String, Failure> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let page = match words.as_slice() {
        [] => top(),
        ["projects"] => projects(),
        ["projects", command] => method::page(find(command)?),
        ["fields"] => topics::fields(),
        ["fields", rest @ ..] => return fields::explain(rest),
        ["cursors", command, rest @ ..] => return Ok(topics::trace(find(command)?, rest)),
        [name] => match topics::page(name) {
            Some(page) => page,
            None => method::page(find(name)?),
        },
        [name, ..] => return Err(unknown(name)),
    };
    Ok(page.to_text())
}

/// A method by its subcommand.
pub(crate) fn find(command: &str) -> Result<&'static Method, Failure> {
    api::method(command).ok_or_else(|| unknown(command))
}

fn unknown(name: &str) -> Failure {
    let known = api::methods()
        .iter()
        .map(|method| method.command)
        .chain(topics::NAMES.iter().map(|(name, _)| *name))
        .chain(COMMANDS.iter().map(|(name, _)| *name));
    let mut text = format!("there is no help for '{name}'");
    if let Some(near) = suggest::nearest(name, known) {
        text.push_str(&format!("; did you mean '{near}'?"));
    }
    Failure::new(Cause::Usage, text).hint("Run `dataproc1 help` to see all topics.")
}

/// The line after `USAGE:`.
pub fn usage_line(method: &Method) -> String {
    let mut out = format!("dataproc1 [OPTIONS] projects {}", method.command);
    for param in method.positionals {
        out.push_str(&format!(" <{}>", param.flag));
    }
    match method.request {
        Some(_) if method.body_optional() => out.push_str(" [-r <kv>...]..."),
        Some(_) => out.push_str(" -r <kv>..."),
        None => {}
    }
    out.push_str(" [-p <v>...]... [-o <out>]");
    out
}

/// The page of the program itself.
pub fn top() -> Page {
    let mut page = Page::new("dataproc1", "call the Dataproc v1 API from the command line");
    page.heading("USAGE")
        .code("dataproc1 [OPTIONS] projects <method> <positionals>... [-r <kv>...]... [-p <v>...]... [-o <out>]\ndataproc1 [OPTIONS] <command> ...");
    page.heading("COMMANDS");
    for (name, about) in COMMANDS {
        page.item(0, *name, *about);
    }
    page.heading("OPTIONS").text("They may stand anywhere, but not between -r or -p and their words.");
    for spec in SPECS {
        let term = match spec.value {
            Some(value) => format!("--{} <{value}>", spec.name),
            None => format!("--{}", spec.name),
        };
        let mut body = spec.about.to_owned();
        if !spec.choices.is_empty() {
            body.push_str(&format!("; one of {}", spec.choices.join(", ")));
        }
        if let Some(variable) = spec.variable {
            body.push_str(&format!(" [{variable}]"));
        }
        page.item(0, term, body);
    }
    page.heading("TOPICS").text("dataproc1 help <topic>, or help <method>:");
    for (name, about) in topics::NAMES {
        page.item(0, *name, *about);
    }
    page.heading("EXAMPLE").code(topics::FIRST_EXAMPLE);
    page
}

/// The page of `projects`: every method, by resource.
pub fn projects() -> Page {
    let mut page = Page::new("dataproc1 projects", "the methods of the API");
    page.heading("USAGE")
        .code("dataproc1 [OPTIONS] projects <method> ...\ndataproc1 projects <method> --help");
    let mut last = String::new();
    for method in api::methods() {
        let resource = method.id.rsplit_once('.').map_or("", |(resource, _)| resource);
        let resource = resource.trim_start_matches("dataproc.projects.");
        if resource != last {
            page.heading(&resource.replace('.', " "));
            last = resource.to_owned();
        }
        page.item(0, method.command, method.about);
    }
    page
}
