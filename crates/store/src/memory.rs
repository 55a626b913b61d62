//! A store in memory, for tests, simulation and emulation. It outlives the servers that use it, as a disk would.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use hearth_core::Timestamp;
use hearth_core::id::{EngineId, OperationId, SessionUuid};
use hearth_core::lease::Lease;
use hearth_core::name::{SessionName, TemplateName};
use hearth_core::operation::{Done, Operation, Outcome, RequestKey};
use hearth_core::pool::PoolEngine;
use hearth_core::session::Session;
use hearth_core::template::Template;
use hearth_core::usage::UsageRecord;
use serde::{Deserialize, Serialize};

use crate::{
    Change, CommitError, OperationQuery, PoolWrite, SessionQuery, SessionWrite, Store, StoreError,
    TemplateQuery, TemplateWrite, UsageQuery, Versions,
};

/// A store in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    tables: Mutex<Tables>,
    versions: Versions,
}

#[derive(Debug, Default, Clone)]
struct Tables {
    sessions: HashMap<SessionUuid, Session>,
    names: BTreeMap<SessionName, SessionUuid>,
    templates: BTreeMap<TemplateName, Template>,
    pool_engines: HashMap<EngineId, PoolEngine>,
    operations: HashMap<OperationId, Operation>,
    requests: BTreeMap<RequestKey, OperationId>,
    activity: HashMap<SessionUuid, Timestamp>,
    usage: HashMap<SessionUuid, UsageRecord>,
    lease: Option<Lease>,
}

/// Everything that a store in memory holds, the lease aside, in the order of names and ids.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contents {
    /// The sessions. Their generations are not kept.
    pub sessions: Vec<Session>,
    /// The templates.
    pub templates: Vec<Template>,
    /// The operations.
    pub operations: Vec<Operation>,
    /// What request ids stand for.
    pub requests: Vec<Request>,
    /// When sessions were last used, as noted.
    pub activity: Vec<Use>,
    /// What sessions that were removed had used.
    pub usage: Vec<UsageRecord>,
}

/// What a request id stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The request.
    pub key: RequestKey,
    /// Its operation.
    pub operation: OperationId,
}

/// When a session was last used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Use {
    /// The session.
    pub session: SessionUuid,
    /// When.
    pub at: Timestamp,
}

/// Why contents do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// Two things that must be told apart are called the same.
    #[error("{kind} \"{name}\" is there twice")]
    Twice {
        /// What kind of thing it is.
        kind: &'static str,
        /// What both are called.
        name: String,
    },
    /// Something is named that is not there.
    #[error("{by} names {kind} \"{name}\", which is not there")]
    Missing {
        /// What names it.
        by: String,
        /// What kind of thing is named.
        kind: &'static str,
        /// Its name.
        name: String,
    },
}

impl MemoryStore {
    /// Everything that is in the store now.
    pub fn contents(&self) -> Contents {
        let tables = self.tables();
        let mut sessions: Vec<_> = tables.sessions.values().cloned().collect();
        sessions.sort_by(|a, b| a.name.cmp(&b.name));
        let mut operations: Vec<_> = tables.operations.values().cloned().collect();
        operations.sort_by_key(|operation| (operation.created_at, operation.id));
        let mut activity: Vec<_> =
            tables.activity.iter().map(|(session, at)| Use { session: *session, at: *at }).collect();
        activity.sort_by_key(|noted| noted.session);
        let mut usage: Vec<_> = tables.usage.values().cloned().collect();
        usage.sort_by_key(|record| record.uuid);
        let request = |(key, operation): (&RequestKey, &OperationId)| Request {
            key: key.clone(),
            operation: *operation,
        };
        Contents {
            sessions,
            templates: tables.templates.values().cloned().collect(),
            operations,
            requests: tables.requests.iter().map(request).collect(),
            activity,
            usage,
        }
    }

