//! Each statement of the contract's section 5.3.

use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::config::{Authentication, AutotuningConfig, Kernel, Network, RepositoryConfig, SessionKind};
use crate::id::TemplateUuid;

fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// A template that sets everything.
fn full() -> Template {
    let config = SessionConfig {
        kind: Some(SessionKind::Jupyter { kernel: Some(Kernel::Scala), display_name: "theirs".into() }),
        labels: BTreeMap::new(),
        runtime: Some(RuntimeConfig {
            version: "t-version".into(),
            container_image: "t-image".into(),
            properties: map(&[("both", "t"), ("theirs", "t")]),
            repository: Some(RepositoryConfig { pypi: Some("t-index".into()) }),
            autotuning: Some(AutotuningConfig { scenarios: vec![2, 3] }),
            cohort: "t-cohort".into(),
        }),
        environment: Some(EnvironmentConfig {
            execution: Some(ExecutionConfig {
                service_account: "t-account".into(),
                network: Some(Network::Network("t-network".into())),
                network_tags: vec!["t-tag".into(), "t-other".into()],
                kms_key: "t-key".into(),
                idle_ttl: Some(Duration::from_secs(1000)),
                ttl: Some(Duration::from_secs(2000)),
                staging_bucket: "t-bucket".into(),
                authentication: Some(Authentication::ServiceAccount),
                resource_manager_tags: map(&[("both", "t"), ("theirs", "t")]),
            }),
            peripherals: Some(PeripheralsConfig {
                metastore_service: "t-metastore".into(),
                spark_history_server: Some("t-cluster".into()),
            }),
        }),
        user: String::new(),
        template: String::new(),
    };
    Template {
        name: "projects/p/locations/l/sessionTemplates/etl".parse().unwrap(),
        uuid: TemplateUuid(uuid::Uuid::nil()),
        creator: "someone".into(),
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
        description: String::new(),
        display_name: "a title".into(),
        labels: map(&[("both", "t"), ("theirs", "t")]),
        config,
    }
}

fn merged(change: impl FnOnce(&mut SessionConfig)) -> SessionConfig {
    let mut session = SessionConfig::default();
    change(&mut session);
    merge(&full(), session)
}

fn merged_runtime(session: RuntimeConfig) -> RuntimeConfig {
    merged(|config| config.runtime = Some(session)).runtime.unwrap()
}

fn merged_execution(session: ExecutionConfig) -> ExecutionConfig {
    merged(|config| *config.execution_mut() = session).execution().unwrap().clone()
}

#[test]
fn a_session_that_sets_nothing_gets_all_of_its_template() {
    let expected = SessionConfig { labels: full().labels, ..full().config };
    assert_eq!(merged(|_| {}), expected);
    // Present but empty groups set nothing either.
    let groups = merged(|config| {
        config.runtime = Some(RuntimeConfig::default());
        config.execution_mut();
        config.environment.as_mut().unwrap().peripherals = Some(PeripheralsConfig::default());
    });
    assert_eq!(groups, expected);
}

#[test]
fn a_template_that_sets_nothing_leaves_the_session_as_it_is() {
    let session = SessionConfig {
        user: "ana@example.com".into(),
        template: "etl".into(),
        labels: full().labels,
        ..full().config
    };
    let bare = Template { labels: BTreeMap::new(), config: SessionConfig::default(), ..full() };
    assert_eq!(merge(&bare, session.clone()), session);
}

#[test]
fn a_scalar_set_on_the_session_wins() {
    let ours = merged_runtime(RuntimeConfig {
        version: "s-version".into(),
        container_image: "s-image".into(),
        cohort: "s-cohort".into(),
        ..RuntimeConfig::default()
    });
    assert_eq!(
        (ours.version.as_str(), ours.container_image.as_str(), ours.cohort.as_str()),
        ("s-version", "s-image", "s-cohort")
    );

    let ours = merged_execution(ExecutionConfig {
        service_account: "s-account".into(),
        kms_key: "s-key".into(),
        staging_bucket: "s-bucket".into(),
        ..ExecutionConfig::default()
    });
    assert_eq!(
        (ours.service_account.as_str(), ours.kms_key.as_str(), ours.staging_bucket.as_str()),
        ("s-account", "s-key", "s-bucket")
    );

    let ours = merged(|config| {
        config.environment.get_or_insert_default().peripherals = Some(PeripheralsConfig {
            metastore_service: "s-metastore".into(),
            ..PeripheralsConfig::default()
        });
    });
    let peripherals = ours.environment.unwrap().peripherals.unwrap();
    assert_eq!(peripherals.metastore_service, "s-metastore");
    assert_eq!(peripherals.spark_history_server.as_deref(), Some("t-cluster"));
}

