//! Whether the pools that are asked for can be.

use std::collections::HashMap;

use hearth_core::pool::{PoolPolicy, PoolSubject};
use hearth_runtimes::{Catalogue, EngineKind};

use super::ServeError;
use super::ahead;

const MIB: u64 = 1 << 20;

/// Checks the policy of a configuration against the catalogue and the memory it allows.
///
/// What a template needs depends on the template, which may change while the service runs: the keeper of the pools
/// starts no more than fits.
///
/// # Errors
/// When a runtime is not known, two pools are of the same, or what must always be ready does not fit.
pub(super) fn check(policy: &PoolPolicy, catalogue: &Catalogue) -> Result<(), ServeError> {
    let refused = |text: String| Err(ServeError::Pools { text });
    let mut seen = HashMap::new();
    let mut parts = Vec::new();
    let mut total: u64 = 0;
    for pool in &policy.pools {
        let (key, memory) = match &pool.of {
            PoolSubject::Template(name) => (name.to_string(), None),
            PoolSubject::Runtime { version, kernel } => match catalogue.find(version) {
                Some(runtime) if runtime.engine == EngineKind::Kernel && kernel.is_none() => {
                    return refused(format!(
                        "\"{pool}\" is of a runtime that has kernels only: ask for \"{version}/python\""
                    ));
                }
                Some(runtime) => {
                    let of = kernel.map_or(String::new(), |kernel| format!("/{}", kernel.as_str()));
                    let name = format!("{}{of}", runtime.full_name());
                    (name, Some(ahead::memory(runtime, *kernel)))
                }
                None => {
                    let known = catalogue.known().join(", ");
                    return refused(format!(
                        "\"{pool}\" is of a runtime that is not in the catalogue, which has {known}"
                    ));
                }
            },
        };
        if let Some(other) = seen.insert(key.clone(), pool) {
            return refused(format!("\"{other}\" and \"{pool}\" are both pools of {key}"));
        }
        let Some(memory) = memory else { continue };
        let room = policy.memory / MIB;
        if memory > policy.memory {
            let each = memory / MIB;
            return refused(format!(
                "one engine of {key} takes about {each} MiB, and pools.memory is {room} MiB"
            ));
        }
        if pool.least > 0 {
            total = total.saturating_add(memory.saturating_mul(pool.least.into()));
            parts.push(format!("{} of {key} take about {} MiB each", pool.least, memory / MIB));
        }
    }
    if total > policy.memory {
        let (needed, room) = (total / MIB, policy.memory / MIB);
        return refused(format!("{}: {needed} MiB in all, and pools.memory is {room} MiB", parts.join(", ")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(pools: &[&str], memory: u64) -> String {
        let pools = pools.iter().map(|pool| pool.parse().unwrap()).collect();
        let policy = PoolPolicy { pools, memory: memory * MIB, ..PoolPolicy::default() };
        let catalogue = Catalogue::load(None).unwrap();
        check(&policy, &catalogue).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn what_does_not_fit_is_told_with_numbers() {
        assert_eq!(told(&["sail=0..9", "projects/p/locations/l/sessionTemplates/etl=5"], 200), "");
        let much = told(&["sail=3..9"], 200);
        assert!(
            much.contains("3 of sail-") && much.contains("336 MiB in all") && much.contains("is 200 MiB"),
            "{much}"
        );
        let one = told(&["sail=0..1"], 10);
        assert!(one.contains("takes about 112 MiB") && one.contains("10 MiB"), "{one}");
    }

    #[test]
    fn a_runtime_without_a_connect_server_has_pools_of_kernels_only() {
        assert!(told(&["2.3=1"], 4000).contains("kernels only: ask for \"2.3/python\""));
        assert_eq!(told(&["2.3/python=1", "spark-3.5/scala=0..1"], 4000), "");
    }

    #[test]
    fn an_unknown_runtime_and_a_second_pool_of_one_are_refused() {
        assert!(told(&["flink=1"], 200).contains("not in the catalogue, which has sail"));
        assert!(told(&["sail=0..1", "default=0..1"], 200).contains("both pools of sail-"));
        assert_eq!(told(&["sail=0..1", "sail/python=0..1"], 1000), "", "kernels are something else");
        assert!(told(&["sail/python=0..1"], 100).contains("one engine of sail-"), "and take more");
    }
}
