//! What sessions use: what is allocated to them by their properties, and what their engines really took.
//!
//! Allocation is counted in compute units (DCU) as the hosted service does: 0.6 for a core, 0.1 for a GB of memory up
//! to 8 GB a core and 0.2 for each above; disk in GB. It follows from a session's record alone, so it is the same
//! after any restart and never goes down.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::session::{Session, StateLabel};
use crate::words;

pub use self::price::{InvalidPrice, Price};
pub use self::record::UsageRecord;
pub use self::rollup::{Group, GroupBy, InvalidGroupBy, RollUp, roll_up};

mod price;
mod record;
mod rollup;

/// How often what an engine used is written down. A crash of the machine loses that much at most.
pub const SAMPLE_INTERVAL: Duration = Duration::from_secs(30);

/// The cores of a process that does not say (contract, section 6).
const DEFAULT_CORES: u64 = 4;
/// Memory for each core, in mebibytes: the documented default is 12200m for four cores.
const MEMORY_PER_CORE: u64 = 3050;
/// The system's own share of memory for each core, in mebibytes: what a machine of 8 GB a core has above the documented
/// cap of 7424m.
const SYSTEM_PER_CORE: u64 = 768;
/// The least overhead, in mebibytes, and otherwise a tenth of the memory (Spark's own defaults).
const LEAST_OVERHEAD: u64 = 384;
/// Local disk for each core, in GB: recorded sizes are 400 for four cores.
const DISK_PER_CORE: u64 = 100;

/// What is allocated to a session while it is active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Allocation {
    /// Compute units, in thousandths.
    pub milli_dcu: u64,
    /// Local disk, in GB.
    pub shuffle_storage_gb: u64,
}

/// What an engine was seen to have taken so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Used {
    /// Processor time of all its processes.
    pub cpu: Duration,
    /// Memory of all its processes when last looked at, in bytes.
    pub memory: u64,
    /// The most of it that was seen.
    pub peak_memory: u64,
    /// Memory times how long it was held, in mebibytes times seconds: each look counts until the next.
    pub memory_mib_seconds: u64,
    /// How long calls ran.
    pub busy: Duration,
    /// When this was seen.
    pub at: Option<Timestamp>,
}

/// What a session, or many, used in a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Total {
    /// How many sessions were active in it.
    pub sessions: u64,
    /// How long, added up, in whole seconds.
    pub active_seconds: u64,
    /// Compute units allocated, in thousandths, times seconds.
    pub milli_dcu_seconds: u64,
    /// Local disk allocated, in GB times seconds.
    pub shuffle_storage_gb_seconds: u64,
    /// Processor time taken.
    pub cpu: Duration,
    /// Memory taken, in mebibytes times seconds.
    pub memory_mib_seconds: u64,
    /// The most memory that one of the sessions was seen to take at once in its life, in bytes.
    pub peak_memory: u64,
    /// How long no call ran, in whole seconds.
    pub idle_seconds: u64,
    /// Compute units allocated while no call ran, in thousandths, times seconds.
    pub idle_milli_dcu_seconds: u64,
}

impl Used {
    /// What is known once `seen` was seen too: totals never go down, not even when an engine's count begins anew.
    #[must_use]
    pub fn grown(&self, seen: &Self) -> Self {
        let held = match (self.at, seen.at) {
            (Some(before), Some(now)) => mebibyte_seconds(self.memory, words::between(before, now)),
            _ => 0,
        };
        Self {
            cpu: self.cpu.max(seen.cpu),
            memory: seen.memory,
            peak_memory: self.peak_memory.max(seen.peak_memory).max(seen.memory),
            // Taking over what came of an earlier call adds nothing twice.
            memory_mib_seconds: self.memory_mib_seconds.saturating_add(held).max(seen.memory_mib_seconds),
            busy: self.busy.max(seen.busy),
            at: self.at.max(seen.at),
        }
    }
}

/// From when to when a session was active; to `now` if it still is. `None` if it never was.
pub fn active_span(session: &Session, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    if session.state.label() == StateLabel::Active {
        return Some((session.state_at, now.max(session.state_at)));
    }
    let at = session.history.iter().position(|past| past.state == StateLabel::Active)?;
    let until = session.history.get(at + 1).map_or(session.state_at, |next| next.at);
    Some((session.history[at].at, until))
}

/// What a session used between two times ([`UsageRecord::total`]).
pub fn total(session: &Session, since: Timestamp, until: Timestamp, now: Timestamp) -> Option<Total> {
    total_of(active_span(session, now)?, allocation(session), &session.used, since, until)
}

