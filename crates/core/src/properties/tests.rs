//! The property rules of the contract's section 6, one by one.

use std::collections::BTreeMap;

use super::*;
use crate::name::SessionName;

fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn problems(entries: &[(&str, &str)]) -> Vec<String> {
    check(&map(entries), &PropertyPolicy::hosted())
}

fn on_machine(cores: usize, gibibytes: u64, given: &[(&str, &str)]) -> BTreeMap<String, String> {
    effective(&map(given), &PropertyPolicy::for_machine(cores, gibibytes << 30), &name())
}

fn name() -> SessionName {
    "projects/p/locations/l/sessions/demo".parse().unwrap()
}

fn get<'a>(properties: &'a BTreeMap<String, String>, key: &str) -> &'a str {
    properties.get(key).map_or("absent", String::as_str)
}

#[test]
fn ordinary_properties_take_any_value() {
    let good = [
        ("spark.sql.shuffle.partitions", "anything goes"),
        ("spark.executorEnv.A", ""),
        ("spark.dataproc.driverEnv.LANG", "C\nUTF-8"),
        ("my-key_1", "x"),
        ("spark.app.name", "mine"),
        ("spark.shuffle.compress", "true"),
        ("spark.yarned", "no"),
    ];
    assert_eq!(problems(&good), Vec::<String>::new());
}

#[test]
fn property_keys_follow_the_pattern() {
    for key in ["", ".a", "-a", "a b", "a=b", "ä", "a/b", "a\n"] {
        assert_eq!(problems(&[(key, "x")]), [format!("Invalid property key '{key}'")]);
    }
}

#[test]
fn unsupported_properties_are_refused_with_the_recorded_text() {
    assert_eq!(
        problems(&[("spark.yarn.am.memory", "1g")]),
        ["Invalid properties: Attempted to set unsupported properties: [ spark:spark.yarn.am.memory ]"]
    );
    for key in [
        "spark.master",
        "spark.submit.deployMode",
        "spark.yarn.queue",
        "spark.shuffle.service.enabled",
        "spark.shuffle.service.port",
        "spark.app.id",
        "spark.connect.authenticate.token",
    ] {
        assert_eq!(problems(&[(key, "x")]).len(), 1, "{key}");
    }
}

#[test]
fn several_unsupported_properties_are_named_together() {
    assert_eq!(
        problems(&[("spark.master", "local"), ("spark.app.id", "x"), ("spark.ok", "x")]),
        [
            "Invalid properties: Attempted to set unsupported properties: [ spark:spark.app.id, spark:spark.master ]"
        ]
    );
}

#[test]
fn resource_properties_are_checked_and_all_problems_reported() {
    for (key, good, bad, allowed) in [
        ("spark.driver.cores", "8", "5", "one of 4, 8, 16"),
        ("spark.executor.cores", "16", "four", "one of 4, 8, 16"),
        ("spark.driver.memoryOverhead", "2g", "1.5g", "a size with one of the units k, m, g, t, such as 4g"),
        (
            "spark.executor.memoryOverhead",
            "1024",
            "-1",
            "a size with one of the units k, m, g, t, such as 4g",
        ),
        ("spark.executor.memory", "9600m", "9600", "a size with one of the units m, g, t, such as 4g"),
        (
            "spark.dataproc.driver.disk.size",
            "250g",
            "big",
            "a size with one of the units k, m, g, t, such as 4g",
        ),
        (
            "spark.dataproc.executor.disk.size",
            "1T",
            "0g",
            "a size with one of the units k, m, g, t, such as 4g",
        ),
        ("spark.dataproc.driver.disk.tier", "premium", "gold", "one of standard, premium"),
        ("spark.dataproc.executor.compute.tier", "standard", "", "one of standard, premium"),
        ("spark.executor.instances", "2000", "2001", "a whole number between 2 and 2000"),
        ("spark.dynamicAllocation.enabled", "False", "yes", "true or false"),
        ("spark.dynamicAllocation.initialExecutors", "500", "1", "a whole number between 2 and 500"),
        ("spark.dynamicAllocation.minExecutors", "99999", "1", "a whole number of at least 2"),
        ("spark.dynamicAllocation.maxExecutors", "2", "+3", "a whole number between 2 and 2000"),
        ("spark.dynamicAllocation.executorAllocationRatio", "0.5", "1.1", "a number between 0 and 1"),
        ("spark.dynamicAllocation.executorAllocationRatio", "1", "NaN", "a number between 0 and 1"),
        ("spark.dataproc.executor.resource.accelerator.type", "l4", "t4", "one of l4, a100-40, a100-80"),
        ("dataproc.tier", "standard", "free", "one of standard, premium"),
    ] {
        assert_eq!(problems(&[(key, good)]), Vec::<String>::new(), "{key} = {good}");
        assert_eq!(
            problems(&[(key, bad)]),
            [format!("Invalid properties: spark:{key} must be {allowed}, not '{bad}'")]
        );
    }
    let several =
        [("spark.master", "x"), ("spark.driver.cores", "5"), ("dataproc.tier", "free"), ("a b", "")];
    assert_eq!(problems(&several).len(), 4);
}

