//! Words to an invocation: options, commands, positionals and the lists after `-r` and `-p`.
//!
//! The rules are the original's (it was written on clap 2), with long options allowed anywhere a word may start
//! with a hyphen. What the words after `-r` mean is the matter of [`crate::cursor`].

use crate::api::{self, Method};
use crate::options::{self, Options, Spec};
use crate::suggest;

/// Commands beside `projects`, for help, completion and the end of `--scope`'s list.
pub const COMMANDS: &[(&str, &str)] = &[
    ("projects", "call a method of the API"),
    ("login", "sign in with a browser and keep the token"),
    ("logout", "forget the kept tokens"),
    ("contexts", "list, set, choose and remove named endpoints"),
    ("completion", "print a completion script for bash, zsh or fish"),
    ("man", "print a manual page, or write all of them to a folder"),
    ("help", "explain a command, a method or a topic"),
];

/// What the words ask for.
#[derive(Debug)]
pub enum Command {
    /// Call a method.
    Call(Box<Call>),
    /// Explain something.
    Help(Vec<String>),
    /// Print the name (of a subcommand, or empty) and version.
    Version(String),
    /// One of the commands beside `projects`, with its words.
    Other(&'static str, Vec<String>),
}

/// A call of one method.
#[derive(Debug)]
pub struct Call {
    /// The method.
    pub method: &'static Method,
    /// One word for each of the method's positionals.
    pub positionals: Vec<String>,
    /// Words after `-r`, `None` if there was no `-r`.
    pub body: Option<Vec<String>>,
    /// Words after `-p`.
    pub params: Vec<String>,
    /// Word after `-o`.
    pub out: Option<String>,
}

/// The parsed command line.
#[derive(Debug)]
pub struct Invocation {
    /// What to do.
    pub command: Command,
    /// Long options, and their variables.
    pub options: Options,
}

/// Words that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageError {
    /// What is wrong, in the original's words where it has some.
    pub message: String,
    /// The method, if one was reached.
    pub method: Option<&'static str>,
    /// Whether the words stop before a command: then the usage comes first, and no `error:`.
    pub incomplete: bool,
}

impl UsageError {
    /// An error before any method was named.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), method: None, incomplete: false }
    }

    fn incomplete(message: &str) -> Self {
        Self { message: message.to_owned(), method: None, incomplete: true }
    }
}

/// Which list the following words belong to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    None,
    Body,
    Params,
}

struct Parser<'a> {
    words: &'a [String],
    at: usize,
    given: Vec<(&'static Spec, String)>,
}

/// Reads the words after the program's name.
///
/// # Errors
/// A usage error, in the original's words where scripts may know them.
pub fn parse(words: &[String], variable: &dyn Fn(&str) -> Option<String>) -> Result<Invocation, UsageError> {
    let mut parser = Parser { words, at: 0, given: Vec::new() };
    let command = parser.top()?;
    let options = Options::build(&parser.given, variable)?;
    Ok(Invocation { command, options })
}

