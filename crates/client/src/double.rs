//! A stand-in for the service: the same calls over a real connection, with a few records in memory.
//!
//! For tests of clients only. It knows how the service answers, not what the answers mean: a session it creates is
//! ACTIVE, or FAILED, after as many looks at its operation as it is told.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::stream::{self, BoxStream, StreamExt};
use hearth_wire::dataproc::session::State;
use hearth_wire::dataproc::session_controller_server::{SessionController, SessionControllerServer};
use hearth_wire::dataproc::session_operation_metadata::SessionOperationType;
use hearth_wire::dataproc::{
    CreateSessionRequest, DeleteSessionRequest, GetSessionRequest, ListSessionsRequest, ListSessionsResponse,
    Session, SessionOperationMetadata, TerminateSessionRequest,
};
use hearth_wire::error::pack;
use hearth_wire::hearth::server_server::{Server, ServerServer};
use hearth_wire::hearth::session_insight_server::{SessionInsight, SessionInsightServer};
use hearth_wire::hearth::usage_reports_server::{UsageReports, UsageReportsServer};
use hearth_wire::hearth::{
    DiagnoseSessionRequest, Diagnostics, DiagnosticsPart, ExplainSessionRequest, Explanation,
    ExtendSessionRequest, ExtendSessionResponse, GetDiagnosticsRequest, GetLogRequest, GetServerInfoRequest,
    GetTimelineRequest, GetUsageRequest, ListPoolsRequest, ListPoolsResponse, Log, ServerInfo, SessionNotice,
    Timeline, Usage, WatchSessionRequest,
};
use hearth_wire::longrunning::operation::Result as Ended;
use hearth_wire::longrunning::operations_server::{Operations, OperationsServer};
use hearth_wire::longrunning::{
    CancelOperationRequest, DeleteOperationRequest, GetOperationRequest, ListOperationsRequest,
    ListOperationsResponse, Operation, WaitOperationRequest,
};
use hearth_wire::rpc;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Response, Status};

/// The time at which everything in the double happened, in seconds since 1970: 2026-01-02T03:04:05Z.
pub const THEN: i64 = 1_767_323_045;

/// What the double knows and does. Change it through [`Double::state`].
#[derive(Debug, Default)]
pub struct Records {
    /// Sessions by full name.
    pub sessions: BTreeMap<String, Session>,
    /// Operations by full name.
    pub operations: BTreeMap<String, Operation>,
    /// How an operation that is not done ends, and after how many more looks.
    pub pending: BTreeMap<String, (usize, Ended)>,
    /// How many looks a new operation takes.
    pub looks: usize,
    /// Why creations fail, if they do.
    pub creation_fails: Option<rpc::Status>,
    /// What the next calls are answered with instead.
    pub failures: VecDeque<Status>,
    /// Whether filters of lists are served.
    pub filters: bool,
    /// The largest page.
    pub page: usize,
    /// Logs by session, in the parts that calls get.
    pub logs: BTreeMap<String, Vec<Vec<u8>>>,
    /// Whether more may be written to the logs.
    pub logs_grow: bool,
    /// Timelines by session.
    pub timelines: BTreeMap<String, Timeline>,
    /// Notices by session, in the pieces that watches get before they are cut off; the last piece ends well.
    pub notices: BTreeMap<String, VecDeque<Vec<SessionNotice>>>,
    /// Explanations by session.
    pub explanations: BTreeMap<String, Explanation>,
    /// Archives of diagnostics by session, in the parts that calls get.
    pub archives: BTreeMap<String, Vec<Vec<u8>>>,
    /// What extensions were asked for.
    pub extensions: Vec<ExtendSessionRequest>,
    /// What sessions used.
    pub usage: Usage,
    /// What was asked for of it.
    pub usage_asked: Vec<GetUsageRequest>,
    /// The token that callers must show.
    pub token: Option<String>,
    /// Which calls were made: their names, and their request ids where they have one.
    pub calls: Vec<(&'static str, String)>,
}

/// A running stand-in. It ends when dropped.
#[derive(Debug)]
pub struct Double {
    address: SocketAddr,
    records: Arc<Mutex<Records>>,
    // Its own runtime, so that its connections end with it.
    runtime: Option<Runtime>,
}

impl Double {
    /// Starts one on a free port of this machine.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn start() -> Self {
        let records = Records { looks: 2, page: 1000, filters: true, ..Records::default() };
        Self::serve(Arc::new(Mutex::new(records)), "127.0.0.1:0".parse().expect("an address")).await
    }

