//! `hearth emulator fault`.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use comfy_table::Cell;
use hearth_wire::hearth::fault::{self, Effect};
use hearth_wire::hearth::{Fault, ListFaultsResponse};
use hearth_wire::rpc::Code;

use crate::commands::context::Context;
use crate::commands::failure::CommandError;
use crate::commands::global::Format;
use crate::commands::output::table;
use crate::commands::times;

/// What is to go wrong.
#[derive(Debug, Subcommand)]
pub(crate) enum FaultCommand {
    /// Starts that fail
    FailStart {
        /// The last step that a start reaches
        #[arg(value_enum)]
        step: Step,
        /// What the engine writes before it ends, or why it cannot be placed
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        message: String,
        #[command(flatten)]
        aim: Aim,
    },
    /// Starts that take long
    SlowStart {
        /// How long by the service's clock, such as 90s
        #[arg(value_name = "DURATION", value_parser = times::parse)]
        by: Duration,
        #[command(flatten)]
        aim: Aim,
    },
    /// Engines that crash some time after their start
    Crash {
        /// How long after it, such as 10m
        #[arg(value_name = "DURATION", value_parser = times::parse)]
        after: Duration,
        /// The exit code of the engine, instead of being killed
        #[arg(long, value_name = "CODE", default_value_t = 0, hide_default_value = true)]
        exit_code: i32,
        /// A line that the engine writes before; may be given several times
        #[arg(long = "log", value_name = "LINE")]
        log_lines: Vec<String>,
        #[command(flatten)]
        aim: Aim,
    },
    /// Calls that are refused
    Refuse {
        /// With which error, such as UNAVAILABLE or RESOURCE_EXHAUSTED
        #[arg(value_name = "CODE", value_parser = code)]
        code: Code,
        /// The method, such as CreateSession [default: every one]
        #[arg(long, value_name = "METHOD", default_value = "", hide_default_value = true)]
        method: String,
        /// The text of the error
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        message: String,
        #[command(flatten)]
        aim: Aim,
    },
    /// Calls that do what they should, and whose answer is lost
    LoseAnswer {
        /// The method, such as CreateSession [default: every one]
        #[arg(long, value_name = "METHOD", default_value = "", hide_default_value = true)]
        method: String,
        #[command(flatten)]
        aim: Aim,
    },
    /// List what is still to go wrong
    #[command(visible_alias = "ls")]
    List,
    /// Take faults back
    Clear {
        /// Those to take back, such as faults/1 [default: all]
        #[arg(value_name = "FAULT")]
        faults: Vec<String>,
    },
}

/// Whom a fault is aimed at, and how often.
#[derive(Debug, Args)]
pub(crate) struct Aim {
    /// Sessions with this id or full name, `*` for any characters [default: all]
    #[arg(long, value_name = "PATTERN", default_value = "", hide_default_value = true)]
    pub(crate) sessions: String,
    /// How many times [default: until it is taken back]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) count: Option<i32>,
}

/// The steps of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// The engine cannot be placed
    Accepted,
    /// Its process cannot be started
    Placed,
    /// The process ends before it listens
    ProcessUp,
    /// The engine ends before it has answered
    Listening,
    /// The engine never answers, until the start has taken too long
    Probe,
}

impl FaultCommand {
    /// Does it.
    ///
    /// # Errors
    /// As [`CommandError`] has it.
    pub(crate) async fn run(self, context: &mut Context) -> Result<(), CommandError> {
        let (effect, aim) = match self {
            Self::FailStart { step, message, aim } => {
                let fail = fault::FailStart { step: step.wire().into(), message, exit_code: 0 };
                (Effect::FailStart(fail), aim)
            }
            Self::SlowStart { by, aim } => {
                (Effect::SlowStart(fault::SlowStart { by: Some(times::message(by)) }), aim)
            }
            Self::Crash { after, exit_code, log_lines, aim } => {
                let after = Some(times::message(after));
                (Effect::Crash(fault::Crash { after, exit_code, log_lines }), aim)
            }
            Self::Refuse { code, method, message, aim } => {
                (Effect::Refuse(fault::Refuse { method, code: code.into(), message }), aim)
            }
            Self::LoseAnswer { method, aim } => (Effect::LoseAnswer(fault::LoseAnswer { method }), aim),
            Self::List => return list(context).await,
            Self::Clear { faults } => return clear(faults, context).await,
        };
        let count = aim.count.unwrap_or_default();
        let asked = Fault { name: String::new(), sessions: aim.sessions, count, effect: Some(effect) };
        let made = context.client.create_fault(asked).await;
        let made = made.map_err(CommandError::call("make a fault"))?;
        match context.screen.format {
            Format::Table => context.screen.line(&made.name),
            Format::Json | Format::Yaml => context.screen.message(&made),
        }
    }
}

async fn list(context: &mut Context) -> Result<(), CommandError> {
    let faults = context.client.faults().await.map_err(CommandError::call("list the faults"))?;
    let screen = &mut context.screen;
    if screen.format != Format::Table {
        return screen.message(&ListFaultsResponse { faults });
    }
    let mut rows = table(&["FAULT", "SESSIONS", "TIMES", "EFFECT"]);
    for fault in faults {
        let times = if fault.count == 0 { "every".to_owned() } else { fault.count.to_string() };
        let sessions = if fault.sessions.is_empty() { "all" } else { &fault.sessions };
        rows.add_row([&fault.name, sessions, &times, &in_words(fault.effect.as_ref())].map(Cell::new));
    }
    screen.table(rows)
}

async fn clear(faults: Vec<String>, context: &mut Context) -> Result<(), CommandError> {
    if faults.is_empty() {
        return context.client.clear_faults().await.map_err(CommandError::call("take the faults back"));
    }
    for fault in faults {
        let taken = context.client.delete_fault(&fault).await;
        taken.map_err(CommandError::call(format!("take \"{fault}\" back")))?;
    }
    Ok(())
}

fn in_words(effect: Option<&Effect>) -> String {
    let method = |method: &str| if method.is_empty() { "every call".to_owned() } else { method.to_owned() };
    let span = |of: Option<&prost_types::Duration>| times::exact(of.map(times::duration).unwrap_or_default());
    match effect {
        Some(Effect::FailStart(fail)) => format!("start fails after {}", fail.step().as_str_name()),
        Some(Effect::SlowStart(slow)) => format!("start takes {}", span(slow.by.as_ref())),
        Some(Effect::Crash(crash)) => format!("engine crashes after {}", span(crash.after.as_ref())),
        Some(Effect::Refuse(refuse)) => {
            let code = Code::try_from(refuse.code).map_or("an error", |code| code.as_str_name());
            format!("{} is refused with {code}", method(&refuse.method))
        }
        Some(Effect::LoseAnswer(lose)) => format!("answer of {} is lost", method(&lose.method)),
        None => String::new(),
    }
}

fn code(text: &str) -> Result<Code, String> {
    Code::from_str_name(&text.to_uppercase().replace('-', "_")).filter(|code| *code != Code::Ok).ok_or_else(
        || format!("\"{text}\" is no error; write UNAVAILABLE, RESOURCE_EXHAUSTED, ABORTED or so"),
    )
}

impl Step {
    fn wire(self) -> fault::Step {
        match self {
            Self::Accepted => fault::Step::Accepted,
            Self::Placed => fault::Step::Placed,
            Self::ProcessUp => fault::Step::ProcessUp,
            Self::Listening => fault::Step::Listening,
            Self::Probe => fault::Step::Probe,
        }
    }
}
