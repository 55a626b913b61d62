//! The readiness probe against engines in every condition.

use std::time::Duration;

use hearth_gateway::{ProbeError, probe_spark_connect};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use crate::support::{DEADLINE, Engine, endpoint, eventually};

#[tokio::test]
async fn an_engine_that_answers_passes_and_keeps_nothing() {
    let engine = Engine::start().await;
    probe_spark_connect(&engine.endpoint, None, DEADLINE).await.unwrap();
    let released = || *engine.seen.methods.lock().unwrap() == ["Config", "ReleaseSession"];
    eventually("its session is released", released).await;
}

#[tokio::test]
async fn a_closed_port_is_not_ready_yet() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = endpoint(listener.local_addr().unwrap());
    drop(listener);
    let error = probe_spark_connect(&endpoint, None, DEADLINE).await.unwrap_err();
    assert!(matches!(error, ProbeError::NotReady(_)), "{error:?}");
}

#[tokio::test]
async fn a_port_that_says_nothing_is_not_ready_yet() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = endpoint(listener.local_addr().unwrap());
    let error = probe_spark_connect(&endpoint, None, Duration::from_millis(50)).await.unwrap_err();
    assert!(matches!(error, ProbeError::NotReady(_)), "{error:?}");
}

#[tokio::test]
async fn a_port_with_something_else_behind_it_is_broken() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = endpoint(listener.local_addr().unwrap());
    let other = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        // Stays open until the probe has read it and gone.
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.ok();
    });
    let error = probe_spark_connect(&endpoint, None, DEADLINE).await.unwrap_err();
    assert!(matches!(error, ProbeError::Broken(_)), "{error:?}");
    other.await.unwrap();
}
