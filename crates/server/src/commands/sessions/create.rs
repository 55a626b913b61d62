//! `hearth sessions create`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use hearth_client::{Client, ClientError, last_segment, outcome, session_of};
use hearth_wire::dataproc::session::SessionConfig;
use hearth_wire::dataproc::{
    CreateSessionRequest, JupyterConfig, Session, SparkConnectConfig, jupyter_config,
};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::show;
use crate::commands::connect;
use crate::commands::context::Context;
use crate::commands::exit::Exit;
use crate::commands::failure::CommandError;
use crate::commands::global::Format;
use crate::commands::operations;
use crate::commands::resource;
use crate::commands::times;

/// What to create.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Its id: 4 to 63 lower-case letters, digits and hyphens [default: made from the time]
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,
    /// Version of the runtime [default: the service's own]
    #[arg(long, value_name = "VERSION")]
    pub(crate) runtime: Option<String>,
    /// Make it a notebook session with this kernel, instead of one for Spark Connect
    #[arg(long, value_enum, value_name = "KERNEL")]
    pub(crate) kernel: Option<Kernel>,
    /// A label; may be given several times
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) labels: Vec<(String, String)>,
    /// A Spark property; may be given several times
    #[arg(long = "property", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) properties: Vec<(String, String)>,
    /// End it after this long whatever it does, such as 2h
    #[arg(long, value_name = "DURATION", value_parser = times::parse)]
    pub(crate) ttl: Option<Duration>,
    /// End it after this long without activity, such as 30m
    #[arg(long, value_name = "DURATION", value_parser = times::parse)]
    pub(crate) idle_ttl: Option<Duration>,
    /// Take settings from this session template
    #[arg(long, value_name = "TEMPLATE")]
    pub(crate) template: Option<String>,
    /// Who it belongs to [default: whoever creates it]
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// Start from the session in this JSON or YAML file, or standard input for -; flags come before it
    #[arg(long, short, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Do not wait; print the operation
    #[arg(long = "async")]
    pub(crate) no_wait: bool,
    /// Makes a repeated command harmless: 1 to 40 letters, digits, underscores and hyphens
    #[arg(long, value_name = "ID")]
    pub(crate) request_id: Option<String>,
}

/// Kernels of notebook sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kernel {
    /// Python
    Python,
    /// Scala
    Scala,
}

impl Create {
    /// Creates it and, unless told otherwise, waits for it.
    ///
    /// # Errors
    /// When it is refused or does not start.
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit, CommandError> {
        let written =
            self.file.as_deref().map(|path| resource::read::<Session>(path, "a session")).transpose()?;
        let written_name =
            written.as_ref().map(|session| session.name.clone()).filter(|name| !name.is_empty());
        let name = match (&self.id, written_name) {
            (Some(id), Some(written)) if *id != written && id != last_segment(&written) => {
                let message = format!("the file is about session \"{written}\", not \"{id}\"");
                return Err(CommandError::usage(message));
            }
            (_, Some(written)) => context.session_name(&written).await?,
            (Some(id), None) => context.session_name(id).await?,
            (None, None) => context.session_name(&generated_id(Timestamp::now())).await?,
        };
        let Some((place, id)) = hearth_client::Place::of_session(&name) else {
            return Err(CommandError::usage(format!("\"{name}\" is not the name of a session")));
        };
        let request = CreateSessionRequest {
            parent: place.to_string(),
            session_id: id.to_owned(),
            session: Some(self.session(written.unwrap_or_default(), &name)),
            request_id: self.request_id.clone().unwrap_or_default(),
        };
        let refused = |source: ClientError| {
            CommandError::call(format!("create session \"{id}\""))(source).or_hint(Exit::Conflict, || {
                format!("Choose another id, or remove the old session: `hearth sessions delete {id}`.")
            })
        };
        let operation = context.client.create_session(request).await.map_err(refused)?;
        if self.no_wait {
            context.screen.note(&format!(
                "Session \"{id}\" is being created. Wait for it with `hearth operations wait {}`.",
                last_segment(&operation.name)
            ));
            return operations::show(&operation, context);
        }
        let goes_on =
            format!("The session goes on starting. Run `hearth sessions get {id}` to see how far it is.");
        let done = context.wait(operation, format!("starting session \"{id}\""), &goes_on).await?;
        match outcome(&done) {
            Ok(_) => {
                started(&session_of(&done).map_err(CommandError::call("read the session"))?, context).await
            }
            Err(failure) => Err(not_started(id, &name, failure, &context.client).await),
        }
    }

