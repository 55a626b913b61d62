//! The kernel gateway as the server sees it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use hearth_core::caller::{Caller, Scope};
use hearth_core::id::SessionUuid;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::kernels::{Found, Kernel, Kernels};
use super::path::{Place, What, place};
use super::sessions::{Documents, Wanted, WantedKernel};
use super::watch::KernelWatch;
use super::{answers, channels};
use crate::status::{Code, Refusal};

/// The longest body of a request, in bytes.
const BODY_LIMIT: usize = 1024 * 1024;

/// The picture on every card.
const LOGO: &str = include_str!("logo.svg");

/// Answers Jupyter's clients. Cheap to clone.
#[derive(Clone)]
pub struct JupyterGateway(Arc<Inner>);

pub(super) struct Inner {
    pub(super) kernels: Arc<dyn Kernels>,
    watch: KernelWatch,
    documents: Documents,
    pub(super) open: TaskTracker,
    pub(super) tasks: TaskTracker,
    pub(super) draining: CancellationToken,
    pub(super) stopping: CancellationToken,
}

impl JupyterGateway {
    /// A gateway to the kernels of `kernels`, whose states are those that `watch` has seen.
    pub fn new(kernels: Arc<dyn Kernels>, watch: KernelWatch) -> Self {
        Self(Arc::new(Inner {
            kernels,
            watch,
            documents: Documents::default(),
            open: TaskTracker::new(),
            tasks: TaskTracker::new(),
            draining: CancellationToken::new(),
            stopping: CancellationToken::new(),
        }))
    }

    /// Whether [`call`](Self::call) is what answers requests for this path.
    pub fn handles(path: &str) -> bool {
        place(path).is_some()
    }

    /// Answers a request that carries its [`Caller`] among its extensions.
    pub async fn call(&self, request: Request<Body>) -> Response<Body> {
        let Some(caller) = request.extensions().get::<Caller>().cloned() else {
            return answers::error(StatusCode::UNAUTHORIZED, "this needs a token");
        };
        let path = request.uri().path().to_owned();
        let Some(place) = place(&path) else { return not_found() };
        let channels = matches!(place.what, What::Channels(_));
        let looks = matches!(*request.method(), Method::GET | Method::HEAD) && !channels;
        if caller.scope != Scope::Full && !looks {
            return answers::error(StatusCode::FORBIDDEN, "this token is good for looking only");
        }
        self.0.answer(caller, place, request).await.unwrap_or_else(|refusal| answers::refusal(&refusal))
    }

    /// Refuses new channels from now on, and closes those that are open.
    pub async fn drain(&self, limit: Duration) {
        self.0.draining.cancel();
        // A notebook stays open for days: there is nothing to wait for, and its client comes back by itself.
        self.0.stopping.cancel();
        self.0.open.close();
        let _ = tokio::time::timeout(limit, self.0.open.wait()).await;
    }
}

