//! Where a session runs, for how long, and what it is connected to.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{broken, check_text, execution};
use crate::config::{Authentication, Network, SessionConfig};

const EXECUTION: &str = "session.environment_config.execution_config";

fn network_tags(tags: &[&str]) -> Vec<String> {
    broken(&execution(|config| config.network_tags = tags.iter().map(|tag| (*tag).to_owned()).collect()))
}

#[test]
fn ttl_and_idle_ttl_lie_between_ten_minutes_and_fourteen_days_inclusive() {
    let check = |seconds: f64| {
        broken(&execution(|config| {
            config.ttl = Some(Duration::from_secs_f64(seconds));
            config.idle_ttl = config.ttl;
        }))
    };
    for good in [600.0, 3600.5, 1_209_600.0] {
        assert_eq!(check(good), Vec::<String>::new(), "{good}");
    }
    for bad in [0.0, 599.999, 1_209_600.001] {
        assert_eq!(
            check(bad),
            ["idle_ttl", "ttl"].map(|field| format!(
                "{EXECUTION}.{field}: Invalid value for field '{EXECUTION}.{field}': must be between 600s and 1209600s"
            ))
        );
    }
}

#[test]
fn a_service_account_is_an_email_address() {
    check_text(
        "environment_config.execution_config.service_account",
        "an e-mail address",
        &["etl@p.iam.gserviceaccount.com", "123-compute@developer.gserviceaccount.com"],
        &["etl", "projects/p/serviceAccounts/x"],
        |config, value| config.execution_mut().service_account = value,
    );
}

#[test]
fn a_service_account_contradicts_end_user_credentials() {
    let with = |account: &str, authentication| {
        broken(&execution(|config| {
            config.service_account = account.into();
            config.authentication = Some(authentication);
        }))
    };
    assert_eq!(with("a@b.c", Authentication::ServiceAccount), Vec::<String>::new());
    assert_eq!(with("a@b.c", Authentication::Unspecified), Vec::<String>::new());
    assert_eq!(with("", Authentication::EndUser), Vec::<String>::new());
    let field = format!("{EXECUTION}.authentication_config.user_workload_authentication_type");
    assert_eq!(
        with("a@b.c", Authentication::EndUser),
        [format!(
            "{field}: Invalid value for field '{field}': END_USER_CREDENTIALS cannot be combined with a service account"
        )]
    );
}

#[test]
fn a_network_is_a_short_name_or_a_global_resource() {
    check_text(
        "environment_config.execution_config.network_uri",
        "a network's name or of the form projects/*/global/networks/*",
        &["default", "net-1", "projects/p/global/networks/net-1", "projects/example.com:p/global/networks/n"],
        &[
            "Default",
            "-n",
            "n-",
            "1n",
            "projects/p/global/networks/",
            "projects/p/regions/l/networks/n",
            "global/networks/n",
        ],
        |config, value| config.execution_mut().network = Some(Network::Network(value)),
    );
}

#[test]
fn a_subnetwork_is_a_short_name_or_a_resource_in_the_sessions_location() {
    let set = |config: &mut SessionConfig, value: String| {
        config.execution_mut().network = Some(Network::Subnetwork(value));
    };
    check_text(
        "environment_config.execution_config.subnetwork_uri",
        "a subnetwork's name or of the form projects/*/regions/*/subnetworks/*",
        &["default", "projects/q/regions/l/subnetworks/s"],
        &["projects/p/global/networks/n", "projects/p/regions/l/subnetworks/S", "a/b"],
        set,
    );
    let network = Network::Subnetwork("projects/p/regions/elsewhere/subnetworks/s".into());
    let elsewhere = execution(|config| config.network = Some(network));
    let field = format!("{EXECUTION}.subnetwork_uri");
    assert_eq!(
        broken(&elsewhere),
        [format!("{field}: Invalid value for field '{field}': region 'elsewhere' is not the location 'l'")]
    );
}

