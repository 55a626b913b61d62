//! What a deployment takes and adds, as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::size::MEBIBYTE;

/// Which properties a deployment takes, with what values, and what it adds.
///
/// A property without a rule takes any value and gets no default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PropertyPolicy {
    /// Keys that are refused, because the service sets them itself or has no such thing. A `*` at the end stands for
    /// anything.
    pub unsupported: Vec<String>,
    /// Keys whose values are checked or have defaults.
    pub rules: BTreeMap<String, PropertyRule>,
    /// How much memory a Spark process may have for each of its cores, overhead included.
    pub memory_per_core: MemoryPerCore,
}

/// What is known of one property.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PropertyRule {
    /// The values it takes.
    pub values: PropertyValues,
    /// What it is when nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<PropertyDefault>,
}

/// The values that a property takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum PropertyValues {
    /// `true` or `false`, in any case.
    Boolean,
    /// One of these.
    OneOf(Vec<String>),
    /// A whole number.
    Integer {
        /// The least.
        least: u64,
        /// The most; `None` for no limit.
        most: Option<u64>,
    },
    /// A number from 0 to 1.
    Ratio,
    /// A whole number above zero with one of these units, of `k`, `m`, `g`, `t`; an empty one for a bare number, which
    /// means mebibytes.
    Size(Vec<String>),
}

/// What a property is when nobody says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum PropertyDefault {
    /// Always the same.
    Fixed(String),
    /// A size that grows with the number of cores.
    PerCore {
        /// The property that holds the number of cores.
        cores: String,
        /// How much for each.
        amount: u64,
        /// In which unit, for this and what follows.
        unit: String,
        /// At least so much in all.
        least: u64,
        /// At most so much in all; `None` for no limit.
        most: Option<u64>,
    },
}

/// How much memory a Spark process may have for each of its cores, overhead included, in mebibytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MemoryPerCore {
    /// The least.
    pub least: u64,
    /// The most at the standard compute tier.
    pub most_standard: u64,
    /// The most at the premium compute tier, which sessions have unless they ask for the other.
    pub most_premium: u64,
}

/// The processes that resource properties are about.
pub(super) const PROCESSES: [&str; 2] = ["driver", "executor"];

/// What is refused everywhere: YARN, the external shuffle service, and what the service sets itself (contract, section
/// 6; the Spark Connect server's own address and secret are our addition).
const UNSUPPORTED: [&str; 11] = [
    "spark.app.id",
    "spark.connect.authenticate.*",
    "spark.connect.grpc.binding.*",
    "spark.hadoop.yarn.*",
    "spark.master",
    "spark.remote",
    "spark.shuffle.service.*",
    "spark.submit.*",
    "spark.yarn.*",
    "yarn.*",
    "yarn:*",
];

/// Where Spark runs its executors.
const MASTER: &str = "spark.master";

impl PropertyPolicy {
    /// Lets sessions and templates choose among these places for executors; none leaves that to the operator alone.
    #[must_use]
    pub fn with_masters(mut self, masters: &[String]) -> Self {
        if !masters.is_empty() {
            self.unsupported.retain(|pattern| pattern != MASTER);
            let values = PropertyValues::OneOf(masters.to_vec());
            self.rules.insert(MASTER.to_owned(), PropertyRule { values, default: None });
        }
        self
    }

    /// The limits and defaults that the hosted service documents (contract, section 6).
    pub fn hosted() -> Self {
        let mut policy = Self {
            unsupported: UNSUPPORTED.map(str::to_owned).to_vec(),
            rules: BTreeMap::new(),
            memory_per_core: MemoryPerCore { least: 1024, most_standard: 7424, most_premium: 24576 },
        };
        let tiers = || one_of(&["standard", "premium"]);
        for process in PROCESSES {
            let cores = format!("spark.{process}.cores");
            let per_core = |amount, unit: &str| PropertyDefault::PerCore {
                cores: cores.clone(),
                amount,
                unit: unit.to_owned(),
                least: 0,
                most: None,
            };
            policy.rule(&cores, one_of(&["4", "8", "16"]), fixed("4"));
            // 12200m for 4 cores.
            policy.rule(
                &format!("spark.{process}.memory"),
                size(&["m", "g", "t"]),
                Some(per_core(3050, "m")),
            );
            let any_size = size(&["k", "m", "g", "t", ""]);
            policy.rule(&format!("spark.{process}.memoryOverhead"), any_size, None);
            let disk = format!("spark.dataproc.{process}.disk");
            policy.rule(&format!("{disk}.size"), size(&["k", "m", "g", "t"]), Some(per_core(100, "g")));
            policy.rule(&format!("{disk}.tier"), tiers(), fixed("standard"));
            policy.rule(&format!("spark.dataproc.{process}.compute.tier"), tiers(), fixed("premium"));
        }
        policy.rule("spark.executor.instances", integer(2, Some(2000)), fixed("2"));
        let allocation = |field: &str| format!("spark.dynamicAllocation.{field}");
        policy.rule(&allocation("enabled"), PropertyValues::Boolean, fixed("true"));
        policy.rule(&allocation("initialExecutors"), integer(2, Some(500)), fixed("2"));
        policy.rule(&allocation("minExecutors"), integer(2, None), fixed("2"));
        policy.rule(&allocation("maxExecutors"), integer(2, Some(2000)), fixed("1000"));
        policy.rule(&allocation("executorAllocationRatio"), PropertyValues::Ratio, fixed("0.3"));
        let accelerators = one_of(&["l4", "a100-40", "a100-80"]);
        policy.rule("spark.dataproc.executor.resource.accelerator.type", accelerators, None);
        policy.rule("dataproc.tier", tiers(), fixed("premium"));
        policy
    }

