//! The tunnel: HTTP/2 inside hexadecimal text inside a WebSocket.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use http::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::support::{Client, DEADLINE, World, eventually, message};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

const PATH: &str = "/tcp-over-websocket-bridge/35218cb7-1201-4940-89e8-48d8f03fed96";

async fn open(world: &World, anonymous: bool) -> Result<Socket, WsError> {
    let mut request = format!("ws://{}{PATH}", world.address).into_client_request().unwrap();
    if anonymous {
        request.headers_mut().insert("x-anonymous", "1".parse().unwrap());
    }
    tokio_tungstenite::connect_async(request).await.map(|(socket, _)| socket)
}

/// Carries bytes as Google's client does: at most 1024 raw bytes in a message of its own.
async fn carry(socket: Socket, pipe: DuplexStream) -> Result<(), WsError> {
    let (mut sink, mut stream) = socket.split();
    let (mut from_pipe, mut to_pipe) = tokio::io::split(pipe);
    let up = async {
        let mut raw = [0; 1024];
        loop {
            match from_pipe.read(&mut raw).await {
                Ok(0) | Err(_) => return sink.close().await,
                Ok(length) => sink.send(Message::text(const_hex::encode(&raw[..length]))).await?,
            }
        }
    };
    let down = async {
        while let Some(message) = stream.next().await {
            if let Message::Text(text) = message? {
                assert!(text.len() <= 1024 * 1024, "a message of {} characters", text.len());
                assert!(!text.bytes().any(|byte| byte.is_ascii_uppercase()));
                if to_pipe.write_all(&const_hex::decode(text.as_bytes()).unwrap()).await.is_err() {
                    break;
                }
            }
        }
        Ok(())
    };
    tokio::select! { done = up => done, done = down => done }
}

async fn client(world: &World) -> Client {
    let (near, far) = tokio::io::duplex(1024 * 1024);
    tokio::spawn(carry(open(world, false).await.unwrap(), far));
    Client::over(near).await
}

/// Reads until the server closes, and gives its reason.
async fn closed(mut socket: Socket) -> Option<CloseFrame> {
    let reading = async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Close(frame))) => return frame,
                Some(Ok(_)) => {}
                end => panic!("not closed properly: {end:?}"),
            }
        }
    };
    tokio::time::timeout(DEADLINE, reading).await.expect("never closed")
}

#[tokio::test]
async fn calls_inside_a_tunnel_are_calls_like_any_other() {
    let world = World::new().await;
    let client = client(&world).await;
    let reply = client.call("Echo", &[], world.message()).await;
    assert_eq!((reply.status(), &reply.body[..]), ("0", &world.message()[..]));
    assert_eq!(world.sessions.asked.lock().unwrap()[0].0, "ann");
    let late = client.call("FailLate", &[], world.message()).await;
    assert_eq!(late.trailers["grpc-status-details-bin"], "CA0SBHRleHQ");
    let unknown = client.call("Echo", &[], message("c0ffee00-0000-4000-8000-000000000000", b"")).await;
    assert_eq!(unknown.status(), "5");
}

#[tokio::test]
async fn a_large_result_fits_into_messages_of_a_mebibyte() {
    let world = World::new().await;
    let client = client(&world).await;
    let mut body = world.message();
    body.resize(8 * 1024 * 1024, 9);
    let reply = client.call("Mirror", &[], body.clone()).await;
    assert!(reply.body == body, "{} bytes came back", reply.body.len());
}

#[tokio::test]
async fn a_client_that_gives_up_in_a_tunnel_is_heard_by_the_engine() {
    let world = World::new().await;
    let client = client(&world).await;
    let answer = client.open("Hang", &[], world.message()).await;
    assert_eq!(world.engine.seen.hanging.load(Ordering::SeqCst), 1);
    drop(answer);
    eventually("the engine's stream is reset", || world.engine.seen.hanging.load(Ordering::SeqCst) == 0)
        .await;
}

#[tokio::test]
async fn a_tunnel_that_is_cut_ends_the_calls_in_it() {
    let world = World::new().await;
    let (near, far) = tokio::io::duplex(1024 * 1024);
    let carrier = tokio::spawn(carry(open(&world, false).await.unwrap(), far));
    let client = Client::over(near).await;
    let _answer = client.open("Hang", &[], world.message()).await;
    carrier.abort();
    eventually("the engine's stream is reset", || world.engine.seen.hanging.load(Ordering::SeqCst) == 0)
        .await;
    eventually("the tunnel is gone", || world.gateway.open_streams() == 0).await;
}

