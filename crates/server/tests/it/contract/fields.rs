//! Sections 6 and 7: every field of a session and of a template, what is valid in it and what comes back.

use hearth_testkit::PARENT;
use hearth_wire::dataproc as pb;
use serde_json::{Value, json};

use super::both::{Both, get, name, session_with};

/// A valid value in every field that a client may set, and in some that it may not.
fn everything(id: &str) -> Value {
    json!({
        "name": name(id),
        "uuid": "11111111-1111-1111-1111-111111111111",
        "createTime": "2001-02-03T04:05:06Z",
        "creator": "mallory@example.com",
        "state": "FAILED",
        "stateMessage": "never",
        "stateTime": "2001-02-03T04:05:06Z",
        "user": "ann@example.com",
        "labels": {"team": "a-team", "goog-test": "0_digits-lead"},
        "sparkConnectSession": {},
        "runtimeConfig": {
            "containerImage": "registry.example.com/team/spark:1.2",
            "properties": {"spark.sql.shuffle.partitions": "7"},
            "repositoryConfig": {"pypiRepositoryConfig": {"pypiRepository": "https://pypi.example.com/simple"}},
            "autotuningConfig": {"scenarios": ["SCALING"]},
            "cohort": "nightly",
        },
        "environmentConfig": {
            "executionConfig": {
                "serviceAccount": "etl@p.iam.gserviceaccount.com",
                "subnetworkUri": "default",
                "networkTags": ["allow-db"],
                "kmsKey": "projects/p/locations/l/keyRings/r/cryptoKeys/k",
                "ttl": "3600s",
                "idleTtl": "1200s",
                "stagingBucket": "staging-bucket",
                "authenticationConfig": {"userWorkloadAuthenticationType": "SERVICE_ACCOUNT"},
                "resourceManagerTags": {"tagKeys/123": "tagValues/456"},
            },
            "peripheralsConfig": {
                "metastoreService": "projects/p/locations/l/services/s",
                "sparkHistoryServerConfig": {"dataprocCluster": "projects/p/regions/r/clusters/c"},
            },
        },
        "runtimeInfo": {"outputUri": "gs://mine/out", "currentUsage": {"milliDcu": "7"}},
    })
}

/// Whether every member of `wanted` is in `found` with the same value.
fn holds(found: &Value, wanted: &Value, path: &str) {
    match wanted {
        Value::Object(members) => {
            for (name, inner) in members {
                holds(&found[name], inner, &format!("{path}.{name}"));
            }
        }
        _ => assert_eq!(found, wanted, "{path}"),
    }
}

#[test]
fn s6_valid_values_in_every_field_are_accepted_and_returned_the_same_over_both() {
    let both = Both::start();
    let body = everything("whole");
    both.post("whole", &body).ok();
    let path = format!("/v1/{}", name("whole"));
    both.server.session_in("whole", "ACTIVE");
    let session = both.answered(("GET", &path, &Value::Null), "SessionController/GetSession", &get("whole"));
    for input in ["name", "user", "labels", "sparkConnectSession", "environmentConfig"] {
        holds(&session[input], &body[input], input);
    }
    let (returned, sent) = (&session["runtimeConfig"], &body["runtimeConfig"]);
    for input in ["containerImage", "repositoryConfig", "autotuningConfig", "cohort"] {
        holds(&returned[input], &sent[input], input);
    }
    assert_eq!(returned["properties"]["spark:spark.sql.shuffle.partitions"], "7");
    for output in ["uuid", "creator", "stateMessage", "createTime", "stateTime"] {
        assert_ne!(session[output], body[output], "{output} is ours to say");
    }
    assert_ne!(session["runtimeInfo"]["outputUri"], "gs://mine/out");

    let message = super::both::create_message("twice", &everything("twice"));
    both.grpc("SessionController/CreateSession", &message).unwrap();
    let other = both.server.session_in("twice", "ACTIVE");
    assert_eq!(other["environmentConfig"], session["environmentConfig"]);
}

