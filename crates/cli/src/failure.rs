//! Why a call failed, in the words a person reads, with the cause for the exit code.

use std::error::Error;
use std::fmt::Write as _;

use crate::exit::Cause;

/// A failed call.
#[derive(Debug)]
pub struct Failure {
    /// What the exit code tells.
    pub cause: Cause,
    /// The message; the original's own texts are whole lines, others follow `error: `.
    pub text: String,
    /// Whether `text` is printed as it is.
    pub plain: bool,
    /// Inner causes, outermost first.
    pub chain: Vec<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure with the usual form.
    pub fn new(cause: Cause, text: impl Into<String>) -> Self {
        Self { cause, text: text.into(), plain: false, chain: Vec::new(), hint: None }
    }

    /// A failure whose text is the original's and printed as it is.
    pub fn plain(cause: Cause, text: impl Into<String>) -> Self {
        Self { plain: true, ..Self::new(cause, text) }
    }

    /// Adds an inner error with everything below it.
    #[must_use]
    pub fn because(mut self, error: &(dyn Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            let text = error.to_string();
            // Many errors repeat their source in their own text.
            if !self.chain.iter().any(|known| known.contains(&text)) && !self.text.contains(&text) {
                self.chain.push(text);
            }
            next = error.source();
        }
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What standard error gets.
    pub fn render(&self, color: bool) -> String {
        let (red, bold, off) = if color { ("\x1b[31;1m", "\x1b[1m", "\x1b[0m") } else { ("", "", "") };
        let mut out = String::new();
        if self.plain {
            let _ = writeln!(out, "{}", self.text);
        } else {
            let _ = writeln!(out, "{red}error:{off} {}", self.text);
        }
        for inner in &self.chain {
            let _ = writeln!(out, "caused by: {inner}");
        }
        if let Some(hint) = &self.hint {
            let _ = writeln!(out, "\n{bold}hint:{off} {hint}");
        }
        out
    }
}
