//! Completion: scripts for shells, and the answers that they ask this program for.
//!
//! A script calls `dataproc1 __complete WORDS… CURRENT`; each line of the answer is a candidate, a tab, and a line
//! about it. Candidates that end in `=`, `.` or `/` are to be continued without a space.

mod live;
mod scripts;
mod words;

use crate::exit::Cause;
use crate::failure::Failure;

/// The script of a shell.
///
/// # Errors
/// A shell that is not known.
pub fn script(words: &[String]) -> Result<String, Failure> {
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["bash"] => Ok(scripts::BASH.to_owned()),
        ["zsh"] => Ok(scripts::ZSH.to_owned()),
        ["fish"] => Ok(scripts::FISH.to_owned()),
        _ => Err(Failure::new(Cause::Usage, "'completion' takes one of bash, zsh, fish")),
    }
}

/// A candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The whole word.
    pub word: String,
    /// A line about it.
    pub about: String,
}

impl Candidate {
    fn new(word: impl Into<String>, about: impl Into<String>) -> Self {
        Self { word: word.into(), about: about.into() }
    }
}

/// The candidates for the last of `words`, one a line.
pub fn answer(words: &[String]) -> String {
    let (current, before) = match words.split_last() {
        Some((current, before)) => (current.as_str(), before),
        None => ("", words),
    };
    let mut out = String::new();
    for candidate in words::candidates(before, current, &live::names) {
        if candidate.word.starts_with(current) {
            out.push_str(&format!("{}\t{}\n", candidate.word, candidate.about));
        }
    }
    out
}
