//! Which session a call is for, and what does not get that far.

use std::sync::atomic::Ordering;

use hearth_core::id::SessionUuid;
use hearth_gateway::SessionKey;
use uuid::Uuid;

use crate::support::{World, eventually, framed, message};

#[tokio::test]
async fn the_header_wins_over_the_session_id() {
    let world = World::new().await;
    let client = world.client().await;
    let other = message(&Uuid::new_v4().to_string(), b"plan");
    for header in ["x-dataproc-session", "x-hearth-session"] {
        let reply = client.call("Echo", &[(header, "etl")], other.clone()).await;
        assert_eq!((reply.status(), &reply.body[..]), ("0", &other[..]));
    }
    let asked = world.sessions.asked.lock().unwrap().clone();
    assert_eq!(asked, vec![("ann".to_owned(), SessionKey::Name("etl".to_owned())); 2]);
}

#[tokio::test]
async fn a_session_nobody_knows_is_refused_for_good() {
    let world = World::new().await;
    let client = world.client().await;
    let uuid = SessionUuid(Uuid::new_v4());
    let reply = client.call("Echo", &[], message(&uuid.to_string(), b"")).await;
    assert_eq!((reply.status(), reply.text()), ("5", &*format!("no session \"{uuid}\"")));
    let reply = client.call("Echo", &[("x-dataproc-session", "nope")], world.message()).await;
    assert_eq!((reply.status(), reply.text()), ("5", "no session \"nope\""));
}

#[tokio::test]
async fn a_call_that_names_no_session_says_how_to() {
    let world = World::new().await;
    let client = world.client().await;
    let gzip = framed(1, &[31, 139, 8]);
    let long = {
        let mut message = vec![0x12, 0x80, 0x80, 0x08];
        message.resize(200_000, 1);
        framed(0, &message)
    };
    for (body, status, text) in [
        (framed(0, b""), "3", "no session_id"),
        (Vec::new(), "3", "no session_id"),
        (long, "3", "no session_id in the first 64 KiB"),
        (message("my-session", b""), "3", "\"my-session\" is not a uuid"),
        (gzip.clone(), "12", "a compressed request cannot be read"),
        (b"{\"sessionId\": 1}".to_vec(), "3", "not a Spark Connect message"),
    ] {
        let reply = client.call("Echo", &[], body).await;
        assert_eq!(reply.status(), status, "{}", reply.text());
        assert!(reply.text().contains(text), "{}", reply.text());
    }
    assert_eq!(client.call("Echo", &[("x-dataproc-session", "etl")], gzip).await.status(), "0");
    let reply = client.call("Echo", &[("x-dataproc-session", "")], world.message()).await;
    assert_eq!((reply.status(), reply.text()), ("3", "header x-dataproc-session must name a session"));
}

#[tokio::test]
async fn nobody_calls_anonymously() {
    let world = World::new().await;
    let reply = world.client().await.call("Echo", &[("x-anonymous", "1")], world.message()).await;
    assert_eq!(reply.status(), "16");
    assert!(world.sessions.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_is_not_grpc_gets_an_http_status() {
    let world = World::new().await;
    let client = world.client().await;
    let mut sender = client.sender.clone();
    let get = http::Request::get("http://gateway/spark.connect.SparkConnectService/Echo");
    let response = sender.send_request(get.body(axum::body::Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), http::StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let elsewhere =
        http::Request::post("http://gateway/elsewhere").header("content-type", "application/grpc");
    let response = sender.send_request(elsewhere.body(axum::body::Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), http::StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_call_counts_as_use_from_its_start_to_its_end() {
    let world = World::new().await;
    let client = world.client().await;
    let running = || world.sessions.running.load(Ordering::SeqCst);
    let answer = client.open("Hang", &[], world.message()).await;
    assert_eq!(running(), 1);
    assert_eq!(client.call("Echo", &[], world.message()).await.status(), "0");
    drop(answer);
    eventually("both calls have ended", || running() == 0).await;
    assert_eq!(*world.sessions.answered.lock().unwrap(), ["Echo"]);
    assert_eq!(world.sessions.entered.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn releasing_the_shared_spark_session_does_not_reach_the_engine() {
    let world = World::new().await;
    let client = world.client().await;
    let id = world.uuid.to_string();
    for headers in [&[][..], &[("x-dataproc-session", "etl")]] {
        let reply = client.call("ReleaseSession", headers, message(&id, b"")).await;
        assert_eq!(reply.status(), "0");
        // The same two fields as the request of this test: the session id, and what the engine calls it.
        assert_eq!(reply.body, message(&id, b"server-side"));
        assert_eq!(reply.headers["content-type"], "application/grpc");
    }
    assert_eq!(world.engine.seen.count("ReleaseSession"), 0);
    assert_eq!(*world.sessions.answered.lock().unwrap(), ["ReleaseSession", "ReleaseSession"]);
}

#[tokio::test]
async fn releasing_the_shared_spark_session_works_without_an_engine() {
    let mut world = World::new().await;
    world.engine.kill().await;
    let id = world.uuid.to_string();
    let reply = world.client().await.call("ReleaseSession", &[], message(&id, b"")).await;
    assert_eq!(reply.status(), "0");
    assert_eq!(reply.body[5..], message(&id, b"")[5..43]);
}

#[tokio::test]
async fn releasing_a_spark_session_of_ones_own_does() {
    let world = World::new().await;
    let own = message(&Uuid::new_v4().to_string(), b"");
    let reply =
        world.client().await.call("ReleaseSession", &[("x-dataproc-session", "etl")], own.clone()).await;
    assert_eq!((reply.status(), &reply.body[..]), ("0", &own[..]));
    assert_eq!(world.engine.seen.count("ReleaseSession"), 1);
}

#[tokio::test]
async fn a_release_that_cannot_be_read_is_not_passed_on() {
    let world = World::new().await;
    let client = world.client().await;
    let headers = [("x-dataproc-session", "etl")];
    assert_eq!(client.call("ReleaseSession", &headers, framed(1, &[31, 139])).await.status(), "12");
    assert_eq!(client.call("ReleaseSession", &headers, vec![0, 0, 0, 0, 9, 1]).await.status(), "3");
    assert_eq!(world.engine.seen.count("ReleaseSession"), 0);
}
