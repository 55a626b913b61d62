//! The Spark UI of a session at `/sessions/UUID/ui/`, live and after its end.

use std::sync::Arc;

use axum::body::Body;
use hearth_api::auth::{Authenticator, bearer};
use hearth_control::{Caller, Control, Scope};
use hearth_core::id::SessionUuid;
use hearth_core::session::{Session, SessionState};
use hearth_gateway::pages::{PageTarget, Pages, safe_path};
use hearth_spark_data::DataError;
use http::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};

use super::history::History;
use super::servers::HistoryServers;
use super::sign_in::{self, SignIn};
use crate::serve::secrets::EngineSecrets;

/// What the pages of all sessions are below.
const SESSIONS: &str = "/sessions/";
/// What those of one are below, after its uuid.
const UI: &str = "/ui";
/// Where the token is sent to, below that.
const SIGN_IN: &str = "/sign-in";
/// A form with a token is not longer.
const FORM_LIMIT: usize = 8 << 10;

/// Serves the web pages of sessions.
#[derive(Clone)]
pub(crate) struct SparkPages(Arc<Inner>);

struct Inner {
    control: Control,
    authenticator: Authenticator,
    secrets: Arc<EngineSecrets>,
    history: Option<Arc<History>>,
    servers: Arc<HistoryServers>,
    pages: Pages,
}

/// A request's path, taken apart.
struct Wanted {
    session: SessionUuid,
    /// What is before the server's own paths.
    prefix: String,
    /// The path below that; empty, or with a slash at the beginning.
    rest: String,
}

impl Wanted {
    fn parse(path: &str) -> Option<Self> {
        let (uuid, rest) = path.strip_prefix(SESSIONS)?.split_once('/')?;
        let session: SessionUuid = uuid.parse().ok()?;
        let rest = format!("/{rest}");
        let rest = rest.strip_prefix(UI)?;
        let whole = rest.is_empty() || rest.starts_with('/');
        whole.then(|| Self { session, prefix: format!("{SESSIONS}{uuid}{UI}"), rest: rest.to_owned() })
    }
}

impl SparkPages {
    /// Those of the sessions of a control; without a history, only while they live. Sessions that name one of the
    /// servers have their history there.
    pub(crate) fn new(
        control: Control,
        authenticator: Authenticator,
        secrets: Arc<EngineSecrets>,
        history: Option<Arc<History>>,
        servers: Arc<HistoryServers>,
    ) -> Self {
        Self(Arc::new(Inner { control, authenticator, secrets, history, servers, pages: Pages::new() }))
    }

    /// Whether [`call`](Self::call) is what answers requests for this path.
    pub(crate) fn handles(path: &str) -> bool {
        Wanted::parse(path).is_some()
    }

