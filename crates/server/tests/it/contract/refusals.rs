//! Sections 4.2 and 14: calls that are refused for who makes them, or how often.

use std::fs;

use hearth_testkit::{Answer, PARENT, connect_session};
use hearth_wire::{dataproc as pb, longrunning};
use serde_json::{Value, json};
use tonic::Code;

use super::both::{Both, get, name, terminate};
use crate::without_engines;

#[test]
fn s4_2_a_credential_for_looking_only_is_refused_where_something_would_change() {
    let both = Both::start();
    both.server.active("here");
    let token = fs::read_to_string(both.server.state_dir().join("reader-token")).unwrap();
    let (token, reader) = (token.trim(), both.rest().with_token(Some(token.trim())));
    let path = format!("/v1/{}", name("here"));
    assert_eq!(reader.get(&path).ok()["name"], name("here"));
    both.grpc_as(Some(token), "SessionController/GetSession", &get("here")).unwrap();

    let answer = reader.post(&format!("{path}:terminate"), &Value::Null);
    let text = answer.error(403, "PERMISSION_DENIED");
    assert_eq!(text, "Request had insufficient authentication scopes.");
    let service = "google.cloud.dataproc.v1.SessionController";
    assert_eq!(
        answer.json["error"]["details"][0],
        json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
            "domain": "googleapis.com",
            "metadata": {"service": service, "method": format!("{service}.TerminateSession")},
        })
    );
    let status =
        both.grpc_as(Some(token), "SessionController/TerminateSession", &terminate("here")).unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::PermissionDenied, text.as_str()));
    assert!(!status.details().is_empty());
    // Nor is anything run with it.
    let answer = reader.call("POST", "/spark.connect.SparkConnectService/Config", "");
    assert_eq!((answer.status, answer.text.trim()), (403, text.as_str()));
    both.server.session_in("here", "ACTIVE");
}

#[test]
fn s4_2_a_call_too_many_is_told_when_another_is_taken() {
    let options = without_engines().set("limits.session-operations=2").set("limits.reads=3");
    let both = Both::of(options);
    let path = format!("/v1/{PARENT}/sessions?sessionId=");
    for id in ["one-1", "two-2"] {
        both.rest().post(&format!("{path}{id}"), &connect_session(id)).ok();
    }
    let answer = both.rest().post(&format!("{path}three-3"), &connect_session("three-3"));
    let project = PARENT.split('/').nth(1).unwrap();
    let text = answer.error(429, "RESOURCE_EXHAUSTED");
    assert_eq!(
        text,
        format!(
            "Quota exceeded for quota metric 'dataproc.googleapis.com/session_operation_requests' and limit \
             'SessionOperationRequestsPerMinutePerProjectPerRegion' of service 'dataproc.googleapis.com' for \
             consumer 'project_number:{project}'."
        )
    );
    let details = &answer.json["error"]["details"];
    assert_eq!(details[0]["reason"], "RATE_LIMIT_EXCEEDED");
    assert_eq!(details[0]["metadata"]["quota_limit_value"], "2");
    assert!(details[1]["retryDelay"].as_str().unwrap().ends_with('s'), "{details:#}");
    let status = both.grpc("SessionController/TerminateSession", &terminate("one-1")).unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::ResourceExhausted, text.as_str()));

    // Reads have a limit of their own, and so has every location.
    let list = pb::ListSessionsRequest { parent: PARENT.to_owned(), ..Default::default() };
    let found = both.grpc("SessionController/ListSessions", &list).unwrap();
    assert_eq!(
        found["sessions"].as_array().unwrap().len(),
        2,
        "a refused create has made nothing: {found:#}"
    );
    both.rest().get(&format!("/v1/{PARENT}/sessions")).ok();
    both.rest().get(&format!("/v1/{}", name("one-1"))).ok();
    both.rest().get(&format!("/v1/{}", name("one-1"))).error(429, "RESOURCE_EXHAUSTED");
    both.rest().get(&format!("/v1/projects/{project}/locations/elsewhere/sessions")).ok();
}

