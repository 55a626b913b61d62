//! `hearth sessions why`.

use hearth_wire::hearth::Explanation;

use super::which_there_are;
use crate::commands::context::Context;
use crate::commands::exit::Exit;
use crate::commands::failure::CommandError;
use crate::commands::global::Format;
use crate::commands::output::Screen;
use crate::commands::times;

/// Tells why the session that is called `text` is in its state, and what to do.
///
/// # Errors
/// When that cannot be read.
pub(super) async fn run(text: &str, context: &mut Context) -> Result<Exit, CommandError> {
    let name = context.session_name(text).await?;
    let told = context.client.explain(&name).await.map_err(|failure| {
        CommandError::call(format!("explain session \"{text}\""))(failure)
            .or_hint(Exit::NotFound, which_there_are)
    })?;
    let screen = &mut context.screen;
    if screen.format == Format::Table {
        tell(text, &told, screen)?
    } else {
        screen.message(&told)?
    }
    Ok(Exit::Done)
}

fn tell(text: &str, told: &Explanation, screen: &mut Screen) -> Result<(), CommandError> {
    screen.line(&format!("session \"{text}\" is {}", told.state))?;
    for sentence in [&told.summary, &told.reason] {
        if !sentence.is_empty() {
            screen.line(&format!("  {}", sentence.replace('\n', "\n  ")))?;
        }
    }
    if let Some(at) = times::timestamp(told.end_time.as_ref()) {
        let verb = if at > screen.now { "Ends" } else { "Ended" };
        screen.line(&format!("  {verb} {}", times::local_and_ago(at, screen.now, &screen.zone)))?;
    }
    if !told.log_lines.is_empty() {
        screen.line("\nits engine wrote last:")?;
        told.log_lines.iter().try_for_each(|line| screen.line(&format!("  {line}")))?;
    }
    if !told.next_steps.is_empty() {
        screen.line("\nwhat to do:")?;
        told.next_steps.iter().try_for_each(|step| screen.line(&format!("  {step}")))?;
    }
    Ok(())
}
