//! Kernels as sessions: what can be started, starting it, finding it, ending it.

use std::sync::Arc;

use async_trait::async_trait;
use hearth_control::sessions::{CreateSession, EndSession};
use hearth_control::templates::ListTemplates;
use hearth_control::watch::Seen;
use hearth_control::{Control, ControlError};
use hearth_core::config::{Kernel as Language, RuntimeConfig, SessionConfig, SessionKind};
use hearth_core::engine::Protocol;
use hearth_core::id::SessionUuid;
use hearth_core::name::{Parent, SessionName, TemplateName};
use hearth_core::session::{Session, SessionState};
use hearth_gateway::jupyter::{Found, Kernel, KernelSpec, Kernels, Listed};
use hearth_gateway::{Caller, Code, Refusal};
use tokio_util::task::TaskTracker;
use tracing::warn;
use uuid::Uuid;

use super::keeper::{self, Keeper};

/// What the names of specs of templates begin with. Google's plugin takes what follows the first dash for the id.
const TEMPLATE: &str = "template-";

/// What the names of specs of runtimes begin with.
const RUNTIME: &str = "hearth_";

/// The same for their Scala.
const SCALA: &str = "hearth_scala_";

/// What notebooks ask for that were written elsewhere, and clients that were not told a name. Not listed: a remote spec
/// of that name would be taken for the local one.
const ANY_PYTHON: &str = "python3";

/// How many templates are read at a time: as many as a page may have.
const PAGE: i32 = 1000;

/// Runtimes that kernels can run on.
pub(crate) trait Cards: Send + Sync + 'static {
    /// Those that can be used now, the default first.
    fn cards(&self) -> Vec<Card>;

    /// The name of the runtime that serves such a session.
    fn runtime_of(&self, config: &SessionConfig) -> Option<String>;
}

/// A runtime that kernels can run on.
pub(crate) struct Card {
    /// Its name.
    pub(crate) runtime: String,
    /// Its name for people.
    pub(crate) title: String,
    /// Whether it has a Scala kernel, beside the Python one that all have.
    pub(crate) scala: bool,
}

impl Card {
    /// What can be started on it: the spec's name and its language.
    fn specs(&self) -> impl Iterator<Item = (String, Language)> {
        let python = (format!("{RUNTIME}{}", self.runtime), Language::Python);
        let scala = self.scala.then(|| (format!("{SCALA}{}", self.runtime), Language::Scala));
        std::iter::once(python).chain(scala)
    }
}

/// Kernels of the sessions of a control.
pub(crate) struct SessionKernels {
    pub(crate) control: Control,
    pub(crate) keeper: Keeper,
    pub(crate) cards: Arc<dyn Cards>,
    /// Where sessions of new kernels are made, and whose templates are offered.
    pub(crate) parent: Parent,
    pub(crate) tasks: TaskTracker,
}

/// Takes back a session whose start nobody waits for any more. Disarmed by [`std::mem::forget`].
struct TakeBack<'a> {
    kernels: &'a SessionKernels,
    caller: &'a Caller,
    name: SessionName,
}

impl Drop for TakeBack<'_> {
    fn drop(&mut self) {
        let (control, caller, name) = (self.kernels.control.clone(), self.caller.clone(), self.name.clone());
        self.kernels.tasks.spawn(async move {
            let request = EndSession { name: name.clone(), request_id: None };
            match control.delete_session(&caller, request).await {
                Ok(_) | Err(ControlError::SessionNotFound(_)) => {}
                Err(error) => warn!(session = %name, %error, "could not take back a kernel nobody waits for"),
            }
        });
    }
}

impl SessionKernels {
    fn config(&self, spec: &str) -> Result<SessionConfig, Refusal> {
        if let Some(id) = spec.strip_prefix(TEMPLATE) {
            let template = self.parent.template(id).to_string();
            return Ok(SessionConfig { template, ..SessionConfig::default() });
        }
        let cards = self.cards.cards();
        let mut all =
            cards.iter().flat_map(|card| card.specs().map(move |(name, language)| (card, name, language)));
        let found = all.find(|(_, name, _)| name == spec || spec == ANY_PYTHON);
        let Some((card, _, language)) = found else {
            let text = format!("there is no kernelspec '{}'", spec.chars().take(64).collect::<String>());
            return Err(Refusal::new(Code::NotFound, text));
        };
        let version = card.runtime.clone();
        Ok(SessionConfig {
            kind: Some(SessionKind::Jupyter { kernel: Some(language), display_name: String::new() }),
            runtime: Some(RuntimeConfig { version, ..RuntimeConfig::default() }),
            ..SessionConfig::default()
        })
    }

    /// A session id that says where it comes from, and when.
    fn new_id(&self) -> String {
        let now = self.control.now().strftime("%Y%m%d-%H%M%S").to_string();
        let unique = Uuid::new_v4().simple().to_string();
        format!("jupyter-{now}-{}", &unique[..6])
    }

    /// Waits until a session can be used.
    async fn active(&self, name: &SessionName) -> Result<Session, Refusal> {
        let mut watch = self.control.watch(name, 0).await.map_err(refusal)?;
        loop {
            match watch.next().await.map_err(refusal)? {
                Some(Seen::Notice { .. }) => {}
                Some(Seen::Removed) | None => {
                    let text = format!("Session {} was removed before it could be used", name.id());
                    return Err(Refusal::new(Code::Aborted, text));
                }
            }
            let session = self.control.session(name).await.map_err(refusal)?;
            if let SessionState::Active { .. } = session.state {
                return Ok(session);
            }
            if session.state.label().terminal() {
                let why = keeper::ended(&session).unwrap_or_default();
                return Err(Refusal::new(Code::Internal, why));
            }
        }
    }