#[tokio::test]
async fn frame_borders_and_the_case_of_digits_mean_nothing() {
    let world = World::new().await;
    let mut socket = open(&world, false).await.unwrap();
    // The preface of HTTP/2 and an empty SETTINGS frame, one byte a message.
    for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0" {
        socket.send(Message::text(format!("{byte:02X}"))).await.unwrap();
    }
    let mut raw = Vec::new();
    while raw.len() < 9 {
        if let Message::Text(text) = socket.next().await.unwrap().unwrap() {
            raw.extend(const_hex::decode(text.as_bytes()).unwrap());
        }
    }
    assert_eq!(raw[3..9], [4, 0, 0, 0, 0, 0], "the server's SETTINGS come first");
}

#[tokio::test]
async fn pings_are_answered() {
    let world = World::new().await;
    let mut socket = open(&world, false).await.unwrap();
    socket.send(Message::Ping("are you there".into())).await.unwrap();
    loop {
        if let Message::Pong(payload) = socket.next().await.unwrap().unwrap() {
            assert_eq!(payload, "are you there");
            break;
        }
    }
}

#[tokio::test]
async fn messages_that_make_no_sense_close_the_tunnel_with_the_reason() {
    let world = World::new().await;
    for (bad, code) in [
        (Message::text("xy"), 1007),
        (Message::text("abc"), 1007),
        (Message::text("\u{fc}"), 1007),
        (Message::binary(vec![1]), 1003),
        (Message::text("0".repeat(1024 * 1024 + 2)), 1009),
    ] {
        let mut socket = open(&world, false).await.unwrap();
        socket.send(bad).await.unwrap();
        let frame = closed(socket).await.unwrap();
        assert_eq!(u16::from(frame.code), code, "{}", frame.reason);
    }
    eventually("no tunnel is left", || world.gateway.open_streams() == 0).await;
}

#[tokio::test]
async fn a_tunnel_closes_when_what_is_inside_has_ended() {
    let world = World::new().await;
    let mut socket = open(&world, false).await.unwrap();
    socket.send(Message::text(const_hex::encode("GET / HTTP/1.1\r\n\r\n this is no HTTP/2"))).await.unwrap();
    assert_eq!(u16::from(closed(socket).await.unwrap().code), 1000);
}

#[tokio::test]
async fn a_client_that_closes_properly_is_answered() {
    let world = World::new().await;
    let mut socket = open(&world, false).await.unwrap();
    socket.close(None).await.unwrap();
    closed(socket).await;
    eventually("the tunnel is gone", || world.gateway.open_streams() == 0).await;
}

#[tokio::test]
async fn what_is_no_websocket_is_refused_before_the_upgrade() {
    let world = World::new().await;
    let WsError::Http(response) = open(&world, true).await.unwrap_err() else { panic!("not an HTTP answer") };
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let mut request = format!("ws://{}{PATH}", world.address).into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-version", "8".parse().unwrap());
    let WsError::Http(response) = tokio_tungstenite::connect_async(request).await.unwrap_err() else {
        panic!("not an HTTP answer")
    };
    assert_eq!(response.status(), StatusCode::UPGRADE_REQUIRED);
}

#[tokio::test]
async fn draining_closes_idle_tunnels_and_lets_no_new_ones_in() {
    let world = World::new().await;
    let client = client(&world).await;
    assert_eq!(client.call("Echo", &[], world.message()).await.status(), "0");
    assert_eq!(world.gateway.open_streams(), 1, "the tunnel");
    assert_eq!(world.gateway.drain(DEADLINE).await, 0);
    let WsError::Http(response) = open(&world, false).await.unwrap_err() else {
        panic!("not an HTTP answer")
    };
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn tunnels_that_outlast_the_limit_are_closed() {
    let world = World::new().await;
    let mut socket = open(&world, false).await.unwrap();
    // Half a preface: HTTP/2 inside cannot say goodbye.
    socket.send(Message::text(const_hex::encode("PRI * HTTP/2.0"))).await.unwrap();
    assert_eq!(world.gateway.drain(Duration::from_millis(10)).await, 1);
    let code = u16::from(closed(socket).await.unwrap().code);
    assert!(code == 1001 || code == 1000, "{code}");
}
