//! Sections 4.5 and 14: sessions for which there is not enough room.

use hearth_testkit::{Options, eventually};
use serde_json::{Value, json};

use super::both::{Both, create_message, delete, get, get_operation, name, session_with, terminate};
use crate::without_engines;

/// A server whose sessions on Spark may ask for up to twelve cores, of which it has eleven, and 8 GiB.
fn eleven_cores() -> Options {
    without_engines()
        .set("admission.cores=11")
        .set("admission.memory=8GiB")
        .set("spark.masters=local[2],local[8],local[11],local[12]")
        .set("create-hold=0s")
}

/// A session on Spark with this master and this heap.
fn spark(id: &str, master: &str, memory: &str) -> Value {
    let properties = json!({"spark.master": master, "spark.driver.memory": memory});
    session_with(id, json!({"runtimeConfig": {"version": "spark-4.0", "properties": properties}}))
}

/// Asks over gRPC; the operation that is the answer.
fn ask(both: &Both, id: &str, body: &Value) -> Value {
    both.grpc("SessionController/CreateSession", &create_message(id, body)).unwrap()
}

/// The operation once it is done, which is the same over both.
fn done(both: &Both, operation: &Value) -> Value {
    let done = both.server.done(operation);
    let (path, get) =
        (format!("/v1/{}", done["name"].as_str().unwrap()), get_operation(done["name"].as_str().unwrap()));
    assert_eq!(both.answered(("GET", &path, &Value::Null), "Operations/GetOperation", &get), done);
    done
}

/// The session, which is the same over both.
fn session(both: &Both, id: &str) -> Value {
    let path = format!("/v1/{}", name(id));
    both.answered(("GET", &path, &Value::Null), "SessionController/GetSession", &get(id))
}

/// The same for one that has failed, once its diagnostics are there, which come a moment later.
fn failed(both: &Both, id: &str) -> Value {
    eventually(&format!("{id} has its diagnostics"), || {
        let session = both.server.session(id).ok();
        let there = session["runtimeInfo"].get("diagnosticOutputUri").is_some();
        if there { Ok(()) } else { Err(session) }
    });
    session(both, id)
}

#[test]
fn s14_a_session_that_never_fits_fails_with_the_quota_that_it_lacks() {
    let both = Both::of(eleven_cores());
    let cores = "Insufficient 'CPUS' quota. Requested 12.0, available 11.0.";
    let body = spark("rest", "local[12]", "1g");
    let over_rest = done(&both, &both.post("rest", &body).ok());
    let over_grpc = done(&both, &ask(&both, "grpc", &spark("grpc", "local[12]", "1g")));
    for (id, operation) in [("rest", over_rest), ("grpc", over_grpc)] {
        // RESOURCE_EXHAUSTED.
        assert_eq!(operation["error"], json!({"code": 8, "message": cores}));
        assert_eq!(operation.get("response"), None);
        let session = failed(&both, id);
        assert_eq!((&session["state"], &session["stateMessage"]), (&json!("FAILED"), &json!(cores)));
        assert_eq!(session["stateHistory"].as_array().unwrap().len(), 1, "it was CREATING: {session:#}");
    }

    let operation = done(&both, &ask(&both, "large", &spark("large", "local[2]", "9g")));
    assert_eq!(operation["error"]["code"], 8);
    let text = operation["error"]["message"].as_str().unwrap();
    assert!(text.starts_with("Insufficient 'MEMORY_GIB' quota. Requested 9.9, available 8.0. "), "{text}");
    assert!(text.contains("spark:spark.driver.memory") && text.contains("admission.memory"), "{text}");

    // What fits to the last core does, and another is deleted like any that has failed.
    both.post("fits", &spark("fits", "local[11]", "1g")).ok();
    both.server.session_in("fits", "ACTIVE");
    let removed = both.grpc("SessionController/DeleteSession", &delete("rest")).unwrap();
    assert_eq!(done(&both, &removed).get("error"), None);
}

#[test]
fn s14_a_session_waits_in_creating_until_there_is_room() {
    let both = Both::of(eleven_cores());
    both.post("first", &spark("first", "local[8]", "1g")).ok();
    both.server.session_in("first", "ACTIVE");
    let asked = both.post("second", &spark("second", "local[8]", "1g")).ok();
    assert_eq!(asked.get("done"), None, "{asked:#}");
    let told = |id: &str, words: &str| {
        eventually(&format!("{id} says that it {words}"), || {
            let session = both.server.session(id).ok();
            let told = session["stateMessage"].as_str().is_some_and(|text| text.contains(words));
            if told { Ok(()) } else { Err(session) }
        });
    };
    told("second", "waits for cores");
    let waiting = session(&both, "second");
    assert_eq!(waiting["state"], "CREATING");
    assert_eq!(waiting["stateMessage"], "It waits for cores: asks for 8 cores, 3 of 11 are free");
    let refused = both.refused(
        ("POST", &format!("/v1/{}:terminate", name("second")), &Value::Null),
        "SessionController/TerminateSession",
        &terminate("second"),
    );
    refused.error(409, "ABORTED");
    // Another of the same user waits behind it, and one that is called off is FAILED as any is.
    let behind = ask(&both, "third", &spark("third", "local[2]", "1g"));
    told("third", "; 1 session is before it");
    let path = format!("/v1/{}:cancel", behind["name"].as_str().unwrap());
    both.rest().post(&path, &Value::Null).ok();
    assert_eq!(done(&both, &behind)["error"]["code"], 1, "CANCELLED");
    both.server.terminate("first");
    let second = done(&both, &asked);
    assert_eq!((&second["response"]["state"], second.get("error")), (&json!("ACTIVE"), None));
    assert_eq!(session(&both, "second").get("stateMessage"), None, "nothing is said of it any more");
}

#[test]
fn s14_a_session_that_waited_too_long_fails_with_what_there_was() {
    let both = Both::of(eleven_cores().set("admission.wait=1s"));
    both.post("first", &spark("first", "local[8]", "1g")).ok();
    both.server.session_in("first", "ACTIVE");
    let operation = done(&both, &ask(&both, "second", &spark("second", "local[8]", "1g")));
    assert_eq!(operation["error"]["code"], 8);
    let text = operation["error"]["message"].as_str().unwrap();
    assert!(
        text.starts_with("Insufficient 'CPUS' quota. Requested 8.0, available 3.0. It waited "),
        "{text}"
    );
    assert!(text.ends_with(" for room. 1 session of 1 user holds it."), "{text}");
    assert_eq!(failed(&both, "second")["stateMessage"], text);
}
