//! A staging store in memory that works, refuses, or never answers; and a packer that makes archives people can read.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use hearth_control::diagnostics::Case;
use hearth_control::world::{Kept, Packer, Staging, StagingError};
use hearth_core::id::SessionUuid;
use hearth_core::staged::{DIAGNOSTICS, Owner};
use hearth_driver::LogChunk;

/// How a shelf behaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    /// As it should.
    #[default]
    Works,
    /// It says no.
    Refuses,
    /// It says no, once.
    RefusesOnce,
    /// It never says anything.
    Hangs,
}

/// Things of sessions by session and name.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    things: Mutex<BTreeMap<(SessionUuid, String), Vec<u8>>>,
    mood: Mutex<Mood>,
}

impl Shelf {
    /// Changes how it behaves.
    pub(crate) fn be(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// The archive of a session, as text.
    pub(crate) fn archive(&self, session: SessionUuid) -> Option<String> {
        let archive = self.things().get(&(session, DIAGNOSTICS.to_owned())).cloned();
        archive.map(|archive| String::from_utf8(archive).unwrap())
    }

    /// How many pieces of output there are of a session.
    pub(crate) fn outputs(&self, session: SessionUuid) -> usize {
        self.things().keys().filter(|(of, name)| *of == session && name != DIAGNOSTICS).count()
    }

    /// The sessions that something is there of.
    pub(crate) fn sessions(&self) -> Vec<SessionUuid> {
        self.things().keys().map(|(session, _)| *session).collect()
    }

    fn things(&self) -> MutexGuard<'_, BTreeMap<(SessionUuid, String), Vec<u8>>> {
        self.things.lock().unwrap()
    }

    async fn put(&self, owner: Owner<'_>, name: String, content: Vec<u8>) -> Result<(), StagingError> {
        self.answer().await?;
        self.things().insert((owner.session, name), content);
        Ok(())
    }

    async fn answer(&self) -> Result<(), StagingError> {
        let mood = *self.mood.lock().unwrap();
        if mood == Mood::RefusesOnce {
            self.be(Mood::Works);
        }
        match mood {
            Mood::Works => Ok(()),
            Mood::Refuses | Mood::RefusesOnce => {
                Err(StagingError::because("keep it")(std::io::Error::other("no room")))
            }
            Mood::Hangs => std::future::pending().await,
        }
    }
}

#[async_trait]
impl Staging for Shelf {
    async fn keep_output(&self, owner: Owner<'_>, offset: u64, content: Vec<u8>) -> Result<(), StagingError> {
        self.put(owner, offset.to_string(), content).await
    }

    async fn output(&self, _owner: Owner<'_>, offset: u64, _limit: usize) -> Result<LogChunk, StagingError> {
        self.answer().await?;
        Ok(LogChunk { content: Vec::new(), offset, next_offset: offset })
    }

    async fn keep_diagnostics(&self, owner: Owner<'_>, archive: Vec<u8>) -> Result<(), StagingError> {
        self.put(owner, DIAGNOSTICS.to_owned(), archive).await
    }

    async fn diagnostics(
        &self,
        owner: Owner<'_>,
        offset: u64,
        limit: usize,
    ) -> Result<Option<Kept>, StagingError> {
        self.answer().await?;
        let things = self.things();
        Ok(things.get(&(owner.session, DIAGNOSTICS.to_owned())).map(|archive| {
            let content = archive.iter().skip(usize::try_from(offset).unwrap()).take(limit);
            Kept { content: content.copied().collect(), size: archive.len() as u64 }
        }))
    }

    async fn remove(&self, owner: Owner<'_>) -> Result<(), StagingError> {
        self.answer().await?;
        self.things().retain(|(session, _), _| *session != owner.session);
        Ok(())
    }
}

/// Makes archives that say what is known in a line.
pub(crate) struct Packs;

#[async_trait]
impl Packer for Packs {
    async fn pack(&self, case: Case) -> Result<Vec<u8>, StagingError> {
        let Case { session, explanation, operations, engine, .. } = case;
        let state = session.state.label();
        let engine = engine.is_some();
        Ok(format!("{state}; {}; {} operations; engine {engine}", explanation.reason, operations.len())
            .into_bytes())
    }
}