impl Inner {
    async fn answer(
        self: &Arc<Self>,
        caller: Caller,
        place: Place<'_>,
        request: Request<Body>,
    ) -> Result<Response<Body>, Refusal> {
        let ok = |value: &Value| Ok(answers::json_answer(StatusCode::OK, value));
        match (request.method().as_str(), place.what) {
            ("GET", What::Version) => ok(&json!({"version": env!("CARGO_PKG_VERSION")})),
            ("GET", What::Status) => self.status(&caller, place.session).await,
            ("GET", What::Specs) => {
                let mut listed = self.kernels.specs(&caller).await?;
                match place.session {
                    None => self.kernels.looked_at(&listed),
                    // Whatever is started here is the kernel that there is.
                    Some(uuid) => {
                        let kernel = self.kernel(&caller, place.session, &uuid.to_string()).await?;
                        listed.specs.retain(|spec| spec.name == kernel.spec);
                        listed.default = kernel.spec;
                    }
                }
                ok(&answers::specs(&listed))
            }
            ("GET", What::Spec(name)) => {
                let listed = self.kernels.specs(&caller).await?;
                let spec = listed.specs.iter().find(|spec| spec.name == name);
                spec.map_or_else(|| Err(no_spec(name)), |spec| ok(&answers::spec(spec)))
            }
            ("GET", What::Logo(_)) => Ok(logo()),
            ("GET", What::Kernels) => {
                let kernels = self.running(&caller, place.session).await?;
                ok(&kernels.iter().map(|kernel| self.model(kernel)).collect())
            }
            ("POST", What::Kernels) => self.start(&caller, place.session, request).await,
            ("GET", What::Kernel(id)) => ok(&self.model(&self.kernel(&caller, place.session, id).await?)),
            ("DELETE", What::Kernel(id)) => {
                let uuid = self.kernel(&caller, place.session, id).await?.uuid;
                // Others may share a session that was asked for by name: a notebook that leaves does not end it.
                if place.session.is_none() {
                    self.kernels.end(&caller, uuid).await?;
                }
                Ok(answers::empty(StatusCode::NO_CONTENT))
            }
            ("POST", What::Act(id, action)) => {
                let kernel = self.kernel(&caller, place.session, id).await?;
                if action == "interrupt" {
                    kernel.relay.interrupt().await.map_err(|error| lost(&error))?;
                    return Ok(answers::empty(StatusCode::NO_CONTENT));
                }
                kernel.relay.restart().await.map_err(|error| lost(&error))?;
                ok(&self.model(&kernel))
            }
            ("GET", What::Sessions) => {
                let kernels = self.running(&caller, place.session).await?;
                let of_kernel = |kernel: &Kernel| {
                    let ids = self.documents.of_kernel(kernel.uuid);
                    ids.into_iter().map(|id| self.session_model(id, kernel)).collect::<Vec<_>>()
                };
                ok(&kernels.iter().flat_map(of_kernel).collect())
            }
            ("POST", What::Sessions) => self.open_session(&caller, place.session, request).await,
            ("GET", What::Session(id)) => {
                let (id, kernel) = self.session(&caller, place.session, id).await?;
                ok(&self.session_model(id, &kernel))
            }
            ("PATCH", What::Session(id)) => {
                let (id, kernel) = self.session(&caller, place.session, id).await?;
                ok(&self.change_session(&caller, place.session, (id, kernel), request).await?)
            }
            ("DELETE", What::Session(id)) => {
                let (id, kernel) = self.session(&caller, place.session, id).await?;
                self.documents.forget(id);
                if place.session.is_none() {
                    self.kernels.end(&caller, kernel.uuid).await?;
                }
                Ok(answers::empty(StatusCode::NO_CONTENT))
            }
            ("GET", What::Channels(id)) => {
                let kernel = self.kernel(&caller, place.session, id).await?;
                Ok(channels::open(self, caller, kernel, request).await)
            }
            _ => Ok(not_found()),
        }
    }

    async fn status(&self, caller: &Caller, of: Option<SessionUuid>) -> Result<Response<Body>, Refusal> {
        let kernels = self.running(caller, of).await?;
        let states: Vec<_> = kernels.iter().filter_map(|kernel| self.watch.state(kernel.uuid)).collect();
        let started = kernels.iter().map(|kernel| kernel.started_at).min();
        let last = states.iter().map(|state| state.last_activity).max();
        let connections: usize = states.iter().map(|state| state.connections).sum();
        let time = |at: Option<hearth_core::Timestamp>| at.map(answers::time);
        let status = json!({
            "started": time(started), "last_activity": time(last.or(started)), "kernels": kernels.len(),
            "connections": connections,
        });
        Ok(answers::json_answer(StatusCode::OK, &status))
    }

    async fn running(&self, caller: &Caller, of: Option<SessionUuid>) -> Result<Vec<Kernel>, Refusal> {
        let mut kernels = self.kernels.running(caller).await?;
        kernels.retain(|kernel| of.is_none_or(|uuid| uuid == kernel.uuid));
        Ok(kernels)
    }

    /// Starts a kernel, or leads to the one of the session whose gateway this is.
    async fn start(
        &self,
        caller: &Caller,
        of: Option<SessionUuid>,
        request: Request<Body>,
    ) -> Result<Response<Body>, Refusal> {
        // Clients send their environment along, which is not taken over.
        let wanted: WantedKernel = read(request).await?;
        let kernel = self.started(caller, of, wanted.name).await?;
        Ok(answers::json_answer(StatusCode::CREATED, &self.model(&kernel)))
    }

    async fn started(
        &self,
        caller: &Caller,
        of: Option<SessionUuid>,
        name: Option<String>,
    ) -> Result<Kernel, Refusal> {
        if let Some(uuid) = of {
            return self.kernel(caller, of, &uuid.to_string()).await;
        }
        let name = match name.filter(|name| !name.is_empty()) {
            Some(name) => name,
            None => self.kernels.specs(caller).await?.default,
        };
        self.kernels.start(caller, &name).await
    }

    /// Makes a session of a document, on a kernel that runs or on a new one. A document has one session.
    async fn open_session(
        &self,
        caller: &Caller,
        of: Option<SessionUuid>,
        request: Request<Body>,
    ) -> Result<Response<Body>, Refusal> {
        let wanted: Wanted = read(request).await?;
        let known = wanted.path.as_deref().and_then(|path| self.documents.of_path(path));
        if let Some((id, kernel)) = known
            && let Ok(kernel) = self.kernel(caller, of, &kernel.to_string()).await
        {
            return Ok(answers::json_answer(StatusCode::CREATED, &self.session_model(id, &kernel)));
        }
        let kernel = self.wanted(caller, of, wanted.kernel.clone().unwrap_or_default()).await?;
        let id = self.documents.new_id(kernel.uuid);
        self.documents.put(id, kernel.uuid, &wanted);
        Ok(answers::json_answer(StatusCode::CREATED, &self.session_model(id, &kernel)))
    }