#[test]
fn s6_a_value_that_breaks_a_rule_is_told_with_its_field_the_same_over_both() {
    let both = Both::start();
    let execution =
        |field: &str, value: Value| json!({"environmentConfig": {"executionConfig": {field: value}}});
    let runtime = |field: &str, value: Value| json!({"runtimeConfig": {field: value}});
    let peripherals =
        |field: &str, value: Value| json!({"environmentConfig": {"peripheralsConfig": {field: value}}});
    let pypi =
        |uri: &str| runtime("repositoryConfig", json!({"pypiRepositoryConfig": {"pypiRepository": uri}}));
    for (more, field) in [
        (json!({"user": "nobody"}), "session.user"),
        (runtime("version", json!("9.9")), "session.runtime_config.version"),
        (runtime("containerImage", json!("not an image")), "session.runtime_config.container_image"),
        (pypi("ftp://x"), "session.runtime_config.repository_config.pypi_repository_config.pypi_repository"),
        (
            execution("serviceAccount", json!("x")),
            "session.environment_config.execution_config.service_account",
        ),
        (execution("networkUri", json!("a/b")), "session.environment_config.execution_config.network_uri"),
        (
            execution("subnetworkUri", json!("a/b")),
            "session.environment_config.execution_config.subnetwork_uri",
        ),
        (
            execution("networkTags", json!(["Upper"])),
            "session.environment_config.execution_config.network_tags",
        ),
        (execution("kmsKey", json!("k")), "session.environment_config.execution_config.kms_key"),
        (
            execution("stagingBucket", json!("B")),
            "session.environment_config.execution_config.staging_bucket",
        ),
        (
            peripherals("metastoreService", json!("m")),
            "session.environment_config.peripherals_config.metastore_service",
        ),
    ] {
        let answer = both.create_refused("rules", &session_with("rules", more));
        let text = answer.error(400, "INVALID_ARGUMENT");
        let violations = answer.violations();
        assert_eq!(violations.len(), 1, "{violations:#?}");
        assert!(violations[0].0.starts_with(field), "{field}: {violations:?}");
        assert_eq!(text, violations[0].1);
    }
}

#[test]
fn s14_unsupported_properties_and_a_bucket_that_is_a_uri_have_their_texts() {
    let both = Both::start();
    let properties = json!({"runtimeConfig": {"properties": {"spark.yarn.am.memory": "1g"}}});
    let answer = both.create_refused("texts", &session_with("texts", properties));
    assert_eq!(
        answer.error(400, "INVALID_ARGUMENT"),
        "Invalid properties: Attempted to set unsupported properties: [ spark:spark.yarn.am.memory ]"
    );
    let bucket = json!({"environmentConfig": {"executionConfig": {"stagingBucket": "gs://mine"}}});
    let answer = both.create_refused("texts", &session_with("texts", bucket));
    let text = "Staging bucket must be a bucket name, not a URI: 'gs://mine'";
    assert_eq!(answer.error(400, "INVALID_ARGUMENT"), text);
}

#[test]
fn s14_a_template_that_is_absent_or_elsewhere_has_its_text() {
    let both = Both::start();
    let with = |template: &str| session_with("made", json!({"sessionTemplate": template}));
    let absent = format!("{PARENT}/sessionTemplates/absent");
    let answer = both.create_refused("made", &with(&absent));
    assert_eq!(answer.error(404, "NOT_FOUND"), format!("Not found: Session Template {absent}"));
    let answer = both.create_refused("made", &with("projects/test/locations/there/sessionTemplates/any"));
    assert_eq!(
        answer.error(400, "INVALID_ARGUMENT"),
        "Session template must be in the same project and location as the session"
    );
}

#[test]
fn s7_errors_about_templates_are_the_same_over_both() {
    let both = Both::start();
    let named = format!("{PARENT}/sessionTemplates/etl");
    let path = format!("/v1/{named}");
    let absent = format!("Not found: Session Template {named}");
    let get = pb::GetSessionTemplateRequest { name: named.clone() };
    let got =
        both.refused(("GET", &path, &Value::Null), "SessionTemplateController/GetSessionTemplate", &get);
    assert_eq!(got.error(404, "NOT_FOUND"), absent);
    let delete = pb::DeleteSessionTemplateRequest { name: named.clone() };
    let deleted = both.refused(
        ("DELETE", &path, &Value::Null),
        "SessionTemplateController/DeleteSessionTemplate",
        &delete,
    );
    assert_eq!(deleted.error(404, "NOT_FOUND"), absent);

    let collection = format!("/v1/{PARENT}/sessionTemplates");
    let body = json!({"name": named, "sparkConnectSession": {}});
    both.rest().post(&collection, &body).ok();
    let template = pb::SessionTemplate {
        name: named.clone(),
        session_config: Some(pb::session_template::SessionConfig::SparkConnectSession(
            pb::SparkConnectConfig {},
        )),
        ..Default::default()
    };
    let create =
        pb::CreateSessionTemplateRequest { parent: PARENT.to_owned(), session_template: Some(template) };
    let rpc = "SessionTemplateController/CreateSessionTemplate";
    let taken = both.refused(("POST", &collection, &body), rpc, &create);
    let text = format!("Already exists: Failed to create session template: Session Template {named}");
    assert_eq!(taken.error(409, "ALREADY_EXISTS"), text);
}
