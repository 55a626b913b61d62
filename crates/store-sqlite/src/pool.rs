//! Writes of pool engines, inside the writer's transaction.

use hearth_core::id::EngineId;
use hearth_store::{CommitError, PoolWrite, StoreError};
use rusqlite::{Connection, params};

use crate::row::{PoolEngineRow, count};
use crate::writer::Failure;

/// A write with its row made.
#[derive(Debug)]
pub(crate) enum PreparedEngine {
    Insert(EngineId, PoolEngineRow),
    Update(EngineId, PoolEngineRow, u64),
    Remove(EngineId, u64),
}

impl PreparedEngine {
    pub(crate) fn new(write: &PoolWrite) -> Result<Self, StoreError> {
        Ok(match write {
            PoolWrite::Insert(engine) => Self::Insert(engine.id, PoolEngineRow::of(engine)?),
            PoolWrite::Update(engine) => {
                Self::Update(engine.id, PoolEngineRow::of(engine)?, engine.generation)
            }
            PoolWrite::Remove { id, generation } => Self::Remove(*id, *generation),
        })
    }

    pub(crate) fn id(&self) -> EngineId {
        match self {
            Self::Insert(id, _) | Self::Update(id, ..) | Self::Remove(id, _) => *id,
        }
    }
}

/// Writes it, unless the row is not what it was when it was read.
pub(crate) fn write(connection: &Connection, write: &PreparedEngine) -> Result<(), Failure<CommitError>> {
    let written = match write {
        PreparedEngine::Insert(_, row) => connection
            .prepare_cached(
                "INSERT INTO pool_engines (id, made_at, generation, document) VALUES (?1, ?2, 1, ?3)
                 ON CONFLICT DO NOTHING",
            )?
            .execute(params![row.id, row.made_at, row.document])?,
        PreparedEngine::Update(_, row, generation) => connection
            .prepare_cached(
                "UPDATE pool_engines SET made_at = ?3, document = ?4, generation = ?2 + 1
                 WHERE id = ?1 AND generation = ?2",
            )?
            .execute(params![row.id, count(*generation), row.made_at, row.document])?,
        PreparedEngine::Remove(id, generation) => connection
            .prepare_cached("DELETE FROM pool_engines WHERE id = ?1 AND generation = ?2")?
            .execute(params![id.to_string(), count(*generation)])?,
    };
    if written == 1 { Ok(()) } else { Err(Failure::Refused(CommitError::EngineTaken(write.id()))) }
}
