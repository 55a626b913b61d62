//! Which candidates there are after given words. Pure but for the names of live resources.

use super::Candidate;
use crate::api::{self, Kind, Method, Param, common_params};
use crate::grammar::{COMMANDS, is_option};
use crate::options::{self, SPECS};
use crate::{body, cursor};

/// What a word belongs to.
enum At {
    Command,
    Method,
    Positional(&'static Method, usize),
    Body(&'static Method, Vec<String>),
    Params(&'static Method),
    Value(&'static options::Spec),
    File,
    Rest(String, Vec<String>),
}

/// Candidates for `current` after `before`; `live` gives names of resources for a list method and a parent.
pub(super) fn candidates(
    before: &[String],
    current: &str,
    live: &dyn Fn(&'static Method, &str) -> Vec<String>,
) -> Vec<Candidate> {
    let at = place(before);
    if is_option(current) && !matches!(at, At::Value(_) | At::File) {
        return option_names(&at, current);
    }
    match at {
        At::Command => COMMANDS.iter().map(|(name, about)| Candidate::new(*name, *about)).collect(),
        At::Method => {
            api::methods().iter().map(|method| Candidate::new(method.command, method.about)).collect()
        }
        At::Positional(method, number) => match method.positionals.get(number) {
            Some(param) => names(method, param, current, live),
            None => Vec::new(),
        },
        At::Body(method, words) => fields(method, &words, current),
        At::Params(method) => params(method, current),
        At::Value(spec) => spec.choices.iter().map(|choice| Candidate::new(*choice, "")).collect(),
        At::File => Vec::new(),
        At::Rest(name, words) => other(&name, &words),
    }
}

/// Reads the words before, as the grammar does but without any errors.
fn place(before: &[String]) -> At {
    let mut words = before.iter();
    let mut at = At::Command;
    while let Some(word) = words.next() {
        if let Some(name) = word.strip_prefix("--").filter(|name| !name.is_empty()) {
            if let Some(spec) = options::spec(name).filter(|spec| spec.value.is_some())
                && words.next().is_none()
            {
                return At::Value(spec);
            }
            if let At::Body(method, _) | At::Params(method) = at {
                at = At::Positional(method, usize::MAX);
            }
            continue;
        }
        at = match at {
            At::Command if word == "projects" => At::Method,
            At::Command => At::Rest(word.clone(), Vec::new()),
            At::Method => match api::method(word) {
                Some(method) => At::Positional(method, 0),
                None if word == "help" => At::Method,
                None => return At::File,
            },
            At::Rest(name, mut words) => {
                words.push(word.clone());
                At::Rest(name, words)
            }
            At::Positional(method, number) => match short(word) {
                Some('r') => At::Body(method, list(before, 'r', method)),
                Some('p') => At::Params(method),
                Some('o') => match words.next() {
                    Some(_) => At::Positional(method, number),
                    None => return At::File,
                },
                _ => At::Positional(method, number.saturating_add(1)),
            },
            At::Body(method, known) => match short(word) {
                Some('p') => At::Params(method),
                Some('o') => match words.next() {
                    Some(_) => At::Positional(method, usize::MAX),
                    None => return At::File,
                },
                _ => At::Body(method, known),
            },
            At::Params(method) => match short(word) {
                Some('r') => At::Body(method, list(before, 'r', method)),
                Some('o') => match words.next() {
                    Some(_) => At::Positional(method, usize::MAX),
                    None => return At::File,
                },
                _ => At::Params(method),
            },
            at => at,
        };
    }
    at
}

fn short(word: &str) -> Option<char> {
    if is_option(word) { word.chars().nth(1) } else { None }
}

/// Every word after `-r`, of all of them.
fn list(before: &[String], letter: char, method: &'static Method) -> Vec<String> {
    let start = before.iter().position(|word| word == method.command).map_or(0, |at| at + 1);
    let mut inside = false;
    let mut out = Vec::new();
    for word in &before[start..] {
        if is_option(word) {
            inside = short(word) == Some(letter);
            let attached = word.get(2..).unwrap_or("");
            if inside && !attached.is_empty() {
                out.push(attached.trim_start_matches('=').to_owned());
            }
        } else if inside {
            out.push(word.clone());
        }
    }
    out
}

fn option_names(at: &At, current: &str) -> Vec<Candidate> {
    let mut out: Vec<Candidate> =
        SPECS.iter().map(|spec| Candidate::new(format!("--{}", spec.name), spec.about)).collect();
    if !current.starts_with("--") {
        let method = match at {
            At::Positional(method, _) | At::Body(method, _) | At::Params(method) => Some(*method),
            _ => None,
        };
        if let Some(method) = method {
            if method.request.is_some() {
                out.push(Candidate::new("-r", "fields of the body"));
            }
            out.push(Candidate::new("-p", "parameters"));
            out.push(Candidate::new("-o", "file for the answer"));
        }
    }
    out
}

/// Fields below the cursor, or values of the field that is being set.
fn fields(method: &'static Method, words: &[String], current: &str) -> Vec<Candidate> {
    let Some(request) = method.request else { return Vec::new() };
    if current.starts_with('@') {
        return Vec::new();
    }
    let kind_after = |path: &str| {
        let mut all = words.to_vec();
        all.push(path.to_owned());
        body::walk(request, &all).last().map(|(_, kind)| *kind)
    };
    if let cursor::Word::Assign { path, .. } = cursor::word(current) {
        // The field's own kind: from the structure above it.
        let (head, name) = path.rfind('.').map_or(("", path), |dot| path.split_at(dot + 1));
        let kind = kind_after(&above(head)).and_then(|kind| match kind {
            Kind::Struct(at) => api::schema_at(at).field(name).map(|field| field.kind),
            _ => None,
        });
        return values(kind, current);
    }
    let (head, _) = current.rfind('.').map_or(("", current), |dot| current.split_at(dot + 1));
    match kind_after(&above(head)) {
        Some(Kind::Struct(at)) => api::schema_at(at)
            .fields
            .iter()
            .flat_map(|field| {
                let word = format!("{head}{}", field.flag);
                match field.kind {
                    Kind::Struct(at) if api::schema_at(at).fields.is_empty() => {
                        vec![Candidate::new(word, field.about)]
                    }
                    Kind::Struct(_) => {
                        vec![
                            Candidate::new(format!("{word}."), field.about),
                            Candidate::new(word, "move the cursor there"),
                        ]
                    }
                    Kind::List(Kind::Struct(_)) => vec![Candidate::new(format!("{word}."), field.about)],
                    _ => vec![Candidate::new(format!("{word}="), field.about)],
                }
            })
            .collect(),
        Some(Kind::List(Kind::Struct(_))) => vec![
            Candidate::new(format!("{head}+"), "a new element"),
            Candidate::new(format!("{head}last"), "the last element"),
        ],
        _ => Vec::new(),
    }
}

/// The path that leads to where a name that follows `head` is looked up.
fn above(head: &str) -> String {
    let single = head.len() > 1 && head.ends_with('.') && !head.ends_with("..");
    match head {
        "" => "@".to_owned(),
        head if single => head[..head.len() - 1].to_owned(),
        head => head.to_owned(),
    }
}

fn values(kind: Option<Kind>, current: &str) -> Vec<Candidate> {
    let head = &current[..=current.find('=').unwrap_or(0)];
    let kind = match kind {
        Some(Kind::List(of)) => Some(*of),
        kind => kind,
    };
    match kind {
        Some(Kind::Enum(known)) => {
            known.iter().map(|value| Candidate::new(format!("{head}{value}"), "")).collect()
        }
        Some(Kind::Bool) => {
            ["true", "false"].iter().map(|value| Candidate::new(format!("{head}{value}"), "")).collect()
        }
        _ => Vec::new(),
    }
}

fn params(method: &'static Method, current: &str) -> Vec<Candidate> {
    if let Some((name, _)) = current.split_once('=') {
        return values(method.query_param(name).map(|param| param.kind), current);
    }
    method
        .query
        .iter()
        .chain(common_params())
        .map(|param| Candidate::new(format!("{}=", param.flag), param.about))
        .collect()
}

/// The next part of a resource name: fixed words from the pattern, names from a live service.
fn names(
    method: &'static Method,
    param: &Param,
    current: &str,
    live: &dyn Fn(&'static Method, &str) -> Vec<String>,
) -> Vec<Candidate> {
    let Some(pattern) = param.pattern else { return Vec::new() };
    let shape = pattern.trim_matches(['^', '$']).replace("[^/]+", "*");
    let wanted: Vec<&str> = shape.split('/').collect();
    let given: Vec<&str> = current.split('/').collect();
    let (at, head) = (given.len() - 1, &current[..current.rfind('/').map_or(0, |slash| slash + 1)]);
    match wanted.get(at) {
        Some(&"*") if at + 1 == wanted.len() => {
            let resource = method.id.rsplit_once('.').map_or("", |(resource, _)| resource);
            let list = api::methods().iter().find(|method| method.id == format!("{resource}.list"));
            // The parent ends before the collection's name.
            let parent = given[..at.saturating_sub(1)].join("/");
            match list {
                Some(list) if !parent.is_empty() => {
                    live(list, &parent).into_iter().map(|name| Candidate::new(name, "")).collect()
                }
                _ => Vec::new(),
            }
        }
        Some(&"*") | None => Vec::new(),
        Some(word) => {
            let end = if at + 1 == wanted.len() { "" } else { "/" };
            vec![Candidate::new(format!("{head}{word}{end}"), param.about)]
        }
    }
}

fn other(name: &str, words: &[String]) -> Vec<Candidate> {
    let plain = |names: &[&str]| names.iter().map(|name| Candidate::new(*name, "")).collect();
    match (name, words.len()) {
        ("completion", 0) => plain(&["bash", "zsh", "fish"]),
        ("contexts", 0) => plain(&["list", "set", "use", "none", "remove"]),
        ("contexts", 1) => match crate::config::contexts::Contexts::load() {
            Ok(contexts) => contexts
                .known
                .keys()
                .map(|name| Candidate::new(name.clone(), ""))
                .chain([Candidate::new("local", "the Hearth running here")])
                .collect(),
            Err(_) => Vec::new(),
        },
        ("help", 0) => crate::help::topics::NAMES
            .iter()
            .chain(COMMANDS)
            .map(|(name, about)| Candidate::new(*name, *about))
            .chain(api::methods().iter().map(|method| Candidate::new(method.command, method.about)))
            .collect(),
        ("man", 0) | ("help", 1) => {
            api::methods().iter().map(|method| Candidate::new(method.command, method.about)).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(line: &str) -> Vec<String> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let (current, before) = words.split_last().expect("a word");
        let live = |method: &'static Method, parent: &str| {
            vec![format!("{parent}/sessions/from-{}", method.command)]
        };
        let found = candidates(before, current, &live);
        found.into_iter().map(|candidate| candidate.word).filter(|word| word.starts_with(current)).collect()
    }

    const CREATE: &str = "projects locations-sessions-create projects/p/locations/l";

    #[test]
    fn commands_methods_and_options_are_known() {
        assert_eq!(complete("pro"), ["projects"]);
        assert_eq!(
            complete("--context local projects locations-sessions-t"),
            ["locations-sessions-terminate"]
        );
        assert_eq!(complete("--exit-codes d"), ["detailed"]);
        assert_eq!(complete(&format!("{CREATE} -r user=a --dry")), ["--dry-run"]);
    }

    #[test]
    fn fields_are_those_below_the_cursor() {
        assert_eq!(complete(&format!("{CREATE} -r ses")), ["session-template="]);
        assert_eq!(complete(&format!("{CREATE} -r environment-config.execution-config tt")), ["ttl="]);
        assert_eq!(
            complete(&format!("{CREATE} -r environment-config.ex")),
            ["environment-config.execution-config.", "environment-config.execution-config"]
        );
        assert_eq!(
            complete(&format!("{CREATE} -r environment-config.execution-config ..per")),
            ["..peripherals-config.", "..peripherals-config"]
        );
        assert_eq!(complete(&format!("{CREATE} -r jupyter-session -p session-id=x -r .us")), [".user="]);
        assert_eq!(complete(&format!("{CREATE} -r jupyter-session kernel=P")), ["kernel=PYTHON"]);
        assert_eq!(
            complete("projects regions-clusters-create p r -r config.initialization-actions.l"),
            ["config.initialization-actions.last"]
        );
    }

    #[test]
    fn parameters_have_names_and_values() {
        assert_eq!(complete(&format!("{CREATE} -r . -p sess")), ["session-id="]);
        assert_eq!(
            complete("projects regions-jobs-list p r -p job-state-matcher=N"),
            ["job-state-matcher=NON_ACTIVE"]
        );
    }

    #[test]
    fn names_are_completed_part_by_part_and_then_from_the_service() {
        assert_eq!(complete("projects locations-sessions-get p"), ["projects/"]);
        assert_eq!(complete("projects locations-sessions-get projects/p/l"), ["projects/p/locations/"]);
        assert_eq!(
            complete("projects locations-sessions-get projects/p/locations/l/sessions/f"),
            ["projects/p/locations/l/sessions/from-locations-sessions-list"]
        );
    }
}