impl Parser<'_> {
    fn next(&mut self) -> Option<String> {
        let word = self.words.get(self.at)?;
        self.at += 1;
        Some(word.clone())
    }

    fn rest(&mut self) -> Vec<String> {
        let rest = self.words[self.at..].to_vec();
        self.at = self.words.len();
        rest
    }

    fn top(&mut self) -> Result<Command, UsageError> {
        while let Some(word) = self.next() {
            match word.as_str() {
                "-h" | "--help" => return Ok(Command::Help(Vec::new())),
                "-V" | "--version" => return Ok(Command::Version(String::new())),
                "help" => return Ok(Command::Help(self.rest())),
                "projects" => return self.projects(),
                _ if is_option(&word) => self.long(&word, false)?,
                _ => {
                    if let Some((name, _)) = COMMANDS.iter().find(|(name, _)| *name == word) {
                        return self.other(name);
                    }
                    return Err(unrecognized(&word, COMMANDS.iter().map(|(name, _)| *name)));
                }
            }
        }
        Err(UsageError::incomplete("Please specify the main sub-command."))
    }

    /// `login`, `contexts` and so on: their words, with the long options taken out.
    fn other(&mut self, name: &'static str) -> Result<Command, UsageError> {
        let mut rest = Vec::new();
        while let Some(word) = self.next() {
            match word.as_str() {
                "-h" | "--help" => return Ok(Command::Help(vec![name.to_owned()])),
                // These belong to single commands and take no part in calls.
                "--dir" | "--token-file" if matches!(name, "man" | "contexts") => rest.push(word),
                _ if is_option(&word) => self.long(&word, true)?,
                _ => rest.push(word),
            }
        }
        Ok(Command::Other(name, rest))
    }

    fn projects(&mut self) -> Result<Command, UsageError> {
        while let Some(word) = self.next() {
            match word.as_str() {
                "-h" | "--help" => return Ok(Command::Help(vec!["projects".to_owned()])),
                "-V" | "--version" => return Ok(Command::Version("projects".to_owned())),
                "help" => {
                    let mut topic = self.rest();
                    topic.insert(0, "projects".to_owned());
                    return Ok(Command::Help(topic));
                }
                _ if is_option(&word) => self.long(&word, true)?,
                _ => {
                    let Some(method) = api::method(&word) else {
                        return Err(unrecognized(&word, api::methods().iter().map(|method| method.command)));
                    };
                    return self.method(method);
                }
            }
        }
        Err(UsageError::incomplete("Please specify the method to call on the 'projects' command."))
    }

    fn method(&mut self, method: &'static Method) -> Result<Command, UsageError> {
        self.call(method).map_err(|error| UsageError { method: Some(method.command), ..error })
    }

    fn call(&mut self, method: &'static Method) -> Result<Command, UsageError> {
        let mut call = Call { method, positionals: Vec::new(), body: None, params: Vec::new(), out: None };
        let mut list = List::None;
        let mut only_positionals = false;
        while let Some(word) = self.next() {
            if only_positionals || !is_option(&word) {
                match list {
                    _ if only_positionals => positional(&mut call, word)?,
                    List::None => positional(&mut call, word)?,
                    // An empty word cannot mean anything in a list; the original refuses it too.
                    List::Body | List::Params if word.is_empty() => return Err(no_value(list)),
                    List::Body => call.body.get_or_insert_default().push(word),
                    List::Params => call.params.push(word),
                }
                continue;
            }
            list = List::None;
            match word.as_str() {
                "--" => only_positionals = true,
                "-h" | "--help" => {
                    return Ok(Command::Help(vec!["projects".to_owned(), method.command.to_owned()]));
                }
                "-V" | "--version" => return Ok(Command::Version(format!("projects-{}", method.command))),
                _ if word.starts_with("--") => self.long(&word, true)?,
                _ => list = self.short(&word, &mut call)?,
            }
        }
        let missing: Vec<String> = missing(&call);
        if !missing.is_empty() {
            return Err(UsageError::new(format!(
                "The following required arguments were not provided:\n    {}",
                missing.join("\n    ")
            )));
        }
        Ok(Command::Call(Box::new(call)))
    }

    /// `-r`, `-p`, `-o` in their three spellings.
    fn short(&mut self, word: &str, call: &mut Call) -> Result<List, UsageError> {
        let mut chars = word[1..].chars();
        let letter = chars.next();
        let attached = chars.as_str();
        let attached = attached.strip_prefix('=').unwrap_or(attached);
        let list = match letter {
            Some('r') if call.method.request.is_some() => List::Body,
            Some('p') => List::Params,
            Some('o') => {
                if call.out.is_some() {
                    return Err(twice("-o <out>"));
                }
                let value = match attached {
                    "" => self.next().filter(|word| !word.is_empty() && !is_option(word)),
                    attached => Some(attached.to_owned()),
                };
                call.out = Some(value.ok_or_else(|| needs_value("-o <out>"))?);
                return Ok(List::None);
            }
            _ => return Err(unexpected(word)),
        };
        let follows = self.words.get(self.at).is_some_and(|next| !next.is_empty() && !is_option(next));
        if attached.is_empty() && !follows {
            return Err(no_value(list));
        }
        if list == List::Body {
            call.body.get_or_insert_default();
        }
        if !attached.is_empty() {
            match list {
                List::Body => call.body.get_or_insert_default().push(attached.to_owned()),
                _ => call.params.push(attached.to_owned()),
            }
        }
        Ok(list)
    }

    fn long(&mut self, word: &str, after_command: bool) -> Result<(), UsageError> {
        let Some(body) = word.strip_prefix("--") else { return Err(unexpected(word)) };
        let (name, attached) = match body.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (body, None),
        };
        let Some(spec) = options::spec(name) else { return Err(unexpected(word)) };
        let Some(value_name) = spec.value else {
            if attached.is_some() {
                return Err(UsageError::new(format!("The argument '--{name}' takes no value")));
            }
            self.given.push((spec, String::new()));
            return Ok(());
        };
        let shown = format!("--{name} <{value_name}>");
        if !spec.repeated && self.given.iter().any(|(other, _)| other.name == name) {
            return Err(twice(&shown));
        }
        let was_attached = attached.is_some();
        let value = match attached {
            Some(value) => Some(value),
            // A lone blank is a value: `--config-dir " "` has its own error later.
            None => self.next().filter(|word| !word.is_empty() && !is_option(word)),
        };
        self.given.push((spec, value.filter(|v| !v.is_empty()).ok_or_else(|| needs_value(&shown))?));
        // `--scope A B projects …`: the original swallows `projects`; here a command ends the list.
        if spec.repeated && !was_attached && !after_command {
            while let Some(word) = self.words.get(self.at)
                && !is_option(word)
                && !COMMANDS.iter().any(|(name, _)| name == word)
            {
                self.given.push((spec, word.clone()));
                self.at += 1;
            }
        }
        Ok(())
    }
}

