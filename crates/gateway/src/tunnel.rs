//! The tunnel of Google's Spark Connect client: a WebSocket that carries a TCP stream as hexadecimal text, in which
//! cleartext HTTP/2 is spoken.
//!
//! Frame borders mean nothing. The tunnel belongs to no session: each call inside says which one it is for.

use std::io;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use hearth_core::caller::Caller;
use http::header::{
    CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::Utf8Bytes;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use crate::gateway::{Gateway, server_builder};
use crate::spark_connect::SERVICE_PREFIX;
use crate::status::{Code, Refusal};

/// Where the paths of tunnels begin. What follows is the same fixed uuid from every client, and ignored.
pub const TUNNEL_PREFIX: &str = "/tcp-over-websocket-bridge/";

/// The most raw bytes in one message to a client: it closes the tunnel at more than 1 MiB of text.
const CHUNK: usize = 512 * 1024;

/// The longest message a client may send, in bytes of text. Google's sends at most 2 KiB.
const MAX_MESSAGE: usize = 1024 * 1024;

/// How many raw bytes may wait on their way to the client. While one message is sent the next one gathers here, so
/// that a busy tunnel sends long messages and an idle one short ones at once.
const PIPE: usize = 1024 * 1024;

/// How long a client may take to close its side after we have closed ours.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Why a tunnel ends, as the client is told.
struct Ending {
    code: CloseCode,
    reason: &'static str,
}

/// Opens a tunnel, or refuses to.
pub(crate) fn open(gateway: &Gateway, mut request: Request<Body>) -> Response<Body> {
    let Some(caller) = request.extensions().get::<Caller>().cloned() else {
        return refused(StatusCode::UNAUTHORIZED, "a tunnel needs a caller\n");
    };
    if gateway.0.draining.is_cancelled() {
        return refused(StatusCode::SERVICE_UNAVAILABLE, "the service is shutting down\n");
    }
    let (Some(key), Some(upgrade)) =
        (websocket_key(&request), request.extensions_mut().remove::<OnUpgrade>())
    else {
        return refused(StatusCode::UPGRADE_REQUIRED, "this path speaks WebSocket, version 13\n");
    };
    let gateway = gateway.clone();
    let open = gateway.0.open.token();
    let tasks = gateway.0.tasks.clone();
    tasks.spawn(async move {
        let _open = open;
        match upgrade.await {
            Ok(upgraded) => run(gateway, caller, upgraded).await,
            Err(error) => tracing::debug!(%error, "tunnel was not opened"),
        }
    });
    let mut response = refused(StatusCode::SWITCHING_PROTOCOLS, "");
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    response.headers_mut().insert(SEC_WEBSOCKET_ACCEPT, key);
    response
}

/// The proof that we speak WebSocket, if the client asks for it properly.
fn websocket_key(request: &Request<Body>) -> Option<HeaderValue> {
    let headers = request.headers();
    let asked = request.method() == Method::GET
        && has_token(headers, CONNECTION, "upgrade")
        && has_token(headers, UPGRADE, "websocket")
        && has_token(headers, SEC_WEBSOCKET_VERSION, "13");
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|_| asked)?;
    HeaderValue::try_from(derive_accept_key(key.as_bytes())).ok()
}

fn has_token(headers: &HeaderMap, name: http::HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|one| one.trim().eq_ignore_ascii_case(token))
}

fn refused(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
}

/// Serves HTTP/2 through the tunnel until either side ends it.
async fn run(gateway: Gateway, caller: Caller, upgraded: Upgraded) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE))
        .read_buffer_size(64 * 1024);
    let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    let (outer, inner) = tokio::io::duplex(PIPE);
    let (mut from_pipe, mut to_pipe) = tokio::io::split(outer);
    let (mut sink, mut stream) = socket.split();

    let stopping = gateway.0.stopping.clone();
    // In a task of its own: one core speaks HTTP/2 while the other one turns bytes into text.
    let serving = gateway.0.tasks.clone().spawn(serve(gateway, caller, inner));
    let ending = tokio::select! {
        ending = receive(&mut stream, &mut to_pipe) => ending,
        ending = send(&mut sink, &mut from_pipe) => ending,
        () = stopping.cancelled() => Some(Ending { code: CloseCode::Away, reason: "the service is shutting down" }),
    };
    // Ends the calls inside, unless they have ended already.
    serving.abort();
    let closing = close(sink, stream, ending);
    if tokio::time::timeout(CLOSE_TIMEOUT, closing).await.is_err() {
        tracing::debug!("client did not close its side of the tunnel");
    }
}