#[test]
fn memory_with_overhead_fits_the_number_of_cores() {
    let cores_and_memory =
        |cores, memory| problems(&[("spark.driver.cores", cores), ("spark.driver.memory", memory)]);
    for (cores, memory) in [("4", "12200m"), ("4", "3724m"), ("8", "7448m"), ("16", "200g")] {
        assert_eq!(cores_and_memory(cores, memory), Vec::<String>::new(), "{cores} {memory}");
    }
    assert_eq!(
        cores_and_memory("4", "1g"),
        [
            "Invalid properties: spark:spark.driver.memory with its overhead must be between 4096m and 98304m for 4 \
             cores, not 1126m"
        ]
    );
    assert_eq!(cores_and_memory("8", "3724m").len(), 1);
    assert_eq!(cores_and_memory("4", "100g").len(), 1);
    // The overhead counts, given or not.
    let overhead =
        |overhead| problems(&[("spark.executor.memory", "3g"), ("spark.executor.memoryOverhead", overhead)]);
    assert_eq!(overhead("1g"), Vec::<String>::new());
    assert_eq!(overhead("512").len(), 1);
    assert_eq!(problems(&[("spark.executor.memoryOverhead", "1t")]).len(), 1);
}

#[test]
fn the_standard_compute_tier_has_less_memory() {
    let with_tier =
        |tier| problems(&[("spark.driver.memory", "40g"), ("spark.dataproc.driver.compute.tier", tier)]);
    assert_eq!(with_tier("premium"), Vec::<String>::new());
    let problem = with_tier("standard");
    assert!(problem[0].contains("between 4096m and 29696m for 4 cores"), "{problem:?}");
}

#[test]
fn the_hosted_defaults_are_the_documented_ones() {
    let properties = effective(&BTreeMap::new(), &PropertyPolicy::hosted(), &name());
    let expected = map(&[
        ("dataproc.tier", "premium"),
        ("spark.app.name", "projects/p/locations/l/sessions/demo"),
        ("spark.dataproc.driver.compute.tier", "premium"),
        ("spark.dataproc.driver.disk.size", "400g"),
        ("spark.dataproc.driver.disk.tier", "standard"),
        ("spark.dataproc.executor.compute.tier", "premium"),
        ("spark.dataproc.executor.disk.size", "400g"),
        ("spark.dataproc.executor.disk.tier", "standard"),
        ("spark.driver.cores", "4"),
        ("spark.driver.memory", "12200m"),
        ("spark.dynamicAllocation.enabled", "true"),
        ("spark.dynamicAllocation.executorAllocationRatio", "0.3"),
        ("spark.dynamicAllocation.initialExecutors", "2"),
        ("spark.dynamicAllocation.maxExecutors", "1000"),
        ("spark.dynamicAllocation.minExecutors", "2"),
        ("spark.executor.cores", "4"),
        ("spark.executor.instances", "2"),
        ("spark.executor.memory", "12200m"),
    ]);
    assert_eq!(properties, expected);
}

