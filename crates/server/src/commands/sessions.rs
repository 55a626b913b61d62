//! `hearth sessions`: sessions from the command line.

mod create;
mod diagnose;
mod end;
mod extend;
mod list;
mod logs;
mod show;
mod watch;
mod why;

use clap::{Args, Subcommand};

use super::connect::Connect;
use super::context::Context;
use super::exit::{EXIT_CODES, Exit};
use super::failure::CommandError;
use super::global::Global;

pub(crate) use create::Create;
pub(crate) use diagnose::Diagnose;
pub(crate) use end::End;
pub(crate) use extend::Extend;
pub(crate) use list::List;
pub(crate) use logs::Logs;
pub(super) use show::read;

/// Create, list and end sessions, and look into them
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct SessionsCommand {
    /// The flags of all client commands.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) action: SessionsAction,
}

/// What to do with sessions.
#[derive(Debug, Subcommand)]
pub(crate) enum SessionsAction {
    /// Create a session and wait until it can be used
    Create(Box<Create>),
    /// List sessions, newest first
    #[command(visible_alias = "ls")]
    List(List),
    /// Show a session
    #[command(visible_alias = "describe")]
    Get(Named),
    /// End sessions and keep their records
    Terminate(End),
    /// End sessions and remove their records
    #[command(visible_alias = "rm")]
    Delete(End),
    /// Print what the engine of a session has written
    Logs(Logs),
    /// Show how a session came up, step by step
    Timeline(Named),
    /// Print what happens to a session, until it ends
    Watch(Named),
    /// Let a session live longer
    Extend(Extend),
    /// Tell why a session is in its state or has ended, and what to do
    Why(Named),
    /// Pack what there is to know of a session into an archive, without secrets
    Diagnose(Diagnose),
    /// Tell how to connect to a session
    Connect(Connect),
}

/// A session by its name.
#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The session: its id, or its full name
    #[arg(value_name = "SESSION")]
    pub(crate) session: String,
}

impl SessionsCommand {
    /// Does it.
    ///
    /// # Errors
    /// As [`CommandError`] has it.
    pub(crate) async fn run(self) -> Result<Exit, CommandError> {
        let mut context = Context::open(&self.global)?;
        self.action.run(&mut context).await
    }
}

impl SessionsAction {
    /// Does it with what is at hand.
    ///
    /// # Errors
    /// As [`CommandError`] has it.
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit, CommandError> {
        match self {
            Self::Create(create) => create.run(context).await,
            Self::List(list) => list.run(context).await,
            Self::Get(named) => show::get(&named.session, context).await,
            Self::Terminate(end) => end.run(end::Way::Terminate, context).await,
            Self::Delete(end) => end.run(end::Way::Delete, context).await,
            Self::Logs(logs) => logs.run(context).await,
            Self::Timeline(named) => show::timeline(&named.session, context).await,
            Self::Watch(named) => watch::run(&named.session, context).await,
            Self::Extend(extend) => extend.run(context).await,
            Self::Why(named) => why::run(&named.session, context).await,
            Self::Diagnose(diagnose) => diagnose.run(context).await,
            Self::Connect(connect) => connect.run(context).await,
        }
    }
}

/// What to try when a session was not found.
pub(crate) fn which_there_are() -> String {
    "Run `hearth sessions list` to see which there are.".to_owned()
}

#[cfg(test)]
mod tests;