/// Speaks HTTP/2 inside the tunnel.
async fn serve(gateway: Gateway, caller: Caller, pipe: DuplexStream) {
    let draining = gateway.0.draining.clone();
    let builder = server_builder(gateway.0.tasks.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        let (gateway, caller) = (gateway.clone(), caller.clone());
        async move {
            let mut request = request.map(Body::new);
            if !request.uri().path().starts_with(SERVICE_PREFIX) {
                let text = "only Spark Connect is spoken in this tunnel";
                return Ok::<_, std::convert::Infallible>(Refusal::new(Code::Unimplemented, text).response());
            }
            request.extensions_mut().insert(caller);
            Ok(gateway.call(request).await)
        }
    });
    let connection = builder.serve_connection(TokioIo::new(pipe), service);
    tokio::pin!(connection);
    let served = tokio::select! {
        served = &mut connection => served,
        () = draining.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "HTTP/2 in a tunnel ended");
    }
}

/// Takes the client's messages. Ends with what the client is to be told, or `None` if it has closed.
async fn receive(stream: &mut SplitStream<Socket>, pipe: &mut WriteHalf<DuplexStream>) -> Option<Ending> {
    let mut raw = Vec::new();
    loop {
        match stream.next().await? {
            Ok(Message::Text(text)) => {
                raw.resize(text.len() / 2, 0);
                if const_hex::decode_to_slice(text.as_bytes(), &mut raw).is_err() {
                    return Some(Ending { code: CloseCode::Invalid, reason: "a message is not hexadecimal" });
                }
                if pipe.write_all(&raw).await.is_err() {
                    return Some(Ending { code: CloseCode::Normal, reason: "" });
                }
            }
            Ok(Message::Binary(_)) => {
                return Some(Ending { code: CloseCode::Unsupported, reason: "messages must be text" });
            }
            // Pings are answered by the WebSocket library.
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
            Ok(Message::Close(_)) => return None,
            Err(WsError::Capacity(CapacityError::MessageTooLong { .. })) => {
                return Some(Ending { code: CloseCode::Size, reason: "a message is longer than 1 MiB" });
            }
            Err(WsError::Utf8(_)) => {
                return Some(Ending { code: CloseCode::Invalid, reason: "a message is not hexadecimal" });
            }
            Err(WsError::Protocol(_)) => {
                return Some(Ending { code: CloseCode::Protocol, reason: "" });
            }
            Err(_) => return None,
        }
    }
}

/// Sends what HTTP/2 has to say, until it has ended.
async fn send(sink: &mut SplitSink<Socket, Message>, pipe: &mut ReadHalf<DuplexStream>) -> Option<Ending> {
    let mut raw = BytesMut::with_capacity(CHUNK);
    loop {
        raw.clear();
        raw.reserve(CHUNK);
        let mut limited = (&mut *pipe).take(CHUNK as u64);
        match limited.read_buf(&mut raw).await {
            Ok(0) | Err(_) => return Some(Ending { code: CloseCode::Normal, reason: "" }),
            Ok(_) => {}
        }
        if sink.send(Message::Text(hexadecimal(&raw))).await.is_err() {
            return None;
        }
    }
}

fn hexadecimal(raw: &[u8]) -> Utf8Bytes {
    let mut text = vec![0; raw.len() * 2];
    const_hex::encode_to_slice(raw, &mut text).expect("the room is twice the length");
    Utf8Bytes::try_from(Bytes::from(text)).expect("hexadecimal digits are UTF-8")
}

/// Tells the client, and waits until it has heard: closing the socket with unread data in it would take the message
/// away from the client.
async fn close(mut sink: SplitSink<Socket, Message>, stream: SplitStream<Socket>, ending: Option<Ending>) {
    let told = match ending {
        Some(Ending { code, reason }) => {
            sink.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await
        }
        // The library has its answer to the client's own message ready.
        None => sink.flush().await,
    };
    if let Err(error) = told {
        tracing::debug!(%error, "tunnel already closed by the client");
    }
    if let Ok(socket) = sink.reunite(stream)
        && let Err(error) = wait_for_end(socket.into_inner()).await
    {
        tracing::debug!(%error, "client broke off the tunnel");
    }
}

/// Ends our side, and reads and forgets until the client ends its own.
async fn wait_for_end(mut upgraded: TokioIo<Upgraded>) -> io::Result<()> {
    upgraded.shutdown().await?;
    tokio::io::copy(&mut upgraded, &mut tokio::io::sink()).await.map(drop)
}
