//! What callers do with sessions: create, get, list, terminate, delete.

use hearth_core::config::SessionConfig;
use hearth_core::error::ErrorKind;
use hearth_core::filter::{Filter, Schema};
use hearth_core::id::{OperationId, RequestId, SessionUuid};
use hearth_core::name::{Parent, SessionName};
use hearth_core::operation::{Operation, OperationKind, RequestKey};
use hearth_core::properties;
use hearth_core::session::{EndReason, Failure, Session, SessionState, StateLabel, later};
use hearth_core::timeline::Milestone;
use hearth_core::transition::{SessionEvent, Transition};
use hearth_core::validate;
use hearth_store::{Change, CommitError, SessionQuery, SessionWrite};

use crate::error::ControlError;
use crate::page::{self, Page};
use crate::{Caller, Control};

/// How often a request reads a session anew that changed under its hands. Each turn someone else got ahead.
pub(crate) const ATTEMPTS: usize = 16;

/// A request to make a session.
#[derive(Debug, Clone)]
pub struct CreateSession {
    /// Where.
    pub parent: Parent,
    /// Its id.
    pub session_id: String,
    /// The full name in the body; empty when the client left it out.
    pub name: String,
    /// What it is made from.
    pub config: SessionConfig,
    /// The caller's mark on the request.
    pub request_id: Option<RequestId>,
}

/// A request to end or remove a session.
#[derive(Debug, Clone)]
pub struct EndSession {
    /// Which.
    pub name: SessionName,
    /// The caller's mark on the request.
    pub request_id: Option<RequestId>,
}

/// A request for a page of sessions.
#[derive(Debug, Clone)]
pub struct ListSessions {
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
    /// Makes a session: it is on disk, in CREATING, when this returns its operation.
    ///
    /// # Errors
    /// When the request breaks a rule, the id is taken, or the store has a problem. Then there is nothing.
    pub async fn create_session(
        &self,
        caller: &Caller,
        request: CreateSession,
    ) -> Result<Operation, ControlError> {
        let key = self.request_key(&request.parent, OperationKind::Create, request.request_id.clone());
        if let Some(operation) = self.replayed(key.as_ref()).await? {
            return Ok(operation);
        }
        self.check_name(&request)?;
        let config = self.with_template(&request.parent, request.config).await?;
        self.check_config(&request.parent, &config)?;
        let name = request.parent.session(request.session_id);
        let config = self.effective(config, &name);
        let now = self.world.clock.now();
        let need = self.world.launcher.need(&config);
        let mut offers = self.offers(&config, need, now).await?;
        // Each turn someone else took the engine that was looked at; in the end one is launched.
        loop {
            let seat = self.seat(&mut offers).await;
            let operation_id = OperationId(self.world.random.uuid());
            let creator = caller.name.clone();
            let (name, config) = (name.clone(), config.clone());
            let mut session = Session::new(name, seat.uuid, config, creator, operation_id, now, &self.policy);
            if let Some(from) = seat.from {
                session = session.with_engine_from(from);
            }
            let session = session.asking(need, self.room.budget(), &self.policy);
            let handed_over = session.handed_over();
            let operation = operation_about(&session, operation_id, OperationKind::Create, now);
            let change = Change {
                request: key.clone().map(|key| (key, operation_id)),
                sessions: vec![SessionWrite::Insert(Box::new(session))],
                operations: vec![operation.clone()],
                pool_engines: seat.write.into_iter().collect(),
                ..Change::default()
            };
            match self.world.store.commit(change).await {
                Ok(()) => {
                    self.seated(&offers, handed_over, now);
                    self.queue.push(seat.uuid, now);
                    return Ok(operation);
                }
                Err(CommitError::EngineTaken(_)) => {}
                Err(CommitError::Replayed(id)) => return self.operation_by_id(id).await,
                Err(CommitError::SessionExists(name)) => return Err(ControlError::SessionExists(name)),
                Err(error) => return Err(store_error(error, &request.parent.session(String::new()))),
            }
        }
    }

    fn check_name(&self, request: &CreateSession) -> Result<(), ControlError> {
        const BARE: &str = "Request contains an invalid argument.";
        if request.session_id.is_empty() {
            return Err(ControlError::field("session_id", BARE));
        }
        SessionName::check_id(&request.session_id)?;
        let name = request.parent.session(request.session_id.clone()).to_string();
        // A body without a name is taken as meaning the name that parent and id give.
        if !request.name.is_empty() && request.name != name {
            let text = format!("Session name '{}' does not match '{name}'", request.name);
            return Err(ControlError::field("session.name", text));
        }
        Ok(())
    }

    /// Checks what the session is to be, its template merged in.
    fn check_config(&self, parent: &Parent, config: &SessionConfig) -> Result<(), ControlError> {
        let context = validate::Context { parent, prefix: "session", policy: &self.properties };
        let mut violations = validate::check_session(config, &context);
        violations.extend(self.world.launcher.check(config));
        if violations.is_empty() { Ok(()) } else { Err(ControlError::Invalid(violations)) }
    }