#[test]
fn s14_in_a_project_that_is_not_served_nobody_has_a_permission() {
    let both = Both::of(without_engines().set("projects=test,other").set("project=test"));
    let parent = "projects/secret/locations/here";
    let url = format!("/v1/{parent}");
    let denied = |answer: &Answer, permission: &str, resource: &str| {
        let resource = format!("//dataproc.googleapis.com/{resource}");
        let text = format!(
            "Permission 'dataproc.{permission}' denied on resource '{resource}' (or it may not exist)."
        );
        assert_eq!(answer.error(403, "PERMISSION_DENIED"), text);
        let detail = json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "IAM_PERMISSION_DENIED",
            "domain": "dataproc.googleapis.com",
            "metadata": {"permission": format!("dataproc.{permission}"), "resource": resource},
        });
        assert_eq!(answer.json["error"]["details"], json!([detail]));
    };

    let sessions = "SessionController";
    let body = connect_session("etl-1");
    let create =
        pb::CreateSessionRequest { parent: parent.to_owned(), ..super::both::create_message("etl-1", &body) };
    let rest = format!("{url}/sessions?sessionId=etl-1");
    let answer = both.refused(("POST", &rest, &body), &format!("{sessions}/CreateSession"), &create);
    denied(&answer, "sessions.create", parent);
    let list = pb::ListSessionsRequest { parent: parent.to_owned(), ..Default::default() };
    let rest = format!("{url}/sessions");
    let answer = both.refused(("GET", &rest, &Value::Null), &format!("{sessions}/ListSessions"), &list);
    denied(&answer, "sessions.list", parent);
    // The same for what there is not, so that nobody finds out.
    let name = format!("{parent}/sessions/etl-1");
    let one = format!("/v1/{name}");
    let get = pb::GetSessionRequest { name: name.clone() };
    let answer = both.refused(("GET", &one, &Value::Null), &format!("{sessions}/GetSession"), &get);
    denied(&answer, "sessions.get", &name);
    let message = pb::TerminateSessionRequest { name: name.clone(), ..Default::default() };
    let rest = format!("{one}:terminate");
    let answer = both.refused(("POST", &rest, &json!({})), &format!("{sessions}/TerminateSession"), &message);
    denied(&answer, "sessions.terminate", &name);
    let message = pb::DeleteSessionRequest { name: name.clone(), ..Default::default() };
    let answer = both.refused(("DELETE", &one, &Value::Null), &format!("{sessions}/DeleteSession"), &message);
    denied(&answer, "sessions.delete", &name);
    let rest = format!("{one}/sparkApplications:search");
    denied(&both.rest().get(&rest), "sessions.sparkApplicationRead", &name);

    let templates = "SessionTemplateController";
    let message = pb::ListSessionTemplatesRequest { parent: parent.to_owned(), ..Default::default() };
    let rest = format!("{url}/sessionTemplates");
    let answer =
        both.refused(("GET", &rest, &Value::Null), &format!("{templates}/ListSessionTemplates"), &message);
    denied(&answer, "sessionTemplates.list", parent);
    let name = format!("{parent}/sessionTemplates/etl");
    let body = json!({"name": name, "sparkConnectSession": {}});
    let template: pb::SessionTemplate = hearth_wire::json::from_slice(body.to_string().as_bytes()).unwrap();
    let message = pb::UpdateSessionTemplateRequest { session_template: Some(template) };
    let rest = format!("/v1/{name}");
    let answer =
        both.refused(("PATCH", &rest, &body), &format!("{templates}/UpdateSessionTemplate"), &message);
    denied(&answer, "sessionTemplates.update", &name);

    let name = format!("{parent}/operations/00000000-0000-4000-8000-000000000000");
    let rest = format!("/v1/{name}");
    let answer = both.refused(
        ("GET", &rest, &Value::Null),
        "Operations/GetOperation",
        &super::both::get_operation(&name),
    );
    denied(&answer, "operations.get", &name);
    let rest = format!("/v1/{name}:cancel");
    let message = longrunning::CancelOperationRequest { name: name.clone() };
    let answer = both.refused(("POST", &rest, &json!({})), "Operations/CancelOperation", &message);
    denied(&answer, "operations.cancel", &name);

    // The projects that are served are as ever.
    both.rest().get("/v1/projects/other/locations/here/sessions").ok();
    both.rest().post(&format!("/v1/{PARENT}/sessions?sessionId=etl-1"), &connect_session("etl-1")).ok();
}
