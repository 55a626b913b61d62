//! Runs commands as they are typed, against a stand-in of the service.

use clap::Parser;
use hearth_client::RetryPolicy;
use hearth_client::double::Double;

use super::*;
use crate::commands::exit::Exit;
use crate::commands::global::Format;
use crate::commands::local::{Token, TokenSource};
use crate::commands::operations::OperationsCommand;
use crate::commands::output::captured::{self, Text};
use crate::commands::sessions::SessionsCommand;
use crate::commands::usage::UsageCommand;

#[derive(Debug, Parser)]
#[command(name = "hearth")]
pub(crate) enum Line {
    Sessions(SessionsCommand),
    Operations(OperationsCommand),
    Usage(UsageCommand),
}

/// What a command wrote, and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) data: String,
    pub(crate) notes: String,
    pub(crate) code: u8,
}

/// Reads a command line.
pub(crate) fn parse(line: &str) -> Result<Line, clap::Error> {
    Line::try_parse_from(std::iter::once("hearth").chain(line.split_whitespace()))
}

/// Runs a command line.
pub(crate) async fn run(double: &Double, line: &str) -> Ran {
    let (going, data, notes) = start(double, line, |_| {});
    finish(going.await, &data, &notes)
}

/// Runs a command line on a screen that was changed.
pub(crate) async fn run_on(double: &Double, line: &str, change: impl FnOnce(&mut Screen)) -> Ran {
    let (going, data, notes) = start(double, line, change);
    finish(going.await, &data, &notes)
}

/// Begins a command line, and gives what it has written so far.
pub(crate) fn start<F: FnOnce(&mut Screen)>(
    double: &Double,
    line: &str,
    change: F,
) -> (impl Future<Output = Result<Exit, CommandError>> + use<F>, Text, Text) {
    let parsed = parse(line).expect("a valid command line");
    let global = match &parsed {
        Line::Sessions(command) => command.global.clone(),
        Line::Operations(command) => command.global.clone(),
        Line::Usage(command) => command.global.clone(),
    };
    let (mut screen, data, notes) = captured::screen(Format::Table);
    (screen.format, screen.quiet) = (global.output, global.quiet);
    change(&mut screen);
    let token =
        Token { secret: "secret".to_owned(), source: TokenSource::File("/state/hearth/token".into()) };
    let found = Found { endpoint: double.endpoint(), token: Some(token) };
    let mut context = Context::new(&global, found, screen).expect("the double has a usable address");
    let brief = std::time::Duration::from_millis(1);
    let quick =
        RetryPolicy { first_pause: brief, longest_pause: brief, first_poll: brief, ..RetryPolicy::default() };
    context.client = context.client.with_retry(quick);
    let going = async move {
        match parsed {
            Line::Sessions(command) => command.action.run(&mut context).await,
            Line::Operations(command) => command.action.run(&mut context).await,
            Line::Usage(command) => command.asked.run(&mut context).await,
        }
    };
    (going, data, notes)
}

fn finish(result: Result<Exit, CommandError>, data: &Text, notes: &Text) -> Ran {
    let mut told = notes.read();
    let code = match result {
        Ok(exit) => exit.code(),
        Err(failure) => {
            let mut text = Vec::new();
            failure.tell(&mut text).unwrap();
            told.push_str(&String::from_utf8(text).unwrap());
            failure.exit().code()
        }
    };
    Ran { data: data.read(), notes: told, code }
}
