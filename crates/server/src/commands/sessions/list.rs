//! `hearth sessions list`.

use clap::{Args, ValueEnum};
use comfy_table::Cell;
use hearth_client::{ClientError, ErrorKind, last_segment};
use hearth_wire::dataproc::session::State;
use hearth_wire::dataproc::{ListSessionsRequest, ListSessionsResponse, Session};

use super::show;
use crate::commands::context::Context;
use crate::commands::exit::Exit;
use crate::commands::failure::CommandError;
use crate::commands::global::Format;
use crate::commands::output::{Screen, state_cell, table};
use crate::commands::times;

/// How many sessions are shown unless said otherwise.
const LIMIT: usize = 100;

/// How many sessions are asked for at a time, which is the most a page can have (contract, section 10).
const PAGE: i32 = 1000;

/// Which sessions to list.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// At most so many [default: 100]
    #[arg(long, value_name = "N", conflicts_with = "all_pages")]
    pub(crate) limit: Option<usize>,
    /// All of them
    #[arg(long)]
    pub(crate) all_pages: bool,
    /// Only those in this state
    #[arg(long, value_enum, ignore_case = true, value_name = "STATE")]
    pub(crate) state: Option<StateName>,
    /// Only those with this label, and with this value if one is given; may be given several times
    #[arg(long = "label", value_name = "KEY[=VALUE]", value_parser = wanted)]
    pub(crate) labels: Vec<Wanted>,
    /// Only those that pass this filter of the API, such as 'create_time > "2026-01-01T00:00:00Z" OR state = FAILED'
    #[arg(long, value_name = "EXPR")]
    pub(crate) filter: Option<String>,
}

/// States of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StateName {
    Creating,
    Active,
    Terminating,
    Terminated,
    Failed,
}

/// A label that is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    key: String,
    value: Option<String>,
}

impl List {
    /// Lists them.
    ///
    /// # Errors
    /// When the service does not answer or refuses.
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit, CommandError> {
        let place = context.place().await?;
        let limit = if self.all_pages { usize::MAX } else { self.limit.unwrap_or(LIMIT) };
        // One more than is shown: then it is known whether there are more.
        let enough = limit.saturating_add(1);
        let mut filter = self.filter();
        let mut sessions: Vec<Session> = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = ListSessionsRequest {
                parent: place.to_string(),
                page_size: page_size(filter.is_empty() && !self.picks(), enough - sessions.len()),
                page_token: page_token.clone(),
                filter: filter.clone(),
            };
            let page = match context.client.list_sessions(request).await {
                Ok(page) => page,
                // Then we look for ourselves.
                Err(failure)
                    if filters_are_not_served(&failure) && !filter.is_empty() && self.filter.is_none() =>
                {
                    filter.clear();
                    continue;
                }
                Err(failure) => return Err(CommandError::call("list sessions")(failure)),
            };
            sessions.extend(page.sessions.into_iter().filter(|session| self.fits(session)));
            page_token = page.next_page_token;
            if page_token.is_empty() || sessions.len() >= enough {
                break;
            }
        }
        let more = sessions.len() > limit;
        sessions.truncate(limit);
        self.show(sessions, &mut context.screen)?;
        if more {
            context.screen.note("\nThere are more; list them with --all-pages.");
        }
        Ok(Exit::Done)
    }

    fn show(&self, sessions: Vec<Session>, screen: &mut Screen) -> Result<(), CommandError> {
        match screen.format {
            Format::Json | Format::Yaml => {
                screen.message(&ListSessionsResponse { sessions, next_page_token: String::new() })
            }
            Format::Table if screen.quiet => {
                sessions.iter().try_for_each(|session| screen.line(last_segment(&session.name)))
            }
            Format::Table if sessions.is_empty() => {
                screen.note(if self.picks() {
                    "There are no such sessions."
                } else {
                    "There are no sessions. Create one with `hearth sessions create`."
                });
                Ok(())
            }
            Format::Table => {
                let mut rows = table(&["ID", "STATE", "KIND", "RUNTIME", "CREATED", "USER"]);
                for session in &sessions {
                    rows.add_row(row(session, screen));
                }
                screen.table(rows)
            }
        }
    }

    fn picks(&self) -> bool {
        self.state.is_some() || !self.labels.is_empty() || self.filter.is_some()
    }

    /// The same in the language of the API (contract, section 10).
    fn filter(&self) -> String {
        let state = self.state.map(|state| format!("state = {}", State::from(state).as_str_name()));
        let labels = self.labels.iter().map(|label| match &label.value {
            Some(value) => format!("labels.{} = \"{}\"", label.key, value.replace(['"', '\\'], "")),
            None => format!("labels.{}:*", label.key),
        });
        let own: Vec<String> = state.into_iter().chain(labels).collect();
        match &self.filter {
            // As it is: the service tells where in it a problem is.
            Some(filter) if own.is_empty() => filter.clone(),
            Some(filter) => format!("({filter}) AND {}", own.join(" AND ")),
            None => own.join(" AND "),
        }
    }

    fn fits(&self, session: &Session) -> bool {
        self.state.is_none_or(|state| session.state() == state.into())
            && self.labels.iter().all(|label| {
                session
                    .labels
                    .get(&label.key)
                    .is_some_and(|value| label.value.as_ref().is_none_or(|it| it == value))
            })
    }
}

impl From<StateName> for State {
    fn from(state: StateName) -> Self {
        match state {
            StateName::Creating => Self::Creating,
            StateName::Active => Self::Active,
            StateName::Terminating => Self::Terminating,
            StateName::Terminated => Self::Terminated,
            StateName::Failed => Self::Failed,
        }
    }
}

fn row(session: &Session, screen: &Screen) -> Vec<Cell> {
    let created = times::timestamp(session.create_time.as_ref());
    let user = if session.user.is_empty() { &session.creator } else { &session.user };
    vec![
        Cell::new(last_segment(&session.name)),
        state_cell(session.state()),
        Cell::new(show::kind(session)),
        Cell::new(session.runtime_config.as_ref().map_or("", |runtime| runtime.version.as_str())),
        Cell::new(created.map_or_else(String::new, |created| times::ago(created, screen.now))),
        Cell::new(user),
    ]
}

/// Full pages while we look for ourselves; otherwise no more than is still wanted.
fn page_size(everything_counts: bool, wanted: usize) -> i32 {
    if everything_counts { i32::try_from(wanted).unwrap_or(PAGE).min(PAGE) } else { PAGE }
}

fn filters_are_not_served(failure: &ClientError) -> bool {
    failure.kind() == ErrorKind::Unimplemented
}

fn wanted(text: &str) -> Result<Wanted, String> {
    let (key, value) = match text.split_once('=') {
        Some((key, value)) => (key, Some(value.to_owned())),
        None => (text, None),
    };
    if key.is_empty() {
        return Err("write KEY or KEY=VALUE".to_owned());
    }
    Ok(Wanted { key: key.to_owned(), value })
}
