//! The tunnel as Google's client opens it: a WebSocket with a TCP stream in it, as hexadecimal text.

use std::net::SocketAddr;

use anyhow::Context as _;
use futures::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio_tungstenite::connect_async_with_config;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::grpc::Grpc;

/// The path of every such tunnel; the uuid is the same for all.
const PATH: &str = "/tcp-over-websocket-bridge/35218cb7-1201-4940-89e8-48d8f03fed96";
/// How many raw bytes the client puts in one message.
const CHUNK: usize = 1024;
/// How much may be under way between the WebSocket and HTTP/2, in bytes.
const PIPE: usize = 1 << 20;

/// Opens a tunnel and speaks gRPC in it.
pub(crate) async fn connect(address: SocketAddr, token: &str) -> anyhow::Result<Grpc> {
    let mut request = format!("ws://{address}{PATH}").into_client_request()?;
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse()?);
    let config = WebSocketConfig::default().read_buffer_size(PIPE);
    let (socket, _) = connect_async_with_config(request, Some(config), true).await.context("no tunnel")?;
    let (mut sink, mut stream) = socket.split();
    let (near, far): (DuplexStream, DuplexStream) = tokio::io::duplex(PIPE);
    let (mut from_pipe, mut to_pipe) = tokio::io::split(far);
    tokio::spawn(async move {
        let mut raw = [0; CHUNK];
        while let Ok(length @ 1..) = from_pipe.read(&mut raw).await {
            if sink.send(Message::text(const_hex::encode(&raw[..length]))).await.is_err() {
                return;
            }
        }
        // The other side may have closed first.
        let _ = sink.close().await;
    });
    tokio::spawn(async move {
        while let Some(Ok(message)) = stream.next().await {
            let Message::Text(text) = message else { continue };
            let Ok(raw) = const_hex::decode(text.as_bytes()) else { return };
            if to_pipe.write_all(&raw).await.is_err() {
                return;
            }
        }
    });
    // What is inside carries no credential: the tunnel was opened with one.
    Grpc::over(near, None).await
}