    /// Starts one with the records of another, where that one was.
    ///
    /// # Panics
    /// When the port is taken or `endpoint` is not that of a double.
    pub async fn again(records: Arc<Mutex<Records>>, endpoint: &str) -> Self {
        let address = endpoint.trim_start_matches("http://").parse().expect("the endpoint of a double");
        Self::serve(records, address).await
    }

    /// Ends it, with its connections, and gives back what it knew.
    pub fn stop(self) -> Arc<Mutex<Records>> {
        Arc::clone(&self.records)
    }

    async fn serve(records: Arc<Mutex<Records>>, address: SocketAddr) -> Self {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().expect("threads can be started");
        let handlers = Handlers(Arc::clone(&records));
        let (bound, address_of) = oneshot::channel();
        runtime.spawn(async move {
            let listener = bind(address).await;
            let _ = bound.send(listener.local_addr().expect("a bound listener has an address"));
            let server = tonic::transport::Server::builder()
                .add_service(SessionControllerServer::new(handlers.clone()))
                .add_service(OperationsServer::new(handlers.clone()))
                .add_service(SessionInsightServer::new(handlers.clone()))
                .add_service(UsageReportsServer::new(handlers.clone()))
                .add_service(ServerServer::new(handlers));
            // A listener that breaks shows in the calls of the test.
            let _ = server.serve_with_incoming(TcpIncoming::from(listener)).await;
        });
        let address = address_of.await.expect("a free port");
        Self { address, records, runtime: Some(runtime) }
    }

