//! `hearth sessions watch`.

use hearth_client::{ClientError, ErrorKind};
use hearth_wire::hearth::SessionNotice;
use hearth_wire::json::{self, Style};
use tokio::time::Instant;

use super::which_there_are;
use crate::commands::context::{Context, until_interrupted};
use crate::commands::exit::Exit;
use crate::commands::failure::CommandError;
use crate::commands::global::Format;
use crate::commands::output::Screen;
use crate::commands::times;

/// How long a service that went away is waited for: a restart, with time to spare.
const OUTAGE: std::time::Duration = std::time::Duration::from_secs(60);
/// The pause before each new attempt.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(500);

/// Prints what happens to the session that is called `text`: a line for each notice, in JSON one document a line.
///
/// # Errors
/// When it cannot be watched, or the service is away for too long.
pub(super) async fn run(text: &str, context: &mut Context) -> Result<Exit, CommandError> {
    let name = context.session_name(text).await?;
    match until_interrupted(follow(text, &name, context), "The session goes on.").await {
        Ok(followed) => followed.map(|()| Exit::Done),
        // Whoever watches ends it so.
        Err(CommandError::Interrupted { .. }) => Ok(Exit::Done),
        Err(failure) => Err(failure),
    }
}

async fn follow(text: &str, name: &str, context: &mut Context) -> Result<(), CommandError> {
    let mut after = 0;
    let mut away_since: Option<Instant> = None;
    loop {
        let failure = match piece(name, &mut after, &mut away_since, context).await? {
            Ok(()) => return Ok(()),
            Err(failure) => failure,
        };
        if after > 0 && failure.kind() == ErrorKind::NotFound {
            context.screen.note(&format!("session \"{text}\" is gone"));
            return Ok(());
        }
        let since = *away_since.get_or_insert_with(Instant::now);
        // One that was never there is not waited for.
        if after == 0 || !failure.may_pass() || since.elapsed() > OUTAGE {
            let failed = CommandError::call(format!("watch session \"{text}\""))(failure);
            return Err(failed.or_hint(Exit::NotFound, which_there_are));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Prints notices until they end (`Ok`) or the connection does.
async fn piece(
    name: &str,
    after: &mut i64,
    away_since: &mut Option<Instant>,
    context: &mut Context,
) -> Result<Result<(), ClientError>, CommandError> {
    let mut notices = match context.client.watch(name, *after).await {
        Ok(notices) => notices,
        Err(failure) => return Ok(Err(failure)),
    };
    *away_since = None;
    loop {
        match notices.next().await {
            Ok(Some(notice)) => {
                *after = notice.sequence.max(*after);
                print(&notice, &mut context.screen)?;
            }
            Ok(None) => return Ok(Ok(())),
            Err(failure) => return Ok(Err(failure)),
        }
    }
}

fn print(notice: &SessionNotice, screen: &mut Screen) -> Result<(), CommandError> {
    match screen.format {
        Format::Table => {
            let at = times::timestamp(notice.time.as_ref());
            let at = at.map(|at| times::local(at, &screen.zone)).unwrap_or_default();
            screen.line(&format!("{at}  {:<10}  {}", notice.kind, notice.text))
        }
        Format::Json => {
            let text = json::to_string(notice, Style::default())
                .map_err(|source| CommandError::Encode { format: "JSON", source: source.into() })?;
            screen.line(text.trim_end())
        }
        Format::Yaml => {
            screen.line("---")?;
            screen.message(notice)
        }
    }
}
