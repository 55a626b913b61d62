//! Section 9: operations.

use hearth_testkit::{PARENT, id_of};
use hearth_wire::longrunning as lro;
use serde_json::{Value, json};

use super::both::{Both, get_operation, name};

const ABSENT: &str = "projects/test/regions/here/operations/00000000-0000-4000-8000-000000000000";

fn cancel(name: &str) -> lro::CancelOperationRequest {
    lro::CancelOperationRequest { name: name.to_owned() }
}

fn remove(name: &str) -> lro::DeleteOperationRequest {
    lro::DeleteOperationRequest { name: name.to_owned() }
}

#[test]
fn s9_an_operation_answers_under_regions_and_locations_alike() {
    let both = Both::start();
    let operation = both.server.done(&both.server.create("here").ok());
    let named = operation["name"].as_str().unwrap();
    let id = id_of(named);
    for name in [
        format!("projects/test/regions/here/operations/{id}"),
        format!("projects/test/locations/here/operations/{id}"),
    ] {
        let path = format!("/v1/{name}");
        let found =
            both.answered(("GET", &path, &Value::Null), "Operations/GetOperation", &get_operation(&name));
        assert_eq!(found["name"], named, "it has one name");
    }
}

#[test]
fn s9_a_done_operation_has_metadata_and_a_response_with_their_types() {
    let both = Both::start();
    let done = both.server.done(&both.server.create("types").ok());
    let metadata = &done["metadata"];
    assert_eq!(metadata["@type"], "type.googleapis.com/google.cloud.dataproc.v1.SessionOperationMetadata");
    assert_eq!(metadata["session"], name("types"));
    assert_eq!(
        (&metadata["operationType"], &metadata["description"]),
        (&json!("CREATE"), &json!("Create session"))
    );
    assert!(metadata["createTime"].is_string() && metadata["doneTime"].is_string(), "{done:#}");
    assert_eq!(done["response"]["@type"], "type.googleapis.com/google.cloud.dataproc.v1.Session");
    assert_eq!(done.get("error"), None);
}

#[test]
fn s9_the_response_stays_as_it_was_at_the_end() {
    let both = Both::start();
    let before = both.server.done(&both.server.create("frozen").ok());
    both.server.terminate("frozen");
    assert_eq!(both.server.done(&before), before);
}

#[test]
fn s9_each_kind_is_described() {
    let both = Both::start();
    both.server.active("kinds");
    let path = format!("/v1/{}", name("kinds"));
    let ended = both.server.done(&both.rest().call("POST", &format!("{path}:terminate"), "").ok());
    let deleted = both.server.done(&both.rest().delete(&path).ok());
    let described = |operation: &Value| operation["metadata"]["description"].clone();
    assert_eq!(
        (described(&ended), described(&deleted)),
        (json!("Terminate session"), json!("Delete session"))
    );
}

#[test]
fn s9_an_operation_has_the_labels_of_its_session() {
    let both = Both::start();
    let body = super::both::session_with("labels", json!({"labels": {"team": "a-team"}}));
    let operation = both.post("labels", &body).ok();
    assert_eq!(operation["metadata"]["labels"], json!({"team": "a-team"}));
}

#[test]
fn s9_what_is_not_there_is_not_found() {
    let both = Both::start();
    let path = format!("/v1/{ABSENT}");
    let text = "Operation not found";
    let get = both.refused(("GET", &path, &Value::Null), "Operations/GetOperation", &get_operation(ABSENT));
    assert_eq!(get.error(404, "NOT_FOUND"), text);
    let ending = format!("{path}:cancel");
    let cancelled =
        both.refused(("POST", &ending, &Value::Null), "Operations/CancelOperation", &cancel(ABSENT));
    assert_eq!(cancelled.error(404, "NOT_FOUND"), text);
    let removed =
        both.refused(("DELETE", &path, &Value::Null), "Operations/DeleteOperation", &remove(ABSENT));
    assert_eq!(removed.error(404, "NOT_FOUND"), text);
    let path = "/v1/projects/test/regions/here/operations/no-uuid";
    let message = get_operation(path.strip_prefix("/v1/").unwrap());
    let get = both.refused(("GET", path, &Value::Null), "Operations/GetOperation", &message);
    assert_eq!(get.error(404, "NOT_FOUND"), text);
}

#[test]
fn s9_cancelling_what_is_done_has_no_effect() {
    let both = Both::start();
    let done = both.server.done(&both.server.create("done").ok());
    let named = done["name"].as_str().unwrap();
    let path = format!("/v1/{named}:cancel");
    let nothing = both.answered(("POST", &path, &json!({})), "Operations/CancelOperation", &cancel(named));
    assert_eq!(nothing, json!({}));
    assert_eq!(both.server.done(&done), done);
    assert_eq!(both.server.session("done").ok()["state"], "ACTIVE");
}

#[test]
fn s9_deleting_removes_the_record_and_leaves_the_session() {
    let both = Both::start();
    for (id, over_grpc) in [("rest", false), ("grpc", true)] {
        let done = both.server.done(&both.server.create(id).ok());
        let named = done["name"].as_str().unwrap();
        let path = format!("/v1/{named}");
        let nothing = if over_grpc {
            both.grpc("Operations/DeleteOperation", &remove(named)).unwrap()
        } else {
            both.rest().delete(&path).ok()
        };
        assert_eq!(nothing, json!({}));
        both.refused(("GET", &path, &Value::Null), "Operations/GetOperation", &get_operation(named))
            .error(404, "NOT_FOUND");
        assert_eq!(both.server.session(id).ok()["state"], "ACTIVE");
    }
}

#[test]
fn s9_lists_have_pages_and_partial_success_is_not_served() {
    let both = Both::start();
    for id in ["one1", "two2", "three"] {
        both.server.done(&both.server.create(id).ok());
    }
    let parent = PARENT.replace("locations", "regions");
    let path = format!("/v1/{parent}/operations?pageSize=2");
    let list = lro::ListOperationsRequest {
        name: format!("{parent}/operations"),
        page_size: 2,
        ..Default::default()
    };
    let page = both.answered(("GET", &path, &Value::Null), "Operations/ListOperations", &list);
    assert_eq!(page["operations"].as_array().unwrap().len(), 2);
    let token = page["nextPageToken"].as_str().unwrap();
    let rest = both.rest().get(&format!("{path}&pageToken={token}")).ok();
    assert_eq!((rest["operations"].as_array().unwrap().len(), rest.get("nextPageToken")), (1, None));

    let path = format!("/v1/{parent}/operations?returnPartialSuccess=true");
    let list = lro::ListOperationsRequest { return_partial_success: true, page_size: 0, ..list };
    both.refused(("GET", &path, &Value::Null), "Operations/ListOperations", &list)
        .error(501, "UNIMPLEMENTED");
}

#[test]
fn s9_waiting_is_served_over_grpc() {
    let both = Both::start();
    let operation = both.server.create("waited").ok();
    let wait = lro::WaitOperationRequest {
        name: operation["name"].as_str().unwrap().to_owned(),
        ..Default::default()
    };
    assert_eq!(both.grpc("Operations/WaitOperation", &wait).unwrap()["done"], true);
}