    /// Puts `contents` in the place of all that is in the store, whole or not at all. The lease stays.
    ///
    /// # Errors
    /// When they do not fit together.
    pub fn replace(&self, contents: Contents) -> Result<(), Misfit> {
        let filled = Tables::of(contents)?;
        let mut tables = self.tables();
        let lease = tables.lease.take();
        *tables = Tables { lease, ..filled };
        Ok(())
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        // Every change is checked before it is applied, so a panic elsewhere leaves the tables whole.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn of(contents: Contents) -> Result<Self, Misfit> {
        let twice = |kind, name: String| Misfit::Twice { kind, name };
        let mut tables = Self::default();
        for session in contents.sessions {
            let (name, uuid) = (session.name.clone(), session.uuid);
            if tables.names.insert(name.clone(), uuid).is_some() {
                return Err(twice("session", name.to_string()));
            }
            // As if each had just been inserted.
            if tables.sessions.insert(uuid, Session { generation: 1, ..session }).is_some() {
                return Err(twice("session uuid", uuid.to_string()));
            }
        }
        for template in contents.templates {
            let name = template.name.clone();
            if tables.templates.insert(name.clone(), template).is_some() {
                return Err(twice("session template", name.to_string()));
            }
        }
        for operation in contents.operations {
            let id = operation.id;
            if tables.operations.insert(id, operation).is_some() {
                return Err(twice("operation", id.to_string()));
            }
        }
        for Request { key, operation } in contents.requests {
            let id = key.request_id.as_str().to_owned();
            if !tables.operations.contains_key(&operation) {
                let by = format!("request id \"{id}\"");
                return Err(Misfit::Missing { by, kind: "operation", name: operation.to_string() });
            }
            if tables.requests.insert(key, operation).is_some() {
                return Err(twice("request id", id));
            }
        }
        for Use { session, at } in contents.activity {
            if !tables.sessions.contains_key(&session) {
                let by = "a use".to_owned();
                return Err(Misfit::Missing { by, kind: "session uuid", name: session.to_string() });
            }
            if tables.activity.insert(session, at).is_some() {
                return Err(twice("use of session uuid", session.to_string()));
            }
        }
        for record in contents.usage {
            let uuid = record.uuid;
            if tables.sessions.contains_key(&uuid) || tables.usage.insert(uuid, record).is_some() {
                return Err(twice("use of session uuid", uuid.to_string()));
            }
        }
        for session in tables.sessions.values() {
            for (_, id) in &session.open_operations {
                if tables.operations.get(id).is_none_or(|operation| operation.session_uuid != session.uuid) {
                    let by = format!("session \"{}\"", session.name);
                    return Err(Misfit::Missing { by, kind: "operation", name: id.to_string() });
                }
            }
        }
        Ok(tables)
    }

    fn check(&self, change: &Change) -> Result<(), CommitError> {
        if let Some(fence) = change.fence
            && self.lease.as_ref().is_none_or(|lease| lease.fence != fence)
        {
            return Err(CommitError::Fenced);
        }
        if let Some((key, _)) = &change.request
            && let Some(known) = self.requests.get(key)
        {
            return Err(CommitError::Replayed(*known));
        }
        let mut names = HashSet::new();
        for write in &change.sessions {
            if let SessionWrite::Insert(session) = write
                && (self.names.contains_key(&session.name) || !names.insert(&session.name))
            {
                return Err(CommitError::SessionExists(session.name.clone()));
            }
        }
        let mut written = HashSet::new();
        for write in &change.sessions {
            let uuid = match write {
                SessionWrite::Insert(session) if self.sessions.contains_key(&session.uuid) => {
                    return Err(CommitError::Conflict);
                }
                SessionWrite::Insert(session) => session.uuid,
                SessionWrite::Update(session) => {
                    self.check_generation(session.uuid, session.generation)?;
                    session.uuid
                }
                SessionWrite::Remove { uuid, generation, .. } => {
                    self.check_generation(*uuid, *generation)?;
                    *uuid
                }
            };
            if !written.insert(uuid) {
                return Err(CommitError::Conflict);
            }
        }
        self.check_templates(&change.templates)?;
        self.check_pool_engines(&change.pool_engines)?;
        if let Some((_, id)) = &change.request
            && !self.operations.contains_key(id)
            && !change.operations.iter().any(|operation| operation.id == *id)
        {
            return Err(CommitError::Conflict);
        }
        Ok(())
    }

    fn check_templates(&self, writes: &[TemplateWrite]) -> Result<(), CommitError> {
        for write in writes {
            let name = write.name();
            match (write, self.templates.get(name)) {
                (TemplateWrite::Insert(_), None) | (TemplateWrite::Remove(_), Some(_)) => {}
                (TemplateWrite::Replace(template), Some(stored)) if stored.uuid == template.uuid => {}
                (TemplateWrite::Insert(_), Some(_)) => return Err(CommitError::TemplateExists(name.clone())),
                (TemplateWrite::Replace(_), _) | (TemplateWrite::Remove(_), None) => {
                    return Err(CommitError::TemplateAbsent(name.clone()));
                }
            }
        }
        let mut written = HashSet::new();
        if writes.iter().all(|write| written.insert(write.name())) {
            Ok(())
        } else {
            Err(CommitError::Conflict)
        }
    }

    fn check_pool_engines(&self, writes: &[PoolWrite]) -> Result<(), CommitError> {
        let mut written = HashSet::new();
        for write in writes {
            let id = write.id();
            let stored = self.pool_engines.get(&id).map(|engine| engine.generation);
            let expected = match write {
                PoolWrite::Insert(_) => None,
                PoolWrite::Update(engine) => Some(engine.generation),
                PoolWrite::Remove { generation, .. } => Some(*generation),
            };
            if stored != expected {
                return Err(CommitError::EngineTaken(id));
            }
            if !written.insert(id) {
                return Err(CommitError::Conflict);
            }
        }
        Ok(())
    }

