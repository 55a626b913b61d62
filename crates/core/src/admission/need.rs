//! What a session takes, and what there is.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Bytes in a gibibyte, in which sizes are shown.
const GIB: u64 = 1 << 30;

/// The room that an engine takes while it runs, as it is reckoned before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Need {
    /// Memory, in bytes.
    pub memory: u64,
    /// Cores.
    pub cores: u32,
}

/// The room that all engines together may take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Budget {
    /// Memory, in bytes; `None` for any amount.
    pub memory: Option<u64>,
    /// Cores; `None` for any number.
    pub cores: Option<u32>,
}

/// Something of which there is less than a session asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortage {
    /// Cores.
    Cores {
        /// As many as it asks for.
        requested: u32,
        /// As many as there are.
        available: u32,
    },
    /// Memory, in bytes.
    Memory {
        /// As much as it asks for.
        requested: u64,
        /// As much as there is.
        available: u64,
    },
}

impl Need {
    /// This and another together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            memory: self.memory.saturating_add(other.memory),
            cores: self.cores.saturating_add(other.cores),
        }
    }

    /// This without another, which is part of it.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self {
            memory: self.memory.saturating_sub(other.memory),
            cores: self.cores.saturating_sub(other.cores),
        }
    }
}

impl Budget {
    /// Whether there is any limit.
    pub fn limited(&self) -> bool {
        self.memory.is_some() || self.cores.is_some()
    }

    /// Whether there is room for `need` where `used` is taken.
    pub fn fits(&self, used: Need, need: Need) -> bool {
        self.lacking(used, need).is_empty()
    }

    /// What is missing for `need` where `used` is taken; empty when it fits. What a session does not ask for at all, it
    /// does not lack.
    pub fn lacking(&self, used: Need, need: Need) -> Vec<Shortage> {
        let cores = self.cores.map(|all| all.saturating_sub(used.cores)).and_then(|available| {
            let requested = need.cores;
            (requested > available).then_some(Shortage::Cores { requested, available })
        });
        let memory = self.memory.map(|all| all.saturating_sub(used.memory)).and_then(|available| {
            let requested = need.memory;
            (requested > available).then_some(Shortage::Memory { requested, available })
        });
        cores.into_iter().chain(memory).collect()
    }

    /// The part of the budget that `held` is, in millionths: of that which it takes the largest part of.
    pub fn share(&self, held: Need) -> u64 {
        let part = |held: u64, all: u64| {
            let millionths = u128::from(held) * 1_000_000 / u128::from(all.max(1));
            u64::try_from(millionths).unwrap_or(u64::MAX)
        };
        let memory = self.memory.map_or(0, |all| part(held.memory, all));
        let cores = self.cores.map_or(0, |all| part(held.cores.into(), all.into()));
        memory.max(cores)
    }

    /// What a session asks for and what of it is free, in words, of what it lacks; and the whole otherwise.
    pub(super) fn words(&self, used: Need, need: Need) -> String {
        let lacking = self.lacking(used, need);
        let memory = self.memory.map(|all| {
            let free = all.saturating_sub(used.memory);
            let lacks = lacking.iter().any(|one| matches!(one, Shortage::Memory { .. }));
            let part = format!(
                "asks for {} GiB, {} GiB of {} GiB are free",
                gibibytes_up(need.memory),
                gibibytes_down(free),
                gibibytes_down(all)
            );
            (lacks, "memory", part)
        });
        let cores = self.cores.map(|all| {
            let free = all.saturating_sub(used.cores);
            let lacks = lacking.iter().any(|one| matches!(one, Shortage::Cores { .. }));
            let cores = if need.cores == 1 { "core" } else { "cores" };
            (lacks, "cores", format!("asks for {} {cores}, {free} of {all} are free", need.cores))
        });
        let all: Vec<_> = memory.into_iter().chain(cores).collect();
        let told: Vec<_> = match all.iter().any(|(lacks, ..)| *lacks) {
            true => all.into_iter().filter(|(lacks, ..)| *lacks).collect(),
            false => all,
        };
        let names: Vec<_> = told.iter().map(|(_, name, _)| *name).collect();
        let parts: Vec<_> = told.iter().map(|(.., part)| part.as_str()).collect();
        let what = if lacking.is_empty() { "its turn".to_owned() } else { names.join(" and ") };
        format!("waits for {what}: {}", parts.join("; "))
    }
}

