//! Section 5: sessions.

use hearth_testkit::{PARENT, connect_session, eventually};
use hearth_wire::dataproc as pb;
use serde_json::{Value, json};

use super::both::{Both, create_message, delete, get, name, session_with, terminate};

#[test]
fn s5_1_history_has_past_states_only_and_begins_with_the_creation() {
    let both = Both::start();
    let active = both.server.active("life");
    let history = active["stateHistory"].as_array().unwrap();
    assert_eq!(history.len(), 1, "{active:#}");
    assert_eq!(
        (&history[0]["state"], &history[0]["stateStartTime"]),
        (&json!("CREATING"), &active["createTime"])
    );
    both.server.terminate("life");
    let ended = both.server.session("life").ok();
    let states: Vec<&str> = ended["stateHistory"]
        .as_array()
        .unwrap()
        .iter()
        .map(|past| past["state"].as_str().unwrap())
        .collect();
    assert_eq!((&ended["state"], states), (&json!("TERMINATED"), vec!["CREATING", "ACTIVE", "TERMINATING"]));
    assert_eq!(ended["stateHistory"][1]["stateStartTime"], active["stateTime"]);
}

#[test]
fn s5_2_a_created_session_can_be_seen_before_the_answer_and_its_operation_tells_of_it() {
    let both = Both::start();
    let operation = both.server.create("seen").ok();
    let session = both.server.session("seen").ok();
    assert_eq!(operation["metadata"]["session"], session["name"]);
    assert_eq!(operation["metadata"]["sessionUuid"], session["uuid"]);
    let done = both.server.done(&operation);
    assert_eq!(done["response"]["state"], "ACTIVE");
    let over_grpc = create_message("seen2", &connect_session("seen2"));
    let operation = both.grpc("SessionController/CreateSession", &over_grpc).unwrap();
    assert_eq!(operation["metadata"]["session"], name("seen2"));
}

#[test]
fn s5_2_the_answer_of_a_done_creation_has_the_endpoint_of_spark_connect() {
    let both = Both::start();
    let done = both.server.done(&both.server.create("endpoint").ok());
    let endpoint = done["response"]["runtimeInfo"]["endpoints"]["Spark Connect Server"].as_str().unwrap();
    assert!(endpoint.ends_with(&format!(":{}", both.server.port())), "{endpoint}");
}

#[test]
fn s5_2_an_id_is_required_and_the_name_must_say_the_same() {
    let both = Both::start();
    let body = connect_session("named");
    let path = format!("/v1/{PARENT}/sessions");
    let message = create_message("", &body);
    let answer = both.refused(("POST", &path, &body), "SessionController/CreateSession", &message);
    assert_eq!(answer.error(400, "INVALID_ARGUMENT"), "Request contains an invalid argument.");
    assert_eq!(answer.violations()[0].0, "session_id");
    let answer = both.create_refused("other", &body);
    answer.error(400, "INVALID_ARGUMENT");
    assert_eq!(answer.violations()[0].0, "session.name");
}

#[test]
fn s5_2_a_body_without_a_name_is_taken_for_the_name_that_parent_and_id_give() {
    let both = Both::start();
    both.post("unnamed", &json!({"sparkConnectSession": {}})).ok();
    assert_eq!(both.server.session_in("unnamed", "ACTIVE")["name"], name("unnamed"));
}

#[test]
fn s5_2_a_session_of_no_kind_is_refused() {
    let both = Both::start();
    let answer = both.create_refused("nokind", &json!({"name": name("nokind")}));
    let text = answer.error(400, "INVALID_ARGUMENT");
    assert_eq!(text, "Session must have a jupyter_session or a spark_connect_session");
}

#[test]
fn s5_2_a_jupyter_session_without_settings_is_valid() {
    let both = Both::start();
    let made = both.post("notebook", &json!({"name": name("notebook"), "jupyterSession": {}})).ok();
    assert_eq!(made["metadata"]["operationType"], "CREATE");
    let session = both.server.session_in("notebook", "ACTIVE");
    assert_eq!(session["jupyterSession"], json!({}));
    let endpoint = session["runtimeInfo"]["endpoints"]["Jupyter"].as_str().unwrap();
    assert!(
        endpoint.ends_with(&format!("/sessions/{}/jupyter", session["uuid"].as_str().unwrap())),
        "{endpoint}"
    );
    assert!(session["runtimeInfo"]["endpoints"].get("Spark Connect Server").is_none());
}

