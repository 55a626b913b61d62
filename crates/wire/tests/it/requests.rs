//! Path, query and body bound to one request.

use hearth_wire::{
    Violations,
    dataproc::{
        CreateSessionRequest, DeleteSessionRequest, ListSessionsRequest, TerminateSessionRequest,
        UpdateSessionTemplateRequest,
    },
    longrunning::ListOperationsRequest,
    parameters::parse_query,
    router::find,
};
use prost::Message;

fn call<M: Message + Default>(http_method: &str, uri: &str, body: &str) -> Result<M, Violations> {
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let found = find(http_method, path).unwrap();
    found.request(&parse_query(query), body.as_bytes()).map(|wire| M::decode(wire.as_slice()).unwrap())
}

const SESSIONS: &str = "/v1/projects/p/locations/l/sessions";
const TEMPLATE: &str = "/v1/projects/p/locations/l/sessionTemplates/t";

#[test]
fn create_takes_parent_from_the_path_ids_from_the_query_and_the_session_from_the_body() {
    let request: CreateSessionRequest = call(
        "POST",
        &format!("{SESSIONS}?sessionId=demo&request_id=r-1"),
        r#"{"name": "projects/p/locations/l/sessions/demo", "sparkConnectSession": {}}"#,
    )
    .unwrap();
    assert_eq!(request.parent, "projects/p/locations/l");
    assert_eq!((&*request.session_id, &*request.request_id), ("demo", "r-1"));
    let session = request.session.unwrap();
    assert_eq!(session.name, "projects/p/locations/l/sessions/demo");
    assert!(session.session_config.is_some());
}

#[test]
fn an_absent_body_is_an_empty_message() {
    for body in ["", " \n", "{}"] {
        let request: TerminateSessionRequest =
            call("POST", &format!("{SESSIONS}/s:terminate"), body).unwrap();
        assert_eq!(request.name, "projects/p/locations/l/sessions/s");
        assert_eq!(request.request_id, "");
    }
    let request: CreateSessionRequest = call("POST", SESSIONS, "").unwrap();
    assert_eq!(request.session, None, "nothing said is not an empty session");
    let request: TerminateSessionRequest =
        call("POST", &format!("{SESSIONS}/s:terminate"), r#"{"requestId": "r"}"#).unwrap();
    assert_eq!(request.request_id, "r");
}

#[test]
fn a_body_where_none_belongs_is_ignored() {
    let request: DeleteSessionRequest =
        call("DELETE", &format!("{SESSIONS}/s?requestId=r"), "not json").unwrap();
    assert_eq!((&*request.name, &*request.request_id), ("projects/p/locations/l/sessions/s", "r"));
}

#[test]
fn query_parameters_are_typed_and_an_empty_one_is_unset() {
    let request: ListSessionsRequest =
        call("GET", &format!("{SESSIONS}?pageSize=5&page_token=&filter=state%20%3D%20ACTIVE"), "").unwrap();
    assert_eq!((request.page_size, &*request.page_token, &*request.filter), (5, "", "state = ACTIVE"));
    let request: ListOperationsRequest =
        call("GET", "/v1/projects/p/regions/l/operations?returnPartialSuccess=true", "").unwrap();
    assert!(request.return_partial_success);
    for (query, text) in [
        ("pageSize=abc", "Invalid value at 'page_size' (TYPE_INT32), \"abc\""),
        ("pageSize=99999999999", "Invalid value at 'page_size' (TYPE_INT32), \"99999999999\""),
    ] {
        let violations = call::<ListSessionsRequest>("GET", &format!("{SESSIONS}?{query}"), "").unwrap_err();
        assert_eq!((&*violations.0[0].field, &*violations.to_string()), ("page_size", text));
    }
}

#[test]
fn an_unknown_parameter_is_refused_with_its_name() {
    let violations = call::<ListSessionsRequest>("GET", &format!("{SESSIONS}?foo=1"), "").unwrap_err();
    assert_eq!(
        violations.to_string(),
        "Invalid JSON payload received. Unknown name \"foo\": Cannot bind query parameter. \
         Field 'foo' could not be found in request message."
    );
    assert_eq!(violations.0[0].field, "");
    for query in ["parent=x", "session.name=x", "session.foo=x", "sessionId.x=1", ".=1", "session=x"] {
        assert!(call::<CreateSessionRequest>("POST", &format!("{SESSIONS}?{query}"), "").is_err(), "{query}");
    }
}

#[test]
fn a_single_value_given_twice_is_refused() {
    let uri = format!("{SESSIONS}?sessionId=a&session_id=b");
    let violations = call::<CreateSessionRequest>("POST", &uri, "").unwrap_err();
    assert_eq!(
        violations.to_string(),
        "Invalid JSON payload received. Unknown name \"session_id\": Proto field is not repeating, cannot start list."
    );
}

#[test]
fn a_variable_reaches_into_the_body_and_must_not_contradict_it() {
    let name = "projects/p/locations/l/sessionTemplates/t";
    for body in [r#"{"description": "d"}"#, &format!(r#"{{"name": "{name}", "description": "d"}}"#)] {
        let template =
            call::<UpdateSessionTemplateRequest>("PATCH", TEMPLATE, body).unwrap().session_template.unwrap();
        assert_eq!((&*template.name, &*template.description), (name, "d"));
    }
    let violations =
        call::<UpdateSessionTemplateRequest>("PATCH", TEMPLATE, r#"{"name": "other"}"#).unwrap_err();
    assert_eq!(violations.0[0].field, "session_template.name");
    assert!(violations.to_string().contains(name), "{violations}");
    let other =
        call::<TerminateSessionRequest>("POST", &format!("{SESSIONS}/s:terminate"), r#"{"name": "x"}"#);
    assert_eq!(other.unwrap_err().0[0].field, "name");
}

#[test]
fn problems_of_query_and_body_come_together() {
    let violations =
        call::<CreateSessionRequest>("POST", &format!("{SESSIONS}?foo=1"), r#"{"bar": 2}"#).unwrap_err();
    assert_eq!(violations.0.len(), 2);
    let violations = call::<CreateSessionRequest>("POST", &format!("{SESSIONS}?foo=1"), "{").unwrap_err();
    assert_eq!(violations.0.len(), 2);
}

#[test]
fn paths_in_a_body_field_start_with_the_field() {
    let violations = call::<CreateSessionRequest>("POST", SESSIONS, r#"{"foo": 1}"#).unwrap_err();
    assert_eq!(
        violations.to_string(),
        "Invalid JSON payload received. Unknown name \"foo\" at 'session': Cannot find field."
    );
    let violations =
        call::<TerminateSessionRequest>("POST", &format!("{SESSIONS}/s:terminate"), r#"{"foo": 1}"#)
            .unwrap_err();
    assert_eq!(
        violations.to_string(),
        "Invalid JSON payload received. Unknown name \"foo\": Cannot find field."
    );
}