/// The text that a client of the hosted service knows (contract, section 14), and for memory what to change.
impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cores { requested, available } => {
                write!(f, "Insufficient 'CPUS' quota. Requested {requested}.0, available {available}.0.")
            }
            Self::Memory { requested, available } => write!(
                f,
                "Insufficient 'MEMORY_GIB' quota. Requested {}, available {}. Set spark:spark.driver.memory to less, \
                 or the setting admission.memory to more.",
                gibibytes_up(*requested),
                gibibytes_down(*available)
            ),
        }
    }
}

/// Gibibytes to a tenth, so that more than there is never looks like as much.
fn gibibytes_up(bytes: u64) -> String {
    tenths((u128::from(bytes) * 10).div_ceil(GIB.into()))
}

fn gibibytes_down(bytes: u64) -> String {
    tenths(u128::from(bytes) * 10 / u128::from(GIB))
}

fn tenths(tenths: u128) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: u64 = GIB / 2;

    fn budget() -> Budget {
        Budget { memory: Some(20 * GIB), cores: Some(11) }
    }

    #[test]
    fn what_is_missing_is_told_in_the_words_of_the_contract() {
        let told = |need| {
            let lacking = budget().lacking(Need { memory: 16 * GIB, cores: 0 }, need);
            lacking.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            told(Need { memory: GIB, cores: 12 }),
            ["Insufficient 'CPUS' quota. Requested 12.0, available 11.0."]
        );
        let memory = told(Need { memory: 4 * GIB + 1, cores: 11 });
        assert!(memory[0].starts_with("Insufficient 'MEMORY_GIB' quota. Requested 4.1, available 4.0. "));
        assert!(memory[0].contains("admission.memory") && memory[0].contains("spark:spark.driver.memory"));
        assert_eq!(told(Need { memory: 5 * GIB, cores: 12 }).len(), 2);
        assert!(told(Need { memory: 4 * GIB, cores: 11 }).is_empty());
    }

    #[test]
    fn without_limits_everything_fits() {
        let all = Need { memory: u64::MAX, cores: u32::MAX };
        assert!(!Budget::default().limited());
        assert!(Budget::default().fits(all, all));
        assert_eq!(Budget::default().share(all), 0);
    }

    #[test]
    fn a_share_is_that_of_what_is_scarcest() {
        assert_eq!(budget().share(Need { memory: 5 * GIB, cores: 1 }), 250_000);
        assert_eq!(budget().share(Need { memory: HALF, cores: 11 }), 1_000_000);
        assert_eq!(Budget { memory: Some(0), cores: None }.share(Need { memory: 3, cores: 0 }), 3_000_000);
    }

    #[test]
    fn waiting_is_told_in_plain_words() {
        let used = Need { memory: 18 * GIB + HALF, cores: 4 };
        assert_eq!(
            budget().words(used, Need { memory: 4 * GIB, cores: 2 }),
            "waits for memory: asks for 4.0 GiB, 1.5 GiB of 20.0 GiB are free"
        );
        assert_eq!(
            budget().words(used, Need { memory: 4 * GIB, cores: 8 }),
            "waits for memory and cores: asks for 4.0 GiB, 1.5 GiB of 20.0 GiB are free; asks for 8 cores, 7 of 11 are \
             free"
        );
        assert_eq!(
            budget().words(used, Need { memory: GIB, cores: 1 }),
            "waits for its turn: asks for 1.0 GiB, 1.5 GiB of 20.0 GiB are free; asks for 1 core, 7 of 11 are free"
        );
    }
}
