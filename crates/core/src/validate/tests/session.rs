//! Kind, labels, user, runtime; templates; everything at once.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::{broken, check_text, execution, parent, runtime, session};
use crate::config::{AutotuningConfig, RepositoryConfig, SessionConfig, SessionKind};
use crate::id::TemplateUuid;
use crate::properties::PropertyPolicy;
use crate::template::Template;
use crate::validate::{Context, Violation, check_template};

fn labelled(labels: &[(&str, &str)]) -> Vec<String> {
    let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    broken(&session(|config| config.labels = labels))
}

#[test]
fn a_session_that_sets_only_its_kind_breaks_no_rule() {
    assert_eq!(broken(&session(|_| {})), Vec::<String>::new());
    let empty_jupyter = SessionKind::Jupyter { kernel: None, display_name: String::new() };
    assert_eq!(broken(&session(|config| config.kind = Some(empty_jupyter))), Vec::<String>::new());
}

#[test]
fn a_session_is_of_one_kind() {
    assert_eq!(
        broken(&SessionConfig::default()),
        ["session: Session must have a jupyter_session or a spark_connect_session"]
    );
}

#[test]
fn label_keys_begin_with_a_letter_and_have_one_to_sixty_three_characters() {
    let longest = "k".repeat(63);
    for good in ["a", "a-b_c9", &longest] {
        assert_eq!(labelled(&[(good, "")]), Vec::<String>::new(), "{good}");
    }
    let too_long = "k".repeat(64);
    for bad in ["", "9a", "-a", "_a", "A", "aB", "a.b", "ä", &too_long] {
        assert_eq!(labelled(&[(bad, "")]), [format!("session.labels: Invalid label key '{bad}'")]);
    }
}

#[test]
fn label_values_may_be_empty_and_begin_with_a_digit() {
    let longest = "9".repeat(63);
    for good in ["", "a", "7-up", "_x", &longest] {
        assert_eq!(labelled(&[("k", good)]), Vec::<String>::new(), "{good}");
    }
    let too_long = "v".repeat(64);
    for bad in ["A", "a b", "a.b", "é", &too_long] {
        assert_eq!(
            labelled(&[("k", bad)]),
            [format!("session.labels: Invalid label value '{bad}' for key 'k'")]
        );
    }
}

#[test]
fn there_are_at_most_thirty_two_labels() {
    let labels = |count: usize| -> BTreeMap<String, String> {
        (0..count).map(|n| (format!("k{n}"), String::new())).collect()
    };
    assert_eq!(broken(&session(|config| config.labels = labels(32))), Vec::<String>::new());
    assert_eq!(
        broken(&session(|config| config.labels = labels(33))),
        ["session.labels: Too many labels: 33, at most 32 are allowed"]
    );
}

#[test]
fn the_user_is_an_email_address_of_at_most_320_characters() {
    let host = format!("{}.com", vec!["h".repeat(60); 3].join("."));
    let at_length = |length: usize| format!("{}@{host}", "u".repeat(length - host.len() - 1));
    let (longest, too_long) = (at_length(320), at_length(321));
    assert_eq!(broken(&session(|config| config.user.clone_from(&longest))), Vec::<String>::new());
    assert_eq!(broken(&session(|config| config.user.clone_from(&too_long))).len(), 1);
    check_text(
        "user",
        "an e-mail address",
        &["ana@example.com", "ana+test.x@sub.example.com", "ana@localhost", "anä@example.com"],
        &[
            "ana",
            "@example.com",
            "ana@",
            "ana@@example.com",
            "a na@example.com",
            "ana@exa mple.com",
            "ana@-x.com",
        ],
        |config, value| config.user = value,
    );
}