#[test]
fn network_tags_are_well_formed_few_and_different() {
    let longest = format!("a{}", "0".repeat(62));
    assert_eq!(network_tags(&["a", "web-1", &longest]), Vec::<String>::new());
    let too_long = format!("a{}", "0".repeat(63));
    for bad in ["", "A", "1a", "a-", "-a", "a_b", &too_long] {
        let text = format!("{EXECUTION}.network_tags: Invalid network tag '{bad}'");
        assert_eq!(network_tags(&[bad]), [text]);
    }
    assert_eq!(
        network_tags(&["a", "b", "a", "a"]),
        [format!("{EXECUTION}.network_tags: Duplicate network tag 'a'")]
    );
    let many: Vec<String> = (0..65).map(|n| format!("t{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(network_tags(&many[..64]), Vec::<String>::new());
    assert_eq!(
        network_tags(&many),
        [format!("{EXECUTION}.network_tags: Too many network tags: 65, at most 64 are allowed")]
    );
}

#[test]
fn a_kms_key_is_a_resource() {
    check_text(
        "environment_config.execution_config.kms_key",
        "of the form projects/*/locations/*/keyRings/*/cryptoKeys/*",
        &["projects/p/locations/global/keyRings/r/cryptoKeys/k"],
        &[
            "k",
            "projects/p/locations/l/keyRings/r",
            "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1",
        ],
        |config, value| config.execution_mut().kms_key = value,
    );
}

#[test]
fn a_staging_bucket_is_a_buckets_name() {
    let longest = "b".repeat(63);
    let too_long = "b".repeat(64);
    check_text(
        "environment_config.execution_config.staging_bucket",
        "a bucket name",
        &["my-bucket", "0.a_b", &longest],
        &["ab", "My-Bucket", "-ab", "ab-", "a/b", &too_long],
        |config, value| config.execution_mut().staging_bucket = value,
    );
}

#[test]
fn a_staging_bucket_that_is_a_uri_is_refused_with_its_own_text() {
    assert_eq!(
        broken(&execution(|config| config.staging_bucket = "gs://my-bucket".into())),
        [format!(
            "{EXECUTION}.staging_bucket: Staging bucket must be a bucket name, not a URI: 'gs://my-bucket'"
        )]
    );
}

#[test]
fn resource_manager_tags_are_numeric_or_namespaced_and_at_most_thirty() {
    let tagged =
        |tags: BTreeMap<String, String>| broken(&execution(|config| config.resource_manager_tags = tags));
    let one = |key: &str, value: &str| tagged(BTreeMap::from([(key.to_owned(), value.to_owned())]));
    for (key, value) in
        [("tagKeys/123", "tagValues/456"), ("my-project/env", "prod"), ("123456/env.x", "Pre Prod")]
    {
        assert_eq!(one(key, value), Vec::<String>::new(), "{key}");
    }
    for (key, value) in [
        ("env", "prod"),
        ("tagKeys/123", "prod"),
        ("tagKeys/x", "tagValues/456"),
        ("tagKeys/123", "tagValues/"),
        ("p/env", "tagValues/456"),
        ("p/env", ""),
        ("p/e/nv", "prod"),
    ] {
        let text = format!(
            "{EXECUTION}.resource_manager_tags: Invalid resource manager tag '{key}' with value '{value}'"
        );
        assert_eq!(one(key, value), [text]);
    }
    let many = |count: usize| (0..count).map(|n| (format!("p/k{n}"), "v".to_owned())).collect();
    assert_eq!(tagged(many(30)), Vec::<String>::new());
    assert_eq!(
        tagged(many(31)),
        [format!(
            "{EXECUTION}.resource_manager_tags: Too many resource manager tags: 31, at most 30 are allowed"
        )]
    );
}

#[test]
fn a_metastore_is_a_resource() {
    check_text(
        "environment_config.peripherals_config.metastore_service",
        "of the form projects/*/locations/*/services/*",
        &["projects/p/locations/l/services/m"],
        &["m", "projects/p/regions/l/services/m", "thrift://host:9083"],
        |config, value| {
            let environment = config.environment.get_or_insert_default();
            environment.peripherals.get_or_insert_default().metastore_service = value;
        },
    );
}

#[test]
fn a_history_server_is_a_clusters_resource() {
    check_text(
        "environment_config.peripherals_config.spark_history_server_config.dataproc_cluster",
        "of the form projects/*/regions/*/clusters/*",
        &["projects/p/regions/l/clusters/c"],
        &["c", "projects/p/locations/l/clusters/c", "projects/p/regions//clusters/c"],
        |config, value| {
            let environment = config.environment.get_or_insert_default();
            environment.peripherals.get_or_insert_default().spark_history_server = Some(value);
        },
    );
}
