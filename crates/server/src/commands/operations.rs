//! `hearth operations`: what is under way, and how it ended.

use clap::{Args, Subcommand};
use comfy_table::Cell;
use hearth_client::{last_segment, outcome};
use hearth_wire::dataproc::SessionOperationMetadata;
use hearth_wire::dataproc::session_operation_metadata::SessionOperationType;
use hearth_wire::longrunning::operation::Result as Ended;
use hearth_wire::longrunning::{ListOperationsRequest, ListOperationsResponse, Operation};
use tonic::Code;

use super::context::Context;
use super::exit::{EXIT_CODES, Exit};
use super::failure::CommandError;
use super::global::{Format, Global};
use super::output::{Screen, table};
use super::times;

/// How many operations are shown unless said otherwise.
const LIMIT: usize = 100;

/// Look at operations, wait for them, cancel them
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct OperationsCommand {
    /// The flags of all client commands.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) action: OperationsAction,
}

/// What to do with operations.
#[derive(Debug, Subcommand)]
pub(crate) enum OperationsAction {
    /// List operations, newest first
    #[command(visible_alias = "ls")]
    List(List),
    /// Show an operation
    #[command(visible_alias = "describe")]
    Get(Named),
    /// Wait until an operation is done; fails as the operation does
    Wait(Named),
    /// Ask an operation to stop
    Cancel(Named),
    /// Remove the record of an operation that is done
    #[command(visible_alias = "rm")]
    Delete(Named),
}

/// Which operations to list.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// At most so many [default: 100]
    #[arg(long, value_name = "N", conflicts_with = "all_pages")]
    pub(crate) limit: Option<usize>,
    /// All of them
    #[arg(long)]
    pub(crate) all_pages: bool,
}

/// An operation by its name.
#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The operation: its id, or its full name
    #[arg(value_name = "OPERATION")]
    pub(crate) operation: String,
}

impl OperationsCommand {
    /// Does it.
    ///
    /// # Errors
    /// As [`CommandError`] has it.
    pub(crate) async fn run(self) -> Result<Exit, CommandError> {
        let mut context = Context::open(&self.global)?;
        self.action.run(&mut context).await
    }
}

impl OperationsAction {
    /// Does it with what is at hand.
    ///
    /// # Errors
    /// As [`CommandError`] has it.
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit, CommandError> {
        match self {
            Self::List(which) => list(&which, context).await,
            Self::Get(Named { operation }) => {
                let found = read(&operation, context).await?;
                show(&found, context)
            }
            Self::Wait(Named { operation }) => wait(&operation, context).await,
            Self::Cancel(Named { operation }) => {
                let name = context.operation_name(&operation).await?;
                context
                    .client
                    .cancel_operation(&name)
                    .await
                    .map_err(|failure| failed("cancel", &operation, failure))?;
                context.screen.note(&format!("operation \"{operation}\" was asked to stop"));
                Ok(Exit::Done)
            }
            Self::Delete(Named { operation }) => {
                let name = context.operation_name(&operation).await?;
                context
                    .client
                    .delete_operation(&name)
                    .await
                    .map_err(|failure| failed("delete", &operation, failure))?;
                context.screen.note(&format!("operation \"{operation}\" is removed"));
                Ok(Exit::Done)
            }
        }
    }
}

/// Shows an operation in the form that is wanted.
///
/// # Errors
/// When it cannot be written.
pub(super) fn show(operation: &Operation, context: &mut Context) -> Result<Exit, CommandError> {
    let screen = &mut context.screen;
    match screen.format {
        Format::Json | Format::Yaml => screen.message(operation)?,
        Format::Table if screen.quiet => screen.line(last_segment(&operation.name))?,
        Format::Table => summary(operation, screen)?,
    }
    Ok(Exit::Done)
}

async fn read(text: &str, context: &mut Context) -> Result<Operation, CommandError> {
    let name = context.operation_name(text).await?;
    context.client.operation(&name).await.map_err(|failure| failed("get", text, failure))
}

fn failed(verb: &str, text: &str, failure: hearth_client::ClientError) -> CommandError {
    CommandError::call(format!("{verb} operation \"{text}\""))(failure)
        .or_hint(Exit::NotFound, || "Run `hearth operations list` to see which there are.".to_owned())
}