#[test]
fn a_title_has_at_most_sixty_three_printable_characters() {
    let titled = |title: &str| {
        let kind = SessionKind::Jupyter { kernel: None, display_name: title.to_owned() };
        broken(&session(|config| config.kind = Some(kind)))
    };
    let longest = "é".repeat(63);
    for good in ["", "Spark on Scala!", "日本語 🔥", &longest] {
        assert_eq!(titled(good), Vec::<String>::new(), "{good}");
    }
    for bad in ["a\nb", "\u{7}", "\u{202e}evil", &"é".repeat(64)] {
        assert_eq!(
            titled(bad),
            ["session.jupyter_session.display_name: Invalid value for field \
              'session.jupyter_session.display_name': must have at most 63 printable characters"]
        );
    }
}

#[test]
fn a_container_image_is_a_whole_reference() {
    let digest = format!("docker.io/library/python@sha256:{}", "0a".repeat(32));
    let both = format!("registry.example.com:5000/team/sub/image:1.2@sha256:{}", "0a".repeat(32));
    check_text(
        "runtime_config.container_image",
        "an image reference of the form {registry}/{repository}/{name}:{tag}",
        &[
            "gcr.io/my-project/my-image:1.2.3",
            "localhost/hearth:dev",
            "localhost:5000/hearth/spark:4.0_x",
            "ghcr.io/a/b__c/d--e:Latest",
            &digest,
            &both,
        ],
        &[
            "spark",
            "spark:4.0",
            "library/spark:4.0",
            "gcr.io/my-project/my-image",
            "gcr.io/My-Project/image:1",
            "gcr.io//image:1",
            "gcr.io/p/image:",
            "gcr.io/p/image:-1",
            "gcr.io/p/im age:1",
            "gcr.io/p/image_-x:1",
            "gcr.io/p/image@sha256:0a",
            "gcr.io:port/p/image:1",
            "https://gcr.io/p/image:1",
        ],
        |config, value| config.runtime.get_or_insert_default().container_image = value,
    );
}

#[test]
fn a_package_index_is_an_absolute_http_uri() {
    const FIELD: &str = "runtime_config.repository_config.pypi_repository_config.pypi_repository";
    check_text(
        FIELD,
        "an absolute http or https URI",
        &[
            "https://index.example/simple",
            "http://127.0.0.1:3141/root/pypi/+simple/",
            "HTTPS://[::1]:8080",
            "https://index.example.com?x=y",
        ],
        &[
            "index.example/simple",
            "/simple",
            "ftp://index.example",
            "https://",
            "https:///simple",
            "https://a b/",
            "file:///x",
            "https://h:x/",
        ],
        |config, value| {
            config.runtime.get_or_insert_default().repository = Some(RepositoryConfig { pypi: Some(value) });
        },
    );
}

#[test]
fn a_package_index_with_credentials_is_refused_and_never_repeated() {
    const FIELD: &str = "session.runtime_config.repository_config.pypi_repository_config.pypi_repository";
    for (index, problem) in [
        ("https://user:secret@index.example/simple", "must not contain credentials"),
        ("https://secret@index.example/simple", "must not contain credentials"),
        ("user:secret@index.example/simple", "must be an absolute http or https URI"),
        ("https://user:secret@index.example:x/", "must be an absolute http or https URI"),
        ("https://index.example\\@secret", "must be an absolute http or https URI"),
    ] {
        let repository = RepositoryConfig { pypi: Some(index.to_owned()) };
        let broken = broken(&runtime(|config| config.repository = Some(repository)));
        assert_eq!(broken, [format!("{FIELD}: Invalid value for field '{FIELD}': {problem}")], "{index}");
    }
}

#[test]
fn properties_are_checked_by_the_deployments_policy() {
    let config = runtime(|config| {
        config.properties.insert("spark.yarn.am.memory".into(), "1g".into());
        config.properties.insert("spark.driver.cores".into(), "5".into());
    });
    assert_eq!(
        broken(&config),
        [
            "session.runtime_config.properties: Invalid properties: Attempted to set unsupported properties: [ \
             spark:spark.yarn.am.memory ]",
            "session.runtime_config.properties: Invalid properties: spark:spark.driver.cores must be one of 4, 8, 16, \
             not '5'",
        ]
    );
}

