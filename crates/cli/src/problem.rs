//! Problems found in the words before anything is sent; all of them are reported together.

use std::fmt::Write as _;
use std::ops::Range;

/// One problem of a call's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The message, in the original's words where it has some.
    pub text: String,
    /// The part of the word that may be shown, and the place in it.
    pub place: Option<(String, Range<usize>)>,
}

impl Problem {
    /// A problem without a place.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), place: None }
    }

    /// Adds the word's path and the place in it; the value of an assignment is never shown here.
    #[must_use]
    pub fn at(mut self, path: &str, place: Range<usize>) -> Self {
        if place.start <= place.end && place.end <= path.len() {
            self.place = Some((path.to_owned(), place));
        }
        self
    }
}

/// What was found: problems stop the call, notes only are shown.
#[derive(Debug, Default)]
pub struct Findings {
    /// Stop the call.
    pub problems: Vec<Problem>,
    /// Are shown; with `--strict` they stop the call too.
    pub notes: Vec<String>,
}

impl Findings {
    /// Adds a problem.
    pub fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Adds a note.
    pub fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }
}

/// The report: one line each with a mark under the place; with the line end that follows it, an empty line.
pub fn report(problems: &[Problem]) -> String {
    let mut out = String::new();
    for problem in problems {
        let _ = writeln!(out, "{}", problem.text);
        if let Some((path, place)) = &problem.place {
            let before = path[..place.start].chars().count();
            let marked = path[place.clone()].chars().count().max(1);
            let _ =
                writeln!(out, "    {}\n    {}{}", printable(path), " ".repeat(before), "^".repeat(marked));
        }
    }
    out
}

/// The text with control characters replaced, so that a word cannot move the terminal's cursor.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Whether values of this name are to be kept out of messages.
pub fn secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace(['-', '_', '.'], "");
    let holds =
        ["password", "passphrase", "secret", "token", "credential", "ciphertext", "privatekey", "apikey"];
    // Addresses of secrets and page tokens are not secrets themselves.
    let harmless = ["uri", "url", "pagetoken", "file", "path"];
    name == "key"
        || holds.iter().any(|part| name.contains(part)) && !harmless.iter().any(|end| name.ends_with(end))
}

/// A value as it may appear in a message.
pub fn shown<'a>(name: &str, value: &'a str) -> std::borrow::Cow<'a, str> {
    if secret_name(name) { "…".into() } else { printable(value).into() }
}
