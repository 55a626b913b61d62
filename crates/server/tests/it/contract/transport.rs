//! Section 1: transport and routing.

use hearth_testkit::{PARENT, connect_session};
use hearth_wire::dataproc as pb;
use serde_json::{Value, json};

use super::both::{Both, get, name, session_with};
use crate::without_engines;

#[test]
fn s1_rest_answers_over_both_versions_of_http() {
    let both = Both::start();
    both.server.active("here");
    let path = format!("/v1/{}", name("here"));
    let (_, one) = both.bytes(&path, false);
    let (_, two) = both.bytes(&path, true);
    assert_eq!(one, two);
}

#[test]
fn s1_get_and_list_answer_the_same_over_rest_and_grpc() {
    let both = Both::start();
    both.server.active("here");
    let path = format!("/v1/{}", name("here"));
    let session = both.answered(("GET", &path, &Value::Null), "SessionController/GetSession", &get("here"));
    assert_eq!(session["name"], name("here"));
    let list = pb::ListSessionsRequest { parent: PARENT.to_owned(), ..Default::default() };
    let path = format!("/v1/{PARENT}/sessions");
    let page = both.answered(("GET", &path, &Value::Null), "SessionController/ListSessions", &list);
    assert_eq!(page["sessions"][0], session);
}

#[test]
fn s1_unknown_paths_and_methods_are_not_found_in_the_shape_of_every_error() {
    let both = Both::start();
    for (method, path) in [
        ("GET", "/v1/nothing"),
        ("GET", "/"),
        ("GET", "/v2/projects/p/locations/l/sessions"),
        ("PUT", "/v1/projects/p/locations/l/sessions"),
        ("PATCH", "/v1/projects/p/locations/l/sessions/s"),
        ("POST", "/v1/projects/p/locations/l/sessions/s:nothing"),
        ("GET", "/v1/projects/p/locations/l/sessions/a/b"),
    ] {
        both.rest().call(method, path, "").error(404, "NOT_FOUND");
    }
}

#[test]
fn s1_a_slash_after_a_collection_is_tolerated() {
    let both = Both::start();
    let path = format!("/v1/{PARENT}/sessions/?sessionId=slash");
    both.rest().post(&path, &connect_session("slash")).ok();
    assert_eq!(
        both.rest().get(&format!("/v1/{PARENT}/sessions/")).ok()["sessions"][0]["name"],
        name("slash")
    );
}

#[test]
fn s1_custom_methods_take_an_absent_body_and_an_empty_message_alike() {
    let both = Both::start();
    for (id, body) in [("none", Value::Null), ("empty", json!({}))] {
        both.server.active(id);
        let operation = both.rest().post(&format!("/v1/{}:terminate", name(id)), &body).ok();
        let operation = both.server.done(&operation);
        both.rest().post(&format!("/v1/{}:cancel", operation["name"].as_str().unwrap()), &body).ok();
    }
}

#[test]
fn s1_answers_and_errors_are_labelled_json() {
    let both = Both::start();
    for path in [format!("/v1/{PARENT}/sessions"), format!("/v1/{}", name("absent"))] {
        let answer = both.rest().get(&path);
        assert_eq!(answer.headers["content-type"], "application/json; charset=UTF-8");
    }
}

#[test]
fn s1_a_location_that_is_not_served_is_refused() {
    let both = Both::of(without_engines().set("locations=here,there").set("default-location=here"));
    let path = "/v1/projects/test/locations/elsewhere/sessions?sessionId=far-away";
    let mut body = session_with("far-away", json!({}));
    body["name"] = json!("projects/test/locations/elsewhere/sessions/far-away");
    let message = pb::CreateSessionRequest {
        parent: "projects/test/locations/elsewhere".to_owned(),
        ..super::both::create_message("far-away", &body)
    };
    let answer = both.refused(("POST", path, &body), "SessionController/CreateSession", &message);
    let text = answer.error(400, "INVALID_ARGUMENT");
    assert_eq!(text, "Location 'elsewhere' is not served here. Known locations: here, there");
    assert_eq!(answer.violations(), [("parent".to_owned(), text)]);
    let list = pb::ListSessionsRequest { parent: message.parent, ..Default::default() };
    both.refused(
        ("GET", "/v1/projects/test/locations/elsewhere/sessions", &Value::Null),
        "SessionController/ListSessions",
        &list,
    );
}