    /// The settings with the properties that the session runs with.
    pub(crate) fn effective(&self, mut config: SessionConfig, name: &SessionName) -> SessionConfig {
        let runtime = config.runtime.get_or_insert_default();
        runtime.properties = properties::effective(&runtime.properties, &self.properties, name);
        config
    }

    /// A session by its name.
    ///
    /// # Errors
    /// When there is none, or the store has a problem.
    pub async fn session(&self, name: &SessionName) -> Result<Session, ControlError> {
        let found = self.world.store.session(name).await?;
        found.ok_or_else(|| ControlError::SessionNotFound(name.to_string()))
    }

    /// A session by its uuid.
    ///
    /// # Errors
    /// When the store has a problem.
    pub async fn session_by_uuid(&self, uuid: SessionUuid) -> Result<Option<Session>, ControlError> {
        Ok(self.world.store.session_by_uuid(uuid).await?)
    }

    /// A number that is another one once the session was written: until then what was read of it after asking for this
    /// holds.
    pub fn session_version(&self, uuid: SessionUuid) -> u64 {
        self.world.store.version(uuid)
    }

    /// A number that is another one once a session's name was taken or freed: until then a name means the session that was
    /// found by it after asking for this.
    pub fn names_version(&self) -> u64 {
        self.world.store.names_version()
    }

    /// Every session that has not ended for good.
    ///
    /// # Errors
    /// When the store has a problem.
    pub async fn live_sessions(&self) -> Result<Vec<Session>, ControlError> {
        let mut sessions = Vec::new();
        for uuid in self.world.store.unsettled().await? {
            sessions.extend(self.world.store.session_by_uuid(uuid).await?);
        }
        Ok(sessions)
    }

    /// Sessions with this id in any project and location, at most `limit`.
    ///
    /// # Errors
    /// When the store has a problem.
    pub async fn sessions_with_id(&self, id: &str, limit: usize) -> Result<Vec<Session>, ControlError> {
        Ok(self.world.store.sessions_with_id(id, limit).await?)
    }

    /// A page of sessions, newest first.
    ///
    /// # Errors
    /// When the page is asked for wrongly, or the store has a problem.
    pub async fn list_sessions(&self, request: ListSessions) -> Result<Page<Session>, ControlError> {
        let size = page::page_size(request.page_size)?;
        let filter = Filter::parse(&request.filter, Schema::Sessions)?;
        let of = page::question("sessions", &request.parent, &request.filter);
        let after = match page::read_token(&request.page_token, &of)? {
            Some((at, name)) => Some((at, name.parse().map_err(|_| page::invalid_token())?)),
            None => None,
        };
        // One more than asked for shows whether anything follows.
        let query = SessionQuery { parent: request.parent, filter, after, limit: size + 1 };
        let items = self.world.store.sessions(&query).await?;
        Ok(Page::of(items, size, &of, |session| (session.created_at, session.name.to_string())))
    }

    /// Ends an active session.
    ///
    /// # Errors
    /// When there is none, it is not active, or the store has a problem.
    pub async fn terminate_session(
        &self,
        caller: &Caller,
        request: EndSession,
    ) -> Result<Operation, ControlError> {
        self.end(caller, request, OperationKind::Terminate).await
    }

    /// Ends a session in whatever state it is, and removes it.
    ///
    /// # Errors
    /// When there is none, or the store has a problem.
    pub async fn delete_session(
        &self,
        caller: &Caller,
        request: EndSession,
    ) -> Result<Operation, ControlError> {
        self.end(caller, request, OperationKind::Delete).await
    }

    async fn end(
        &self,
        caller: &Caller,
        request: EndSession,
        kind: OperationKind,
    ) -> Result<Operation, ControlError> {
        let key = self.request_key(request.name.parent(), kind, request.request_id);
        if let Some(operation) = self.replayed(key.as_ref()).await? {
            return Ok(operation);
        }
        for _ in 0..ATTEMPTS {
            let session = self.session(&request.name).await?;
            let now = self.world.clock.now();
            let id = OperationId(self.world.random.uuid());
            let operation = operation_about(&session, id, kind, now);
            let mut transition = match kind {
                OperationKind::Delete => self.deleted(&session, caller),
                _ => self.terminated(&session, caller)?,
            };
            transition.session.open_operations.push((kind, id));
            let uuid = session.uuid;
            let mut change = self.change_of(transition).await?;
            change.request = key.clone().map(|key| (key, id));
            change.operations.push(operation.clone());
            match self.world.store.commit(change).await {
                Ok(()) => {
                    self.watchers.changed(uuid);
                    self.queue.push(uuid, now);
                    return Ok(operation);
                }
                Err(CommitError::Conflict) => {}
                Err(CommitError::Replayed(id)) => return self.operation_by_id(id).await,
                Err(error) => return Err(store_error(error, &request.name)),
            }
        }
        Err(ControlError::Busy(request.name))
    }