#[test]
fn a_message_set_on_the_session_wins_even_when_it_is_empty() {
    let ours = merged_runtime(RuntimeConfig {
        repository: Some(RepositoryConfig::default()),
        autotuning: Some(AutotuningConfig::default()),
        ..RuntimeConfig::default()
    });
    assert_eq!(ours.repository, Some(RepositoryConfig { pypi: None }));
    assert_eq!(ours.autotuning, Some(AutotuningConfig { scenarios: Vec::new() }));

    let ours = merged_execution(ExecutionConfig {
        authentication: Some(Authentication::Unspecified),
        ..ExecutionConfig::default()
    });
    assert_eq!(ours.authentication, Some(Authentication::Unspecified));

    let ours = merged(|config| {
        config.environment.get_or_insert_default().peripherals = Some(PeripheralsConfig {
            spark_history_server: Some(String::new()),
            ..PeripheralsConfig::default()
        });
    });
    let peripherals = ours.environment.unwrap().peripherals.unwrap();
    assert_eq!(peripherals.spark_history_server.as_deref(), Some(""));
    assert_eq!(peripherals.metastore_service, "t-metastore");
}

#[test]
fn the_sessions_ttl_wins_and_leaves_the_templates_idle_ttl() {
    let ours = merged_execution(ExecutionConfig {
        ttl: Some(Duration::from_secs(600)),
        ..ExecutionConfig::default()
    });
    assert_eq!(ours.ttl, Some(Duration::from_secs(600)));
    assert_eq!(ours.idle_ttl, Some(Duration::from_secs(1000)));
}

#[test]
fn properties_labels_and_resource_manager_tags_are_merged_by_key_and_the_session_wins() {
    let session = map(&[("both", "s"), ("ours", "")]);
    let expected = map(&[("both", "s"), ("ours", ""), ("theirs", "t")]);
    let ours = merged(|config| {
        config.labels = session.clone();
        config.runtime = Some(RuntimeConfig { properties: session.clone(), ..RuntimeConfig::default() });
        config.execution_mut().resource_manager_tags = session.clone();
    });
    assert_eq!(ours.labels, expected);
    assert_eq!(ours.runtime.as_ref().unwrap().properties, expected);
    assert_eq!(ours.execution().unwrap().resource_manager_tags, expected);
}

#[test]
fn a_list_set_on_the_session_replaces_the_templates() {
    let ours = merged_execution(ExecutionConfig {
        network_tags: vec!["s-tag".into()],
        ..ExecutionConfig::default()
    });
    assert_eq!(ours.network_tags, ["s-tag"]);
    let ours = merged_runtime(RuntimeConfig {
        autotuning: Some(AutotuningConfig { scenarios: vec![4] }),
        ..RuntimeConfig::default()
    });
    assert_eq!(ours.autotuning.unwrap().scenarios, [4]);
}

#[test]
fn the_sessions_member_of_network_and_of_session_config_replaces_the_templates() {
    let ours = merged_execution(ExecutionConfig {
        network: Some(Network::Subnetwork("s-subnetwork".into())),
        ..ExecutionConfig::default()
    });
    assert_eq!(ours.network, Some(Network::Subnetwork("s-subnetwork".into())));

    assert_eq!(
        merged(|config| config.kind = Some(SessionKind::SparkConnect)).kind,
        Some(SessionKind::SparkConnect)
    );
    let empty = SessionKind::Jupyter { kernel: None, display_name: String::new() };
    assert_eq!(merged(|config| config.kind = Some(empty.clone())).kind, Some(empty));
}

#[test]
fn the_template_is_returned_exactly_as_the_client_sent_it() {
    for sent in ["etl", "projects/p/locations/l/sessionTemplates/etl"] {
        assert_eq!(merged(|config| config.template = sent.to_owned()).template, sent);
    }
}

#[test]
fn the_templates_title_and_description_are_not_the_sessions() {
    let ours = merged(|config| config.user = "ana@example.com".to_owned());
    assert_eq!(ours.user, "ana@example.com");
    assert_eq!(ours.kind, full().config.kind);
}
