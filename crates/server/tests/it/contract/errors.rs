//! Section 4: errors.

use hearth_testkit::{PARENT, connect_session};
use serde_json::{Value, json};

use super::both::{Both, get, name, session_with, terminate};

const TRANSCODING: &str = "Invalid JSON payload received.";

/// Creates with this text as its body; returns the sentences and the fields they are about.
fn transcoded(both: &Both, body: &str) -> (String, Vec<(String, String)>) {
    let answer = both.rest().call("POST", &format!("/v1/{PARENT}/sessions?sessionId=refused"), body);
    let text = answer.error(400, "INVALID_ARGUMENT");
    assert_eq!(both.server.session("refused").status, 404, "nothing is made of a refused request");
    (text, answer.violations())
}

#[track_caller]
fn one(both: &Both, body: &str, field: &str, text: &str) {
    let (said, violations) = transcoded(both, body);
    assert_eq!(said, text);
    assert_eq!(violations, [(field.to_owned(), text.to_owned())]);
}

#[test]
fn s4_2_an_error_has_code_message_and_status_and_no_empty_details() {
    let both = Both::start();
    let path = format!("/v1/{}", name("absent"));
    let answer = both.refused(("GET", &path, &Value::Null), "SessionController/GetSession", &get("absent"));
    let message = format!("Not found: Session {}", name("absent"));
    assert_eq!(answer.json, json!({"error": {"code": 404, "message": message, "status": "NOT_FOUND"}}));
}

#[test]
fn s4_2_the_older_shape_carries_a_list_of_errors_too() {
    let both = Both::start();
    let path = format!("/v1/{}?%24.xgafv=1", name("absent"));
    let answer = both.rest().get(&path);
    let message = format!("Not found: Session {}", name("absent"));
    assert_eq!(answer.error(404, "NOT_FOUND"), message);
    let errors = json!([{"message": message, "domain": "global", "reason": "notFound"}]);
    assert_eq!(answer.json["error"]["errors"], errors);

    let nobody = both.rest().with_token(None).get(&path);
    nobody.error(401, "UNAUTHENTICATED");
    let errors = json!([{
        "message": "Login Required.",
        "domain": "global",
        "reason": "required",
        "location": "Authorization",
        "locationType": "header",
    }]);
    assert_eq!(nobody.json["error"]["errors"], errors);
    assert_eq!(nobody.json["error"]["details"][0]["reason"], "CREDENTIALS_MISSING");

    let taken = both.server.active("taken");
    let body = connect_session(taken["name"].as_str().unwrap().rsplit('/').next().unwrap());
    let answer = both.rest().post(&format!("/v1/{PARENT}/sessions?sessionId=taken&$.xgafv=1"), &body);
    assert_eq!(answer.json["error"]["errors"][0]["reason"], "alreadyExists");
    let other = both.rest().get(&format!("/v1/{PARENT}/sessions?%24.xgafv=3"));
    other.error(400, "INVALID_ARGUMENT");
}

#[test]
fn s4_2_wrong_state_is_told_in_a_detail() {
    let both = Both::start();
    both.server.active("ended");
    both.server.terminate("ended");
    let path = format!("/v1/{}:terminate", name("ended"));
    let answer = both.refused(
        ("POST", &path, &Value::Null),
        "SessionController/TerminateSession",
        &terminate("ended"),
    );
    let text = answer.error(400, "FAILED_PRECONDITION");
    assert_eq!(
        answer.json["error"]["details"],
        json!([{
            "@type": "type.googleapis.com/google.rpc.PreconditionFailure",
            "violations": [{"type": "STATE", "subject": name("ended"), "description": text}],
        }])
    );
}

#[test]
fn s4_2_missing_and_bad_credentials_are_told_apart_the_same_over_both() {
    let both = Both::start();
    let path = format!("/v1/{}", name("absent"));
    for (token, reason) in [(None, "CREDENTIALS_MISSING"), (Some("wrong"), "ACCESS_TOKEN_EXPIRED")] {
        let answer = both.rest().with_token(token).get(&path);
        let text = answer.error(401, "UNAUTHENTICATED");
        let detail = &answer.json["error"]["details"][0];
        assert_eq!((&detail["reason"], &detail["domain"]), (&json!(reason), &json!("googleapis.com")));
        assert!(answer.headers.contains_key("www-authenticate"));
        let status = both.grpc_as(token, "SessionController/GetSession", &get("absent")).unwrap_err();
        assert_eq!((status.code(), status.message()), (tonic::Code::Unauthenticated, text.as_str()));
        assert!(!status.details().is_empty());
    }
}

