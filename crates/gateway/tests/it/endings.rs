//! How calls end when they do not end well: given up, broken off, engine gone, session over.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use hearth_gateway::{Code, GatewayConfig, Refusal, Target};
use http_body_util::BodyExt as _;

use crate::support::{Engine, World, eventually};

const ENDED: &str = "session \"etl\" ended at 2026-01-02T03:04:05Z: idle for 1h";

/// Ends the world's session, as its directory tells it.
fn end(world: &World) {
    world.sessions.set(world.uuid, Err(Refusal::new(Code::FailedPrecondition, ENDED)));
}

fn hanging(world: &World) -> usize {
    world.engine.seen.hanging.load(Ordering::SeqCst)
}

#[tokio::test]
async fn a_client_that_gives_up_is_heard_by_the_engine() {
    let world = World::new().await;
    let client = world.client().await;
    let answer = client.open("Hang", &[], world.message()).await;
    assert_eq!((hanging(&world), world.sessions.running.load(Ordering::SeqCst)), (1, 1));
    drop(answer);
    eventually("the engine's stream is reset", || hanging(&world) == 0).await;
    eventually("the call is over", || world.sessions.running.load(Ordering::SeqCst) == 0).await;
    assert!(world.sessions.answered.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_client_that_gives_up_before_the_answer_is_heard_by_the_engine() {
    let world = World::new().await;
    let client = world.client().await;
    // The body does not end, as that of a client stream that is still sending.
    let endless = futures::stream::iter([Ok::<_, std::convert::Infallible>(world.message())]);
    let endless = Body::from_stream(futures::StreamExt::chain(endless, futures::stream::pending()));
    let call = tokio::spawn(async move { client.open("HangFirst", &[], endless).await });
    eventually("the engine has the call", || hanging(&world) == 1).await;
    call.abort();
    eventually("the engine's stream is reset", || hanging(&world) == 0).await;
    eventually("the call is over", || world.gateway.open_streams() == 0).await;
}

#[tokio::test]
async fn a_client_that_goes_away_is_heard_by_the_engine() {
    let world = World::new().await;
    let client = world.client().await;
    let answer = client.open("Hang", &[], world.message()).await;
    drop((answer, client));
    eventually("the engine's stream is reset", || hanging(&world) == 0).await;
}

#[tokio::test]
async fn a_stream_the_engine_resets_ends_with_the_status_of_its_reason() {
    let world = World::new().await;
    let reply = world.client().await.call("Reset", &[], world.message()).await;
    assert_eq!(reply.status(), "8");
    assert!(reply.text().contains("the engine of session \"etl\" gave up the call"), "{}", reply.text());
}

#[tokio::test]
async fn an_engine_that_dies_is_unavailable_while_its_session_lives() {
    let mut world = World::new().await;
    let client = world.client().await;
    let answer = client.open("Hang", &[], world.message()).await;
    world.engine.kill().await;
    let end = answer.into_body().collect().await.unwrap();
    assert_eq!(end.trailers().unwrap()["grpc-status"], "14");
    let again = client.call("Echo", &[], world.message()).await;
    assert_eq!(again.status(), "14");
    assert_eq!(again.text(), "the engine of session \"etl\" does not answer; try again");
    eventually("the calls are over", || world.sessions.running.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn a_session_that_ends_under_a_call_says_so() {
    let mut world = World::new().await;
    let client = world.client().await;
    let answer = client.open("Hang", &[], world.message()).await;
    end(&world);
    world.engine.kill().await;
    let end = answer.into_body().collect().await.unwrap();
    let trailers = end.trailers().unwrap();
    assert_eq!(
        (&trailers["grpc-status"], &trailers["grpc-message"]),
        (&"9".parse().unwrap(), &ENDED.parse().unwrap())
    );
}

#[tokio::test]
async fn a_session_that_ends_before_the_answer_says_so() {
    let mut world = World::new().await;
    let client = world.client().await;
    let body = world.message();
    let call = tokio::spawn(async move { client.call("HangFirst", &[], body).await });
    eventually("the engine has the call", || hanging(&world) == 1).await;
    end(&world);
    world.engine.kill().await;
    let reply = call.await.unwrap();
    assert_eq!((reply.status(), reply.text()), ("9", ENDED));
}

#[tokio::test]
async fn an_ended_session_is_never_unavailable() {
    let world = World::new().await;
    end(&world);
    let reply = world.client().await.call("Echo", &[], world.message()).await;
    assert_eq!((reply.status(), reply.text()), ("9", ENDED));
    assert_eq!(world.engine.seen.connections.load(Ordering::SeqCst), 0);
    assert_eq!(world.sessions.entered.load(Ordering::SeqCst), 0, "it is not activity");
}

#[tokio::test]
async fn a_restarted_engine_is_found_where_it_is_now() {
    let mut world = World::new().await;
    let client = world.client().await;
    assert_eq!(client.call("Echo", &[], world.message()).await.status(), "0");
    world.engine.kill().await;
    world.engine = Engine::start().await;
    let endpoint = world.engine.endpoint.clone();
    world.sessions.set(
        world.uuid,
        Ok(Target {
            uuid: world.uuid,
            endpoint,
            authorization: None,
            label: "etl".to_owned(),
            settings: Vec::new(),
        }),
    );
    assert_eq!(client.call("Echo", &[], world.message()).await.status(), "0");
}

#[tokio::test]
async fn a_connection_that_nobody_uses_is_closed_and_made_again() {
    let config = GatewayConfig { idle_timeout: Duration::from_millis(20), ..GatewayConfig::default() };
    let world = World::with(Engine::start().await, config).await;
    let client = world.client().await;
    assert_eq!(client.call("Echo", &[], world.message()).await.status(), "0");
    eventually("the connection is closed", || world.engine.seen.open_connections.load(Ordering::SeqCst) == 0)
        .await;
    assert_eq!(client.call("Echo", &[], world.message()).await.status(), "0");
}

#[tokio::test]
async fn draining_refuses_new_calls_and_waits_for_the_open_ones() {
    let world = World::new().await;
    let client = world.client().await;
    let answer = client.open("Hang", &[], world.message()).await;
    assert_eq!(world.gateway.open_streams(), 1);
    assert_eq!(world.gateway.drain(Duration::from_millis(10)).await, 1, "one was left");
    let refused = client.call("Echo", &[], world.message()).await;
    assert_eq!((refused.status(), refused.text()), ("14", "the service is shutting down; try again"));
    drop(answer);
    eventually("the last call has ended", || world.gateway.open_streams() == 0).await;
    assert_eq!(world.gateway.drain(Duration::from_secs(10)).await, 0);
}