    /// Where it is.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it knows.
    pub fn state(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts in a session of project and location `local`, and returns its full name.
    pub fn put_session(&self, id: &str, state: State, change: impl FnOnce(&mut Session)) -> String {
        let name = format!("projects/local/locations/local/sessions/{id}");
        let mut session = Session {
            name: name.clone(),
            uuid: "0b1c2d3e-0000-4000-8000-000000000001".to_owned(),
            create_time: Some(then()),
            state: state.into(),
            state_time: Some(then()),
            creator: "local".to_owned(),
            ..Session::default()
        };
        change(&mut session);
        self.state().sessions.insert(name.clone(), session);
        name
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Listens, waiting a little for a predecessor that is still letting go of the port.
async fn bind(address: SocketAddr) -> TcpListener {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(error) if Instant::now() > deadline => panic!("could not listen on {address}: {error}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

/// [`THEN`] as a message.
pub fn then() -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: THEN, nanos: 0 }
}

#[derive(Clone)]
struct Handlers(Arc<Mutex<Records>>);

impl Handlers {
    /// Notes the call and answers for the door: the token, and failures that were ordered.
    fn enter<T>(
        &self,
        call: &'static str,
        request: &Request<T>,
        id: &str,
    ) -> Result<MutexGuard<'_, Records>, Status> {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        records.calls.push((call, id.to_owned()));
        if let Some(token) = &records.token {
            let wanted = format!("Bearer {token}");
            if request.metadata().get("authorization").is_none_or(|shown| shown != wanted.as_str()) {
                return Err(Status::unauthenticated("Request had invalid authentication credentials."));
            }
        }
        if let Some(failure) = records.failures.pop_front() {
            return Err(failure);
        }
        Ok(records)
    }
}

impl Records {
    fn session(&self, name: &str) -> Result<&Session, Status> {
        self.sessions.get(name).ok_or_else(|| Status::not_found(format!("Not found: Session {name}")))
    }

    /// Records an operation that ends as said after the usual number of looks.
    fn begin(&mut self, kind: SessionOperationType, session: &Session, ended: Ended) -> Operation {
        let name = format!("projects/local/regions/local/operations/op-{}", self.operations.len() + 1);
        let metadata = SessionOperationMetadata {
            session: session.name.clone(),
            session_uuid: session.uuid.clone(),
            create_time: Some(then()),
            operation_type: kind.into(),
            ..SessionOperationMetadata::default()
        };
        let operation = Operation {
            name: name.clone(),
            metadata: Some(pack(&metadata)),
            done: self.looks == 0,
            result: (self.looks == 0).then(|| ended.clone()),
        };
        self.operations.insert(name.clone(), operation.clone());
        if self.looks > 0 {
            self.pending.insert(name, (self.looks, ended));
        }
        operation
    }

    fn look(&mut self, name: &str) -> Result<Operation, Status> {
        let operation =
            self.operations.get_mut(name).ok_or_else(|| Status::not_found("Operation not found"))?;
        if let Some((looks, _)) = self.pending.get_mut(name) {
            *looks -= 1;
            if *looks == 0 {
                operation.done = true;
                operation.result = self.pending.remove(name).map(|(_, ended)| ended);
            }
        }
        Ok(operation.clone())
    }
}

#[tonic::async_trait]
impl SessionController for Handlers {
    async fn create_session(
        &self,
        request: Request<CreateSessionRequest>,
    ) -> Result<Response<Operation>, Status> {
        let mut records = self.enter("create", &request, &request.get_ref().request_id)?;
        let request = request.into_inner();
        let mut session = request.session.unwrap_or_default();
        if records.sessions.contains_key(&session.name) {
            let text = format!("Already exists: Failed to create session: Session {}", session.name);
            return Err(Status::already_exists(text));
        }
        session.create_time = Some(then());
        session.state_time = Some(then());
        session.uuid = "0b1c2d3e-0000-4000-8000-000000000002".to_owned();
        let ended = match records.creation_fails.clone() {
            Some(status) => {
                session.state = State::Failed.into();
                session.state_message = status.message.clone();
                Ended::Error(status)
            }
            None => {
                session.state = State::Active.into();
                Ended::Response(pack(&session))
            }
        };
        let operation = records.begin(SessionOperationType::Create, &session, ended);
        records.sessions.insert(session.name.clone(), session);
        Ok(Response::new(operation))
    }

    async fn get_session(&self, request: Request<GetSessionRequest>) -> Result<Response<Session>, Status> {
        let records = self.enter("get", &request, "")?;
        Ok(Response::new(records.session(&request.get_ref().name)?.clone()))
    }

    async fn list_sessions(
        &self,
        request: Request<ListSessionsRequest>,
    ) -> Result<Response<ListSessionsResponse>, Status> {
        let records = self.enter("list", &request, &request.get_ref().filter)?;
        let request = request.into_inner();
        if !request.filter.is_empty() && !records.filters {
            return Err(Status::unimplemented("Filters of lists are not served yet. Leave 'filter' out"));
        }
        let prefix = format!("{}/sessions/", request.parent);
        let skip: usize = request.page_token.parse().unwrap_or(0);
        let wanted = usize::try_from(request.page_size).ok().filter(|size| *size > 0);
        let take = wanted.unwrap_or(20).min(records.page);
        let all: Vec<_> = records.sessions.values().filter(|found| found.name.starts_with(&prefix)).collect();
        let sessions: Vec<_> = all.iter().skip(skip).take(take).copied().cloned().collect();
        let more = skip + sessions.len() < all.len();
        let next_page_token = if more { (skip + sessions.len()).to_string() } else { String::new() };
        Ok(Response::new(ListSessionsResponse { sessions, next_page_token }))
    }

    async fn terminate_session(
        &self,
        request: Request<TerminateSessionRequest>,
    ) -> Result<Response<Operation>, Status> {
        let mut records = self.enter("terminate", &request, &request.get_ref().request_id)?;
        let mut session = records.session(&request.get_ref().name)?.clone();
        if session.state() != State::Active {
            let text = format!("Session {} is already terminated", session.name);
            return Err(Status::failed_precondition(text));
        }
        session.state = State::Terminated.into();
        records.sessions.insert(session.name.clone(), session.clone());
        let ended = Ended::Response(pack(&session));
        Ok(Response::new(records.begin(SessionOperationType::Terminate, &session, ended)))
    }

    async fn delete_session(
        &self,
        request: Request<DeleteSessionRequest>,
    ) -> Result<Response<Operation>, Status> {
        let mut records = self.enter("delete", &request, &request.get_ref().request_id)?;
        let mut session = records.session(&request.get_ref().name)?.clone();
        session.state = State::Terminated.into();
        records.sessions.remove(&session.name);
        let ended = Ended::Response(pack(&session));
        Ok(Response::new(records.begin(SessionOperationType::Delete, &session, ended)))
    }
}

#[tonic::async_trait]
impl Operations for Handlers {
    async fn list_operations(
        &self,
        request: Request<ListOperationsRequest>,
    ) -> Result<Response<ListOperationsResponse>, Status> {
        let records = self.enter("list-operations", &request, "")?;
        let operations = records.operations.values().cloned().collect();
        Ok(Response::new(ListOperationsResponse { operations, ..ListOperationsResponse::default() }))
    }

    async fn get_operation(
        &self,
        request: Request<GetOperationRequest>,
    ) -> Result<Response<Operation>, Status> {
        let mut records = self.enter("get-operation", &request, "")?;
        Ok(Response::new(records.look(&request.get_ref().name)?))
    }

    async fn delete_operation(
        &self,
        request: Request<DeleteOperationRequest>,
    ) -> Result<Response<()>, Status> {
        let mut records = self.enter("delete-operation", &request, "")?;
        let removed = records.operations.remove(&request.get_ref().name);
        removed.map(|_| Response::new(())).ok_or_else(|| Status::not_found("Operation not found"))
    }

    async fn cancel_operation(
        &self,
        request: Request<CancelOperationRequest>,
    ) -> Result<Response<()>, Status> {
        let mut records = self.enter("cancel-operation", &request, "")?;
        let name = &request.get_ref().name;
        if !records.operations.contains_key(name) {
            return Err(Status::not_found("Operation not found"));
        }
        if let Some((_, ended)) = records.pending.get_mut(name) {
            let message = "Operation was cancelled".to_owned();
            *ended = Ended::Error(rpc::Status { code: Code::Cancelled.into(), message, details: Vec::new() });
        }
        Ok(Response::new(()))
    }

    async fn wait_operation(
        &self,
        request: Request<WaitOperationRequest>,
    ) -> Result<Response<Operation>, Status> {
        let mut records = self.enter("wait-operation", &request, "")?;
        Ok(Response::new(records.look(&request.get_ref().name)?))
    }
}

#[tonic::async_trait]
impl SessionInsight for Handlers {
    async fn get_timeline(&self, request: Request<GetTimelineRequest>) -> Result<Response<Timeline>, Status> {
        let records = self.enter("timeline", &request, "")?;
        let name = &request.get_ref().name;
        records.session(name)?;
        Ok(Response::new(records.timelines.get(name).cloned().unwrap_or_default()))
    }

    async fn get_log(&self, request: Request<GetLogRequest>) -> Result<Response<Log>, Status> {
        let records = self.enter("log", &request, "")?;
        let GetLogRequest { name, offset, .. } = request.into_inner();
        records.session(&name)?;
        let parts = records.logs.get(&name).cloned().unwrap_or_default();
        let mut starts_at = 0;
        for (index, part) in parts.iter().enumerate() {
            let next_offset = starts_at + i64::try_from(part.len()).unwrap_or(i64::MAX);
            if offset == starts_at && !part.is_empty() {
                let finished = index + 1 == parts.len() && !records.logs_grow;
                return Ok(Response::new(Log {
                    content: part.clone(),
                    next_offset,
                    truncated: false,
                    finished,
                }));
            }
            starts_at = next_offset;
        }
        let finished = !records.logs_grow;
        Ok(Response::new(Log { next_offset: offset, finished, ..Log::default() }))
    }

    type WatchSessionStream = BoxStream<'static, Result<SessionNotice, Status>>;

    async fn watch_session(
        &self,
        request: Request<WatchSessionRequest>,
    ) -> Result<Response<Self::WatchSessionStream>, Status> {
        let after = request.get_ref().after.to_string();
        let mut records = self.enter("watch", &request, &after)?;
        let name = &request.get_ref().name;
        records.session(name)?;
        let pieces = records.notices.entry(name.clone()).or_default();
        let piece = pieces.pop_front().unwrap_or_default();
        let cut = (!pieces.is_empty()).then(|| Err(Status::unavailable("The service is ending")));
        Ok(Response::new(stream::iter(piece.into_iter().map(Ok).chain(cut)).boxed()))
    }

    async fn extend_session(
        &self,
        request: Request<ExtendSessionRequest>,
    ) -> Result<Response<ExtendSessionResponse>, Status> {
        let mut records = self.enter("extend", &request, "")?;
        let request = request.into_inner();
        records.session(&request.name)?;
        records.extensions.push(request.clone());
        let end_time = request.until.or_else(|| {
            let ttl = request.ttl?;
            Some(prost_types::Timestamp { seconds: THEN + ttl.seconds, nanos: 0 })
        });
        Ok(Response::new(ExtendSessionResponse { name: request.name, ttl: request.ttl, end_time }))
    }

    async fn explain_session(
        &self,
        request: Request<ExplainSessionRequest>,
    ) -> Result<Response<Explanation>, Status> {
        let records = self.enter("why", &request, "")?;
        let name = &request.get_ref().name;
        records.session(name)?;
        Ok(Response::new(records.explanations.get(name).cloned().unwrap_or_default()))
    }

    async fn diagnose_session(
        &self,
        request: Request<DiagnoseSessionRequest>,
    ) -> Result<Response<Diagnostics>, Status> {
        let records = self.enter("diagnose", &request, "")?;
        let name = request.into_inner().name;
        records.session(&name)?;
        let size = records.archives.get(&name).map_or(0, |parts| parts.iter().map(Vec::len).sum());
        let output_uri = "file:///staging/diagnostics.tar.gz".to_owned();
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        Ok(Response::new(Diagnostics { name, output_uri, time: Some(then()), size }))
    }

    async fn get_diagnostics(
        &self,
        request: Request<GetDiagnosticsRequest>,
    ) -> Result<Response<DiagnosticsPart>, Status> {
        let records = self.enter("diagnostics", &request, "")?;
        let GetDiagnosticsRequest { name, offset, .. } = request.into_inner();
        let parts = records.archives.get(&name).ok_or_else(|| Status::not_found("Not found: Diagnostics"))?;
        let mut starts_at = 0;
        for (index, part) in parts.iter().enumerate() {
            let next_offset = starts_at + i64::try_from(part.len()).unwrap_or(i64::MAX);
            if offset == starts_at {
                let finished = index + 1 == parts.len();
                let content = part.clone();
                return Ok(Response::new(DiagnosticsPart {
                    content,
                    next_offset,
                    finished,
                    time: Some(then()),
                }));
            }
            starts_at = next_offset;
        }
        Err(Status::invalid_argument("no part begins there"))
    }
}

#[tonic::async_trait]
impl UsageReports for Handlers {
    async fn get_usage(&self, request: Request<GetUsageRequest>) -> Result<Response<Usage>, Status> {
        let mut records = self.enter("usage", &request, "")?;
        records.usage_asked.push(request.into_inner());
        Ok(Response::new(records.usage.clone()))
    }
}

#[tonic::async_trait]
impl Server for Handlers {
    async fn get_server_info(
        &self,
        request: Request<GetServerInfoRequest>,
    ) -> Result<Response<ServerInfo>, Status> {
        let _records = self.enter("server", &request, "")?;
        Ok(Response::new(ServerInfo {
            version: "0.1.0".to_owned(),
            default_project: "local".to_owned(),
            default_location: "local".to_owned(),
            ..ServerInfo::default()
        }))
    }

    async fn list_pools(
        &self,
        request: Request<ListPoolsRequest>,
    ) -> Result<Response<ListPoolsResponse>, Status> {
        let _records = self.enter("pools", &request, "")?;
        Ok(Response::new(ListPoolsResponse::default()))
    }
}
