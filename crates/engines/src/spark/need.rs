//! The room that a driver takes.

use std::collections::BTreeMap;

use hearth_core::admission::Need;
use hearth_core::properties::memory_bytes;

use super::settings;

/// Memory of a driver that is not heap: a tenth of it and no less than this, as Spark reckons.
const LEAST_OVERHEAD: u64 = 384 << 20;

/// What a session with these effective properties takes here, where the operator's own `operators` are laid over them and
/// the machine has so many cores. Executors of a cluster are elsewhere; others are the driver itself.
pub fn need(given: &BTreeMap<String, String>, operators: &BTreeMap<String, String>, cores: usize) -> Need {
    let all: BTreeMap<_, _> =
        given.iter().chain(operators).map(|(key, value)| (key.clone(), value.clone())).collect();
    let master = all.get(settings::MASTER).and_then(|master| threads(master, cores));
    // One core is what Spark itself takes.
    let said = || all.get("spark.driver.cores").and_then(|cores| cores.parse().ok()).unwrap_or(1);
    Need { memory: memory(given), cores: master.unwrap_or_else(said) }
}

/// The heap of a driver with its overhead, in bytes. The size of the heap is the session's own.
pub(super) fn memory(given: &BTreeMap<String, String>) -> u64 {
    let heap = memory_bytes(&settings::heap(given)).unwrap_or_default();
    let overhead = given.get("spark.driver.memoryOverhead").and_then(|size| memory_bytes(size));
    heap.saturating_add(overhead.unwrap_or((heap / 10).max(LEAST_OVERHEAD)))
}

/// How many threads a master in the driver has: `local`, `local[N]`, `local[*]`, each maybe with a number of failures.
fn threads(master: &str, cores: usize) -> Option<u32> {
    let number = match master.strip_prefix("local")? {
        "" => return Some(1),
        brackets => brackets.strip_prefix('[')?.strip_suffix(']')?,
    };
    match number.split(',').next()?.trim() {
        "*" => u32::try_from(cores).ok(),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map<const N: usize>(entries: [(&str, &str); N]) -> BTreeMap<String, String> {
        BTreeMap::from(entries.map(|(key, value)| (key.to_owned(), value.to_owned())))
    }

    const GIB: u64 = 1 << 30;

    #[test]
    fn a_driver_takes_its_heap_with_its_overhead_and_its_cores() {
        for (given, memory, cores) in [
            (map([]), GIB + LEAST_OVERHEAD, 1),
            (map([("spark.driver.memory", "10g"), ("spark.driver.cores", "4")]), 11 * GIB, 4),
            (map([("spark.driver.memory", "1024"), ("spark.driver.memoryOverhead", "1g")]), 2 * GIB, 1),
            (
                map([("spark.driver.memory", "512m"), ("spark.executor.memory", "64g")]),
                (512 << 20) + LEAST_OVERHEAD,
                1,
            ),
        ] {
            assert_eq!(need(&given, &map([]), 8), Need { memory, cores }, "{given:?}");
        }
    }

    #[test]
    fn a_local_master_counts_its_threads_and_a_cluster_only_the_driver() {
        for (master, cores) in [
            ("local", 1),
            ("local[3]", 3),
            ("local[*]", 8),
            ("local[5, 2]", 5),
            ("spark://somewhere:7077", 2),
            ("yarn", 2),
            ("k8s://https://somewhere", 2),
            ("", 2),
        ] {
            let given = map([("spark.master", master), ("spark.driver.cores", "2")]);
            assert_eq!(need(&given, &map([]), 8).cores, cores, "{master}");
        }
        let given = map([("spark.master", "local[3]"), ("spark.driver.cores", "2")]);
        assert_eq!(need(&given, &map([("spark.master", "local[6]")]), 8).cores, 6, "the operator's holds");
    }
}