    /// Answers a request for a page.
    pub(crate) async fn call(&self, request: Request<Body>) -> Response<Body> {
        let Some(wanted) = Wanted::parse(request.uri().path()) else {
            return text(StatusCode::NOT_FOUND, "There is no such page");
        };
        let sign_in = SignIn { secrets: &self.0.secrets, session: wanted.session };
        if wanted.rest == SIGN_IN && request.method() == Method::POST {
            return self.sign_in(request, &wanted, &sign_in).await;
        }
        let by_cookie = sign_in.caller(request.headers(), self.0.control.now());
        let caller = match by_cookie.map_or_else(|| self.by_header(&request), Ok) {
            Ok(caller) => caller,
            Err(_) if for_people(&request) => {
                return sign_in::form(&format!("{}{SIGN_IN}", wanted.prefix), false);
            }
            Err(why) => return text(StatusCode::UNAUTHORIZED, why.message()),
        };
        if let Some(refusal) = forbidden(&request, &caller, &wanted.rest) {
            return refusal;
        }
        if wanted.rest.is_empty() {
            return redirect(&format!("{}/", wanted.prefix));
        }
        let Some(path) = safe_path(&wanted.rest).map(str::to_owned) else {
            return text(StatusCode::NOT_FOUND, "There is no such page");
        };
        match self.0.control.session_by_uuid(wanted.session).await {
            Ok(Some(session)) => self.page(request, &session, wanted, path).await,
            Ok(None) => text(StatusCode::NOT_FOUND, "There is no such session (any more)"),
            Err(error) => text(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
        }
    }

    async fn page(
        &self,
        request: Request<Body>,
        session: &Session,
        wanted: Wanted,
        path: String,
    ) -> Response<Body> {
        let name = &session.name;
        match &session.state {
            SessionState::Active { ui: Some(ui), .. } => {
                let target = PageTarget { endpoint: ui.clone(), path, prefix: wanted.prefix };
                self.0.pages.forward(request, &target).await
            }
            SessionState::Active { ui: None, .. } => {
                text(StatusCode::NOT_FOUND, &format!("The engine of session {name} has no web pages"))
            }
            SessionState::Creating { .. } => {
                text(StatusCode::SERVICE_UNAVAILABLE, &format!("Session {name} is still being created"))
            }
            SessionState::Terminating { .. } => {
                let what = format!("Session {name} is ending. Its history is here in a moment");
                text(StatusCode::SERVICE_UNAVAILABLE, &what)
            }
            SessionState::Terminated { .. } | SessionState::Failed { .. } => {
                match self.past(session, &wanted, &path).await {
                    Ok(Past::Page(target)) => self.0.pages.forward(request, &target).await,
                    Ok(Past::Elsewhere(to)) => {
                        let query =
                            request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
                        redirect(&format!("{to}{query}"))
                    }
                    Ok(Past::Nothing) => {
                        text(StatusCode::NOT_FOUND, &format!("Session {name} has left no history of this"))
                    }
                    Err(error) => {
                        tracing::warn!(
                            session = %name,
                            error = &error as &dyn std::error::Error,
                            "could not show the history of a session"
                        );
                        text(StatusCode::SERVICE_UNAVAILABLE, &error.to_string())
                    }
                }
            }
        }
    }

    /// Where a page is in the history. The server there has those of other sessions too: only paths that are of this
    /// session, or of none, lead to it.
    async fn past(&self, session: &Session, wanted: &Wanted, path: &str) -> Result<Past, DataError> {
        const API: &str = "/api/v1/applications";
        let Some(history) = &self.0.history else { return Ok(Past::Nothing) };
        let known = history.applications(session.staged()).await?;
        let Some(last) = known.last() else { return Ok(Past::Nothing) };
        let server = self.0.servers.of(session.staged());
        let first_segment = |rest: &str| rest.split('/').next().unwrap_or_default().to_owned();
        let application = if let Some(rest) = path.strip_prefix("/history/") {
            first_segment(rest)
        } else if let Some(rest) = path.strip_prefix(API) {
            first_segment(rest.strip_prefix('/').unwrap_or(rest))
        } else if path.starts_with("/static/") {
            last.clone()
        } else {
            // As it was called while the session lived.
            let base = server.map_or(&wanted.prefix, |server| &server.pages);
            return Ok(Past::Elsewhere(format!("{base}/history/{last}{path}")));
        };
        if !known.contains(&application) {
            return Ok(Past::Nothing);
        }
        if let Some(server) = server {
            return Ok(Past::Elsewhere(format!("{}{path}", server.pages)));
        }
        let shown = history.show(session.staged(), &application).await?;
        Ok(Past::Page(PageTarget {
            endpoint: shown.endpoint,
            path: path.to_owned(),
            prefix: wanted.prefix.clone(),
        }))
    }

    fn by_header(&self, request: &Request<Body>) -> Result<Caller, tonic::Status> {
        self.0.authenticator.authenticate(bearer(request.headers()).as_slice())
    }

    /// Takes the token out of a form.
    async fn sign_in(&self, request: Request<Body>, wanted: &Wanted, sign_in: &SignIn<'_>) -> Response<Body> {
        let Ok(body) = Limited::new(request.into_body(), FORM_LIMIT).collect().await else {
            return text(StatusCode::PAYLOAD_TOO_LARGE, "The form is too long");
        };
        let body = body.to_bytes();
        let sent = hearth_wire::parameters::parse_query(std::str::from_utf8(&body).unwrap_or_default());
        let token =
            sent.into_iter().find(|(name, _)| name == "token").map(|(_, token)| token.trim().to_owned());
        match self.0.authenticator.authenticate(token.as_slice()) {
            Ok(caller) => {
                let cookie = sign_in.cookie(&caller, &wanted.prefix, self.0.control.now());
                sign_in::welcome(&format!("{}/", wanted.prefix), &cookie)
            }
            Err(_) => sign_in::form(&format!("{}{SIGN_IN}", wanted.prefix), true),
        }
    }
}

/// What the history has for a path.
enum Past {
    Page(PageTarget),
    Elsewhere(String),
    Nothing,
}

/// Who only looks changes nothing; and what ends a job is never done by a link.
fn forbidden(request: &Request<Body>, caller: &Caller, path: &str) -> Option<Response<Body>> {
    let looks = [Method::GET, Method::HEAD].contains(request.method());
    if !looks && request.method() != Method::POST {
        return Some(text(StatusCode::METHOD_NOT_ALLOWED, "Pages are got, and forms posted"));
    }
    let ends = path.split('/').any(|segment| segment == "kill");
    if ends && looks {
        return Some(text(StatusCode::METHOD_NOT_ALLOWED, "This has to be posted"));
    }
    if !looks && caller.scope == Scope::ReadOnly {
        return Some(text(StatusCode::FORBIDDEN, "This credential is good for looking only"));
    }
    None
}

/// Whether a browser shows the answer to somebody.
fn for_people(request: &Request<Body>) -> bool {
    let accepted = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
    request.method() == Method::GET && accepted.is_some_and(|accepted| accepted.contains("text/html"))
}

fn redirect(to: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::FOUND;
    if let Ok(to) = HeaderValue::try_from(to) {
        response.headers_mut().insert(LOCATION, to);
    }
    response
}

fn text(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("{text}\n")));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
