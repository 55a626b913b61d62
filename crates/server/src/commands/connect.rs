//! `hearth sessions connect`: how to reach a session from PySpark.
//!
//! What is told follows stock PySpark (read in and tried with 4.x): every parameter of the address that it does not
//! know becomes a header, which is how the session is named; the token is taken from the environment, so that it
//! shows in no address; and without TLS it sends a token only to the host that is literally called `localhost`.

use clap::Args;
use hearth_client::{Place, last_segment};
use hearth_wire::dataproc::Session;
use hearth_wire::dataproc::session::{SessionConfig, State};
use serde_json::json;

use super::context::Context;
use super::exit::Exit;
use super::failure::CommandError;
use super::global::Format;
use super::local::{TOKEN_VARIABLE, TokenSource, authority_of, host_of, is_loopback};
use super::sessions::read;

/// The parameter, and so the header, that names the session.
const SESSION_PARAMETER: &str = "x-dataproc-session";
/// Where PySpark takes the token from.
const SPARK_TOKEN_VARIABLE: &str = "SPARK_CONNECT_AUTHENTICATE_TOKEN";

/// Which session to connect to, and what to print.
#[derive(Debug, Args)]
pub(crate) struct Connect {
    /// The session: its id, or its full name
    #[arg(value_name = "SESSION")]
    pub(crate) session: String,
    /// Print a Python program
    #[arg(long, group = "what")]
    pub(crate) python: bool,
    /// Print shell commands that set what PySpark looks for; use them with eval
    #[arg(long, group = "what")]
    pub(crate) shell: bool,
    /// Print the address alone, without the token
    #[arg(long, group = "what")]
    pub(crate) url: bool,
}

impl Connect {
    /// Prints it.
    ///
    /// # Errors
    /// When the session is not there or cannot be connected to.
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit, CommandError> {
        let session = read(&self.session, context).await?;
        connectable(&session, &mut |note| context.screen.note(note))?;
        let way = Way::to(&session, context).await?;
        let screen = &mut context.screen;
        if screen.format != Format::Table {
            let variable = way.token.is_some().then_some(SPARK_TOKEN_VARIABLE);
            let value = json!({ "session": session.name, "url": way.url, "tokenVariable": variable });
            screen.value(&value)?;
            return Ok(Exit::Done);
        }
        if let Some(warning) = &way.warning {
            screen.note(&format!("warning: {warning}"));
        }
        let people = screen.data_on_terminal && !screen.quiet;
        let text = match (self.python, self.shell, self.url) {
            (true, ..) => way.python(),
            (_, true, _) => way.shell(),
            (_, _, true) => way.url.clone(),
            _ if people => way.explanation(),
            _ => way.url.clone(),
        };
        screen.line(text.trim_end())?;
        Ok(Exit::Done)
    }
}

/// How to connect to a session, for people. Nothing for sessions that are not reached so.
///
/// # Errors
/// When the service has to be asked and does not answer.
pub(super) async fn explain(session: &Session, context: &mut Context) -> Result<String, CommandError> {
    let id = last_segment(&session.name);
    if matches!(session.session_config, Some(SessionConfig::JupyterSession(_))) {
        return Ok(format!("It is a notebook session; `hearth sessions get {id}` shows its addresses."));
    }
    let way = Way::to(session, context).await?;
    let warning = way.warning.as_ref().map(|warning| format!("\nwarning: {warning}\n")).unwrap_or_default();
    Ok(format!("{}{warning}", way.explanation()))
}

