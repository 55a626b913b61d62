//! What a session gets from its template (contract, section 5.3).

use std::collections::BTreeMap;

use super::Template;
use crate::config::{EnvironmentConfig, ExecutionConfig, PeripheralsConfig, RuntimeConfig, SessionConfig};

/// The settings of a session made from a template.
///
/// What the session sets wins. Properties, labels and resource manager tags are merged by key; a list that the session
/// sets replaces the template's; of the session's kind and of its network, the session's choice replaces the
/// template's as a whole. `runtime_config`, `environment_config` and what is grouped below them are merged field by
/// field; a message that is one setting (repository, autotuning, authentication, history server) counts as set when it
/// is present, even if empty. The template's name stays exactly as the client sent it.
pub fn merge(template: &Template, session: SessionConfig) -> SessionConfig {
    let base = template.config.clone();
    SessionConfig {
        kind: session.kind.or(base.kind),
        labels: by_key(template.labels.clone(), session.labels),
        runtime: both(base.runtime, session.runtime, runtime),
        environment: both(base.environment, session.environment, environment),
        user: text(base.user, session.user),
        template: session.template,
    }
}

fn runtime(base: RuntimeConfig, session: RuntimeConfig) -> RuntimeConfig {
    RuntimeConfig {
        version: text(base.version, session.version),
        container_image: text(base.container_image, session.container_image),
        properties: by_key(base.properties, session.properties),
        repository: session.repository.or(base.repository),
        autotuning: session.autotuning.or(base.autotuning),
        cohort: text(base.cohort, session.cohort),
    }
}

fn environment(base: EnvironmentConfig, session: EnvironmentConfig) -> EnvironmentConfig {
    EnvironmentConfig {
        execution: both(base.execution, session.execution, execution),
        peripherals: both(base.peripherals, session.peripherals, peripherals),
    }
}

fn execution(base: ExecutionConfig, session: ExecutionConfig) -> ExecutionConfig {
    ExecutionConfig {
        service_account: text(base.service_account, session.service_account),
        network: session.network.or(base.network),
        network_tags: if session.network_tags.is_empty() { base.network_tags } else { session.network_tags },
        kms_key: text(base.kms_key, session.kms_key),
        idle_ttl: session.idle_ttl.or(base.idle_ttl),
        ttl: session.ttl.or(base.ttl),
        staging_bucket: text(base.staging_bucket, session.staging_bucket),
        authentication: session.authentication.or(base.authentication),
        resource_manager_tags: by_key(base.resource_manager_tags, session.resource_manager_tags),
    }
}

fn peripherals(base: PeripheralsConfig, session: PeripheralsConfig) -> PeripheralsConfig {
    PeripheralsConfig {
        metastore_service: text(base.metastore_service, session.metastore_service),
        spark_history_server: session.spark_history_server.or(base.spark_history_server),
    }
}

fn text(base: String, session: String) -> String {
    if session.is_empty() { base } else { session }
}

fn by_key(mut base: BTreeMap<String, String>, session: BTreeMap<String, String>) -> BTreeMap<String, String> {
    base.extend(session);
    base
}

fn both<T>(base: Option<T>, session: Option<T>, merged: fn(T, T) -> T) -> Option<T> {
    match (base, session) {
        (Some(base), Some(session)) => Some(merged(base, session)),
        (base, session) => session.or(base),
    }
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
