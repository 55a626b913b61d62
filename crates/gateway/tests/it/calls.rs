//! What goes in comes out: every kind of call, large ones, slow ones.

use std::sync::atomic::Ordering;

use axum::body::Body;
use bytes::Bytes;
use futures::StreamExt as _;
use hearth_gateway::{GatewayConfig, Target};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};

use crate::support::{Engine, World, eventually, framed};

/// A body in these chunks.
fn chunks(chunks: Vec<Vec<u8>>) -> Body {
    let frames =
        chunks.into_iter().map(|chunk| Ok::<_, std::convert::Infallible>(Frame::data(Bytes::from(chunk))));
    Body::new(StreamBody::new(futures::stream::iter(frames)))
}

#[tokio::test]
async fn a_call_reaches_the_engine_unchanged_and_so_does_its_answer() {
    let world = World::new().await;
    let reply = world.client().await.call("Echo", &[], world.message()).await;
    assert_eq!(reply.body, world.message());
    assert_eq!(reply.headers["x-engine"], "here");
    assert_eq!(reply.trailers["x-engine"], "done");
    assert_eq!(reply.status(), "0");
}

#[tokio::test]
async fn the_session_id_is_found_wherever_the_first_message_is_cut() {
    let world = World::new().await;
    let client = world.client().await;
    let whole = world.message();
    for cut in 0..=whole.len() {
        let reply =
            client.call("Echo", &[], chunks(vec![whole[..cut].to_vec(), whole[cut..].to_vec()])).await;
        assert_eq!(reply.body, whole, "cut at {cut}");
    }
    let bytes = whole.iter().map(|byte| vec![*byte]).collect();
    assert_eq!(client.call("Echo", &[], chunks(bytes)).await.body, whole);
}

#[tokio::test]
async fn metadata_goes_through_and_credentials_do_not() {
    let world = World::new().await;
    let headers = [
        ("authorization", "Bearer secret"),
        ("cookie", "a=b"),
        ("x-dataproc-session", "etl"),
        ("x-hearth-session", "other"),
        ("x-user-choice", "kept"),
        ("grpc-timeout", "60S"),
        ("grpc-encoding", "identity"),
        ("user-agent", "grpc-test/1"),
    ];
    let reply = world.client().await.call("Echo", &headers, framed(0, b"")).await;
    assert_eq!(reply.status(), "0");
    let seen = world.engine.seen.headers.lock().unwrap().clone();
    for kept in ["x-user-choice", "grpc-timeout", "grpc-encoding", "user-agent"] {
        let sent = headers.iter().find(|(name, _)| *name == kept).unwrap().1;
        assert_eq!(seen[kept], sent);
    }
    assert_eq!(seen["te"], "trailers");
    for gone in ["authorization", "cookie", "x-dataproc-session", "x-hearth-session"] {
        assert!(!seen.contains_key(gone), "{gone}");
    }
}

#[tokio::test]
async fn the_engine_is_shown_its_own_secret_in_place_of_the_callers() {
    let world = World::new().await;
    let mut own = http::HeaderValue::from_static("Bearer of the engine");
    own.set_sensitive(true);
    let target = Target {
        uuid: world.uuid,
        endpoint: world.engine.endpoint.clone(),
        authorization: Some(own),
        label: "etl".to_owned(),
        settings: Vec::new(),
    };
    assert!(!format!("{target:?}").contains("of the engine"));
    world.sessions.set(world.uuid, Ok(target));
    let headers = [("authorization", "Bearer of the caller"), ("x-dataproc-session", "etl")];
    assert_eq!(world.client().await.call("Echo", &headers, framed(0, b"")).await.status(), "0");
    let seen = world.engine.seen.headers.lock().unwrap().clone();
    let all: Vec<_> = seen.get_all("authorization").iter().collect();
    assert_eq!(all, ["Bearer of the engine"]);
}

#[tokio::test]
async fn a_stream_from_the_client_arrives_whole() {
    let world = World::new().await;
    let mut sent = vec![world.message()];
    sent.extend((0..200).map(|n| vec![u8::try_from(n).unwrap(); 10_000]));
    let total: usize = sent.iter().map(Vec::len).sum();
    let reply = world.client().await.call("Count", &[], chunks(sent)).await;
    assert_eq!(reply.body, total.to_string());
}

#[tokio::test]
async fn both_directions_flow_at_once() {
    let world = World::new().await;
    let (sender, receiver) = tokio::sync::mpsc::channel::<Vec<u8>>(1);
    let frames = tokio_stream(receiver);
    let client = world.client().await;
    sender.send(world.message()).await.unwrap();
    let mut answer = client.open("Mirror", &[], Body::new(StreamBody::new(frames))).await.into_body();
    assert_eq!(answer.frame().await.unwrap().unwrap().into_data().unwrap(), world.message());
    for round in 0..20_u8 {
        sender.send(vec![round; 100]).await.unwrap();
        assert_eq!(answer.frame().await.unwrap().unwrap().into_data().unwrap(), vec![round; 100]);
    }
    drop(sender);
    let trailers = answer.frame().await.unwrap().unwrap().into_trailers().unwrap();
    assert_eq!(trailers["grpc-status"], "0");
}

