//! Section 3: the JSON form of messages, as far as it shows over the wire.

use hearth_testkit::PARENT;
use serde_json::{Value, json};

use super::both::{Both, get, name, session_with};

#[test]
fn s3_a_present_empty_message_survives_the_round_trip() {
    let both = Both::start();
    let session = both.server.active("empty");
    assert_eq!(session["sparkConnectSession"], json!({}));
    let path = format!("/v1/{}", name("empty"));
    both.answered(("GET", &path, &Value::Null), "SessionController/GetSession", &get("empty"));
}

#[test]
fn s3_defaults_are_left_out_and_an_empty_list_is_an_empty_object() {
    let both = Both::start();
    assert_eq!(both.rest().get(&format!("/v1/{PARENT}/sessions")).ok(), json!({}));
    let session = both.server.active("plain");
    for absent in ["labels", "stateMessage", "sessionTemplate"] {
        assert_eq!(session.get(absent), None, "{session:#}");
    }
}

#[test]
fn s3_times_are_utc_with_microseconds_and_durations_end_in_s() {
    let both = Both::start();
    let more = json!({"environmentConfig": {"executionConfig": {"ttl": "3600.5s", "idleTtl": "600s"}}});
    both.post("times", &session_with("times", more)).ok();
    let session = both.server.session_in("times", "ACTIVE");
    let execution = &session["environmentConfig"]["executionConfig"];
    assert_eq!((&execution["ttl"], &execution["idleTtl"]), (&json!("3600.500s"), &json!("600s")));
    for time in ["createTime", "stateTime"] {
        let text = session[time].as_str().unwrap();
        let fraction = text.strip_suffix('Z').unwrap().split_once('.').map_or("", |(_, fraction)| fraction);
        assert!([0, 3, 6].contains(&fraction.len()), "{text}");
    }
}

#[test]
fn s3_enums_are_names_or_numbers_as_asked() {
    let both = Both::start();
    both.server.active("enums");
    let path = format!("/v1/{}", name("enums"));
    assert_eq!(both.rest().get(&path).ok()["state"], "ACTIVE");
    let numbers = both.rest().get(&format!("{path}?%24alt=json%3Benum-encoding%3Dint")).ok();
    assert_eq!(numbers["state"], 2);
}

#[test]
fn s3_both_forms_of_a_name_are_read_and_null_is_not_set() {
    let both = Both::start();
    let body = json!({
        "name": name("forms"),
        "spark_connect_session": {},
        "environment_config": {"execution_config": {"idle_ttl": "900s", "ttl": null}},
        "labels": null,
    });
    both.post("forms", &body).ok();
    let session = both.server.session("forms").ok();
    assert_eq!(session["sparkConnectSession"], json!({}));
    assert_eq!(session["environmentConfig"]["executionConfig"]["idleTtl"], "900s");
}

#[test]
fn s3_output_only_fields_of_a_body_are_checked_and_then_ignored() {
    let both = Both::start();
    let more = json!({
        "uuid": "11111111-1111-1111-1111-111111111111",
        "createTime": "2001-02-03T04:05:06+01:00",
        "creator": "mallory@example.com",
        "state": "FAILED",
        "stateMessage": "it never was",
        "stateTime": "2001-02-03T04:05:06Z",
        "stateHistory": [{"state": "ACTIVE", "stateMessage": "once", "stateStartTime": "2001-02-03T04:05:06Z"}],
        "runtimeInfo": {
            "endpoints": {"mine": "http://example.com"},
            "outputUri": "gs://a/b",
            "approximateUsage": {"milliDcuSeconds": "5"},
            "currentUsage": {"milliDcu": 5, "snapshotTime": "2001-02-03T04:05:06Z"},
        },
    });
    both.post("outputs", &session_with("outputs", more)).ok();
    let session = both.server.session_in("outputs", "ACTIVE");
    assert_ne!(session["uuid"], "11111111-1111-1111-1111-111111111111");
    assert_ne!(session["creator"], "mallory@example.com");
    assert!(!session["createTime"].as_str().unwrap().starts_with("2001"), "{session:#}");
    assert_eq!(session.get("stateMessage"), None);
    assert_eq!(session["stateHistory"].as_array().unwrap().len(), 1);
    assert_eq!(session["runtimeInfo"]["endpoints"].get("mine"), None);
    assert_eq!(session["runtimeInfo"].get("approximateUsage"), None);

    let answer = both.post("wrong", &session_with("wrong", json!({"createTime": "yesterday"})));
    assert!(answer.error(400, "INVALID_ARGUMENT").starts_with("Invalid value at 'session.create_time'"));
}
