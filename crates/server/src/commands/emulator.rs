//! `hearth emulator`: time, faults and state of a service that was started with `hearth serve --emulate`.

mod fault;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use hearth_wire::hearth::{AdvanceClockRequest, AdvanceClockResponse, Clock, CrashSessionRequest};
use jiff::Timestamp;

use self::fault::FaultCommand;
use super::context::Context;
use super::exit::{EXIT_CODES, Exit};
use super::failure::CommandError;
use super::global::{Format, Global};
use super::output::Screen;
use super::times;

/// Move the time of an emulating service, let things go wrong, save and load its state
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct EmulatorCommand {
    /// The flags of all client commands.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) action: EmulatorAction,
}

/// What to do with an emulating service.
#[derive(Debug, Subcommand)]
pub(crate) enum EmulatorAction {
    /// Show the service's time, or let it run or stand still
    Clock {
        /// Whether it runs with real time
        #[arg(value_enum)]
        set: Option<ClockMode>,
    },
    /// Move the time on; everything that is due has happened then
    Advance(Advance),
    /// Let starts, engines or calls go wrong
    #[command(subcommand)]
    Fault(FaultCommand),
    /// End a session's engine as a crash would
    Crash(Crash),
    /// Use a session, as a Spark call would
    Use {
        /// The session: its id, or its full name
        #[arg(value_name = "SESSION")]
        session: String,
    },
    /// Write everything there is to a file, or to standard output
    Save {
        /// The file
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Replace everything there is by what a file says
    Load {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Make everything as it was when the service started
    Reset,
}

/// What the clock does by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ClockMode {
    /// It goes on with real time
    Run,
    /// It stands still until it is moved
    Stop,
}

/// How far the time is to be moved.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Advance {
    /// So far, such as 14d, 1h30m or 500ms
    #[arg(value_name = "DURATION", value_parser = times::parse)]
    pub(crate) by: Option<Duration>,
    /// To this time, such as 2030-01-15T00:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<Timestamp>,
    /// To the next time at which something happens by itself
    #[arg(long)]
    pub(crate) next: bool,
}

/// Which session's engine crashes, and how.
#[derive(Debug, Args)]
pub(crate) struct Crash {
    /// The session: its id, or its full name
    #[arg(value_name = "SESSION")]
    pub(crate) session: String,
    /// The exit code of its engine, instead of being killed
    #[arg(long, value_name = "CODE", default_value_t = 0, hide_default_value = true)]
    pub(crate) exit_code: i32,
    /// A line that the engine writes before; may be given several times
    #[arg(long = "log", value_name = "LINE")]
    pub(crate) log_lines: Vec<String>,
}

impl EmulatorCommand {
    /// Does it.
    ///
    /// # Errors
    /// As [`CommandError`] has it.
    pub(crate) async fn run(self) -> Result<Exit, CommandError> {
        let mut context = Context::open(&self.global)?;
        self.action.run(&mut context).await
    }
}

impl EmulatorAction {
    async fn run(self, context: &mut Context) -> Result<Exit, CommandError> {
        match self {
            Self::Clock { set } => clock(set, context).await?,
            Self::Advance(advance) => advance.run(context).await?,
            Self::Fault(command) => command.run(context).await?,
            Self::Crash(crash) => crash.run(context).await?,
            Self::Use { session } => {
                let name = context.session_name(&session).await?;
                let used = context.client.use_session(&name).await;
                used.map_err(CommandError::call(format!("use session \"{session}\"")))?;
                context.screen.note(&format!("session \"{session}\" was used"));
            }
            Self::Save { file } => save(file, context).await?,
            Self::Load { file } => {
                let path = file.display().to_string();
                let document =
                    std::fs::read_to_string(&file).map_err(|source| CommandError::Read { path, source })?;
                let loaded = context.client.load_state(document).await;
                let clock = loaded.map_err(CommandError::call(format!("load \"{}\"", file.display())))?;
                show(&clock, &mut context.screen)?;
            }
            Self::Reset => {
                let reset = context.client.reset_emulator().await;
                show(&reset.map_err(CommandError::call("reset the emulator"))?, &mut context.screen)?;
            }
        }
        Ok(Exit::Done)
    }
}

async fn clock(set: Option<ClockMode>, context: &mut Context) -> Result<(), CommandError> {
    let clock = match set {
        None => context.client.clock().await.map_err(CommandError::call("read the clock"))?,
        Some(mode) => {
            let set = context.client.set_clock(mode == ClockMode::Run).await;
            set.map_err(CommandError::call("set the clock"))?
        }
    };
    show(&clock, &mut context.screen)
}

impl Advance {
    async fn run(self, context: &mut Context) -> Result<(), CommandError> {
        let to = self
            .to
            .map(|at| prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() });
        let request = AdvanceClockRequest { by: self.by.map(times::message), to, next: self.next };
        let advanced = context.client.advance_clock(request).await;
        let advanced = advanced.map_err(CommandError::call("advance the clock"))?;
        let screen = &mut context.screen;
        if screen.format != Format::Table {
            return screen.message(&advanced);
        }
        let AdvanceClockResponse { clock, happened } = advanced;
        for happened in happened {
            let Some(notice) = happened.notice else { continue };
            let at = time(notice.time.as_ref());
            let id = hearth_client::last_segment(&happened.session).to_owned();
            screen.line(&format!("{at}  {id}  {:<10}  {}", notice.kind, notice.text))?;
        }
        show(&clock.unwrap_or_default(), screen)
    }
}

impl Crash {
    async fn run(self, context: &mut Context) -> Result<(), CommandError> {
        let Self { session, exit_code, log_lines } = self;
        let name = context.session_name(&session).await?;
        let crashed = context.client.crash(CrashSessionRequest { name, exit_code, log_lines }).await;
        let crashed = crashed.map_err(CommandError::call(format!("crash session \"{session}\"")))?;
        let screen = &mut context.screen;
        if screen.format == Format::Table {
            screen.line(&format!("session \"{session}\" is {}: {}", crashed.state, crashed.state_message))
        } else {
            screen.message(&crashed)
        }
    }
}

async fn save(file: Option<PathBuf>, context: &mut Context) -> Result<(), CommandError> {
    let saved = context.client.save_state().await;
    let document = saved.map_err(CommandError::call("save the state"))?;
    let Some(file) = file else { return context.screen.bytes(document.as_bytes()) };
    std::fs::write(&file, document).map_err(|error| {
        let hint = "Name a file in a directory that is writable.";
        CommandError::own(format!("could not write \"{}\": {error}", file.display()), hint)
    })?;
    context.screen.note(&format!("saved to \"{}\"", file.display()));
    Ok(())
}

/// In UTC and whole: what is shown can be given to `--to`, and is the same everywhere.
fn time(at: Option<&prost_types::Timestamp>) -> String {
    times::timestamp(at).map(|at| at.to_string()).unwrap_or_default()
}

fn show(clock: &Clock, screen: &mut Screen) -> Result<(), CommandError> {
    if screen.format != Format::Table {
        return screen.message(clock);
    }
    let does = if clock.runs { "runs" } else { "stands still" };
    let next = match &clock.next_time {
        Some(next) => format!("; next at {}", time(Some(next))),
        None => String::new(),
    };
    screen.line(&format!("{} ({does}{next})", time(clock.time.as_ref())))
}
