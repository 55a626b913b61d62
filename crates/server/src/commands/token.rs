//! `hearth token`: the secret that opens the service on this machine, for other programs.

use clap::Args;
use serde_json::json;

use super::exit::{EXIT_CODES, Exit};
use super::failure::CommandError;
use super::global::{Format, Global};
use super::local::Surroundings;
use super::output::Screen;

/// Print the token of the service on this machine, for other programs
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct TokenCommand {
    /// The token that is good for looking only: nothing is made, ended or run with it
    #[arg(long)]
    pub(crate) read_only: bool,
    /// The flags of all client commands.
    #[command(flatten)]
    pub(crate) global: Global,
}

impl TokenCommand {
    /// Does it. The service need not run.
    ///
    /// # Errors
    /// When there is no token.
    #[expect(clippy::unused_async, reason = "all commands are run the same way")]
    pub(crate) async fn run(self) -> Result<Exit, CommandError> {
        let screen = &mut Screen::of_process(&self.global);
        print(&self.global, self.read_only, &Surroundings::read(), screen)
    }
}

fn print(
    global: &Global,
    read_only: bool,
    around: &Surroundings,
    screen: &mut Screen,
) -> Result<Exit, CommandError> {
    let token = if read_only { around.reader_token(global)? } else { around.token(global)? }.secret;
    match screen.format {
        Format::Table => screen.line(&token)?,
        Format::Json | Format::Yaml => screen.value(&json!({ "token": token }))?,
    }
    screen.note(if read_only {
        "Whoever has it can see every session of this service, its output too, and change nothing. Send it as \
         `Authorization: Bearer TOKEN`."
    } else {
        "Whoever has it can use every session of this service. Send it as `Authorization: Bearer TOKEN`; PySpark \
         takes it from SPARK_CONNECT_AUTHENTICATE_TOKEN."
    });
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::output::captured;

    #[test]
    fn the_token_goes_to_standard_output_and_the_advice_does_not() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("token"), "local-secret\n").unwrap();
        let global = Global { state_dir: Some(home.path().to_owned()), ..Global::default() };
        let around = Surroundings::default();
        let (mut screen, data, notes) = captured::screen(Format::Table);
        print(&global, false, &around, &mut screen).unwrap();
        assert_eq!(data.read(), "local-secret\n");
        assert!(notes.read().contains("Authorization: Bearer"));
        assert!(!notes.read().contains("local-secret"));
        let (mut screen, data, _) = captured::screen(Format::Json);
        print(&global, false, &around, &mut screen).unwrap();
        assert_eq!(data.read(), "{\n  \"token\": \"local-secret\"\n}\n");
    }

    #[test]
    fn the_token_of_readers_is_another_one_and_never_the_first_in_its_place() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("token"), "local-secret\n").unwrap();
        let global = Global { state_dir: Some(home.path().to_owned()), ..Global::default() };
        let around = Surroundings { token: Some("of-the-environment".into()), ..Surroundings::default() };
        let (mut screen, data, _) = captured::screen(Format::Table);
        print(&global, true, &around, &mut screen).unwrap_err();
        assert_eq!(data.read(), "");
        std::fs::write(home.path().join("reader-token"), "lesser-secret\n").unwrap();
        print(&global, true, &around, &mut screen).unwrap();
        assert_eq!(data.read(), "lesser-secret\n");
    }
}
