//! Failures of the client commands, and how they are told.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use hearth_client::{ClientError, PlaceError};

use super::exit::Exit;
use super::local::LocalError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The service could not be asked, or refused.
    #[error("could not {doing}")]
    Call {
        /// What was tried, as in `list sessions`.
        doing: String,
        /// Why it failed.
        #[source]
        source: Box<ClientError>,
        /// What to do about it, if this command knows better than the client does.
        hint: Option<String>,
    },
    /// Where the service is, or how to be let in, could not be found out.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// A name is none.
    #[error(transparent)]
    Name(#[from] PlaceError),
    /// A value or a file that was given cannot be used.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The session is not in a state for this.
    #[error("session \"{id}\" is {state}{}", because(.why))]
    State {
        /// The session.
        id: String,
        /// The state it is in.
        state: &'static str,
        /// Why it is there; may be empty.
        why: String,
        /// What to do about it.
        hint: String,
    },
    /// A file could not be read.
    #[error("could not read \"{path}\"")]
    Read {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file could not be written.
    #[error("could not write \"{path}\"")]
    WriteFile {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The output could not be written.
    #[error("could not write the output")]
    Write(#[source] io::Error),
    /// An answer could not be shown.
    #[error("could not write an answer as {format}")]
    Encode {
        /// The form it should have had.
        format: &'static str,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// A command of the machine the service runs on, such as `serve`, failed.
    #[error("{source}")]
    Own {
        /// Why.
        source: Box<dyn Error + Send + Sync>,
        /// What to do about it; empty if that is plain.
        hint: String,
    },
    /// Interrupted from the keyboard.
    #[error("interrupted")]
    Interrupted {
        /// What goes on all the same, and how to look at it.
        hint: String,
    },
}

impl CommandError {
    /// A failed call. `doing` completes "could not ...".
    pub(crate) fn call(doing: impl Into<String>) -> impl FnOnce(ClientError) -> Self {
        let doing = doing.into();
        move |source| Self::Call { doing, source: Box::new(source), hint: None }
    }

    /// A failure with what to do about it; no hint if that is empty.
    pub(crate) fn own(source: impl Into<Box<dyn Error + Send + Sync>>, hint: impl Into<String>) -> Self {
        Self::Own { source: source.into(), hint: hint.into() }
    }

    /// A wrong value.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: None }
    }

    /// The same with a better hint, if it is a failed call that ends as `exit`.
    #[must_use]
    pub(crate) fn or_hint(mut self, exit: Exit, better: impl FnOnce() -> String) -> Self {
        let fits = self.exit() == exit;
        if let Self::Call { hint, .. } = &mut self
            && fits
        {
            *hint = Some(better());
        }
        self
    }

    /// How the command ends with this.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Call { source, .. } => source.kind().into(),
            Self::Local(error) => error.exit(),
            Self::Name(_) | Self::Usage { .. } | Self::Read { .. } => Exit::Usage,
            Self::State { .. } => Exit::Conflict,
            Self::Write(_) | Self::WriteFile { .. } | Self::Encode { .. } | Self::Own { .. } => Exit::Failed,
            Self::Interrupted { .. } => Exit::Interrupted,
        }
    }

    /// What to do about it, as a full sentence.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Call { source, hint, .. } => hint.clone().or_else(|| source.hint()),
            Self::Local(error) => Some(error.hint()),
            Self::Usage { hint, .. } => hint.clone(),
            Self::State { hint, .. } | Self::Interrupted { hint } => Some(hint.clone()),
            Self::Own { hint, .. } => Some(hint.clone()).filter(|hint| !hint.is_empty()),
            Self::WriteFile { .. } => {
                Some("Name a file in a directory that you can write to: `--out FILE`.".to_owned())
            }
            Self::Name(_) | Self::Read { .. } | Self::Write(_) | Self::Encode { .. } => None,
        }
    }

    /// Writes it for people: what failed, why, and what to do.
    ///
    /// # Errors
    /// When `to` cannot be written to.
    pub(crate) fn tell(&self, to: &mut dyn Write) -> io::Result<()> {
        writeln!(to, "error: {self}")?;
        let mut told = self.to_string();
        for cause in std::iter::successors(self.source(), |cause| (*cause).source()) {
            let text = cause.to_string();
            if text != told {
                writeln!(to, "caused by: {text}")?;
            }
            told = text;
        }
        for (field, description) in self.violations() {
            if !told.contains(description.as_str()) {
                writeln!(to, "caused by: {field}: {description}")?;
            }
        }
        if let Some(hint) = self.hint() {
            writeln!(to, "\nhint: {hint}")?;
        }
        Ok(())
    }

    fn violations(&self) -> &[(String, String)] {
        let Self::Call { source, .. } = self else { return &[] };
        match &**source {
            ClientError::Refused(refusal) | ClientError::OperationFailed { refusal, .. } => {
                &refusal.violations
            }
            _ => &[],
        }
    }

    /// Whether whoever read our output has stopped reading, which is no failure.
    fn nobody_reads(&self) -> bool {
        matches!(self, Self::Write(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// Tells of a failure on standard error, and makes the exit code of the process.
pub(crate) fn finish(result: Result<Exit, CommandError>) -> ExitCode {
    match result {
        Ok(exit) => exit.into(),
        Err(error) if error.nobody_reads() => Exit::Done.into(),
        Err(error) => {
            // Nobody is left to tell that standard error is closed.
            let _ = error.tell(&mut io::stderr().lock());
            error.exit().into()
        }
    }
}

fn because(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!(": {why}") }
}

#[cfg(test)]
mod tests {
    use hearth_client::Refusal;
    use tonic::Code;

    use super::*;

    fn told(error: &CommandError) -> String {
        let mut text = Vec::new();
        error.tell(&mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    fn refused(code: Code, message: &str) -> CommandError {
        let refusal = Refusal { code, message: message.to_owned(), violations: Vec::new() };
        CommandError::call("get session \"etl\"")(ClientError::Refused(refusal))
    }

    #[test]
    fn a_failure_reads_as_error_causes_and_hint() {
        let error = refused(Code::NotFound, "Not found: Session projects/p/locations/l/sessions/etl")
            .or_hint(Exit::NotFound, || "Run `hearth sessions list` to see which there are.".to_owned());
        assert_eq!(
            told(&error),
            "error: could not get session \"etl\"\n\
             caused by: Not found: Session projects/p/locations/l/sessions/etl\n\
             \n\
             hint: Run `hearth sessions list` to see which there are.\n"
        );
    }

    #[test]
    fn fields_that_the_text_does_not_name_are_told() {
        let refusal = Refusal {
            code: Code::InvalidArgument,
            message: "Request contains an invalid argument.".to_owned(),
            violations: vec![("session_id".to_owned(), "must be set".to_owned())],
        };
        let error = CommandError::call("create a session")(ClientError::Refused(refusal));
        assert_eq!(
            told(&error),
            "error: could not create a session\n\
             caused by: Request contains an invalid argument.\n\
             caused by: session_id: must be set\n"
        );
        assert_eq!(error.exit(), Exit::Usage);
    }

    #[test]
    fn every_code_of_the_service_has_its_exit_code() {
        for (code, exit) in [
            (Code::InvalidArgument, 2),
            (Code::NotFound, 3),
            (Code::PermissionDenied, 4),
            (Code::Unauthenticated, 4),
            (Code::AlreadyExists, 5),
            (Code::FailedPrecondition, 5),
            (Code::Aborted, 5),
            (Code::ResourceExhausted, 6),
            (Code::Unavailable, 6),
            (Code::DeadlineExceeded, 6),
            (Code::Cancelled, 1),
            (Code::Unimplemented, 1),
            (Code::Internal, 1),
        ] {
            assert_eq!(refused(code, "").exit().code(), exit, "{code:?}");
        }
    }

    #[test]
    fn a_reader_that_has_left_is_no_failure() {
        assert!(CommandError::Write(io::ErrorKind::BrokenPipe.into()).nobody_reads());
        assert!(!CommandError::Write(io::ErrorKind::StorageFull.into()).nobody_reads());
    }
}