async fn wait(text: &str, context: &mut Context) -> Result<Exit, CommandError> {
    let operation = read(text, context).await?;
    let goes_on = format!("The operation goes on. Run `hearth operations get {text}` to see how it stands.");
    let done = context.wait(operation, format!("waiting for operation \"{text}\""), &goes_on).await?;
    show(&done, context)?;
    match outcome(&done) {
        Ok(_) => Ok(Exit::Done),
        Err(source) => {
            let metadata = metadata(&done);
            let hint = metadata.map(|metadata| {
                let session = last_segment(&metadata.session).to_owned();
                format!("Run `hearth sessions get {session}` to see how the session stands.")
            });
            let doing = format!("finish operation \"{text}\"");
            Err(CommandError::Call { doing, source: Box::new(source), hint })
        }
    }
}

async fn list(which: &List, context: &mut Context) -> Result<Exit, CommandError> {
    let name = context.place().await?.operations();
    let limit = if which.all_pages { usize::MAX } else { which.limit.unwrap_or(LIMIT) };
    let mut operations: Vec<Operation> = Vec::new();
    let mut page_token = String::new();
    loop {
        let page_size = 1000;
        let request = ListOperationsRequest {
            name: name.clone(),
            page_size,
            page_token: page_token.clone(),
            ..ListOperationsRequest::default()
        };
        let page =
            context.client.list_operations(request).await.map_err(CommandError::call("list operations"))?;
        operations.extend(page.operations);
        page_token = page.next_page_token;
        if page_token.is_empty() || operations.len() > limit {
            break;
        }
    }
    let more = operations.len() > limit;
    operations.truncate(limit);
    let screen = &mut context.screen;
    match screen.format {
        Format::Json | Format::Yaml => {
            screen.message(&ListOperationsResponse { operations, ..ListOperationsResponse::default() })?;
        }
        Format::Table if screen.quiet => {
            operations.iter().try_for_each(|operation| screen.line(last_segment(&operation.name)))?;
        }
        Format::Table if operations.is_empty() => screen.note("There are no operations."),
        Format::Table => {
            let mut rows = table(&["ID", "TYPE", "SESSION", "STATUS", "STARTED"]);
            for operation in &operations {
                rows.add_row(row(operation, screen));
            }
            screen.table(rows)?;
        }
    }
    if more {
        context.screen.note("\nThere are more; list them with --all-pages.");
    }
    Ok(Exit::Done)
}

fn row(operation: &Operation, screen: &Screen) -> Vec<Cell> {
    let metadata = metadata(operation).unwrap_or_default();
    let started = times::timestamp(metadata.create_time.as_ref());
    vec![
        Cell::new(last_segment(&operation.name)),
        Cell::new(kind(&metadata)),
        Cell::new(last_segment(&metadata.session)),
        Cell::new(status(operation)),
        Cell::new(started.map_or_else(String::new, |started| times::ago(started, screen.now))),
    ]
}

fn summary(operation: &Operation, screen: &mut Screen) -> Result<(), CommandError> {
    let metadata = metadata(operation).unwrap_or_default();
    let at = |time: Option<&prost_types::Timestamp>| {
        let time = times::timestamp(time);
        time.map_or_else(String::new, |time| times::local_and_ago(time, screen.now, &screen.zone))
    };
    let why = match &operation.result {
        Some(Ended::Error(error)) => error.message.clone(),
        _ => String::new(),
    };
    let mut rows = table(&[]);
    for (key, value) in [
        ("Name", operation.name.clone()),
        ("Type", kind(&metadata).to_owned()),
        ("Session", metadata.session.clone()),
        ("Status", status(operation)),
        ("Cause", why),
        ("Started", at(metadata.create_time.as_ref())),
        ("Done", at(metadata.done_time.as_ref())),
        ("Warnings", metadata.warnings.join("\n")),
    ] {
        if !value.is_empty() {
            rows.add_row(vec![key.to_owned(), value]);
        }
    }
    screen.table(rows)
}

fn metadata(operation: &Operation) -> Option<SessionOperationMetadata> {
    operation.metadata.as_ref()?.to_msg().ok()
}

fn kind(metadata: &SessionOperationMetadata) -> &'static str {
    match metadata.operation_type() {
        SessionOperationType::Unspecified => "",
        known => known.as_str_name(),
    }
}

/// How an operation stands, in a word: the code if it failed.
fn status(operation: &Operation) -> String {
    match &operation.result {
        Some(Ended::Error(error)) => {
            let names = hearth_wire::error::names(Code::from_i32(error.code));
            if error.code == i32::from(Code::Cancelled) {
                names.name.to_owned()
            } else {
                format!("FAILED ({})", names.name)
            }
        }
        _ if operation.done => "DONE".to_owned(),
        _ => "RUNNING".to_owned(),
    }
}

#[cfg(test)]
mod tests;