    /// The session that is asked for: what was written, with the flags over it.
    fn session(&self, mut session: Session, name: &str) -> Session {
        name.clone_into(&mut session.name);
        match self.kernel {
            Some(kernel) => {
                let display_name = match &session.session_config {
                    Some(SessionConfig::JupyterSession(written)) => written.display_name.clone(),
                    _ => String::new(),
                };
                let kernel = match kernel {
                    Kernel::Python => jupyter_config::Kernel::Python,
                    Kernel::Scala => jupyter_config::Kernel::Scala,
                };
                let jupyter = JupyterConfig { kernel: kernel.into(), display_name };
                session.session_config = Some(SessionConfig::JupyterSession(jupyter));
            }
            // A template says which kind it is.
            None if self.template.is_some() || !session.session_template.is_empty() => {}
            None => {
                let connect = || SessionConfig::SparkConnectSession(SparkConnectConfig {});
                session.session_config.get_or_insert_with(connect);
            }
        }
        session.labels.extend(self.labels.iter().cloned());
        if self.runtime.is_some() || !self.properties.is_empty() {
            let runtime = session.runtime_config.get_or_insert_default();
            if let Some(version) = &self.runtime {
                version.clone_into(&mut runtime.version);
            }
            runtime.properties.extend(self.properties.iter().cloned());
        }
        if self.ttl.is_some() || self.idle_ttl.is_some() {
            let execution =
                session.environment_config.get_or_insert_default().execution_config.get_or_insert_default();
            execution.ttl = self.ttl.map(times::message).or(execution.ttl);
            execution.idle_ttl = self.idle_ttl.map(times::message).or(execution.idle_ttl);
        }
        if let Some(template) = &self.template {
            template.clone_into(&mut session.session_template);
        }
        if let Some(user) = &self.user {
            user.clone_into(&mut session.user);
        }
        session
    }
}

async fn started(session: &Session, context: &mut Context) -> Result<Exit, CommandError> {
    let id = last_segment(&session.name);
    let took =
        match (times::timestamp(session.create_time.as_ref()), times::timestamp(session.state_time.as_ref()))
        {
            (Some(created), Some(active)) => {
                format!(" after {}", times::exact(active.duration_since(created).unsigned_abs()))
            }
            _ => String::new(),
        };
    context.screen.note(&format!("session \"{id}\" is {}{took}", session.state().as_str_name()));
    show::session(session, context)?;
    if context.screen.format == Format::Table && !context.screen.quiet {
        let text = connect::explain(session, context).await?;
        context.screen.note(&format!("\n{text}"));
    }
    Ok(Exit::Done)
}

/// Why a session did not start: what its record says, which may be more than the operation does.
async fn not_started(id: &str, name: &str, failure: ClientError, client: &Client) -> CommandError {
    let failure = match (failure, client.session(name).await) {
        (ClientError::OperationFailed { operation, mut refusal }, Ok(session)) => {
            if !session.state_message.is_empty() {
                refusal.message = session.state_message;
            }
            ClientError::OperationFailed { operation, refusal }
        }
        (failure, _) => failure,
    };
    CommandError::Call {
        doing: format!("start session \"{id}\""),
        source: Box::new(failure),
        hint: Some(format!(
            "Run `hearth sessions logs {id}` to see what its engine wrote, and `hearth sessions delete {id}` to \
             remove it."
        )),
    }
}

/// An id like `s-20261122-181502-x7k2`: it sorts by time, and two in the same second differ.
fn generated_id(now: Timestamp) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let random = uuid::Uuid::new_v4().into_bytes();
    let suffix: String = random[..4].iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
    let stamp = now.to_zoned(TimeZone::UTC).strftime("%Y%m%d-%H%M%S").to_string();
    format!("s-{stamp}-{suffix}")
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_ids_are_valid_and_sort_by_time() {
        let now = "2026-11-22T18:15:02Z".parse().unwrap();
        let id = generated_id(now);
        assert!(id.starts_with("s-20261122-181502-") && id.len() == 22, "{id}");
        assert!(id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'));
        assert_ne!(id, generated_id(now));
    }
}
