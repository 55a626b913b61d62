//! Lists with filters, over REST and gRPC alike.

use hearth_testkit::{PARENT, TestServer, connect_session, eventually, id_of};
use hearth_wire::dataproc::ListSessionsRequest;
use hearth_wire::dataproc::session_controller_client::SessionControllerClient;
use hearth_wire::longrunning::ListOperationsRequest;
use hearth_wire::longrunning::operations_client::OperationsClient;
use serde_json::{Value, json};
use tonic::Code;

use crate::grpc::service;
use crate::server;

fn labelled(server: &TestServer, id: &str, labels: &Value) {
    let mut body = connect_session(id);
    body["labels"] = labels.clone();
    server.rest().post(&format!("/v1/{PARENT}/sessions?sessionId={id}"), &body).ok();
}

/// A text as a query parameter may carry it.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn over_rest(server: &TestServer, filter: &str) -> Vec<String> {
    let page = server.rest().get(&format!("/v1/{PARENT}/sessions?filter={}", encoded(filter))).ok();
    let sessions = page["sessions"].as_array().cloned().unwrap_or_default();
    sessions.iter().map(|session| id_of(session["name"].as_str().unwrap()).to_owned()).collect()
}

async fn over_grpc(server: &TestServer, filter: &str) -> Vec<String> {
    let request = ListSessionsRequest {
        parent: PARENT.to_owned(),
        filter: filter.to_owned(),
        ..ListSessionsRequest::default()
    };
    let mut client = SessionControllerClient::new(service(server, server.token()));
    let answer = client.list_sessions(request).await.unwrap().into_inner();
    answer.sessions.iter().map(|session| id_of(&session.name).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_found_by_state_labels_id_and_time_in_both_forms() {
    let server = server();
    labelled(&server, "first", &json!({"team": "a", "cost": "1"}));
    labelled(&server, "second", &json!({"team": "a"}));
    labelled(&server, "third", &json!({"team": "b"}));
    labelled(&server, "fourth", &json!({}));
    for id in ["first", "second", "third", "fourth"] {
        server.session_in(id, "ACTIVE");
    }
    server.terminate("second");
    let born = server.session("third").ok()["createTime"].as_str().unwrap().to_owned();
    for (filter, expected) in [
        ("state = ACTIVE and labels.team = a", vec!["first"]),
        ("state = ACTIVE AND labels.team = \"a\"", vec!["first"]),
        ("labels.team = a", vec!["second", "first"]),
        ("labels.team:*", vec!["third", "second", "first"]),
        ("labels:cost", vec!["first"]),
        ("state != ACTIVE", vec!["second"]),
        ("state = ACTIVE AND state = TERMINATED", vec![]),
        ("state = TERMINATED OR labels.team = b", vec!["third", "second"]),
        ("-labels.team = a", vec!["fourth", "third"]),
        ("session_id = f*", vec!["fourth", "first"]),
        ("sessionId = third", vec!["third"]),
        (&format!("create_time >= \"{born}\""), vec!["fourth", "third"]),
        (&format!("create_time < \"{born}\" state = ACTIVE"), vec!["first"]),
    ] {
        assert_eq!(over_rest(&server, filter), expected, "{filter}");
        assert_eq!(over_grpc(&server, filter).await, expected, "{filter}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_cannot_be_used_is_refused_with_its_place_in_both_forms() {
    let server = server();
    for (filter, words) in [
        ("colour = red", "Invalid filter: unknown field 'colour'"),
        ("state = RUNNING", "Invalid filter: unknown state 'RUNNING'"),
        ("state =", "Invalid filter: "),
        ("bare", "Invalid filter: "),
        ("create_time > yesterday", "Invalid filter: 'yesterday' is not a time"),
    ] {
        let refused = server.rest().get(&format!("/v1/{PARENT}/sessions?filter={}", encoded(filter)));
        let message = refused.error(400, "INVALID_ARGUMENT");
        assert!(message.starts_with(words) && message.contains(" at position "), "{filter}: {message}");
        assert_eq!(refused.violations(), [("filter".to_owned(), message.clone())]);
        let request = ListSessionsRequest {
            parent: PARENT.to_owned(),
            filter: filter.to_owned(),
            ..ListSessionsRequest::default()
        };
        let mut client = SessionControllerClient::new(service(&server, server.token()));
        let status = client.list_sessions(request).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::InvalidArgument, message.as_str()));
    }
}

#[test]
fn a_page_token_belongs_to_the_filter_it_was_made_with() {
    let server = server();
    for number in 0..5 {
        labelled(&server, &format!("paged-{number}"), &json!({"team": "a"}));
        labelled(&server, &format!("other-{number}"), &json!({"team": "b"}));
    }
    let path = format!("/v1/{PARENT}/sessions?pageSize=2");
    let filter = encoded("labels.team = a");
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let page = server.rest().get(&format!("{path}&filter={filter}&pageToken={token}")).ok();
        for session in page["sessions"].as_array().unwrap() {
            seen.push(id_of(session["name"].as_str().unwrap()).to_owned());
        }
        let Some(next) = page["nextPageToken"].as_str() else { break };
        token = next.to_owned();
        for other in [String::new(), encoded("labels.team = b")] {
            server
                .rest()
                .get(&format!("{path}&filter={other}&pageToken={token}"))
                .error(400, "INVALID_ARGUMENT");
        }
        // One that is made meanwhile is not in the way.
        labelled(&server, &format!("newer-{}", seen.len()), &json!({"team": "a"}));
    }
    assert_eq!(seen, ["paged-4", "paged-3", "paged-2", "paged-1", "paged-0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_are_found_by_what_they_do_and_whether_they_are_done() {
    let server = server();
    let create = server.create("subject").ok();
    server.session_in("subject", "ACTIVE");
    server.create("another").ok();
    server.session_in("another", "ACTIVE");
    let end = format!("/v1/{PARENT}/sessions/subject:terminate");
    let terminate = server.rest().post(&end, &Value::Null).ok();
    server.done(&terminate);
    let mut client = OperationsClient::new(service(&server, server.token()));
    for (filter, expected) in [
        (
            format!("metadata.session = {PARENT}/sessions/subject"),
            vec![terminate["name"].clone(), create["name"].clone()],
        ),
        (
            format!("metadata.session = {PARENT}/sessions/subject AND metadata.operationType = CREATE"),
            vec![create["name"].clone()],
        ),
        ("metadata.operation_type = TERMINATE and done = true".to_owned(), vec![terminate["name"].clone()]),
    ] {
        eventually(&format!("{filter} finds what it should"), || {
            let path = format!("/v1/{PARENT}/operations?filter={}", encoded(&filter));
            let page = server.rest().get(&path).ok();
            let operations = page["operations"].as_array().cloned().unwrap_or_default();
            let names: Vec<Value> = operations.iter().map(|operation| operation["name"].clone()).collect();
            if names == expected { Ok(()) } else { Err(names) }
        });
        let request = ListOperationsRequest {
            name: format!("{PARENT}/operations"),
            filter: filter.clone(),
            ..ListOperationsRequest::default()
        };
        let answer = client.list_operations(request).await.unwrap().into_inner();
        let names: Vec<Value> =
            answer.operations.into_iter().map(|operation| operation.name.into()).collect();
        assert_eq!(names, expected, "{filter}");
    }
    let path = format!("/v1/{PARENT}/operations?filter={}", encoded("state = ACTIVE"));
    server.rest().get(&path).error(400, "INVALID_ARGUMENT");
}
