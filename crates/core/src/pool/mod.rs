//! Warm pools: engines that are started ahead and handed over to a session once.
//!
//! A pool engine has its id from the start, and a row of its own. The session that takes it takes that id as its uuid:
//! one transaction removes the row and writes the session, so nothing outside of the store has to be renamed, and a
//! crash at any moment leaves either a pool engine or a session. An engine is never given back.
//!
//! ```mermaid
//! stateDiagram-v2
//!     [*] --> Starting: wanted
//!     Starting --> Ready: engine ready
//!     Ready --> [*]: handed over
//!     Starting --> Retiring: failed, not wanted any more
//!     Ready --> Retiring: lost, too old, stale, not wanted any more
//!     Retiring --> [*]: engine gone
//! ```
//!
//! [`plan::next_move`] decides how many there are, [`step::next_step`] what to do with one.

pub mod demand;
pub mod plan;
pub mod recipe;
mod size;
pub mod step;

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::admission::Need;
use crate::config::Kernel;
use crate::id::EngineId;
use crate::name::TemplateName;
use crate::pool::recipe::RecipeId;

pub use self::size::InvalidPoolSize;

/// An engine of a pool, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolEngine {
    /// The engine, and the uuid of the session that will take it.
    pub id: EngineId,
    /// The pool it was made for, as people call it.
    pub pool: String,
    /// What it was made by.
    pub recipe: RecipeId,
    /// The room it takes: that of the sessions that could have it.
    #[serde(default)]
    pub need: Need,
    /// When it was decided to make it.
    pub made_at: Timestamp,
    /// How far it is.
    pub state: PoolState,
    /// Counts its writes, for compare-and-swap.
    #[serde(skip)]
    pub generation: u64,
}

/// How far a pool engine is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum PoolState {
    /// It is being started.
    Starting {
        /// When that has taken too long.
        start_by: Timestamp,
    },
    /// It can be handed over.
    Ready {
        /// Since when.
        since: Timestamp,
    },
    /// It is being ended, and nobody gets it any more.
    Retiring {
        /// Why.
        why: Retirement,
    },
}

/// Why a pool engine is ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Retirement {
    /// It could not be started, or is gone.
    Failed {
        /// How.
        message: String,
    },
    /// Engines of its pool are made otherwise now, or there is no such pool any more.
    Stale,
    /// It has been there for long enough.
    TooOld,
    /// More are there than are wanted.
    Surplus,
    /// The memory is needed.
    MakesRoom,
    /// A session waits that could have its room.
    GivesWay,
}

impl PoolEngine {
    /// Whether a session can have it.
    pub fn ready(&self) -> bool {
        matches!(self.state, PoolState::Ready { .. })
    }

    /// Whether it is being ended.
    pub fn retiring(&self) -> bool {
        matches!(self.state, PoolState::Retiring { .. })
    }
}

impl std::fmt::Display for Retirement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Failed { message } => f.write_str(message),
            Self::Stale => f.write_str("engines of its pool are made otherwise now"),
            Self::TooOld => f.write_str("it is too old"),
            Self::Surplus => f.write_str("more are there than are wanted"),
            Self::MakesRoom => f.write_str("its memory is needed"),
            Self::GivesWay => f.write_str("a session waits for its room"),
        }
    }
}

/// What a deployment keeps ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolPolicy {
    /// The pools, no two of the same subject.
    pub pools: Vec<PoolSize>,
    /// The most memory that all pool engines together may take, in bytes.
    pub memory: u64,
    /// How long an engine is kept at most: what it holds open or has cached should not grow old with it.
    pub max_age: Duration,
}

/// How many engines one pool has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolSize {
    /// Which engines.
    pub of: PoolSubject,
    /// At least so many, asked for or not.
    pub least: u32,
    /// At most so many, however often they are asked for.
    pub most: u32,
}

/// Which engines a pool has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PoolSubject {
    /// Those of sessions that name this and nothing else.
    Runtime {
        /// The runtime; empty for the default one.
        version: String,
        /// The kernel, for sessions with one.
        kernel: Option<Kernel>,
    },
    /// Those of sessions made from this template.
    Template(TemplateName),
}

impl Default for PoolPolicy {
    /// No pools.
    fn default() -> Self {
        const HOUR: u64 = 3600;
        Self { pools: Vec::new(), memory: 2 << 30, max_age: Duration::from_secs(4 * HOUR) }
    }
}

impl std::fmt::Display for PoolSubject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Runtime { version, kernel } => {
                f.write_str(if version.is_empty() { "default" } else { version })?;
                kernel.map_or(Ok(()), |kernel| write!(f, "/{}", kernel.as_str()))
            }
            Self::Template(name) => name.fmt(f),
        }
    }
}
