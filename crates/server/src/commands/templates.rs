//! `hearth templates`: session templates from the command line.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use comfy_table::Cell;
use hearth_client::last_segment;
use hearth_wire::dataproc::session_template::SessionConfig;
use hearth_wire::dataproc::{
    CreateSessionTemplateRequest, ListSessionTemplatesRequest, ListSessionTemplatesResponse, SessionTemplate,
    jupyter_config,
};

use super::context::Context;
use super::exit::{EXIT_CODES, Exit};
use super::failure::CommandError;
use super::global::{Format, Global};
use super::output::{Screen, table};
use super::{resource, times};

/// How many templates are asked for at a time, which is the most a page can have (contract, section 10).
const PAGE: i32 = 1000;

/// Create, list and remove session templates
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct TemplatesCommand {
    /// The flags of all client commands.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) action: TemplatesAction,
}

/// What to do with templates.
#[derive(Debug, Subcommand)]
pub(crate) enum TemplatesAction {
    /// Create a template from a file
    Create(Create),
    /// List templates, newest first
    #[command(visible_alias = "ls")]
    List(List),
    /// Show a template
    #[command(visible_alias = "describe")]
    Get(Named),
    /// Remove a template; sessions made from it stay as they are
    #[command(visible_alias = "rm")]
    Delete(Named),
}

/// What to create.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Its id, instead of the name in the file
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,
    /// The session template in this JSON or YAML file, or standard input for -
    #[arg(long, short, value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// Which templates to list.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only those that pass this filter of the API, such as 'labels.team = data AND jupyter_session.kernel = PYTHON'
    #[arg(long, value_name = "EXPR")]
    pub(crate) filter: Option<String>,
}

/// A template by its name.
#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The template: its id, or its full name
    #[arg(value_name = "TEMPLATE")]
    pub(crate) template: String,
}

impl TemplatesCommand {
    /// Does it.
    ///
    /// # Errors
    /// As [`CommandError`] has it.
    pub(crate) async fn run(self) -> Result<Exit, CommandError> {
        let mut context = Context::open(&self.global)?;
        self.action.run(&mut context).await
    }
}

impl TemplatesAction {
    /// Does it with what is at hand.
    ///
    /// # Errors
    /// As [`CommandError`] has it.
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit, CommandError> {
        match self {
            Self::Create(create) => create.run(context).await,
            Self::List(list) => list.run(context).await,
            Self::Get(named) => named.get(context).await,
            Self::Delete(named) => named.delete(context).await,
        }
    }
}

impl Create {
    async fn run(self, context: &mut Context) -> Result<Exit, CommandError> {
        let mut template: SessionTemplate = resource::read(&self.file, "a session template")?;
        if let Some(id) = self.id {
            template.name = id;
        }
        if template.name.is_empty() {
            return Err(CommandError::usage("the session template has no name; give an id before --file"));
        }
        template.name = full_name(&template.name, context).await?;
        // A full name says where it belongs.
        let parent = template.name.rsplitn(3, '/').nth(2).unwrap_or_default().to_owned();
        let id = last_segment(&template.name).to_owned();
        let request = CreateSessionTemplateRequest { parent, session_template: Some(template) };
        let made = context.client.create_template(request).await;
        let made = made.map_err(CommandError::call(format!("create session template \"{id}\"")))?;
        show(&made, &mut context.screen)?;
        Ok(Exit::Done)
    }
}

impl List {
    async fn run(self, context: &mut Context) -> Result<Exit, CommandError> {
        let place = context.place().await?;
        let (mut session_templates, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListSessionTemplatesRequest {
                parent: place.to_string(),
                page_size: PAGE,
                page_token,
                filter: self.filter.clone().unwrap_or_default(),
            };
            let page = context.client.list_templates(request).await;
            let page = page.map_err(CommandError::call("list session templates"))?;
            session_templates.extend(page.session_templates);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        let screen = &mut context.screen;
        match screen.format {
            Format::Json | Format::Yaml => {
                screen.message(&ListSessionTemplatesResponse {
                    session_templates,
                    next_page_token: page_token,
                })?;
            }
            Format::Table if screen.quiet => {
                session_templates.iter().try_for_each(|found| screen.line(last_segment(&found.name)))?;
            }
            Format::Table if session_templates.is_empty() => {
                screen.note("There are no such session templates.")
            }
            Format::Table => {
                let mut rows = table(&["ID", "KIND", "RUNTIME", "UPDATED", "TITLE"]);
                for found in &session_templates {
                    let updated = times::timestamp(found.update_time.as_ref());
                    rows.add_row(vec![
                        Cell::new(last_segment(&found.name)),
                        Cell::new(kind(found)),
                        Cell::new(found.runtime_config.as_ref().map_or("", |runtime| &runtime.version)),
                        Cell::new(updated.map_or_else(String::new, |at| times::ago(at, screen.now))),
                        Cell::new(&found.display_name),
                    ]);
                }
                screen.table(rows)?;
            }
        }
        Ok(Exit::Done)
    }
}

impl Named {
    async fn get(self, context: &mut Context) -> Result<Exit, CommandError> {
        let name = full_name(&self.template, context).await?;
        let found = context.client.template(&name).await.map_err(|failure| {
            CommandError::call(format!("get session template \"{}\"", self.template))(failure)
                .or_hint(Exit::NotFound, which_there_are)
        })?;
        show(&found, &mut context.screen)?;
        Ok(Exit::Done)
    }

    async fn delete(self, context: &mut Context) -> Result<Exit, CommandError> {
        let name = full_name(&self.template, context).await?;
        context.client.delete_template(&name).await.map_err(|failure| {
            CommandError::call(format!("delete session template \"{}\"", self.template))(failure)
                .or_hint(Exit::NotFound, which_there_are)
        })?;
        context.screen.note(&format!("session template \"{}\" is deleted", last_segment(&name)));
        Ok(Exit::Done)
    }
}

/// Shows a template: for people as YAML, which `create` reads back.
fn show(template: &SessionTemplate, screen: &mut Screen) -> Result<(), CommandError> {
    if screen.format == Format::Table {
        if screen.quiet {
            return screen.line(last_segment(&template.name));
        }
        screen.format = Format::Yaml;
    }
    screen.message(template)
}

/// The kind of the sessions that it makes.
fn kind(template: &SessionTemplate) -> &'static str {
    match &template.session_config {
        Some(SessionConfig::SparkConnectSession(_)) => "spark-connect",
        Some(SessionConfig::JupyterSession(jupyter)) => match jupyter.kernel() {
            jupyter_config::Kernel::Scala => "jupyter-scala",
            jupyter_config::Kernel::Python | jupyter_config::Kernel::Unspecified => "jupyter-python",
        },
        None => "",
    }
}

/// The full name of a template. The service is asked only where it must be.
async fn full_name(text: &str, context: &mut Context) -> Result<String, CommandError> {
    match text.split('/').collect::<Vec<_>>()[..] {
        [id] if !id.is_empty() => Ok(format!("{}/sessionTemplates/{id}", context.place().await?)),
        ["projects", project, "locations", location, "sessionTemplates", id]
            if ![project, location, id].contains(&"") =>
        {
            Ok(text.to_owned())
        }
        _ => Err(CommandError::usage(format!(
            "\"{text}\" is not the name of a session template; give an id or \
             \"projects/P/locations/L/sessionTemplates/ID\""
        ))),
    }
}

/// What to try when a template was not found.
fn which_there_are() -> String {
    "Run `hearth templates list` to see which there are.".to_owned()
}