fn tokio_stream(
    receiver: tokio::sync::mpsc::Receiver<Vec<u8>>,
) -> impl futures::Stream<Item = Result<Frame<Bytes>, std::convert::Infallible>> {
    futures::stream::unfold(receiver, |mut receiver| async {
        let chunk = receiver.recv().await?;
        Some((Ok(Frame::data(Bytes::from(chunk))), receiver))
    })
}

#[tokio::test]
async fn errors_keep_their_details_in_both_forms() {
    let world = World::new().await;
    let client = world.client().await;
    let late = client.call("FailLate", &[], world.message()).await;
    assert_eq!(late.body, "some");
    assert_eq!(late.status(), "13");
    assert_eq!(late.text(), "[TABLE_OR_VIEW_NOT_FOUND] no %22x%22");
    assert_eq!(late.trailers["grpc-status-details-bin"], "CA0SBHRleHQ");
    let only = client.call("Fail", &[], world.message()).await;
    assert_eq!((only.status(), only.text()), ("3", "bad plan"));
    assert_eq!(only.trailers["grpc-status-details-bin"], "CAMSA2JhZA");
    assert!(world.sessions.answered.lock().unwrap().is_empty(), "neither ended well");
}

#[tokio::test]
async fn a_long_error_arrives_whole() {
    let world = World::new().await;
    let reply = world.client().await.call("FailLong", &[], world.message()).await;
    assert_eq!(reply.status(), "13");
    assert_eq!(reply.trailers["grpc-status-details-bin"].len(), 100_000);
}

#[tokio::test]
async fn a_method_nobody_knows_is_for_the_engine_to_refuse() {
    let world = World::new().await;
    let reply = world.client().await.call("TimeTravel", &[], world.message()).await;
    assert_eq!((reply.status(), reply.text()), ("12", "no such method"));
    assert_eq!(world.engine.seen.count("TimeTravel"), 1);
}

#[tokio::test]
async fn a_message_of_128_mib_passes_both_ways() {
    let world = World::new().await;
    let body = framed(0, &vec![5; 128 * 1024 * 1024]);
    let reply = world.client().await.call("Mirror", &[("x-dataproc-session", "etl")], body.clone()).await;
    assert!(reply.body == body, "{} bytes came back", reply.body.len());
    assert_eq!(reply.status(), "0");
}

#[tokio::test]
async fn a_client_that_does_not_read_stops_its_engine_and_nobody_else() {
    let world = World::new().await;
    let client = world.client().await;
    let unread = client.open("Flood", &[], world.message()).await;
    let flooded = || world.engine.seen.flooded.load(Ordering::SeqCst);
    // It has stopped once the figure stays the same while 50 other calls on the same connections go through.
    let mut before = 0;
    eventually("the engine is held back", || {
        let now = flooded();
        now > 0 && std::mem::replace(&mut before, now) == now
    })
    .await;
    for _ in 0..50 {
        assert_eq!(client.call("Echo", &[], world.message()).await.status(), "0");
    }
    assert!(flooded() < 32 * 1024 * 1024, "{} bytes were taken from the engine", flooded());
    assert_eq!(world.engine.seen.connections.load(Ordering::SeqCst), 1);
    drop(unread);
    eventually("the engine hears of it", || world.engine.seen.hanging.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn an_engine_that_takes_two_calls_at_a_time_gets_more_connections() {
    let world = World::with(Engine::with_streams(Some(2)).await, GatewayConfig::default()).await;
    let client = world.client().await;
    // The first call tells the gateway how many the engine takes.
    client.call("Echo", &[], world.message()).await;
    let mut open = Vec::new();
    for _ in 0..7 {
        open.push(client.open("Hang", &[], world.message()).await);
    }
    assert_eq!(world.engine.seen.hanging.load(Ordering::SeqCst), 7);
    assert_eq!(world.engine.seen.connections.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn calls_that_come_at_once_share_a_connection() {
    let world = World::new().await;
    let client = world.client().await;
    let replies = futures::stream::iter(0..64)
        .map(|_| client.call("Echo", &[], world.message()))
        .buffer_unordered(64)
        .collect::<Vec<_>>()
        .await;
    assert!(replies.iter().all(|reply| reply.status() == "0"));
    assert_eq!(world.engine.seen.connections.load(Ordering::SeqCst), 1);
}
