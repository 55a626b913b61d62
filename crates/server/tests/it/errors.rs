//! Bad input over REST: each refusal names what is wrong, and nothing is left behind.

use hearth_testkit::{Options, PARENT, Rest, connect_session};
use serde_json::{Value, json};

use crate::{HEARTH, server};

fn create_path(id: &str) -> String {
    format!("/v1/{PARENT}/sessions?sessionId={id}")
}

#[test]
fn text_that_is_no_json_is_refused_with_the_place() {
    let server = server();
    let cases = [
        ("{\"name\": ", "Invalid JSON payload received. Unexpected end of string. Expected a value."),
        ("{\"name\": nope}", "Invalid JSON payload received. Unexpected token."),
        ("[1]", "Invalid JSON payload received. Unknown name \"\": Root element must be a message."),
        ("\u{0}\u{1}\u{2}", "Invalid JSON payload received. Unexpected token."),
    ];
    for (body, text) in cases {
        let told = server.rest().call("POST", &create_path("json"), body).error(400, "INVALID_ARGUMENT");
        assert!(told.starts_with(text), "{body:?}: {told}");
    }
    server.session("json").error(404, "NOT_FOUND");
}

#[test]
fn nesting_without_end_is_refused() {
    let server = server();
    let body = format!("{{\"labels\": {}", "[".repeat(100_000));
    server.rest().call("POST", &create_path("deep"), &body).error(400, "INVALID_ARGUMENT");
    server.rest().get("/hearth/v1/server").ok();
}

#[test]
fn unknown_fields_are_all_named_with_their_paths() {
    let server = server();
    let mut body = connect_session("unknown");
    body["runtimeConfig"] = json!({"foo": 1});
    body["bar"] = json!(2);
    let answer = server.rest().post(&create_path("unknown"), &body);
    let text = answer.error(400, "INVALID_ARGUMENT");
    let sentence = |name: &str, at: &str| {
        format!("Invalid JSON payload received. Unknown name \"{name}\" at '{at}': Cannot find field.")
    };
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    let (bar, foo) = (sentence("bar", "session"), sentence("foo", "session.runtime_config"));
    assert_eq!(lines, [bar.as_str(), foo.as_str()]);
    let mut violations = answer.violations();
    violations.sort();
    assert_eq!(violations, [("session".to_owned(), bar), ("session.runtime_config".to_owned(), foo)]);
    let answer =
        server.rest().post(&format!("{}&foo=1", create_path("unknown")), &connect_session("unknown"));
    let told = answer.error(400, "INVALID_ARGUMENT");
    assert!(told.contains("Cannot bind query parameter. Field 'foo' could not be found"), "{told}");
}

#[test]
fn values_of_the_wrong_kind_are_named() {
    let server = server();
    let path = "session.environment_config.execution_config.ttl";
    let cases = [
        (json!({"labels": 3}), "session.labels"),
        (json!({"environmentConfig": {"executionConfig": {"ttl": "10m"}}}), path),
        (json!({"environmentConfig": {"executionConfig": {"ttl": "5s"}}}), path),
        (json!({"jupyterSession": {"kernel": "RUBY"}}), "session.jupyter_session.kernel"),
        (json!({"runtimeConfig": {"version": "99"}}), "session.runtime_config.version"),
    ];
    for (fields, field) in cases {
        let mut body = connect_session("wrong");
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        if fields.get("jupyterSession").is_some() {
            body.as_object_mut().unwrap().remove("sparkConnectSession");
        }
        let answer = server.rest().post(&create_path("wrong"), &body);
        answer.error(400, "INVALID_ARGUMENT");
        let fields: Vec<String> = answer.violations().into_iter().map(|(field, _)| field).collect();
        assert!(fields.iter().any(|named| named.starts_with(field)), "{field}: {}", answer.text);
    }
    server.session("wrong").error(404, "NOT_FOUND");
}

#[test]
fn an_unknown_runtime_is_refused_with_the_known_ones() {
    let server = server();
    let mut body = connect_session("version");
    body["runtimeConfig"] = json!({"version": "99"});
    let told = server.rest().post(&create_path("version"), &body).error(400, "INVALID_ARGUMENT");
    let known = told.strip_prefix("Unknown runtime version '99'. Known versions: ").expect("it is named");
    let known: Vec<&str> = known.split(", ").collect();
    assert!(["sail", "spark-4.0", "3.0"].iter().all(|name| known.contains(name)), "{told}");
}