#[test]
fn autotuning_scenarios_are_those_of_the_enum() {
    let scenarios = |scenarios: &[i32]| {
        let autotuning = AutotuningConfig { scenarios: scenarios.to_vec() };
        broken(&runtime(|config| config.autotuning = Some(autotuning)))
    };
    assert_eq!(scenarios(&[0, 2, 3, 4, 5, 6]), Vec::<String>::new());
    const FIELD: &str = "session.runtime_config.autotuning_config.scenarios";
    assert_eq!(
        scenarios(&[1, 2, 99]),
        [1, 99]
            .map(|n| format!("{FIELD}: Invalid value for field '{FIELD}': {n} is not a value of its enum"))
    );
}

#[test]
fn all_broken_rules_are_reported_together() {
    let mut config = execution(|config| {
        config.ttl = Some(Duration::ZERO);
        config.staging_bucket = "gs://bucket".into();
        config.kms_key = "key".into();
    });
    config.kind = None;
    config.user = "ana".into();
    config.labels = BTreeMap::from([("A".to_owned(), "B".to_owned())]);
    config.runtime.get_or_insert_default().properties.insert("spark.master".into(), "local".into());
    assert_eq!(broken(&config).len(), 8);
}

#[test]
fn what_a_client_sent_is_not_repeated_without_bound() {
    let long = "X".repeat(1 << 20);
    let config = session(|config| {
        config.user.clone_from(&long);
        config.labels.insert(long.clone(), long.clone());
        config.execution_mut().staging_bucket = format!("gs://{long}");
        config.execution_mut().network_tags = vec![long.clone()];
        config.runtime.get_or_insert_default().properties.insert(format!("{long} "), long.clone());
    });
    let broken = broken(&config);
    assert_eq!(broken.len(), 6);
    assert!(broken.iter().all(|text| text.len() < 500), "{broken:?}");
}

fn template(change: impl FnOnce(&mut Template)) -> Vec<Violation> {
    let mut template = Template {
        name: "projects/p/locations/l/sessionTemplates/etl".parse().unwrap(),
        uuid: TemplateUuid(uuid::Uuid::nil()),
        creator: "ana@example.com".into(),
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
        description: String::new(),
        display_name: String::new(),
        labels: BTreeMap::new(),
        config: SessionConfig { kind: Some(SessionKind::SparkConnect), ..SessionConfig::default() },
    };
    change(&mut template);
    let (parent, policy) = (parent(), PropertyPolicy::hosted());
    check_template(&template, &Context { parent: &parent, prefix: "session_template", policy: &policy })
}

#[test]
fn a_template_needs_a_title_when_it_is_for_jupyter() {
    let jupyter = |title: &str| SessionKind::Jupyter { kernel: None, display_name: title.to_owned() };
    assert_eq!(template(|_| {}), []);
    assert_eq!(template(|template| template.config.kind = None), []);
    assert_eq!(template(|template| template.config.kind = Some(jupyter("ETL"))), []);
    let untitled = template(|template| template.config.kind = Some(jupyter("")));
    assert_eq!(
        untitled,
        [Violation {
            field: "session_template.jupyter_session.display_name".into(),
            description: "Session template with a jupyter_session must have a jupyter_session.display_name"
                .into(),
        }]
    );
}

#[test]
fn a_templates_settings_obey_the_same_rules_under_its_own_path() {
    let violations = template(|template| {
        template.display_name = "x".repeat(64);
        template.labels.insert("A".into(), String::new());
        template.config.execution_mut().ttl = Some(Duration::ZERO);
        template.config.runtime.get_or_insert_default().container_image = "x".into();
    });
    let fields: Vec<&str> = violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "session_template.display_name",
            "session_template.labels",
            "session_template.runtime_config.container_image",
            "session_template.environment_config.execution_config.ttl",
        ]
    );
    assert_eq!(
        violations[3].description,
        "Invalid value for field 'session_template.environment_config.execution_config.ttl': must be between 600s and \
         1209600s"
    );
}