#[test]
fn given_values_win_over_defaults_and_sizes_follow_the_cores() {
    let given = map(&[("spark.driver.cores", "8"), ("spark.executor.memory", "20g"), ("my.own", "")]);
    let properties = effective(&given, &PropertyPolicy::hosted(), &name());
    assert_eq!(get(&properties, "spark.driver.memory"), "24400m");
    assert_eq!(get(&properties, "spark.dataproc.driver.disk.size"), "800g");
    assert_eq!(get(&properties, "spark.executor.memory"), "20g");
    assert_eq!(get(&properties, "my.own"), "");
}

#[test]
fn the_applications_name_is_the_sessions_full_name_unless_given() {
    assert_eq!(get(&on_machine(4, 16, &[]), APP_NAME), "projects/p/locations/l/sessions/demo");
    assert_eq!(get(&on_machine(4, 16, &[(APP_NAME, "mine")]), APP_NAME), "mine");
}

#[test]
fn defaults_on_one_machine_fit_it() {
    for (cores, gibibytes, default_cores, memory) in [
        (1, 1, "1", "512m"),
        (2, 8, "2", "1860m"),
        (3, 8, "2", "1860m"),
        (4, 16, "4", "3720m"),
        (64, 512, "4", "12200m"),
    ] {
        let properties = on_machine(cores, gibibytes, &[]);
        for process in ["driver", "executor"] {
            assert_eq!(get(&properties, &format!("spark.{process}.cores")), default_cores, "{cores}");
            assert_eq!(get(&properties, &format!("spark.{process}.memory")), memory, "{cores} {gibibytes}");
        }
        assert_eq!(get(&properties, "spark.executor.instances"), "1");
        assert_eq!(get(&properties, "spark.dynamicAllocation.enabled"), "false");
        assert_eq!(properties.len(), 7);
    }
    // More cores than there are do not make the memory more than half of what there is.
    assert_eq!(get(&on_machine(2, 8, &[("spark.driver.cores", "16")]), "spark.driver.memory"), "3723m");
}

#[test]
fn defaults_pass_their_own_policy() {
    for policy in [
        PropertyPolicy::hosted(),
        PropertyPolicy::default(),
        PropertyPolicy::for_machine(0, 0),
        PropertyPolicy::for_machine(1, 1 << 30),
        PropertyPolicy::for_machine(2, 2 << 30),
        PropertyPolicy::for_machine(96, 1 << 40),
        PropertyPolicy::for_machine(usize::MAX, u64::MAX),
    ] {
        let properties = effective(&BTreeMap::new(), &policy, &name());
        assert_eq!(check(&properties, &policy), Vec::<String>::new());
        // So that effective values can be stored, shown and given again.
        assert_eq!(effective(&properties, &policy, &name()), properties);
    }
}

#[test]
fn what_the_hosted_service_takes_one_machine_takes_too() {
    let given = map(&[
        ("spark.driver.cores", "16"),
        ("spark.driver.memory", "100g"),
        ("spark.executor.instances", "2000"),
        ("spark.dataproc.driver.disk.size", "400g"),
        ("dataproc.tier", "premium"),
    ]);
    assert_eq!(check(&given, &PropertyPolicy::for_machine(2, 4 << 30)), Vec::<String>::new());
}

#[test]
fn a_policy_survives_being_written_down() {
    let policy = PropertyPolicy::hosted();
    let text = serde_json::to_string(&policy).unwrap();
    assert_eq!(serde_json::from_str::<PropertyPolicy>(&text).unwrap(), policy);
}
