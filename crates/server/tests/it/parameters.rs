//! The parameters that every method has.

use hearth_testkit::PARENT;
use serde_json::json;

use crate::server;

#[test]
fn fields_pick_parts_of_an_answer() {
    let server = server();
    server.active("fields");
    let path = format!("/v1/{PARENT}/sessions");
    let name = format!("{PARENT}/sessions/fields");
    let one = server.rest().get(&format!("{path}/fields?fields=name,state")).ok();
    assert_eq!(one, json!({"name": name, "state": "ACTIVE"}));
    for mask in ["sessions(name,state_time)", "sessions/name"] {
        let page = server.rest().get(&format!("{path}?$fields={mask}")).ok();
        assert_eq!(page["sessions"][0]["name"], name, "{mask}");
        assert_eq!(page["sessions"][0].get("uuid"), None, "{mask}");
    }
    let by_header = server.rest().with_header("X-Goog-FieldMask", "name").get(&format!("{path}/fields"));
    assert_eq!(by_header.ok(), json!({"name": name}));
    let refused = server.rest().get(&format!("{path}/fields?fields=name,nothing"));
    refused.error(400, "INVALID_ARGUMENT");
    assert!(refused.violations()[0].1.contains("Cannot find matching fields for path 'nothing'"));
}

#[test]
fn the_form_of_an_answer_is_chosen() {
    let server = server();
    server.active("form");
    let path = format!("/v1/{PARENT}/sessions/form");
    let get = |query: &str| server.rest().get(&format!("{path}?{query}"));
    assert!(get("").text.starts_with("{\n  \"name\""), "indented by default");
    assert!(get("prettyPrint=false").text.starts_with("{\"name\""));
    assert_eq!(get("$alt=json;enum-encoding=int").ok()["state"], 2, "a number for who asks for it");
    assert_eq!(get("alt=media").ok()["state"], "ACTIVE");
    get("alt=xml").error(400, "INVALID_ARGUMENT");
    let content_type = get("").headers["content-type"].to_str().unwrap().to_ascii_lowercase();
    assert_eq!(content_type, "application/json; charset=utf-8");
}

#[test]
fn a_callback_gets_a_script_even_of_an_error() {
    let server = server();
    server.active("script");
    let base = format!("/v1/{PARENT}/sessions");
    let answer = server.rest().get(&format!("{base}/script?callback=show.it&fields=state&prettyPrint=false"));
    assert_eq!(
        (answer.status, answer.text.as_str()),
        (200, "// API callback\nshow.it({\"state\":\"ACTIVE\"});")
    );
    let content_type = answer.headers["content-type"].to_str().unwrap().to_ascii_lowercase();
    assert_eq!(content_type, "text/javascript; charset=utf-8");
    let error = server.rest().get(&format!("{base}/none?$callback=show"));
    assert!(error.status == 200 && error.text.contains("NOT_FOUND"), "{}", error.text);
    server.rest().get(&format!("{base}/script?callback=alert(1)")).error(400, "INVALID_ARGUMENT");
}

#[test]
fn errors_come_in_two_formats() {
    let server = server();
    let path = format!("/v1/{PARENT}/sessions/none");
    let get = |query: &str| server.rest().get(&format!("{path}?{query}"));
    let old = get("$.xgafv=1");
    old.error(404, "NOT_FOUND");
    assert_eq!(old.json["error"]["errors"][0]["reason"], "notFound");
    let new = get("$.xgafv=2");
    new.error(404, "NOT_FOUND");
    assert_eq!(new.json["error"].get("errors"), None);
    get("$.xgafv=3").error(400, "INVALID_ARGUMENT");
}

#[test]
fn parameters_that_are_for_others_are_taken_and_ignored() {
    let server = server();
    server.active("ignored");
    let path = format!("/v1/{PARENT}/sessions/ignored");
    server.rest().get(&format!("{path}?quotaUser=me&uploadType=x&key=k&$userProject=p")).ok();
    let override_method = server.rest().with_header("X-HTTP-Method-Override", "GET");
    assert_eq!(override_method.call("POST", &path, "").ok()["state"], "ACTIVE");
}