    async fn templates(&self) -> Result<Vec<KernelSpec>, Refusal> {
        let mut specs = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = ListTemplates {
                parent: self.parent.clone(),
                page_size: PAGE,
                page_token,
                filter: String::new(),
            };
            let page = self.control.list_templates(request).await.map_err(refusal)?;
            specs.extend(page.items.into_iter().filter_map(|template| {
                let Some(SessionKind::Jupyter { kernel, display_name }) = &template.config.kind else {
                    return None;
                };
                let id = template.name.id();
                let title = [display_name.as_str(), &template.display_name, id];
                Some(KernelSpec {
                    name: format!("{TEMPLATE}{id}"),
                    display_name: title.into_iter().find(|title| !title.is_empty())?.to_owned(),
                    language: language(*kernel),
                    parent: Some(format!("{}/sessions", self.parent)),
                })
            }));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(specs);
            }
        }
    }
}

#[async_trait]
impl Kernels for SessionKernels {
    async fn specs(&self, _caller: &Caller) -> Result<Listed, Refusal> {
        let mut specs = Vec::new();
        for card in self.cards.cards() {
            specs.extend(card.specs().map(|(name, kernel)| KernelSpec {
                name,
                display_name: match kernel {
                    Language::Python => format!("Python ({})", card.title),
                    Language::Scala => format!("Scala ({})", card.title),
                },
                language: language(Some(kernel)),
                parent: None,
            }));
        }
        let default = specs.first().map(|spec| spec.name.clone()).unwrap_or_default();
        specs.extend(self.templates().await?);
        Ok(Listed { default, specs })
    }

    fn looked_at(&self, listed: &Listed) {
        if let Ok(config) = self.config(&listed.default) {
            self.control.looked_at(config);
        }
    }

    async fn start(&self, caller: &Caller, spec: &str) -> Result<Kernel, Refusal> {
        let config = self.config(spec)?;
        let name = self.parent.session(self.new_id());
        let request = CreateSession {
            parent: self.parent.clone(),
            session_id: name.id().to_owned(),
            name: String::new(),
            config,
            request_id: None,
        };
        self.control.create_session(caller, request).await.map_err(|error| match error {
            ControlError::TemplateNotFound(_) => {
                Refusal::new(Code::NotFound, format!("there is no kernelspec '{spec}'"))
            }
            error => refusal(error),
        })?;
        let guard = TakeBack { kernels: self, caller, name };
        let started = self.active(&guard.name).await;
        let session = match started {
            Ok(session) => session,
            Err(refusal) => {
                // What has failed stays to be looked at.
                if refusal.code != Code::Unavailable {
                    std::mem::forget(guard);
                }
                return Err(refusal);
            }
        };
        std::mem::forget(guard);
        match &session.state {
            SessionState::Active { endpoint, .. } => {
                Ok(self.keeper.kernel(&session, endpoint.clone(), spec.to_owned()))
            }
            _ => Err(Refusal::new(Code::Internal, "the session has ended already")),
        }
    }

    async fn running(&self, _caller: &Caller) -> Result<Vec<Kernel>, Refusal> {
        Ok(self.keeper.kernels())
    }

    async fn find(&self, _caller: &Caller, uuid: SessionUuid) -> Result<Option<Found>, Refusal> {
        let session = self.control.session_by_uuid(uuid).await.map_err(refusal)?;
        let Some(session) = session.filter(|session| session.config.protocol() == Protocol::Jupyter) else {
            return Ok(None);
        };
        Ok(Some(match (&session.state, keeper::ended(&session)) {
            (SessionState::Active { endpoint, .. }, _) => {
                let spec = spec_name(&*self.cards, &session.config);
                Found::Running(self.keeper.kernel(&session, endpoint.clone(), spec))
            }
            (_, Some(why)) => Found::Ended(why),
            (_, None) => Found::Coming,
        }))
    }

    async fn end(&self, caller: &Caller, uuid: SessionUuid) -> Result<(), Refusal> {
        let Some(session) = self.control.session_by_uuid(uuid).await.map_err(refusal)? else { return Ok(()) };
        let request = EndSession { name: session.name, request_id: None };
        match self.control.terminate_session(caller, request).await {
            Ok(_) | Err(ControlError::SessionNotFound(_) | ControlError::NotActive { .. }) => {
                self.keeper.ending(uuid);
                Ok(())
            }
            Err(error) => Err(refusal(error)),
        }
    }
}

/// The name of the spec that a session was started from, or would have been.
pub(super) fn spec_name(cards: &dyn Cards, config: &SessionConfig) -> String {
    match config.template.parse::<TemplateName>() {
        Ok(template) => format!("{TEMPLATE}{}", template.id()),
        Err(_) => {
            // A session may name it by an alias, or not at all.
            let runtime = cards.runtime_of(config).unwrap_or_else(|| config.version().to_owned());
            let language = if config.kernel() == Some(Language::Scala) { SCALA } else { RUNTIME };
            format!("{language}{runtime}")
        }
    }
}

fn language(kernel: Option<Language>) -> &'static str {
    match kernel {
        Some(Language::Scala) => "scala",
        Some(Language::Python) | None => "python",
    }
}

fn refusal(error: ControlError) -> Refusal {
    let code = Code::numbered(hearth_api::status::code(error.kind()).into());
    let fields = error.violations();
    let text = fields.iter().map(|violation| violation.description.as_str()).collect::<Vec<_>>().join("; ");
    Refusal::new(code, if text.is_empty() { error.to_string() } else { text })
}
