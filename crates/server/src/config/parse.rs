//! From a value as it was written to its place in the configuration.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use hearth_core::pool::{InvalidPoolSize, PoolSize};
use hearth_core::usage::InvalidPrice;
use http::uri::Authority;
use tracing_subscriber::EnvFilter;

use super::error::Problem;
use super::model::Config;
use super::origins::AllowedOrigin;
use super::room::Limit;
use super::settings::Kind;
use super::source::{Directories, Raw};
use super::units::{UnitError, parse_duration, parse_size, show_duration, show_size};

/// How a value was written, as far as its reading depends on it.
#[derive(Clone, Copy)]
pub(super) struct Context<'d> {
    /// Where relative paths lead.
    pub(crate) directories: &'d Directories,
    /// Whether one text can be a whole list, as in variables and flags.
    pub(crate) commas: bool,
}

/// Reads `raw` as a value of `kind` and puts it in its place. A value with problems leaves the place as it was.
pub(super) fn store(
    kind: &Kind,
    config: &mut Config,
    raw: &Raw,
    context: Context<'_>,
) -> Result<(), Vec<Problem>> {
    let one = |problem| vec![problem];
    match kind {
        Kind::Addresses(place) => {
            *place(config) = list(raw, context, "an address or a list of them", address)?
        }
        Kind::Segments(place) => *place(config) = list(raw, context, "a name or a list of them", segment)?,
        Kind::Buckets(place) => {
            let read = list(raw, context, "a bucket with an address or a list of them", bucket)?;
            *place(config) = once(read).map_err(one)?;
        }
        Kind::Pools(place) => *place(config) = list(raw, context, "a pool or a list of them", pool)?,
        Kind::Origins(place) => *place(config) = list(raw, context, "an origin or a list of them", origin)?,
        Kind::Masters(place) => *place(config) = list(raw, context, "a master or a list of them", parsed)?,
        Kind::Metastores(place) => {
            *place(config) = list(raw, context, "NAME=ADDRESS or a list of them", parsed)?;
        }
        Kind::HistoryServers(place) => {
            *place(config) = list(raw, context, "NAME=EVENTS PAGES or a list of them", parsed)?;
        }
        Kind::Directory(place) => {
            *place(config) =
                text(raw, "a path").and_then(|text| path(text, context.directories)).map_err(one)?;
        }
        Kind::File(place) => {
            *place(config) = optional(raw, "a path", |text| path(text, context.directories)).map_err(one)?;
        }
        Kind::Authority(place) => {
            *place(config) = optional(raw, "a host and a port", authority).map_err(one)?
        }
        Kind::Uri(place) => *place(config) = optional(raw, "an address", uri).map_err(one)?,
        Kind::Price(place) => {
            let read =
                |text: &str| text.parse().map_err(|error: InvalidPrice| Problem::Invalid(error.to_string()));
            *place(config) = optional(raw, "a price such as \"0.089 USD\"", read).map_err(one)?;
        }
        Kind::Runtime(place) => {
            *place(config) = text(raw, "the version of a runtime").and_then(word).map_err(one)?
        }
        Kind::Segment(place) => *place(config) = text(raw, "a name").and_then(segment).map_err(one)?,
        Kind::Filter(place) => *place(config) = text(raw, "log directives").and_then(filter).map_err(one)?,
        Kind::Duration(place, range) => {
            let read = |text: &str| {
                parse_duration(text).map_err(|source| unit(source, |number| format!("{number}s"), "1h30m"))
            };
            let value = number(raw, "a duration such as \"30s\"").and_then(read).map_err(one)?;
            *place(config) = within(value, range, |value| show_duration(*value)).map_err(one)?;
        }
        Kind::Size(place, range) => {
            let read = |text: &str| parse_size(text).map_err(|source| unit(source, size_meant, "16MiB"));
            let value = number(raw, "a size such as \"16MiB\"").and_then(read).map_err(one)?;
            *place(config) = within(value, range, |value| show_size(*value)).map_err(one)?;
        }
        Kind::Memory(place) => {
            let read = |text: &str| parse_size(text).map_err(|source| unit(source, size_meant, "16MiB"));
            *place(config) = limit(raw, "a size, \"machine\" or \"unlimited\"", read).map_err(one)?;
        }
        Kind::Cores(place) => {
            let read = |text: &str| {
                text.parse::<u32>().map(u64::from).map_err(|_| {
                    let words = Limit::WORDS.join("\" or \"");
                    Problem::Invalid(format!("\"{text}\" is not a number of cores, nor \"{words}\""))
                })
            };
            *place(config) = limit(raw, "a number, \"machine\" or \"unlimited\"", read).map_err(one)?;
        }
        Kind::Count(place, range) => {
            let read = |text: &str| {
                text.parse()
                    .map_err(|_| Problem::Invalid(format!("\"{text}\" is not a whole number, as 200 is")))
            };
            let value = number(raw, "a whole number").and_then(read).map_err(one)?;
            *place(config) = within(value, range, u32::to_string).map_err(one)?;
        }
        Kind::Choice { words, set, .. } => {
            let value = text(raw, "one of a few words").map_err(one)?;
            if !set(config, value) {
                return Err(one(Problem::NotAllowed { value: value.to_owned(), allowed: words }));
            }
        }
    }
    Ok(())
}