    fn check_generation(&self, uuid: SessionUuid, generation: u64) -> Result<(), CommitError> {
        match self.sessions.get(&uuid) {
            Some(stored) if stored.generation == generation => Ok(()),
            _ => Err(CommitError::Conflict),
        }
    }

    fn apply(&mut self, change: Change) {
        if let Some((key, operation)) = change.request {
            self.requests.insert(key, operation);
        }
        for write in change.sessions {
            match write {
                SessionWrite::Insert(session) => {
                    self.names.insert(session.name.clone(), session.uuid);
                    self.sessions.insert(session.uuid, Session { generation: 1, ..*session });
                }
                SessionWrite::Update(session) => {
                    let generation = session.generation + 1;
                    self.sessions.insert(session.uuid, Session { generation, ..*session });
                }
                SessionWrite::Remove { uuid, usage, .. } => {
                    if let Some(usage) = usage {
                        self.usage.insert(uuid, *usage);
                    }
                    if let Some(session) = self.sessions.remove(&uuid) {
                        self.names.remove(&session.name);
                    }
                    self.activity.remove(&uuid);
                }
            }
        }
        for write in change.templates {
            match write {
                TemplateWrite::Insert(template) => {
                    self.templates.insert(template.name.clone(), *template);
                }
                TemplateWrite::Replace(template) => {
                    if let Some(stored) = self.templates.get_mut(&template.name) {
                        *stored = Template { created_at: stored.created_at, ..*template };
                    }
                }
                TemplateWrite::Remove(name) => {
                    self.templates.remove(&name);
                }
            }
        }
        for write in change.pool_engines {
            match write {
                PoolWrite::Insert(engine) => {
                    self.pool_engines.insert(engine.id, PoolEngine { generation: 1, ..engine });
                }
                PoolWrite::Update(engine) => {
                    let generation = engine.generation + 1;
                    self.pool_engines.insert(engine.id, PoolEngine { generation, ..engine });
                }
                PoolWrite::Remove { id, .. } => {
                    self.pool_engines.remove(&id);
                }
            }
        }
        for mut operation in change.operations {
            if let Some(Done { outcome: Outcome::Succeeded(session), .. }) = &mut operation.done {
                session.generation = 0;
            }
            self.operations.insert(operation.id, operation);
        }
        for id in change.removed_operations {
            self.operations.remove(&id);
            self.requests.retain(|_, stands_for| *stands_for != id);
        }
        for uuid in change.removed_usage {
            self.usage.remove(&uuid);
        }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, change: Change) -> Result<(), CommitError> {
        let mut tables = self.tables();
        tables.check(&change)?;
        let written = change.written();
        tables.apply(change);
        self.versions.note(&written);
        Ok(())
    }

    async fn session(&self, name: &SessionName) -> Result<Option<Session>, StoreError> {
        let tables = self.tables();
        Ok(tables.names.get(name).and_then(|uuid| tables.sessions.get(uuid)).cloned())
    }

    async fn session_by_uuid(&self, uuid: SessionUuid) -> Result<Option<Session>, StoreError> {
        Ok(self.tables().sessions.get(&uuid).cloned())
    }

    fn version(&self, uuid: SessionUuid) -> u64 {
        self.versions.of(uuid)
    }

    fn names_version(&self) -> u64 {
        self.versions.of_names()
    }

