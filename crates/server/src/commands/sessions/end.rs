//! `hearth sessions terminate` and `delete`.

use clap::Args;
use hearth_client::{last_segment, session_of};
use hearth_wire::dataproc::{ListSessionsResponse, Session};
use hearth_wire::longrunning::{ListOperationsResponse, Operation};

use super::which_there_are;
use crate::commands::context::Context;
use crate::commands::exit::Exit;
use crate::commands::failure::CommandError;
use crate::commands::global::Format;

/// Which sessions to end.
#[derive(Debug, Args)]
pub(crate) struct End {
    /// The sessions: their ids, or their full names
    #[arg(value_name = "SESSION", required = true)]
    pub(crate) sessions: Vec<String>,
    /// Do not wait; print the operations
    #[arg(long = "async")]
    pub(crate) no_wait: bool,
    /// Makes a repeated command harmless: 1 to 40 letters, digits, underscores and hyphens; for one session
    #[arg(long, value_name = "ID")]
    pub(crate) request_id: Option<String>,
}

/// How a session is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// And its record is kept.
    Terminate,
    /// And its record is removed.
    Delete,
}

impl End {
    /// Ends them all, side by side. One that cannot be ended does not keep the others.
    ///
    /// # Errors
    /// When one could not be ended; the failures of all but the last are told before.
    pub(super) async fn run(self, way: Way, context: &mut Context) -> Result<Exit, CommandError> {
        if self.request_id.is_some() && self.sessions.len() > 1 {
            return Err(CommandError::usage("--request-id is for one session at a time"));
        }
        let mut failures = Vec::new();
        let mut accepted = Vec::new();
        for text in &self.sessions {
            match self.begin(text, way, context).await {
                Ok(operation) => accepted.push((text, operation)),
                Err(failure) => failures.push(failure),
            }
        }
        if self.no_wait {
            let operations = accepted.into_iter().map(|(_, operation)| operation).collect();
            print_operations(operations, context)?;
        } else {
            let mut ended = Vec::new();
            for (text, operation) in accepted {
                match wait(text, operation, way, context).await {
                    Ok(session) => ended.push(session),
                    Err(failure @ (CommandError::Interrupted { .. } | CommandError::Write(_))) => {
                        return Err(failure);
                    }
                    Err(failure) => failures.push(failure),
                }
            }
            print_sessions(ended, self.sessions.len(), context)?;
        }
        match failures.pop() {
            None => Ok(Exit::Done),
            Some(last) => {
                for failure in failures {
                    context.screen.failure(&failure);
                    context.screen.insist("");
                }
                Err(last)
            }
        }
    }

    async fn begin(&self, text: &str, way: Way, context: &mut Context) -> Result<Operation, CommandError> {
        let name = context.session_name(text).await?;
        let id = self.request_id.as_deref();
        let answer = match way {
            Way::Terminate => context.client.terminate_session(&name, id).await,
            Way::Delete => context.client.delete_session(&name, id).await,
        };
        answer.map_err(|failure| {
            CommandError::call(format!("{} session \"{text}\"", way.verb()))(failure)
                .or_hint(Exit::NotFound, which_there_are)
                .or_hint(Exit::Conflict, || {
                    format!(
                        "Run `hearth sessions get {text}` to see how it stands, or `delete` it in any state."
                    )
                })
        })
    }
}

impl Way {
    fn verb(self) -> &'static str {
        match self {
            Self::Terminate => "terminate",
            Self::Delete => "delete",
        }
    }

    fn going_on(self) -> &'static str {
        match self {
            Self::Terminate => "terminating",
            Self::Delete => "deleting",
        }
    }
}

async fn wait(
    text: &str,
    operation: Operation,
    way: Way,
    context: &mut Context,
) -> Result<Session, CommandError> {
    let goes_on =
        format!("The session is ended all the same. Run `hearth sessions get {text}` to see how it stands.");
    let done = context.wait(operation, format!("{} session \"{text}\"", way.going_on()), &goes_on).await?;
    session_of(&done).map_err(CommandError::call(format!("{} session \"{text}\"", way.verb())))
}

/// The ids in a table; the session in JSON and YAML, or the list of them if several were asked for.
fn print_sessions(
    mut sessions: Vec<Session>,
    asked: usize,
    context: &mut Context,
) -> Result<(), CommandError> {
    let screen = &mut context.screen;
    match screen.format {
        Format::Table => sessions.iter().try_for_each(|session| screen.line(last_segment(&session.name))),
        Format::Json | Format::Yaml if asked > 1 => {
            screen.message(&ListSessionsResponse { sessions, next_page_token: String::new() })
        }
        Format::Json | Format::Yaml => sessions.pop().map_or(Ok(()), |session| screen.message(&session)),
    }
}

/// The ids in a table; the operations in JSON and YAML as above.
fn print_operations(mut operations: Vec<Operation>, context: &mut Context) -> Result<(), CommandError> {
    let screen = &mut context.screen;
    match screen.format {
        Format::Table => {
            operations.iter().try_for_each(|operation| screen.line(last_segment(&operation.name)))
        }
        Format::Json | Format::Yaml if operations.len() != 1 => {
            screen.message(&ListOperationsResponse { operations, ..ListOperationsResponse::default() })
        }
        Format::Json | Format::Yaml => {
            operations.pop().map_or(Ok(()), |operation| screen.message(&operation))
        }
    }
}