fn found(raw: &Raw) -> String {
    match raw {
        Raw::Text(_) => "a string".to_owned(),
        Raw::List(_) => "an array".to_owned(),
        Raw::Number(number) => format!("the number {number}"),
        Raw::Other(kind) => format!("a {kind}"),
        Raw::Missing => "nothing".to_owned(),
    }
}

fn text<'r>(raw: &'r Raw, wanted: &'static str) -> Result<&'r str, Problem> {
    match raw {
        Raw::Text(text) => Ok(text.trim()),
        raw => Err(Problem::WrongKind { wanted, found: found(raw) }),
    }
}

/// Like [`text`], but lets a bare number through: what is wrong with it is that it has no unit.
fn number<'r>(raw: &'r Raw, wanted: &'static str) -> Result<&'r str, Problem> {
    match raw {
        Raw::Number(number) => Ok(number),
        raw => text(raw, wanted),
    }
}

/// Reads a number as `read` does, or one of the words for limits.
fn limit(
    raw: &Raw,
    wanted: &'static str,
    read: impl Fn(&str) -> Result<u64, Problem>,
) -> Result<Limit, Problem> {
    let text = number(raw, wanted)?;
    Limit::from_word(text).map_or_else(|| read(text).map(Limit::Of), Ok)
}

/// Reads a text that may be empty to mean none, so that a flag can undo what a file sets.
fn optional<T>(
    raw: &Raw,
    wanted: &'static str,
    read: impl Fn(&str) -> Result<T, Problem>,
) -> Result<Option<T>, Problem> {
    match text(raw, wanted)? {
        "" => Ok(None),
        text => read(text).map(Some),
    }
}

/// Reads a list, or one text as the list of it; what is wrong with any item is told.
fn list<T>(
    raw: &Raw,
    context: Context<'_>,
    wanted: &'static str,
    read: impl Fn(&str) -> Result<T, Problem>,
) -> Result<Vec<T>, Vec<Problem>> {
    let items = match raw {
        Raw::List(items) => items.as_slice(),
        raw => std::slice::from_ref(raw),
    };
    let mut values = Vec::new();
    let mut problems = Vec::new();
    for item in items {
        match text(item, wanted) {
            Err(problem) => problems.push(problem),
            Ok("") if context.commas => {}
            Ok(text) if context.commas => {
                for part in text.split(',') {
                    read(part.trim())
                        .map_or_else(|problem| problems.push(problem), |value| values.push(value));
                }
            }
            Ok(text) => read(text).map_or_else(|problem| problems.push(problem), |value| values.push(value)),
        }
    }
    if problems.is_empty() { Ok(values) } else { Err(problems) }
}

fn within<T: PartialOrd>(
    value: T,
    range: &RangeInclusive<T>,
    show: impl Fn(&T) -> String,
) -> Result<T, Problem> {
    if range.contains(&value) {
        return Ok(value);
    }
    Err(Problem::OutOfRange { value: show(&value), min: show(range.start()), max: show(range.end()) })
}

/// Adds what to write instead: the very number with a unit where only that is missing.
fn unit(source: UnitError, meant: impl Fn(&str) -> String, example: &str) -> Problem {
    let example = match &source {
        UnitError::NoUnit { number } => meant(number),
        _ => example.to_owned(),
    };
    Problem::Unit { source, example }
}

/// What a bare number most likely means: a large one was counted in bytes, a small one was not.
fn size_meant(number: &str) -> String {
    match number.parse() {
        Ok(bytes) if bytes >= 1 << 20 => show_size(bytes),
        _ => format!("{number}MiB"),
    }
}