    /// Renames a session, or gives it another kernel, which ends the one it had.
    async fn change_session(
        &self,
        caller: &Caller,
        of: Option<SessionUuid>,
        (id, kernel): (Uuid, Kernel),
        request: Request<Body>,
    ) -> Result<Value, Refusal> {
        let wanted: Wanted = read(request).await?;
        let now = match wanted.kernel.clone() {
            Some(WantedKernel { id: None, name: None }) | None => kernel.clone(),
            Some(other) => self.wanted(caller, of, other).await?,
        };
        self.documents.put(id, now.uuid, &wanted);
        if now.uuid != kernel.uuid && of.is_none() {
            self.kernels.end(caller, kernel.uuid).await?;
        }
        Ok(self.session_model(id, &now))
    }

    async fn wanted(
        &self,
        caller: &Caller,
        of: Option<SessionUuid>,
        kernel: WantedKernel,
    ) -> Result<Kernel, Refusal> {
        match kernel.id.filter(|id| !id.is_empty()) {
            Some(id) => self.kernel(caller, of, &id).await,
            None => self.started(caller, of, kernel.name).await,
        }
    }

    async fn session(
        &self,
        caller: &Caller,
        of: Option<SessionUuid>,
        id: &str,
    ) -> Result<(Uuid, Kernel), Refusal> {
        let none = || Refusal::new(Code::NotFound, format!("there is no session '{}'", shown(id)));
        let uuid: Uuid = id.parse().map_err(|_| none())?;
        let kernel = self.kernel(caller, of, &self.documents.kernel(uuid).to_string()).await?;
        Ok((uuid, kernel))
    }

    fn session_model(&self, id: Uuid, kernel: &Kernel) -> Value {
        self.documents.model(id, kernel, self.model(kernel))
    }

    async fn kernel(&self, caller: &Caller, of: Option<SessionUuid>, id: &str) -> Result<Kernel, Refusal> {
        let none = |text: String| Refusal::new(Code::NotFound, text);
        let uuid: Option<SessionUuid> = id.parse().ok();
        let Some(uuid) = uuid.filter(|uuid| of.is_none_or(|of| of == *uuid)) else {
            return Err(none(format!("there is no kernel '{}'", shown(id))));
        };
        match self.kernels.find(caller, uuid).await? {
            Some(Found::Running(kernel)) => Ok(kernel),
            Some(Found::Ended(why)) => Err(none(format!("the kernel '{uuid}' has ended. {why}"))),
            Some(Found::Coming) => {
                Err(Refusal::new(Code::Unavailable, format!("the kernel '{uuid}' is still being started")))
            }
            None => Err(none(format!("there is no kernel '{uuid}'"))),
        }
    }

    fn model(&self, kernel: &Kernel) -> Value {
        answers::kernel(kernel, self.watch.state(kernel.uuid).as_ref())
    }
}

/// What a body says. An empty one says nothing.
async fn read<T: DeserializeOwned + Default>(request: Request<Body>) -> Result<T, Refusal> {
    let invalid = |text: String| Refusal::new(Code::InvalidArgument, text);
    let body = Limited::new(request.into_body(), BODY_LIMIT).collect().await;
    let body = body.map_err(|error| invalid(format!("could not read the body: {error}")))?.to_bytes();
    if body.is_empty() {
        return Ok(T::default());
    }
    let value: Value = serde_json::from_slice(&body)
        .map_err(|error| invalid(format!("the body cannot be read: {error}")))?;
    // A list would be read as the fields in their order.
    if !value.is_object() {
        return Err(invalid("the body is to be a JSON object".to_owned()));
    }
    serde_json::from_value(value).map_err(|error| invalid(format!("the body cannot be read: {error}")))
}

fn no_spec(name: &str) -> Refusal {
    Refusal::new(Code::NotFound, format!("there is no kernelspec '{}'", shown(name)))
}

/// As much of a client's own text as is told back.
fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

fn lost(error: &super::RelayError) -> Refusal {
    Refusal::new(Code::Unavailable, error.to_string())
}

fn not_found() -> Response<Body> {
    answers::error(StatusCode::NOT_FOUND, "there is nothing here; kernels are at /api/kernels")
}

fn logo() -> Response<Body> {
    let mut response = Response::new(Body::from(LOGO));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("image/svg+xml"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("max-age=86400"));
    response
}