#[test]
fn a_body_past_the_limit_is_refused_with_the_limit() {
    let server = Options::new(HEARTH).without_engines().set("max-body=64KiB").start();
    let mut body = connect_session("large");
    body["labels"] = json!({"padding": "x".repeat(100_000)});
    let told = server.rest().post(&create_path("large"), &body).error(400, "INVALID_ARGUMENT");
    assert!(told.contains("65536"), "{told}");
    server.active("small");
}

#[test]
fn ids_that_are_taken_missing_or_malformed_are_told() {
    let server = server();
    server.active("taken");
    let told = server.create("taken").error(409, "ALREADY_EXISTS");
    assert_eq!(told, format!("Already exists: Failed to create session: Session {PARENT}/sessions/taken"));
    server.terminate("taken");
    server.create("taken").error(409, "ALREADY_EXISTS");
    for id in ["UPPER", "a", "-dash", "dash-", "under_score"] {
        let told = server.create(id).error(400, "INVALID_ARGUMENT");
        assert!(told.contains(&format!("Session ID '{id}' must conform to pattern")), "{told}");
    }
    let missing = server.rest().post(&format!("/v1/{PARENT}/sessions"), &connect_session("any"));
    missing.error(400, "INVALID_ARGUMENT");
    assert!(missing.violations().iter().any(|(field, _)| field == "session_id"), "{}", missing.text);
    let other = server.rest().post(&create_path("this"), &connect_session("that"));
    other.error(400, "INVALID_ARGUMENT");
    let request = format!("{}&requestId=no+no", create_path("request"));
    let told = server.rest().post(&request, &connect_session("request")).error(400, "INVALID_ARGUMENT");
    assert!(told.contains("must conform to pattern '[a-zA-Z0-9_-]{1,40}'"), "{told}");
    // Reading never judges the id.
    assert_eq!(
        server.session("UPPER").error(404, "NOT_FOUND"),
        format!("Not found: Session {PARENT}/sessions/UPPER")
    );
}

#[test]
fn a_session_must_be_of_a_kind_that_there_is() {
    let server = server();
    let none = json!({"name": format!("{PARENT}/sessions/kind")});
    let told = server.rest().post(&create_path("kind"), &none).error(400, "INVALID_ARGUMENT");
    assert!(told.contains("must have a jupyter_session or a spark_connect_session"), "{told}");
    let both = json!({"jupyterSession": {}, "sparkConnectSession": {}});
    let told = server.rest().post(&create_path("kind"), &both).error(400, "INVALID_ARGUMENT");
    assert!(told.contains("oneof"), "{told}");
}

#[test]
fn nobody_gets_in_without_the_token() {
    let server = server();
    let path = format!("/v1/{PARENT}/sessions");
    for (token, words, reason) in [
        (None, "missing required authentication credential", "CREDENTIALS_MISSING"),
        (Some("hearth_wrong"), "invalid authentication credentials", ""),
    ] {
        let answer = server.rest().with_token(token).get(&path);
        assert!(answer.error(401, "UNAUTHENTICATED").contains(words), "{}", answer.text);
        assert!(answer.text.contains(reason), "{}", answer.text);
        assert!(answer.headers.contains_key("www-authenticate"));
    }
    let by_parameter = server.rest().with_token(None);
    by_parameter.get(&format!("{path}?access_token={}", server.token())).ok();
    for open in ["/healthz", "/readyz"] {
        assert_eq!(Rest::new(&format!("http://{}", server.address()), None).get(open).status, 200);
    }
}

#[test]
fn paths_and_methods_that_are_none_are_not_found() {
    let server = server();
    let cases = [
        ("GET", "/"),
        ("GET", "/v1"),
        ("GET", "/v2/projects/test/locations/here/sessions"),
        ("PUT", "/v1/projects/test/locations/here/sessions/some"),
        ("PATCH", "/v1/projects/test/locations/here/sessions/some"),
        ("GET", "/v1/projects/test/locations/here/sessions/some:nothing"),
        ("GET", "/v1/projects//locations/here/sessions"),
    ];
    for (method, path) in cases {
        server.rest().call(method, path, "").error(404, "NOT_FOUND");
    }
}

#[test]
fn ending_what_is_not_there_is_not_found() {
    let server = server();
    let path = format!("/v1/{PARENT}/sessions/none");
    let text = format!("Not found: Session {PARENT}/sessions/none");
    let terminated = server.rest().post(&format!("{path}:terminate"), &Value::Null);
    assert_eq!(terminated.error(404, "NOT_FOUND"), text);
    assert_eq!(server.rest().delete(&path).error(404, "NOT_FOUND"), text);
}