    /// Limits and defaults for engines that all run on one machine with this many cores and bytes of memory.
    ///
    /// What the hosted service takes is taken here too, so that code written for it runs. Smaller values are taken
    /// besides, down to what Spark can start with. By default a driver or executor has at most 4 cores and a quarter of
    /// the memory (what the hosted service gives, where the machine has it), and never more than half of it. Disks and
    /// tiers have no defaults: one machine has no choice of them.
    pub fn for_machine(cores: usize, memory: u64) -> Self {
        /// Heap below which Spark refuses to start is 450 MiB, of which the JVM reports a little less than it is given.
        const LEAST_HEAP: u64 = 512;
        let mut policy = Self::hosted();
        // A process of one core with the least heap and its overhead is above this.
        policy.memory_per_core.least = 128;
        let choices: [(usize, &str); 3] = [(4, "4"), (2, "2"), (1, "1")];
        let (cores, default_cores) = choices.into_iter().find(|(n, _)| *n <= cores).unwrap_or((1, "1"));
        let mebibytes = memory / MEBIBYTE;
        // Of what a process takes, one part in eleven is overhead: 10 % of the heap.
        let heap_of = |share: u64| (share * 10 / 11).max(LEAST_HEAP);
        for process in PROCESSES {
            let key = format!("spark.{process}.cores");
            policy.rule(&key, one_of(&["1", "2", "4", "8", "16"]), fixed(default_cores));
            let heap = PropertyDefault::PerCore {
                cores: key,
                amount: (heap_of(mebibytes / 4) / cores as u64).min(3050),
                unit: "m".to_owned(),
                least: LEAST_HEAP,
                most: Some(heap_of(mebibytes / 2)),
            };
            policy.default(&format!("spark.{process}.memory"), Some(heap));
            for part in ["disk.size", "disk.tier", "compute.tier"] {
                policy.default(&format!("spark.dataproc.{process}.{part}"), None);
            }
        }
        policy.rule("spark.executor.instances", integer(1, Some(2000)), fixed("1"));
        let allocation = |field: &str| format!("spark.dynamicAllocation.{field}");
        policy.default(&allocation("enabled"), fixed("false"));
        policy.rule(&allocation("initialExecutors"), integer(1, Some(500)), None);
        policy.rule(&allocation("minExecutors"), integer(1, None), None);
        policy.rule(&allocation("maxExecutors"), integer(1, Some(2000)), None);
        policy.default(&allocation("executorAllocationRatio"), None);
        policy.default("dataproc.tier", None);
        policy
    }

    fn rule(&mut self, key: &str, values: PropertyValues, default: Option<PropertyDefault>) {
        self.rules.insert(key.to_owned(), PropertyRule { values, default });
    }

    fn default(&mut self, key: &str, default: Option<PropertyDefault>) {
        if let Some(rule) = self.rules.get_mut(key) {
            rule.default = default;
        }
    }
}

/// The policy of a machine with 4 cores and 16 GiB, which is what one process of the hosted service has.
impl Default for PropertyPolicy {
    fn default() -> Self {
        Self::for_machine(4, 16 << 30)
    }
}

fn fixed(value: &str) -> Option<PropertyDefault> {
    Some(PropertyDefault::Fixed(value.to_owned()))
}

fn one_of(values: &[&str]) -> PropertyValues {
    PropertyValues::OneOf(values.iter().map(|value| (*value).to_owned()).collect())
}

fn size(units: &[&str]) -> PropertyValues {
    PropertyValues::Size(units.iter().map(|unit| (*unit).to_owned()).collect())
}

fn integer(least: u64, most: Option<u64>) -> PropertyValues {
    PropertyValues::Integer { least, most }
}