/// Whether a word is an option; a lone hyphen is not.
pub fn is_option(word: &str) -> bool {
    word.len() > 1 && word.starts_with('-')
}

fn positional(call: &mut Call, word: String) -> Result<(), UsageError> {
    if call.positionals.len() == call.method.positionals.len() {
        return Err(unexpected(&word));
    }
    call.positionals.push(word);
    Ok(())
}

fn missing(call: &Call) -> Vec<String> {
    let mut missing: Vec<String> = call
        .method
        .positionals
        .iter()
        .skip(call.positionals.len())
        .map(|param| format!("<{}>", param.flag))
        .collect();
    if call.method.request.is_some() && call.body.is_none() && !call.method.body_optional() {
        missing.push("-r <kv>...".to_owned());
    }
    missing
}

fn unexpected(word: &str) -> UsageError {
    // The value of an option may be a secret; its name is enough.
    let shown = word.split_once('=').map_or(word, |(name, _)| name);
    let mut message =
        format!("Found argument '{shown}' which wasn't expected, or isn't valid in this context");
    if let Some(name) = shown.strip_prefix("--")
        && let Some(near) = suggest::nearest(name, options::SPECS.iter().map(|spec| spec.name))
    {
        message.push_str(&format!("\n\tDid you mean '--{near}'?"));
    }
    UsageError::new(message)
}

fn unrecognized(word: &str, known: impl Iterator<Item = &'static str>) -> UsageError {
    let mut message = format!("The subcommand '{word}' wasn't recognized");
    if let Some(near) = suggest::nearest(word, known) {
        message.push_str(&format!("\n\tDid you mean '{near}'?"));
    }
    UsageError::new(message)
}

fn twice(shown: &str) -> UsageError {
    UsageError::new(format!(
        "The argument '{shown}' was provided more than once, but cannot be used multiple times"
    ))
}

fn needs_value(shown: &str) -> UsageError {
    UsageError::new(format!("The argument '{shown}' requires a value but none was supplied"))
}

fn no_value(list: List) -> UsageError {
    needs_value(if list == List::Body { "-r <kv>..." } else { "-p <v>..." })
}