    fn terminated(&self, session: &Session, caller: &Caller) -> Result<Transition, ControlError> {
        let now = self.world.clock.now();
        let stop_by = later(now, self.policy.stop_timeout);
        let label = session.state.label();
        let refused = || ControlError::NotActive { name: session.name.clone(), state: label };
        if label != StateLabel::Active {
            return Err(refused());
        }
        let reason = EndReason::Requested { by: caller.name.clone() };
        session.after(&SessionEvent::EndRequested { reason, stop_by }, now).map_err(|_| refused())
    }

    fn deleted(&self, session: &Session, caller: &Caller) -> Transition {
        let now = self.world.clock.now();
        let stop_by = later(now, self.policy.stop_timeout);
        let event = match &session.state {
            SessionState::Creating { .. } => {
                Some(SessionEvent::GivenUp { failure: cancelled(caller), stop_by })
            }
            SessionState::Active { .. } => {
                let reason = EndReason::Deleted { by: caller.name.clone() };
                Some(SessionEvent::EndRequested { reason, stop_by })
            }
            SessionState::Terminating { .. }
            | SessionState::Terminated { .. }
            | SessionState::Failed { .. } => None,
        };
        let unchanged = || Transition { session: session.clone(), finished: Vec::new() };
        let mut transition = match event {
            Some(event) => session.after(&event, now).unwrap_or_else(|_| unchanged()),
            None => unchanged(),
        };
        transition.session.deleting_since.get_or_insert(now);
        transition
    }

    /// Notes that a session's first query was answered. Only the first call for a session writes.
    ///
    /// # Errors
    /// When the store has a problem.
    pub async fn note_first_query(&self, uuid: SessionUuid) -> Result<(), ControlError> {
        let now = self.world.clock.now();
        for _ in 0..ATTEMPTS {
            let Some(mut session) = self.world.store.session_by_uuid(uuid).await? else { return Ok(()) };
            if session.timeline.at(Milestone::FirstQuery).is_some() {
                return Ok(());
            }
            session.timeline.reach(Milestone::FirstQuery, now);
            let name = session.name.clone();
            let change =
                Change { sessions: vec![SessionWrite::Update(Box::new(session))], ..Change::default() };
            match self.world.store.commit(change).await {
                Ok(()) => return Ok(()),
                Err(CommitError::Conflict) => {}
                Err(error) => return Err(store_error(error, &name)),
            }
        }
        Ok(())
    }

    /// A transition and the operations it finishes, as one change.
    pub(crate) async fn change_of(&self, transition: Transition) -> Result<Change, ControlError> {
        let mut transition = transition;
        self.measure_last(&mut transition.session).await;
        let operations = self.finished(transition.finished).await?;
        let session = SessionWrite::Update(Box::new(transition.session));
        Ok(Change { sessions: vec![session], operations, ..Change::default() })
    }

    fn request_key(
        &self,
        parent: &Parent,
        method: OperationKind,
        id: Option<RequestId>,
    ) -> Option<RequestKey> {
        id.map(|request_id| RequestKey { parent: parent.clone(), method, request_id })
    }

    /// The operation of a request that was made before.
    async fn replayed(&self, key: Option<&RequestKey>) -> Result<Option<Operation>, ControlError> {
        let Some(key) = key else { return Ok(None) };
        match self.world.store.request(key).await? {
            Some(id) => self.operation_by_id(id).await.map(Some),
            None => Ok(None),
        }
    }
}

/// How a start that someone called off has failed.
pub(crate) fn cancelled(caller: &Caller) -> Failure {
    Failure { kind: ErrorKind::Cancelled, message: format!("The creation was cancelled by {}", caller.name) }
}

fn operation_about(
    session: &Session,
    id: OperationId,
    kind: OperationKind,
    now: hearth_core::Timestamp,
) -> Operation {
    Operation {
        id,
        kind,
        session: session.name.clone(),
        session_uuid: session.uuid,
        created_at: now,
        labels: session.config.labels.clone(),
        done: None,
    }
}

/// What a failed commit means for a caller whose request has no guard that explains it.
pub(crate) fn store_error(error: CommitError, name: &SessionName) -> ControlError {
    match error {
        CommitError::Store(error) => ControlError::Store(error),
        CommitError::Fenced
        | CommitError::Conflict
        | CommitError::Replayed(_)
        | CommitError::SessionExists(_)
        | CommitError::TemplateExists(_)
        | CommitError::TemplateAbsent(_)
        | CommitError::EngineTaken(_) => ControlError::Busy(name.clone()),
    }
}
