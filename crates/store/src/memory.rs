//! A store in memory, for tests and simulation. It outlives the servers that use it, as a disk would.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use hearth_core::Timestamp;
use hearth_core::id::{OperationId, SessionUuid};
use hearth_core::lease::Lease;
use hearth_core::name::{SessionName, TemplateName};
use hearth_core::operation::{Done, Operation, Outcome, RequestKey};
use hearth_core::session::Session;
use hearth_core::template::Template;
use hearth_core::usage::UsageRecord;

use crate::{
    Change, CommitError, OperationQuery, SessionQuery, SessionWrite, Store, StoreError, TemplateQuery,
    TemplateWrite, UsageQuery,
};

/// A store in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    tables: Mutex<Tables>,
}

#[derive(Debug, Default, Clone)]
struct Tables {
    sessions: HashMap<SessionUuid, Session>,
    names: BTreeMap<SessionName, SessionUuid>,
    templates: BTreeMap<TemplateName, Template>,
    operations: HashMap<OperationId, Operation>,
    requests: BTreeMap<RequestKey, OperationId>,
    activity: HashMap<SessionUuid, Timestamp>,
    usage: HashMap<SessionUuid, UsageRecord>,
    lease: Option<Lease>,
}

impl MemoryStore {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        // Every change is checked before it is applied, so a panic elsewhere leaves the tables whole.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
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
        tables.apply(change);
        Ok(())
    }

    async fn session(&self, name: &SessionName) -> Result<Option<Session>, StoreError> {
        let tables = self.tables();
        Ok(tables.names.get(name).and_then(|uuid| tables.sessions.get(uuid)).cloned())
    }

    async fn session_by_uuid(&self, uuid: SessionUuid) -> Result<Option<Session>, StoreError> {
        Ok(self.tables().sessions.get(&uuid).cloned())
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