#[test]
fn s5_4_terminate_of_what_is_absent_or_over_is_refused() {
    let both = Both::start();
    let path = format!("/v1/{}:terminate", name("over"));
    let again = || {
        both.refused(("POST", &path, &Value::Null), "SessionController/TerminateSession", &terminate("over"))
    };
    assert_eq!(again().error(404, "NOT_FOUND"), format!("Not found: Session {}", name("over")));
    both.server.active("over");
    both.server.terminate("over");
    let text = format!("Session {} is already terminated", name("over"));
    assert_eq!(again().error(400, "FAILED_PRECONDITION"), text);
}

#[test]
fn s5_4_terminate_answers_with_an_operation_whose_response_is_the_session() {
    let both = Both::start();
    both.server.active("rest");
    let ended = both.server.terminate("rest");
    assert_eq!((&ended["name"], &ended["state"]), (&json!(name("rest")), &json!("TERMINATED")));
    both.server.active("grpc");
    let operation = both.grpc("SessionController/TerminateSession", &terminate("grpc")).unwrap();
    assert_eq!(operation["metadata"]["operationType"], "TERMINATE");
    assert_eq!(both.server.done(&operation)["response"]["state"], "TERMINATED");
}

#[test]
fn s5_5_delete_ends_what_lives_and_answers_with_the_session() {
    let both = Both::start();
    for id in ["alive", "over"] {
        both.server.active(id);
    }
    both.server.terminate("over");
    for id in ["alive", "over"] {
        let operation = both.grpc("SessionController/DeleteSession", &delete(id)).unwrap();
        let done = both.server.done(&operation);
        assert_eq!(done["metadata"]["operationType"], "DELETE");
        assert_eq!(done["response"]["name"], name(id));
        let at = done["response"]["@type"].as_str().unwrap();
        assert_eq!(at, "type.googleapis.com/google.cloud.dataproc.v1.Session");
        let path = format!("/v1/{}", name(id));
        both.refused(("GET", &path, &Value::Null), "SessionController/GetSession", &get(id))
            .error(404, "NOT_FOUND");
        both.refused(("DELETE", &path, &Value::Null), "SessionController/DeleteSession", &delete(id))
            .error(404, "NOT_FOUND");
    }
}

#[test]
fn s5_6_a_repeated_create_gives_the_first_operation_over_either_way() {
    let both = Both::start();
    let path = format!("/v1/{PARENT}/sessions?sessionId=first&requestId=again_1");
    let first = both.rest().post(&path, &connect_session("first")).ok();
    both.server.done(&first);
    let message = pb::CreateSessionRequest {
        request_id: "again_1".to_owned(),
        ..create_message("another", &session_with("another", json!({"labels": {"a": "b"}})))
    };
    let repeated = both.grpc("SessionController/CreateSession", &message).unwrap();
    assert_eq!(repeated["name"], first["name"], "also with another body");
    assert_eq!(both.server.session("another").status, 404, "there is no second effect");
}

#[test]
fn s5_6_repeated_ends_give_the_first_operation_and_no_error() {
    let both = Both::start();
    both.server.active("ends");
    for (method, suffix) in [("POST", ":terminate"), ("DELETE", "")] {
        let path = format!("/v1/{}{suffix}?requestId=end-{method}", name("ends"));
        let first = both.rest().call(method, &path, "").ok();
        both.server.done(&first);
        assert_eq!(both.rest().call(method, &path, "").ok()["name"], first["name"]);
    }
}

#[test]
fn s5_6_a_request_id_counts_for_its_method_and_place_alone() {
    let both = Both::start();
    let created = both
        .rest()
        .post(&format!("/v1/{PARENT}/sessions?sessionId=scope&requestId=mark"), &connect_session("scope"))
        .ok();
    both.server.session_in("scope", "ACTIVE");
    let ended = both.rest().call("POST", &format!("/v1/{}:terminate?requestId=mark", name("scope")), "").ok();
    assert_ne!(created["name"], ended["name"]);
    let path = "/v1/projects/test/locations/there/sessions?sessionId=scope&requestId=mark";
    let other = both.rest().post(path, &json!({"sparkConnectSession": {}})).ok();
    assert_ne!(created["name"], other["name"]);
}

#[test]
fn s5_6_a_malformed_request_id_is_refused() {
    let both = Both::start();
    let long = "r".repeat(41);
    for id in ["with space", "dot.dot", &long] {
        let message = pb::CreateSessionRequest {
            request_id: id.to_owned(),
            ..create_message("marked", &connect_session("marked"))
        };
        let encoded = id.replace(' ', "%20");
        let path = format!("/v1/{PARENT}/sessions?sessionId=marked&requestId={encoded}");
        let answer = both.refused(
            ("POST", &path, &connect_session("marked")),
            "SessionController/CreateSession",
            &message,
        );
        let text = answer.error(400, "INVALID_ARGUMENT");
        assert_eq!(text, format!("Request ID '{id}' must conform to pattern '[a-zA-Z0-9_-]{{1,40}}'"));
        assert_eq!(answer.violations(), [("request_id".to_owned(), text)]);
    }
}

