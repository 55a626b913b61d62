//! The program: words in, exit code out.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use crate::exit::{self, Cause};
use crate::failure::Failure;
use crate::grammar::{self, Command, Invocation, UsageError};
use crate::options::{Color, Options};
use crate::{api, call, commands, completion, env, help, man, terminal};

/// Runs the program with the words of the process.
pub fn main() -> ExitCode {
    let mut words = Vec::new();
    for word in std::env::args_os().skip(1) {
        match word.into_string() {
            Ok(word) => words.push(word),
            Err(_) => {
                terminal::say_line("error: Invalid unicode character in one or more arguments");
                return ExitCode::from(exit::code(Cause::Usage, detailed(&words)));
            }
        }
    }
    // Completion asks on every key; it has its own words, which need not be complete.
    if words.first().is_some_and(|word| word == "__complete") {
        return finish(call::print(&completion::answer(&words[1..])), false, Color::Never);
    }
    match grammar::parse(&words, &env::var) {
        Ok(invocation) => {
            let (detailed, color) = (invocation.options.detailed_exit, invocation.options.color);
            finish(dispatch(&invocation), detailed, color)
        }
        Err(error) => {
            terminal::say(&usage(&error));
            ExitCode::from(exit::code(Cause::Usage, detailed(&words)))
        }
    }
}

/// Whether detailed codes are wanted, when the words could not be parsed.
fn detailed(words: &[String]) -> bool {
    let by_word = words.iter().any(|word| word == "--exit-codes=detailed")
        || words.windows(2).any(|pair| pair[0] == "--exit-codes" && pair[1] == "detailed");
    by_word || env::var("DATAPROC1_EXIT_CODES").as_deref() == Some("detailed")
}

fn finish(result: Result<(), Failure>, detailed: bool, color: Color) -> ExitCode {
    match result {
        Ok(()) => ExitCode::from(exit::SUCCESS),
        Err(failure) => {
            terminal::say(&failure.render(call::color(color, std::io::stderr().is_terminal())));
            ExitCode::from(exit::code(failure.cause, detailed))
        }
    }
}

fn dispatch(invocation: &Invocation) -> Result<(), Failure> {
    let options: &Options = &invocation.options;
    match &invocation.command {
        Command::Call(call) => call::run(call, options),
        Command::Help(topic) => call::print(&help::topic(topic)?),
        Command::Version(name) if name.is_empty() => call::print(&format!("dataproc1 {}\n", version())),
        Command::Version(name) => call::print(&format!("dataproc1-{name}\n")),
        Command::Other("completion", words) => call::print(&completion::script(words)?),
        Command::Other("man", words) => man::run(words),
        Command::Other("login", words) => commands::login(words, options),
        Command::Other("logout", words) => commands::logout(words, options),
        Command::Other(_, words) => commands::contexts(words),
    }
}

/// Version of the program and revision of the API, as the original writes it.
pub fn version() -> String {
    format!("{}+{}", env!("CARGO_PKG_VERSION"), api::REVISION)
}

/// The text of a usage error, in the original's shape.
fn usage(error: &UsageError) -> String {
    let usage = match error.method.and_then(api::method) {
        Some(method) => help::usage_line(method),
        None => "dataproc1 [OPTIONS] <COMMAND> …".to_owned(),
    };
    if error.incomplete {
        return format!("USAGE:\n    {usage}\n\n{}\n\nFor more information try --help\n", error.message);
    }
    format!("error: {}\n\nUSAGE:\n    {usage}\n\nFor more information try --help\n", error.message)
}