/// Refuses sessions that nobody can connect to, and tells of those that are not ready yet.
fn connectable(session: &Session, note: &mut dyn FnMut(&str)) -> Result<(), CommandError> {
    let id = last_segment(&session.name);
    let refuse = |hint: String| {
        let why = session.state_message.clone();
        Err(CommandError::State { id: id.to_owned(), state: session.state().as_str_name(), why, hint })
    };
    if matches!(session.session_config, Some(SessionConfig::JupyterSession(_))) {
        return Err(CommandError::Usage {
            message: format!("session \"{id}\" is a notebook session, which PySpark cannot connect to"),
            hint: Some(format!("Run `hearth sessions get {id}` to see its addresses.")),
        });
    }
    match session.state() {
        State::Active | State::Unspecified => Ok(()),
        State::Creating => {
            note(&format!("session \"{id}\" is still CREATING: it can be connected to once it is ACTIVE"));
            Ok(())
        }
        State::Failed => refuse(format!("Run `hearth sessions logs {id}` to see what its engine wrote.")),
        State::Terminating | State::Terminated => {
            refuse("Create another one with `hearth sessions create`.".to_owned())
        }
    }
}

/// How to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Way {
    url: String,
    token: Option<TokenSource>,
    warning: Option<String>,
}

impl Way {
    async fn to(session: &Session, context: &mut Context) -> Result<Self, CommandError> {
        let own = context.own_place().await?;
        let named = match Place::of_session(&session.name) {
            Some((place, id)) if place == own => id.to_owned(),
            // Slashes would end up in the path of the address; PySpark decodes the value.
            _ => session.name.replace('/', "%2F"),
        };
        let token = context.found.token.as_ref().map(|token| token.source.clone());
        Ok(Self::at(&context.found.endpoint, &named, token))
    }

    fn at(endpoint: &str, session: &str, token: Option<TokenSource>) -> Self {
        let authority = authority_of(endpoint);
        let host = host_of(endpoint);
        let local = is_loopback(endpoint);
        let port = authority.strip_prefix(host).filter(|port| !port.is_empty()).unwrap_or(":80");
        let host = if local { "localhost" } else { host };
        let warning = (token.is_some() && !local).then(|| {
            format!(
                "PySpark asks for TLS when it has a token and the host is not called localhost. Forward the port \
                 (`ssh -L 8470:{authority} HOST`) and connect to localhost:8470."
            )
        });
        Self { url: format!("sc://{host}{port}/;{SESSION_PARAMETER}={session}"), token, warning }
    }

    fn python(&self) -> String {
        let token = match &self.token {
            None => String::new(),
            Some(TokenSource::File(file)) => format!(
                "os.environ[\"{SPARK_TOKEN_VARIABLE}\"] = open({}).read().strip()\n",
                python_text(&file.display().to_string())
            ),
            Some(TokenSource::Environment) => {
                format!("os.environ[\"{SPARK_TOKEN_VARIABLE}\"] = os.environ[\"{TOKEN_VARIABLE}\"]\n")
            }
        };
        let import = if token.is_empty() { "" } else { "import os\n\n" };
        format!(
            "{import}from pyspark.sql import SparkSession\n\n{token}spark = \
             SparkSession.builder.remote({}).getOrCreate()\nspark.sql(\"SELECT 1 AS one\").show()\n",
            python_text(&self.url)
        )
    }

    fn shell(&self) -> String {
        let token = match &self.token {
            None => String::new(),
            Some(TokenSource::File(file)) => {
                format!(
                    "export {SPARK_TOKEN_VARIABLE}=\"$(cat {})\"\n",
                    shell_text(&file.display().to_string())
                )
            }
            Some(TokenSource::Environment) => {
                format!("export {SPARK_TOKEN_VARIABLE}=\"${TOKEN_VARIABLE}\"\n")
            }
        };
        format!("export SPARK_REMOTE={}\n{token}", shell_text(&self.url))
    }

    fn explanation(&self) -> String {
        let indent = |text: &str| {
            text.lines()
                .map(|line| if line.is_empty() { String::new() } else { format!("    {line}") })
                .collect::<Vec<_>>()
                .join("\n")
        };
        format!(
            "Connect from Python (pip install pyspark-client):\n\n{}\n\nOr say it to every PySpark of a \
             shell:\n\n{}\n",
            indent(&self.python()),
            indent(&self.shell())
        )
    }
}

fn python_text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn shell_text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests;
