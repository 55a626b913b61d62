//! What callers do with session templates: create, get, list, update, delete. All of it is done at once.

use hearth_core::filter::{Filter, Schema};
use hearth_core::id::TemplateUuid;
use hearth_core::name::{Parent, TemplateName};
use hearth_core::template::{self, Template, TemplateNameError};
use hearth_core::validate::{self, Violation};
use hearth_core::{Timestamp, config::SessionConfig};
use hearth_store::{Change, CommitError, TemplateQuery, TemplateWrite};

use crate::error::ControlError;
use crate::page::{self, Page};
use crate::{Caller, Control};

/// The message that a template's settings come in, which begins the paths of its fields.
const MESSAGE: &str = "session_template";

/// What a client sends of a template. The rest is the server's.
#[derive(Debug, Clone, Default)]
pub struct TemplateBody {
    /// Its full name.
    pub name: String,
    /// What it is for, in words.
    pub description: String,
    /// Its title.
    pub display_name: String,
    /// The settings of its sessions, its labels among them.
    pub config: SessionConfig,
}

/// A request for a page of templates.
#[derive(Debug, Clone)]
pub struct ListTemplates {
    /// Of which project and location.
    pub parent: Parent,
    /// How many; 0 for the default.
    pub page_size: i32,
    /// Where to go on.
    pub page_token: String,
    /// Which, in the language of filters; empty for all.
    pub filter: String,
}

impl Control {
    /// Makes a template: it is on disk when this returns.
    ///
    /// # Errors
    /// When the request breaks a rule, the name is taken, or the store has a problem. Then there is nothing.
    pub async fn create_template(
        &self,
        caller: &Caller,
        parent: &Parent,
        body: TemplateBody,
    ) -> Result<Template, ControlError> {
        let name = template::name_under(parent, &body.name).map_err(refused_name)?;
        let now = self.world.clock.now();
        let template =
            body.made_into(name, TemplateUuid(self.world.random.uuid()), caller.name.clone(), now, now);
        self.check_template(&template)?;
        self.commit_template(TemplateWrite::Insert(Box::new(template.clone()))).await?;
        Ok(template)
    }

    /// A template by its name.
    ///
    /// # Errors
    /// When there is none, or the store has a problem.
    pub async fn template(&self, name: &TemplateName) -> Result<Template, ControlError> {
        let found = self.world.store.template(name).await?;
        found.ok_or_else(|| ControlError::TemplateNotFound(name.to_string()))
    }

    /// A page of templates, newest first.
    ///
    /// # Errors
    /// When the page is asked for wrongly, or the store has a problem.
    pub async fn list_templates(&self, request: ListTemplates) -> Result<Page<Template>, ControlError> {
        let size = page::page_size(request.page_size)?;
        let filter = Filter::parse(&request.filter, Schema::Templates)?;
        let of = page::question("templates", &request.parent, &request.filter);
        let after = match page::read_token(&request.page_token, &of)? {
            Some((at, name)) => Some((at, name.parse().map_err(|_| page::invalid_token())?)),
            None => None,
        };
        let query = TemplateQuery { parent: request.parent, filter, after, limit: size + 1 };
        let items = self.world.store.templates(&query).await?;
        Ok(Page::of(items, size, &of, |template| (template.created_at, template.name.to_string())))
    }

    /// Writes a template anew as a whole: what `body` leaves out is cleared, but for its name. Sessions made from it stay as they are.
    ///
    /// # Errors
    /// When there is none, the request breaks a rule, or the store has a problem. Then nothing has changed.
    pub async fn update_template(
        &self,
        name: &TemplateName,
        body: TemplateBody,
    ) -> Result<Template, ControlError> {
        let known = self.template(name).await?;
        // A clock that was set back does not make a template older than it is.
        let now = self.world.clock.now().max(known.created_at);
        let template = body.made_into(known.name, known.uuid, known.creator, known.created_at, now);
        self.check_template(&template)?;
        self.commit_template(TemplateWrite::Replace(Box::new(template.clone()))).await?;
        Ok(template)
    }

    /// Removes a template. Sessions made from it stay as they are.
    ///
    /// # Errors
    /// When there is none, or the store has a problem.
    pub async fn delete_template(&self, name: &TemplateName) -> Result<(), ControlError> {
        self.commit_template(TemplateWrite::Remove(name.clone())).await
    }

    /// Makes a template unless there is one of its name, which is then left as it is. Whether it was made.
    ///
    /// # Errors
    /// When the template breaks a rule, or the store has a problem.
    pub async fn seed_template(
        &self,
        caller: &Caller,
        parent: &Parent,
        body: TemplateBody,
    ) -> Result<bool, ControlError> {
        match self.create_template(caller, parent, body).await {
            Ok(_) => Ok(true),
            Err(ControlError::TemplateExists(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The settings of a new session with those of its template under them.
    pub(crate) async fn with_template(
        &self,
        parent: &Parent,
        config: SessionConfig,
    ) -> Result<SessionConfig, ControlError> {
        if config.template.is_empty() {
            return Ok(config);
        }
        let name = template::resolve(&config.template, parent)
            .map_err(|error| ControlError::field("session.session_template", error.to_string()))?;
        let template = self.template(&name).await?;
        Ok(template::merge(&template, config))
    }

    fn check_template(&self, template: &Template) -> Result<(), ControlError> {
        let parent = template.name.parent();
        let context = validate::Context { parent, prefix: MESSAGE, policy: &self.properties };
        let mut violations = validate::check_template(template, &context);
        // The kind is left out: what can be run may change while templates stay. The runtime must be known.
        let versioned = SessionConfig { kind: None, ..template.config.clone() };
        violations.extend(self.world.launcher.check(&versioned).into_iter().map(|violation| Violation {
            field: violation.field.replacen("session.", &format!("{MESSAGE}."), 1),
            ..violation
        }));
        if violations.is_empty() { Ok(()) } else { Err(ControlError::Invalid(violations)) }
    }

    async fn commit_template(&self, write: TemplateWrite) -> Result<(), ControlError> {
        let name = write.name().clone();
        let change = Change { templates: vec![write], ..Change::default() };
        let written = self.world.store.commit(change).await;
        if written.is_ok() {
            // A pool may be of this template.
            self.look_at_pools();
        }
        written.map_err(|error| match error {
            CommitError::TemplateExists(name) => ControlError::TemplateExists(name),
            CommitError::TemplateAbsent(name) => ControlError::TemplateNotFound(name.to_string()),
            CommitError::Store(error) => ControlError::Store(error),
            CommitError::Fenced
            | CommitError::Conflict
            | CommitError::Replayed(_)
            | CommitError::SessionExists(_)
            | CommitError::EngineTaken(_) => ControlError::TemplateBusy(name),
        })
    }
}

impl TemplateBody {
    fn made_into(
        self,
        name: TemplateName,
        uuid: TemplateUuid,
        creator: String,
        created_at: Timestamp,
        updated_at: Timestamp,
    ) -> Template {
        let labels = self.config.labels;
        // A template has no user and is made from no other.
        let config = SessionConfig {
            labels: Default::default(),
            user: String::new(),
            template: String::new(),
            ..self.config
        };
        Template {
            name,
            uuid,
            creator,
            created_at,
            updated_at,
            description: self.description,
            display_name: self.display_name,
            labels,
            config,
        }
    }
}

fn refused_name(error: TemplateNameError) -> ControlError {
    ControlError::field(format!("{MESSAGE}.name"), error.to_string())
}