fn address(text: &str) -> Result<SocketAddr, Problem> {
    text.parse().map_err(|_| {
        Problem::Invalid(format!(
            "\"{text}\" is not an IP address with a port, such as 127.0.0.1:8470 or [::1]:8470"
        ))
    })
}

fn origin(text: &str) -> Result<AllowedOrigin, Problem> {
    AllowedOrigin::parse(text).ok_or_else(|| {
        Problem::Invalid(format!(
            "\"{text}\" is not an origin, such as https://lab.example.com, nor \"loopback\" or \"*\""
        ))
    })
}

fn pool(text: &str) -> Result<PoolSize, Problem> {
    text.parse().map_err(|error: InvalidPoolSize| Problem::Invalid(error.to_string()))
}

fn parsed<T: FromStr<Err = String>>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(Problem::Invalid)
}

fn authority(text: &str) -> Result<String, Problem> {
    let wrong =
        || Problem::Invalid(format!("\"{text}\" is not a host with a port, such as spark.example.com:443"));
    let authority: Authority = text.parse().map_err(|_| wrong())?;
    let whole = !authority.host().is_empty() && authority.port_u16().is_some_and(|port| port != 0);
    if whole && !text.contains('@') { Ok(text.to_owned()) } else { Err(wrong()) }
}

fn uri(text: &str) -> Result<String, Problem> {
    let known = text.split_once("://").is_some_and(|(scheme, rest)| {
        !rest.is_empty()
            && !scheme.is_empty()
            && scheme.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    });
    if known {
        word(text)
    } else {
        Err(Problem::Invalid(format!("\"{text}\" is not an address, such as file:///srv/staging")))
    }
}

/// A bucket and the address of its store.
fn bucket(text: &str) -> Result<(String, String), Problem> {
    let wrong = || {
        let known = "a bucket with an address, such as team-blue=s3://acme-blue/sessions";
        Problem::Invalid(format!("\"{text}\" is not {known}"))
    };
    let (bucket, address) = text.split_once('=').ok_or_else(wrong)?;
    let named = bucket.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || b"._-".contains(&c));
    if bucket.is_empty() || !named {
        return Err(wrong());
    }
    Ok((bucket.to_owned(), uri(address)?))
}

/// Each bucket once.
fn once(buckets: Vec<(String, String)>) -> Result<BTreeMap<String, String>, Problem> {
    let mut all = BTreeMap::new();
    for (bucket, address) in buckets {
        if all.contains_key(&bucket) {
            return Err(Problem::Invalid(format!("the bucket \"{bucket}\" is given more than once")));
        }
        all.insert(bucket, address);
    }
    Ok(all)
}

fn word(text: &str) -> Result<String, Problem> {
    if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(Problem::Invalid(format!("{text:?} is not a word")));
    }
    Ok(text.to_owned())
}

fn segment(text: &str) -> Result<String, Problem> {
    if text.contains('/') {
        return Err(Problem::Invalid(format!(
            "\"{text}\" has a slash, which parts of resource names cannot have"
        )));
    }
    word(text)
}

fn filter(text: &str) -> Result<String, Problem> {
    EnvFilter::builder()
        .parse(text)
        .map(|_| text.to_owned())
        .map_err(|error| Problem::Invalid(format!("\"{text}\" is not a log filter: {error}")))
}

/// Makes a path absolute: `~/` is the home directory, and anything else relative starts where the server was started.
fn path(text: &str, directories: &Directories) -> Result<PathBuf, Problem> {
    if text.is_empty() || text.contains('\0') {
        return Err(Problem::Invalid(format!("{text:?} is not a path")));
    }
    if text.starts_with('$') {
        return Err(Problem::Invalid(format!(
            "\"{text}\" starts with a variable, and variables are not filled in"
        )));
    }
    let in_home = if text == "~" { Some("") } else { text.strip_prefix("~/") };
    let (base, rest) = match in_home {
        Some(rest) => (&directories.home, rest),
        None if Path::new(text).is_absolute() => return Ok(Path::new(text).components().collect()),
        None => (&directories.working, text),
    };
    let base = base.as_ref().filter(|base| base.is_absolute()).ok_or_else(|| {
        let unknown = if in_home.is_some() { "home" } else { "working" };
        Problem::Invalid(format!("\"{text}\" is relative, and the {unknown} directory is not known"))
    })?;
    Ok(base.join(rest).components().collect())
}