/// What was used between two times by a session that was active for this span.
fn total_of(
    (began, ended): (Timestamp, Timestamp),
    allocation: Allocation,
    used: &Used,
    since: Timestamp,
    until: Timestamp,
) -> Option<Total> {
    let life = words::between(began, ended);
    let part = words::between(began.max(since), ended.min(until));
    // A session that ended before it began to count is not there at all.
    if ended < since || began >= until {
        return None;
    }
    let share = if life.is_zero() { 0.0 } else { part.as_secs_f64() / life.as_secs_f64() };
    // A whole life is exact.
    let share_of = |whole: Duration| if part == life { whole } else { whole.mul_f64(share.min(1.0)) };
    let active = part.as_secs();
    let idle = share_of(life.saturating_sub(used.busy)).as_secs().min(active);
    Some(Total {
        sessions: 1,
        active_seconds: active,
        milli_dcu_seconds: allocation.milli_dcu.saturating_mul(active),
        shuffle_storage_gb_seconds: allocation.shuffle_storage_gb.saturating_mul(active),
        cpu: share_of(used.cpu),
        memory_mib_seconds: share_of(Duration::from_secs(used.memory_mib_seconds)).as_secs(),
        peak_memory: used.peak_memory,
        idle_seconds: idle,
        idle_milli_dcu_seconds: allocation.milli_dcu.saturating_mul(idle),
    })
}

impl Total {
    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            sessions: self.sessions.saturating_add(other.sessions),
            active_seconds: self.active_seconds.saturating_add(other.active_seconds),
            milli_dcu_seconds: self.milli_dcu_seconds.saturating_add(other.milli_dcu_seconds),
            shuffle_storage_gb_seconds: self
                .shuffle_storage_gb_seconds
                .saturating_add(other.shuffle_storage_gb_seconds),
            cpu: self.cpu.saturating_add(other.cpu),
            memory_mib_seconds: self.memory_mib_seconds.saturating_add(other.memory_mib_seconds),
            peak_memory: self.peak_memory.max(other.peak_memory),
            idle_seconds: self.idle_seconds.saturating_add(other.idle_seconds),
            idle_milli_dcu_seconds: self.idle_milli_dcu_seconds.saturating_add(other.idle_milli_dcu_seconds),
        }
    }
}

/// So much memory, in bytes, for so long.
fn mebibyte_seconds(memory: u64, held: Duration) -> u64 {
    let product = u128::from(memory) * held.as_millis() / (1000 << 20);
    u64::try_from(product).unwrap_or(u64::MAX)
}

/// What is allocated to a session, by its effective properties: its driver, and as many executors as they ask for.
pub fn allocation(session: &Session) -> Allocation {
    static NONE: BTreeMap<String, String> = BTreeMap::new();
    let properties = session.config.runtime.as_ref().map_or(&NONE, |runtime| &runtime.properties);
    let executors = number(properties, "spark.executor.instances").unwrap_or(0);
    let (driver, executor) = (process(properties, "driver"), process(properties, "executor"));
    Allocation {
        milli_dcu: driver.milli_dcu.saturating_add(executor.milli_dcu.saturating_mul(executors)),
        shuffle_storage_gb: driver
            .shuffle_storage_gb
            .saturating_add(executor.shuffle_storage_gb.saturating_mul(executors)),
    }
}

/// What is allocated to one process of this kind.
fn process(properties: &BTreeMap<String, String>, kind: &str) -> Allocation {
    let size = |key: String| properties.get(&key).and_then(|text| mebibytes(text));
    let cores = number(properties, &format!("spark.{kind}.cores")).unwrap_or(DEFAULT_CORES);
    let memory = size(format!("spark.{kind}.memory")).unwrap_or(cores.saturating_mul(MEMORY_PER_CORE));
    let overhead =
        size(format!("spark.{kind}.memoryOverhead")).unwrap_or_else(|| (memory / 10).max(LEAST_OVERHEAD));
    let system = cores.saturating_mul(SYSTEM_PER_CORE);
    let gigabytes = memory.saturating_add(overhead).saturating_add(system).saturating_add(512) / 1024;
    let disk = size(format!("spark.dataproc.{kind}.disk.size"))
        .map_or(cores.saturating_mul(DISK_PER_CORE), |disk| disk.div_ceil(1024));
    Allocation { milli_dcu: milli_dcu(cores, gigabytes), shuffle_storage_gb: disk }
}

/// The compute units, in thousandths, of a process with so many cores and so much memory.
fn milli_dcu(cores: u64, gigabytes: u64) -> u64 {
    let cheap = gigabytes.min(cores.saturating_mul(8));
    let dear = gigabytes - cheap;
    cores
        .saturating_mul(600)
        .saturating_add(cheap.saturating_mul(100))
        .saturating_add(dear.saturating_mul(200))
}

/// The largest count or size that is believed: more than any machine has, and small enough to add and multiply.
const MOST: u64 = 1 << 30;

fn number(properties: &BTreeMap<String, String>, key: &str) -> Option<u64> {
    properties.get(key)?.trim().parse().ok().map(|number: u64| number.min(MOST))
}

/// A size as Spark writes it, `12200m` or `16g`; without a unit it is in mebibytes.
fn mebibytes(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let text = text.strip_suffix('b').unwrap_or(&text);
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let size: u64 = digits.parse().ok()?;
    let size = match &text[digits.len()..] {
        "" | "m" => size,
        "k" => size.div_ceil(1024),
        "g" => size.saturating_mul(1 << 10),
        "t" => size.saturating_mul(1 << 20),
        _ => return None,
    };
    Some(size.min(MOST))
}

#[cfg(test)]
mod tests;