    async fn sessions(&self, query: &SessionQuery) -> Result<Vec<Session>, StoreError> {
        let tables = self.tables();
        let selected =
            |session: &&Session| *session.name.parent() == query.parent && query.filter.matches(*session);
        let mut found: Vec<&Session> = tables.sessions.values().filter(selected).collect();
        found.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.name.cmp(&b.name)));
        let after = |session: &&Session| {
            query.after.as_ref().is_none_or(|(at, name)| {
                session.created_at < *at || (session.created_at == *at && session.name > *name)
            })
        };
        Ok(found.into_iter().filter(after).take(query.limit).cloned().collect())
    }

    async fn sessions_with_id(&self, id: &str, limit: usize) -> Result<Vec<Session>, StoreError> {
        let tables = self.tables();
        Ok(tables.sessions.values().filter(|session| session.name.id() == id).take(limit).cloned().collect())
    }

    async fn unsettled(&self) -> Result<Vec<SessionUuid>, StoreError> {
        let tables = self.tables();
        Ok(tables
            .sessions
            .values()
            .filter(|session| !session.settled())
            .map(|session| session.uuid)
            .collect())
    }

    async fn ended_before(&self, time: Timestamp, limit: usize) -> Result<Vec<SessionUuid>, StoreError> {
        let tables = self.tables();
        let mut ended: Vec<_> = tables
            .sessions
            .values()
            .filter(|session| session.settled() && session.state_at <= time)
            .map(|session| (session.state_at, session.uuid))
            .collect();
        ended.sort();
        Ok(ended.into_iter().take(limit).map(|(_, uuid)| uuid).collect())
    }

    async fn template(&self, name: &TemplateName) -> Result<Option<Template>, StoreError> {
        Ok(self.tables().templates.get(name).cloned())
    }

    async fn templates(&self, query: &TemplateQuery) -> Result<Vec<Template>, StoreError> {
        let tables = self.tables();
        let selected =
            |template: &&Template| *template.name.parent() == query.parent && query.filter.matches(*template);
        let mut found: Vec<&Template> = tables.templates.values().filter(selected).collect();
        found.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.name.cmp(&b.name)));
        let after = |template: &&Template| {
            query.after.as_ref().is_none_or(|(at, name)| {
                template.created_at < *at || (template.created_at == *at && template.name > *name)
            })
        };
        Ok(found.into_iter().filter(after).take(query.limit).cloned().collect())
    }

    async fn operation(&self, id: OperationId) -> Result<Option<Operation>, StoreError> {
        Ok(self.tables().operations.get(&id).cloned())
    }

    async fn operations(&self, query: &OperationQuery) -> Result<Vec<Operation>, StoreError> {
        let tables = self.tables();
        let selected = |operation: &&Operation| {
            *operation.session.parent() == query.parent && query.filter.matches(*operation)
        };
        let mut found: Vec<&Operation> = tables.operations.values().filter(selected).collect();
        found.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.id.cmp(&b.id)));
        let after = |operation: &&Operation| {
            query.after.as_ref().is_none_or(|(at, id)| {
                operation.created_at < *at || (operation.created_at == *at && operation.id > *id)
            })
        };
        Ok(found.into_iter().filter(after).take(query.limit).cloned().collect())
    }

    async fn finished_before(&self, time: Timestamp, limit: usize) -> Result<Vec<OperationId>, StoreError> {
        let tables = self.tables();
        let mut finished: Vec<_> = tables
            .operations
            .values()
            .filter_map(|operation| Some((operation.done.as_ref()?.at, operation.id)))
            .filter(|(at, _)| *at <= time)
            .collect();
        finished.sort();
        Ok(finished.into_iter().take(limit).map(|(_, id)| id).collect())
    }

    async fn pool_engines(&self) -> Result<Vec<PoolEngine>, StoreError> {
        let mut engines: Vec<PoolEngine> = self.tables().pool_engines.values().cloned().collect();
        engines.sort_by_key(|engine| (engine.made_at, engine.id));
        Ok(engines)
    }

    async fn request(&self, key: &RequestKey) -> Result<Option<OperationId>, StoreError> {
        Ok(self.tables().requests.get(key).copied())
    }

    async fn note_activity(&self, uses: &[(SessionUuid, Timestamp)]) -> Result<(), StoreError> {
        let mut tables = self.tables();
        for (uuid, at) in uses {
            if tables.sessions.contains_key(uuid) {
                let known = tables.activity.entry(*uuid).or_insert(*at);
                *known = (*known).max(*at);
            }
        }
        Ok(())
    }

    async fn activity(&self, uuid: SessionUuid) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.tables().activity.get(&uuid).copied())
    }

    async fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageRecord>, StoreError> {
        let tables = self.tables();
        let there = tables.sessions.values().filter_map(UsageRecord::of);
        let removed = tables.usage.values().cloned();
        Ok(there.chain(removed).filter(|record| query.selects(record)).collect())
    }

    async fn usage_before(&self, time: Timestamp, limit: usize) -> Result<Vec<SessionUuid>, StoreError> {
        let tables = self.tables();
        let mut ended: Vec<_> = tables
            .usage
            .values()
            .map(|record| (record.ended_at.unwrap_or(record.began_at), record.uuid))
            .filter(|(at, _)| *at <= time)
            .collect();
        ended.sort();
        Ok(ended.into_iter().take(limit).map(|(_, uuid)| uuid).collect())
    }

    async fn acquire_lease(
        &self,
        holder: &str,
        now: Timestamp,
        expires_at: Timestamp,
        seize: bool,
    ) -> Result<Option<Lease>, StoreError> {
        let mut tables = self.tables();
        let granted = Lease::grant(tables.lease.as_ref(), holder, now, expires_at, seize);
        if granted.is_some() {
            tables.lease.clone_from(&granted);
        }
        Ok(granted)
    }

    async fn release_lease(&self, holder: &str) -> Result<(), StoreError> {
        if let Some(lease) = &mut self.tables().lease
            && lease.holder == holder
        {
            lease.expires_at = Timestamp::UNIX_EPOCH;
        }
        Ok(())
    }
}