#[test]
fn s5_7_effective_lifetimes_are_returned_and_bounds_are_inclusive() {
    let both = Both::start();
    let execution =
        |id: &str| both.server.session_in(id, "ACTIVE")["environmentConfig"]["executionConfig"].clone();
    both.server.active("defaults");
    // Tests run with half an hour as the default, so that nothing is left over.
    assert_eq!(
        (&execution("defaults")["ttl"], &execution("defaults")["idleTtl"]),
        (&json!("1800s"), &json!("3600s"))
    );
    for (id, seconds) in [("shortest", "600s"), ("longest", "1209600s")] {
        let more = json!({"environmentConfig": {"executionConfig": {"ttl": seconds, "idleTtl": seconds}}});
        both.post(id, &session_with(id, more)).ok();
        assert_eq!((&execution(id)["ttl"], &execution(id)["idleTtl"]), (&json!(seconds), &json!(seconds)));
    }
    for seconds in ["599.999s", "1209600.001s"] {
        let more = json!({"environmentConfig": {"executionConfig": {"ttl": seconds, "idleTtl": seconds}}});
        let answer = both.create_refused("bounds", &session_with("bounds", more));
        let violations = answer.violations();
        assert_eq!(violations.len(), 2, "{violations:#?}");
        for (field, text) in violations {
            assert_eq!(text, format!("Invalid value for field '{field}': must be between 600s and 1209600s"));
        }
    }
}

#[test]
fn s5_8_endpoints_are_there_while_a_session_is_active_and_gone_afterwards() {
    let both = Both::start();
    let active = both.server.active("ends");
    assert!(active["runtimeInfo"]["endpoints"].is_object(), "{active:#}");
    let operation = both.rest().post(&format!("/v1/{}:terminate", name("ends")), &Value::Null).ok();
    let after = both.server.session("ends").ok();
    assert_eq!(after["runtimeInfo"].get("endpoints"), None, "{after:#}");
    both.server.done(&operation);
}

#[test]
fn s5_8_properties_are_returned_with_the_prefix_however_they_were_sent() {
    let both = Both::start();
    let properties = json!({"spark.sql.shuffle.partitions": "7", "spark:spark.sql.ansi.enabled": "true"});
    let body = session_with("properties", json!({"runtimeConfig": {"properties": properties}}));
    both.post("properties", &body).ok();
    let session = both.server.session_in("properties", "ACTIVE");
    let returned = session["runtimeConfig"]["properties"].as_object().unwrap();
    assert_eq!(returned["spark:spark.sql.shuffle.partitions"], "7");
    assert_eq!(returned["spark:spark.sql.ansi.enabled"], "true");
    assert!(returned.keys().all(|key| key.starts_with("spark:")), "{returned:#?}");
}

#[test]
fn s5_8_current_usage_is_there_while_a_session_is_active_and_the_sum_of_it_once_it_has_ended() {
    let both = Both::start();
    both.server.active("metered");
    let seen = || {
        let path = format!("/v1/{}", name("metered"));
        let rpc = "SessionController/GetSession";
        both.answered(("GET", &path, &Value::Null), rpc, &get("metered"))["runtimeInfo"].clone()
    };
    let active = seen();
    let units: u64 = active["currentUsage"]["milliDcu"].as_str().unwrap().parse().unwrap();
    assert!(units > 0 && active["currentUsage"].get("shuffleStorageGb").is_some(), "{active:#}");
    assert_eq!(active.get("approximateUsage"), None, "{active:#}");
    both.server.terminate("metered");
    let ended = seen();
    assert_eq!(ended.get("currentUsage"), None, "{ended:#}");
    assert!(ended["approximateUsage"].get("updateTime").is_some(), "{ended:#}");
}

#[test]
fn s5_5_while_a_delete_runs_the_session_is_terminating_or_gone() {
    let both = Both::start();
    both.server.active("going");
    let operation = both.rest().delete(&format!("/v1/{}", name("going"))).ok();
    eventually("the session is gone", || {
        let answer = both.server.session("going");
        match (answer.status, answer.json["state"].as_str()) {
            (404, _) => Ok(()),
            (200, Some("TERMINATING" | "TERMINATED")) => Err(answer.text),
            other => panic!("{other:?}: {}", answer.text),
        }
    });
    assert!(both.server.done(&operation).get("error").is_none());
}
