//! `hearth sessions extend`.

use std::time::Duration;

use clap::Args;
use hearth_wire::hearth::ExtendSessionRequest;
use jiff::Timestamp;

use super::which_there_are;
use crate::commands::context::Context;
use crate::commands::exit::Exit;
use crate::commands::failure::CommandError;
use crate::commands::global::Format;
use crate::commands::times;

/// Which session is to live longer, and until when.
#[derive(Debug, Args)]
pub(crate) struct Extend {
    /// The session: its id, or its full name
    #[arg(value_name = "SESSION")]
    pub(crate) session: String,
    #[command(flatten)]
    pub(crate) end: NewEnd,
}

/// The new end, in one of three ways.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct NewEnd {
    /// For this long from now, such as 2h
    #[arg(long = "for", value_name = "DURATION", value_parser = times::parse)]
    pub(crate) from_now: Option<Duration>,
    /// For this long since it became active, such as 2d; 14d at most
    #[arg(long, value_name = "DURATION", value_parser = times::parse)]
    pub(crate) ttl: Option<Duration>,
    /// Until this time, such as 2026-12-24T18:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<Timestamp>,
}

impl Extend {
    /// Extends it, and says when it ends now.
    ///
    /// # Errors
    /// When it is refused.
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit, CommandError> {
        let text = self.session;
        let name = context.session_name(&text).await?;
        let too_long = || CommandError::usage("no session lives that long; 14d is the most");
        let until = match (self.end.from_now, self.end.until) {
            (Some(from_now), _) => Some(context.screen.now.checked_add(from_now).map_err(|_| too_long())?),
            (None, until) => until,
        };
        let request = ExtendSessionRequest {
            name,
            ttl: self.end.ttl.map(times::message),
            until: until.map(times::time_message),
        };
        let extended = context.client.extend(request).await.map_err(|failure| {
            CommandError::call(format!("extend session \"{text}\""))(failure)
                .or_hint(Exit::NotFound, which_there_are)
                .or_hint(Exit::Conflict, || format!("Run `hearth sessions why {text}` to see how it stands."))
        })?;
        let screen = &mut context.screen;
        if screen.format == Format::Table {
            let at = times::timestamp(extended.end_time.as_ref());
            let at = at.map(|at| times::local_and_ago(at, screen.now, &screen.zone)).unwrap_or_default();
            screen.line(&format!("session \"{text}\" lives until {at} at the latest"))?;
        } else {
            screen.message(&extended)?;
        }
        Ok(Exit::Done)
    }
}
