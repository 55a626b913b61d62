//! `hearth sessions logs`.

use std::time::Duration;

use clap::Args;
use hearth_client::ErrorKind;

use super::which_there_are;
use crate::commands::context::{Context, until_interrupted};
use crate::commands::exit::Exit;
use crate::commands::failure::CommandError;

/// How often a log that is followed is looked at. Short enough to seem live, long enough to cost nothing.
const LOOK: Duration = Duration::from_millis(250);

/// Which log to print, and how much of it.
#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// The session: its id, or its full name
    #[arg(value_name = "SESSION")]
    pub(crate) session: String,
    /// Go on printing until the session ends
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// Begin with the last so many lines
    #[arg(long, short = 'n', value_name = "LINES")]
    pub(crate) tail: Option<usize>,
}

impl Logs {
    /// Prints it, as it was written, in every form of output.
    ///
    /// # Errors
    /// When it cannot be read or printed.
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit, CommandError> {
        let name = context.session_name(&self.session).await?;
        let goes_on = "The session goes on.";
        match until_interrupted(self.print(&name, context), goes_on).await {
            Ok(printed) => printed.map(|()| Exit::Done),
            // Whoever follows a log ends it so.
            Err(CommandError::Interrupted { .. }) if self.follow => Ok(Exit::Done),
            Err(failure) => Err(failure),
        }
    }

    async fn print(&self, name: &str, context: &mut Context) -> Result<(), CommandError> {
        let mut offset = 0;
        let mut held = self.tail.map(|_| Vec::new());
        let mut told_gap = false;
        let mut caught_up = false;
        loop {
            let part = match context.client.log(name, offset).await {
                Ok(part) => part,
                // Deleted while it was followed.
                Err(gone) if caught_up && gone.kind() == ErrorKind::NotFound => {
                    context.screen.note(&format!("session \"{}\" is gone", self.session));
                    return Ok(());
                }
                Err(failure) => {
                    let doing = format!("read the log of session \"{}\"", self.session);
                    return Err(CommandError::call(doing)(failure).or_hint(Exit::NotFound, which_there_are));
                }
            };
            if part.truncated && !told_gap && held.is_none() {
                context.screen.note("(the beginning of the log is no longer kept)");
                told_gap = true;
            }
            offset = part.next_offset;
            match (&mut held, self.tail) {
                (Some(bytes), Some(lines)) => {
                    bytes.extend_from_slice(&part.content);
                    let start = start_of_last(bytes, lines);
                    bytes.drain(..start);
                }
                _ if !part.content.is_empty() => context.screen.bytes(&part.content)?,
                _ => {}
            }
            if !part.content.is_empty() {
                continue;
            }
            // All that there was is read.
            if let Some(bytes) = held.take() {
                context.screen.bytes(&bytes)?;
            }
            if part.finished || !self.follow {
                return Ok(());
            }
            caught_up = true;
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Where the last `lines` lines begin. A line that is not ended counts.
fn start_of_last(text: &[u8], lines: usize) -> usize {
    let body = text.strip_suffix(b"\n").unwrap_or(text);
    if lines == 0 {
        return text.len();
    }
    let mut ends = body.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
    ends.nth(lines - 1).map_or(0, |(end, _)| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_found_with_or_without_an_end_of_line() {
        for (text, lines, rest) in [
            ("a\nb\nc\n", 2, "b\nc\n"),
            ("a\nb\nc", 2, "b\nc"),
            ("a\nb\n", 5, "a\nb\n"),
            ("a\n\nb\n", 2, "\nb\n"),
            ("a\nb\n", 0, ""),
            ("", 3, ""),
        ] {
            assert_eq!(&text[start_of_last(text.as_bytes(), lines)..], rest, "{text:?} {lines}");
        }
    }
}
