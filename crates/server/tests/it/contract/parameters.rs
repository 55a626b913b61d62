//! Section 13: system parameters.

use hearth_testkit::PARENT;
use hearth_wire::dataproc as pb;
use prost::Message;
use serde_json::{Value, json};

use super::both::{Both, name};

/// The session `here`, and a path that reads it.
fn one() -> (Both, String) {
    let both = Both::start();
    both.server.active("here");
    let path = format!("/v1/{}", name("here"));
    (both, path)
}

#[test]
fn s13_a_credential_may_come_in_the_query_and_two_that_differ_are_refused() {
    let (both, path) = one();
    let nobody = both.rest().with_token(None);
    for parameter in ["access_token", "oauth_token", "%24access_token", "%24oauth_token"] {
        nobody.get(&format!("{path}?{parameter}={}", both.server.token())).ok();
        both.rest().get(&format!("{path}?{parameter}={}", both.server.token())).ok();
        both.rest().get(&format!("{path}?{parameter}=another")).error(401, "UNAUTHENTICATED");
    }
}

#[test]
fn s13_a_key_alone_does_not_open() {
    let (both, path) = one();
    let nobody = both.rest().with_token(None);
    nobody.get(&format!("{path}?key=abc")).error(401, "UNAUTHENTICATED");
    nobody.with_header("x-goog-api-key", "abc").get(&path).error(401, "UNAUTHENTICATED");
    both.rest().get(&format!("{path}?%24key=abc")).ok();
}

#[test]
fn s13_alt_chooses_the_form_of_the_answer() {
    let (both, path) = one();
    let plain = both.rest().get(&path).ok();
    for alt in ["json", "media", "%24alt=json"] {
        let query = if alt.contains('=') { alt.to_owned() } else { format!("alt={alt}") };
        assert_eq!(both.rest().get(&format!("{path}?{query}")).ok(), plain);
    }
    let (headers, bytes) = both.bytes(&format!("{path}?alt=proto"), false);
    assert_eq!(headers["content-type"], "application/x-protobuf");
    assert_eq!(pb::Session::decode(bytes).unwrap().name, name("here"));
    both.rest().get(&format!("{path}?alt=xml")).error(400, "INVALID_ARGUMENT");
}

#[test]
fn s13_a_callback_makes_a_script_of_answers_and_errors_alike() {
    let (both, path) = one();
    for (path, inside) in [(path.clone(), "\"name\""), (format!("/v1/{}", name("absent")), "\"NOT_FOUND\"")] {
        for parameter in ["callback", "%24callback"] {
            let answer = both.rest().get(&format!("{path}?{parameter}=a.b%5B0%5D"));
            assert_eq!(answer.status, 200, "a browser runs nothing else");
            assert_eq!(answer.headers["content-type"], "text/javascript; charset=UTF-8");
            let json =
                answer.text.strip_prefix("// API callback\na.b[0](").unwrap().strip_suffix(");").unwrap();
            assert!(serde_json::from_str::<Value>(json).is_ok() && json.contains(inside), "{json}");
        }
    }
    let nobody = both.rest().with_token(None).get(&format!("{path}?callback=f"));
    assert_eq!(nobody.status, 200);
    assert!(nobody.text.contains("UNAUTHENTICATED"), "{}", nobody.text);
    let bad = both.rest().get(&format!("{path}?callback=alert(1)"));
    bad.error(400, "INVALID_ARGUMENT");
    let deleted = both.rest().delete(&format!("{path}?callback=f"));
    assert_eq!(deleted.headers["content-type"], "application/json; charset=UTF-8", "only for GET");
}

#[test]
fn s13_fields_select_members_and_a_path_that_matches_none_is_refused() {
    let (both, path) = one();
    let list = format!("/v1/{PARENT}/sessions");
    let expected = json!({"sessions": [{"name": name("here"), "state": "ACTIVE"}]});
    for mask in ["sessions(name,state),nextPageToken", "sessions.name,sessions/state"] {
        assert_eq!(both.rest().get(&format!("{list}?fields={mask}")).ok(), expected, "{mask}");
    }
    let header = both.rest().with_header("x-goog-fieldmask", "name").get(&path).ok();
    assert_eq!(header, json!({"name": name("here")}));
    assert_eq!(both.rest().get(&format!("{path}?%24fields=state_time")).ok().as_object().unwrap().len(), 1);
    let answer = both.rest().get(&format!("{path}?fields=name,state.x"));
    assert_eq!(answer.error(400, "INVALID_ARGUMENT"), "Request contains an invalid argument.");
    let text = "Error expanding 'fields' parameter. Cannot find matching fields for path 'state.x'.";
    assert_eq!(answer.violations(), [("name,state.x".to_owned(), text.to_owned())]);
    // It is about answers, not errors.
    let absent = both.rest().get(&format!("/v1/{}?fields=name", name("absent")));
    absent.error(404, "NOT_FOUND");
}

#[test]
fn s13_pretty_print_is_on_unless_switched_off() {
    let (both, path) = one();
    assert!(both.rest().get(&path).text.starts_with("{\n  \"name\": "));
    for off in ["prettyPrint=false", "%24prettyPrint=false"] {
        assert!(both.rest().get(&format!("{path}?{off}")).text.starts_with("{\"name\":"));
    }
}

#[test]
fn s13_whom_a_request_is_counted_for_has_at_most_forty_characters() {
    let (both, path) = one();
    both.rest().get(&format!("{path}?quotaUser={}", "u".repeat(40))).ok();
    both.rest().get(&format!("{path}?quotaUser={}", "u".repeat(41))).error(400, "INVALID_ARGUMENT");
    both.rest().with_header("x-goog-quota-user", &"u".repeat(41)).get(&path).error(400, "INVALID_ARGUMENT");
}

#[test]
fn s13_what_is_said_about_uploads_projects_and_clients_is_accepted() {
    let (both, path) = one();
    both.rest().get(&format!("{path}?uploadType=media&upload_protocol=raw&%24userProject=p")).ok();
    for (header, value) in [
        ("x-goog-user-project", "p"),
        ("x-goog-api-client", "gl-python/3.11 grpc/1.60"),
        ("x-goog-request-params", "name=anything"),
    ] {
        both.rest().with_header(header, value).get(&path).ok();
    }
}

#[test]
fn s13_a_post_may_stand_for_another_method() {
    let (both, path) = one();
    let as_get = both.rest().with_header("x-http-method-override", "GET");
    assert_eq!(as_get.call("POST", &path, "").ok()["name"], name("here"));
    let operation = both.rest().with_header("x-http-method-override", "DELETE").call("POST", &path, "").ok();
    assert_eq!(operation["metadata"]["operationType"], "DELETE");
    both.server.done(&operation);
    let not_a_post = both.rest().with_header("x-http-method-override", "DELETE");
    not_a_post.get(&format!("/v1/{PARENT}/sessions")).ok();
}
