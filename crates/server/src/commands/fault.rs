//! How a command fails: what went wrong, why, and what to do.

use std::error::Error;
use std::process::ExitCode;

/// A command that did not do what it should.
#[derive(Debug)]
pub(crate) struct Failure {
    error: Box<dyn Error + Send + Sync>,
    hint: String,
    code: u8,
}

impl Failure {
    /// The exit code of a failure that has no code of its own.
    const GENERAL: u8 = 1;

    /// A failure with what to do about it; no hint if that is empty.
    pub(crate) fn new(error: impl Into<Box<dyn Error + Send + Sync>>, hint: impl Into<String>) -> Self {
        Self { error: error.into(), hint: hint.into(), code: Self::GENERAL }
    }

    /// Tells on stderr, and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        eprintln!("error: {}", self.error);
        let mut cause = self.error.source();
        while let Some(error) = cause {
            eprintln!("caused by: {error}");
            cause = error.source();
        }
        if !self.hint.is_empty() {
            eprintln!("\nhint: {}", self.hint);
        }
        ExitCode::from(self.code)
    }
}
