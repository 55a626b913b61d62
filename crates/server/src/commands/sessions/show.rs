//! `hearth sessions get` and `timeline`, and how a session looks to people.

use std::collections::BTreeMap;
use std::time::Duration;

use comfy_table::Cell;
use hearth_client::last_segment;
use hearth_wire::dataproc::session::{SessionConfig, State};
use hearth_wire::dataproc::{JupyterConfig, Session, jupyter_config};
use hearth_wire::hearth::Timeline;

use super::which_there_are;
use crate::commands::context::Context;
use crate::commands::exit::Exit;
use crate::commands::failure::CommandError;
use crate::commands::global::Format;
use crate::commands::output::{Screen, state_cell, table};
use crate::commands::times;

/// Shows the session that is called `text`.
///
/// # Errors
/// When it cannot be read.
pub(super) async fn get(text: &str, context: &mut Context) -> Result<Exit, CommandError> {
    let found = read(text, context).await?;
    session(&found, context)?;
    Ok(Exit::Done)
}

/// Reads the session that is called `text`.
///
/// # Errors
/// When it cannot be read.
pub(crate) async fn read(text: &str, context: &mut Context) -> Result<Session, CommandError> {
    let name = context.session_name(text).await?;
    context.client.session(&name).await.map_err(|failure| {
        CommandError::call(format!("get session \"{text}\""))(failure)
            .or_hint(Exit::NotFound, which_there_are)
    })
}

/// Shows how the session that is called `text` came up.
///
/// # Errors
/// When that cannot be read.
pub(super) async fn timeline(text: &str, context: &mut Context) -> Result<Exit, CommandError> {
    let name = context.session_name(text).await?;
    let timeline = context.client.timeline(&name).await.map_err(|failure| {
        CommandError::call(format!("get the timeline of session \"{text}\""))(failure)
            .or_hint(Exit::NotFound, which_there_are)
    })?;
    let screen = &mut context.screen;
    if screen.format == Format::Table {
        steps(&timeline, screen)?;
        if !timeline.note.is_empty() {
            screen.note(&format!("\n{}", timeline.note));
        }
    } else {
        screen.message(&timeline)?;
    }
    Ok(Exit::Done)
}

/// Shows a session in the form that is wanted.
///
/// # Errors
/// When it cannot be written.
pub(super) fn session(session: &Session, context: &mut Context) -> Result<(), CommandError> {
    let screen = &mut context.screen;
    match screen.format {
        Format::Json | Format::Yaml => screen.message(session),
        Format::Table if screen.quiet => screen.line(last_segment(&session.name)),
        Format::Table => summary(session, screen),
    }
}

/// Writes what people want to know of a session, a line each.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn summary(session: &Session, screen: &mut Screen) -> Result<(), CommandError> {
    let mut rows = table(&[]);
    let mut add = |key: &str, value: Cell| {
        rows.add_row(vec![Cell::new(key), value]);
    };
    let mut text = |key: &str, value: String| {
        if !value.is_empty() {
            add(key, Cell::new(value));
        }
    };
    let at = |time: Option<&prost_types::Timestamp>| {
        let time = times::timestamp(time);
        time.map_or_else(String::new, |time| times::local_and_ago(time, screen.now, &screen.zone))
    };
    text("Name", session.name.clone());
    text("UUID", session.uuid.clone());
    text("State", String::new());
    let state = session.state();
    add("State", state_cell(state));
    let mut text = |key: &str, value: String| {
        if !value.is_empty() {
            add(key, Cell::new(value));
        }
    };
    text(if state == State::Failed { "Cause" } else { "Message" }, session.state_message.clone());
    text("Kind", kind(session));
    if let Some(runtime) = &session.runtime_config {
        text("Runtime", runtime.version.clone());
        text("Image", runtime.container_image.clone());
    }
    text("Template", session.session_template.clone());
    text("Created", at(session.create_time.as_ref()));
    text("Since", at(session.state_time.as_ref()));
    let execution = session.environment_config.as_ref().and_then(|config| config.execution_config.as_ref());
    if let Some(execution) = execution {
        let lifetime =
            |limit: &Option<prost_types::Duration>| limit.as_ref().map(times::duration).map(times::exact);
        text("Ends after", lifetime(&execution.ttl).unwrap_or_default());
        let idle = lifetime(&execution.idle_ttl).map(|limit| format!("{limit} without activity"));
        text("Or after", idle.unwrap_or_default());
    }
    text("Creator", session.creator.clone());
    if session.user != session.creator {
        text("User", session.user.clone());
    }
    text("Labels", pairs(&session.labels));
    if let Some(runtime) = &session.runtime_config {
        text("Properties", pairs(&runtime.properties));
    }
    if let Some(info) = &session.runtime_info {
        for (name, address) in &info.endpoints {
            text(name, address.clone());
        }
        text("Output", info.output_uri.clone());
        text("Diagnostics", info.diagnostic_output_uri.clone());
    }
    screen.table(rows)
}

/// What kind of session it is, in a word or two.
pub(super) fn kind(session: &Session) -> String {
    match &session.session_config {
        Some(SessionConfig::SparkConnectSession(_)) => "spark-connect".to_owned(),
        Some(SessionConfig::JupyterSession(jupyter)) => format!("jupyter-{}", kernel(jupyter)),
        None => String::new(),
    }
}

fn kernel(jupyter: &JupyterConfig) -> &'static str {
    match jupyter.kernel() {
        jupyter_config::Kernel::Unspecified | jupyter_config::Kernel::Python => "python",
        jupyter_config::Kernel::Scala => "scala",
    }
}

fn pairs(map: &BTreeMap<String, String>) -> String {
    map.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("\n")
}

/// The steps of a start: when each was reached, how long after the first and how long after the one before.
fn steps(timeline: &Timeline, screen: &mut Screen) -> Result<(), CommandError> {
    let mut rows = table(&["STEP", "AT", "AFTER", "TOOK", "DETAIL"]);
    let mut before = Duration::ZERO;
    for entry in &timeline.entries {
        let time = times::timestamp(entry.time.as_ref());
        let after = entry.elapsed.as_ref().map(times::duration);
        let took = after.map(|after| after.saturating_sub(before));
        before = after.unwrap_or(before);
        let at = time.map(|time| time.to_zoned(screen.zone.clone()).strftime("%H:%M:%S%.3f").to_string());
        rows.add_row(vec![
            entry.step.clone(),
            at.unwrap_or_default(),
            after.map(times::exact).unwrap_or_default(),
            took.map(times::exact).unwrap_or_default(),
            entry.detail.clone(),
        ]);
    }
    screen.table(rows)
}