#[test]
fn s4_3_an_unknown_member_is_named_as_sent_with_its_place() {
    let both = Both::start();
    one(
        &both,
        r#"{"runtimeConfig": {"foo": 1}}"#,
        "session.runtime_config",
        &format!(r#"{TRANSCODING} Unknown name "foo" at 'session.runtime_config': Cannot find field."#),
    );
    let path = format!("/v1/{}:terminate", name("any"));
    let answer = both.rest().post(&path, &json!({"foo": 1}));
    let text = answer.error(400, "INVALID_ARGUMENT");
    assert_eq!(text, format!(r#"{TRANSCODING} Unknown name "foo": Cannot find field."#));
}

#[test]
fn s4_3_an_unknown_query_parameter_is_named() {
    let both = Both::start();
    let answer = both.rest().get(&format!("/v1/{PARENT}/sessions?foo=1"));
    let text = format!(
        r#"{TRANSCODING} Unknown name "foo": Cannot bind query parameter. Field 'foo' could not be found in request message."#
    );
    assert_eq!(answer.error(400, "INVALID_ARGUMENT"), text);
}

#[test]
fn s4_3_a_body_that_is_no_object_or_no_json_is_refused() {
    let both = Both::start();
    for body in ["[1]", "7", "\"text\""] {
        let (text, _) = transcoded(&both, body);
        assert_eq!(
            text,
            format!(r#"{TRANSCODING} Unknown name "": Root element must be a message."#),
            "{body}"
        );
    }
    assert_eq!(transcoded(&both, "{]").0, format!("{TRANSCODING} Unexpected token.\n{{]\n ^"));
    let (text, _) = transcoded(&both, r#"{"name": "#);
    assert!(
        text.starts_with(&format!("{TRANSCODING} Unexpected end of string. Expected a value.")),
        "{text}"
    );
}

#[test]
fn s4_3_a_value_of_the_wrong_type_is_told_with_its_type() {
    let both = Both::start();
    let kernel = "type.googleapis.com/google.cloud.dataproc.v1.JupyterConfig.Kernel";
    for (body, field, text) in [
        (
            r#"{"jupyterSession": {"kernel": "RUBY"}}"#,
            "session.jupyter_session.kernel",
            format!(r#"Invalid value at 'session.jupyter_session.kernel' ({kernel}), "RUBY""#),
        ),
        (r#"{"user": 7}"#, "session.user", "Invalid value at 'session.user' (TYPE_STRING), 7".to_owned()),
        (
            r#"{"runtimeConfig": "x"}"#,
            "session.runtime_config",
            r#"Invalid value at 'session.runtime_config' (type.googleapis.com/google.cloud.dataproc.v1.RuntimeConfig), "x""#
                .to_owned(),
        ),
        (
            r#"{"runtimeInfo": {"currentUsage": {"milliDcu": "abc"}}}"#,
            "session.runtime_info.current_usage.milli_dcu",
            r#"Invalid value at 'session.runtime_info.current_usage.milli_dcu' (TYPE_INT64), "abc""#.to_owned(),
        ),
    ] {
        one(&both, body, field, &text);
    }
    let answer = both.rest().get(&format!("/v1/{PARENT}/sessions?pageSize=abc"));
    assert_eq!(answer.error(400, "INVALID_ARGUMENT"), r#"Invalid value at 'page_size' (TYPE_INT32), "abc""#);
}

#[test]
fn s4_3_a_bad_time_and_a_bad_duration_are_told_with_their_field() {
    let both = Both::start();
    one(
        &both,
        r#"{"createTime": "2026-01-02 03:04:05"}"#,
        "session.create_time",
        "Invalid value at 'session.create_time' (type.googleapis.com/google.protobuf.Timestamp), Field \
         'createTime', Illegal timestamp format; timestamps must end with 'Z' or have a valid timezone offset.",
    );
    for ttl in ["10m", "600"] {
        one(
            &both,
            &format!(r#"{{"environmentConfig": {{"executionConfig": {{"ttl": "{ttl}"}}}}}}"#),
            "session.environment_config.execution_config.ttl",
            "Invalid value at 'session.environment_config.execution_config.ttl' \
             (type.googleapis.com/google.protobuf.Duration), Field 'ttl', Illegal duration format; duration must \
             end with 's'",
        );
    }
}

#[test]
fn s4_3_two_members_of_a_oneof_are_refused() {
    let both = Both::start();
    one(
        &both,
        r#"{"jupyterSession": {}, "sparkConnectSession": {}}"#,
        "session",
        "Invalid value at 'session' (oneof), oneof field 'session_config' is already set. Cannot set \
         'sparkConnectSession'",
    );
}

#[test]
fn s4_3_several_problems_come_together_joined_by_line_ends() {
    let both = Both::start();
    let body = r#"{"foo": 1, "user": 7, "labels": {"a": 5}}"#;
    let (text, violations) = transcoded(&both, body);
    let sentences: Vec<&str> = violations.iter().map(|(_, sentence)| sentence.as_str()).collect();
    assert_eq!(sentences.len(), 3, "{violations:#?}");
    assert_eq!(text, sentences.join("\n"));
}

#[test]
fn s4_4_several_broken_rules_come_together_one_violation_each() {
    let both = Both::start();
    let body = json!({
        "name": name("rules"),
        "labels": {"Upper": "x"},
        "environmentConfig": {"executionConfig": {"ttl": "1s", "idleTtl": "1s"}},
    });
    let answer = both.create_refused("rules", &body);
    let text = answer.error(400, "INVALID_ARGUMENT");
    let violations = answer.violations();
    assert_eq!(violations.len(), 4, "{violations:#?}");
    for (_, sentence) in violations {
        assert!(text.contains(&sentence), "{sentence}");
    }
}

#[test]
fn s4_5_what_is_refused_at_once_leaves_no_operation_and_no_session() {
    let both = Both::start();
    both.create_refused("rules", &session_with("rules", json!({"labels": {"Upper": "x"}})));
    both.create_refused("X", &connect_session("X"));
    assert_eq!(both.rest().get(&format!("/v1/{PARENT}/operations")).ok(), json!({}));
    assert_eq!(both.rest().get(&format!("/v1/{PARENT}/sessions")).ok(), json!({}));
}
