//! Where and as whom a session runs, for how long, and what it is connected to.

use std::collections::BTreeSet;
use std::time::Duration;

use super::patterns;
use super::report::Report;
use super::session::Context;
use crate::config::{Authentication, EnvironmentConfig, ExecutionConfig, Network, PeripheralsConfig};
use crate::text::excerpt;

/// The shortest `ttl` and `idle_ttl` (contract, section 5.7).
pub const MIN_TTL: Duration = Duration::from_secs(600);
/// The longest `ttl` and `idle_ttl` (contract, section 5.7).
pub const MAX_TTL: Duration = Duration::from_secs(1_209_600);
/// The most network tags (contract, section 6).
pub const MAX_NETWORK_TAGS: usize = 64;
/// The most resource manager tags (contract, section 6).
pub const MAX_RESOURCE_MANAGER_TAGS: usize = 30;

const KMS_KEY: &str = "projects/*/locations/*/keyRings/*/cryptoKeys/*";
const METASTORE: &str = "projects/*/locations/*/services/*";
const CLUSTER: &str = "projects/*/regions/*/clusters/*";
const NETWORK: &str = "projects/*/global/networks/*";
const SUBNETWORK: &str = "projects/*/regions/*/subnetworks/*";

pub(super) fn check(config: &EnvironmentConfig, context: &Context<'_>, report: &mut Report<'_>) {
    if let Some(execution) = &config.execution {
        check_execution(execution, context, report);
    }
    if let Some(peripherals) = &config.peripherals {
        check_peripherals(peripherals, report);
    }
}

/// The path of a field of the execution settings.
fn path(field: &str) -> String {
    format!("environment_config.execution_config.{field}")
}

fn check_execution(config: &ExecutionConfig, context: &Context<'_>, report: &mut Report<'_>) {
    let account = &config.service_account;
    report.expect(&path("service_account"), account, patterns::email, "an e-mail address");
    if let Some(network) = &config.network {
        check_network(network, context, report);
    }
    check_network_tags(&config.network_tags, report);
    report.expect(
        &path("kms_key"),
        &config.kms_key,
        |key| patterns::segments(key, KMS_KEY).is_some(),
        &format!("of the form {KMS_KEY}"),
    );
    for (field, value) in [("idle_ttl", config.idle_ttl), ("ttl", config.ttl)] {
        if value.is_some_and(|value| !(MIN_TTL..=MAX_TTL).contains(&value)) {
            let range = format!("must be between {}s and {}s", MIN_TTL.as_secs(), MAX_TTL.as_secs());
            report.invalid(&path(field), &range);
        }
    }
    check_bucket(&config.staging_bucket, report);
    if config.authentication == Some(Authentication::EndUser) && !account.is_empty() {
        report.invalid(
            &path("authentication_config.user_workload_authentication_type"),
            "END_USER_CREDENTIALS cannot be combined with a service account",
        );
    }
    check_resource_manager_tags(config, report);
}

fn check_network(network: &Network, context: &Context<'_>, report: &mut Report<'_>) {
    match network {
        Network::Network(uri) => report.expect(
            &path("network_uri"),
            uri,
            |uri| {
                let name = patterns::segments(uri, NETWORK).and_then(|segments| segments.last().copied());
                patterns::short_name(name.unwrap_or(uri))
            },
            &format!("a network's name or of the form {NETWORK}"),
        ),
        Network::Subnetwork(uri) => {
            let field = path("subnetwork_uri");
            let segments = patterns::segments(uri, SUBNETWORK);
            let location = &context.parent.location;
            if let Some([_, region, _]) = segments.as_deref()
                && region != location
            {
                let region = excerpt(region);
                report.invalid(&field, &format!("region '{region}' is not the location '{location}'"));
            }
            let name = segments.and_then(|segments| segments.last().copied());
            report.expect(
                &field,
                uri,
                |uri| patterns::short_name(name.unwrap_or(uri)),
                &format!("a subnetwork's name or of the form {SUBNETWORK}"),
            );
        }
    }
}

fn check_network_tags(tags: &[String], report: &mut Report<'_>) {
    let field = path("network_tags");
    if tags.len() > MAX_NETWORK_TAGS {
        let count = tags.len();
        report.add(&field, format!("Too many network tags: {count}, at most {MAX_NETWORK_TAGS} are allowed"));
    }
    let mut seen = BTreeSet::new();
    let mut repeated = BTreeSet::new();
    for tag in tags {
        if !seen.insert(tag) {
            repeated.insert(tag);
        } else if !patterns::short_name(tag) {
            report.add(&field, format!("Invalid network tag '{}'", excerpt(tag)));
        }
    }
    for tag in repeated {
        report.add(&field, format!("Duplicate network tag '{}'", excerpt(tag)));
    }
}

fn check_bucket(bucket: &str, report: &mut Report<'_>) {
    let field = path("staging_bucket");
    if bucket.contains("://") {
        let text = format!("Staging bucket must be a bucket name, not a URI: '{}'", excerpt(bucket));
        report.add(&field, text);
    } else {
        report.expect(&field, bucket, patterns::bucket, "a bucket name");
    }
}

fn check_resource_manager_tags(config: &ExecutionConfig, report: &mut Report<'_>) {
    let field = path("resource_manager_tags");
    let tags = &config.resource_manager_tags;
    if tags.len() > MAX_RESOURCE_MANAGER_TAGS {
        let count = tags.len();
        let text = format!(
            "Too many resource manager tags: {count}, at most {MAX_RESOURCE_MANAGER_TAGS} are allowed"
        );
        report.add(&field, text);
    }
    for (key, value) in tags.iter().filter(|(key, value)| !patterns::resource_manager_tag(key, value)) {
        let (key, value) = (excerpt(key), excerpt(value));
        report.add(&field, format!("Invalid resource manager tag '{key}' with value '{value}'"));
    }
}

fn check_peripherals(config: &PeripheralsConfig, report: &mut Report<'_>) {
    const FIELD: &str = "environment_config.peripherals_config";
    report.expect(
        &format!("{FIELD}.metastore_service"),
        &config.metastore_service,
        |service| patterns::segments(service, METASTORE).is_some(),
        &format!("of the form {METASTORE}"),
    );
    report.expect(
        &format!("{FIELD}.spark_history_server_config.dataproc_cluster"),
        config.spark_history_server.as_deref().unwrap_or_default(),
        |cluster| patterns::segments(cluster, CLUSTER).is_some(),
        &format!("of the form {CLUSTER}"),
    );
}
