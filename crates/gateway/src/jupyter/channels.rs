//! The WebSocket of a kernel: bytes pass unchanged between the client and the relay, so that the relay's pings reach
//! the client itself and its pongs say how far it has come. Only when the relay is gone without a word does the
//! gateway say something: why the kernel has ended.

use std::sync::Arc;

use axum::body::Body;
use hearth_core::Timestamp;
use hearth_core::caller::Caller;
use hearth_jupyter::framing::Framing;
use hearth_jupyter::{Channel, notice};
use http::header::{CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderMap, HeaderName, Request, Response, StatusCode, Uri};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use uuid::Uuid;

use super::answers;
use super::frames::{self, Frames};
use super::gateway::Inner;
use super::kernels::{Found, Kernel};

/// Bytes that pass at a time.
const BUFFER: usize = 64 * 1024;

/// How long the reason of an end may take to be known once the relay is gone.
const REASON_LIMIT: std::time::Duration = std::time::Duration::from_secs(5);

/// How long a client may take to close its side after the other one is closed.
const CLOSE_LIMIT: std::time::Duration = std::time::Duration::from_secs(2);

/// "Going away" (RFC 6455, 7.4.1).
const AWAY: u16 = 1001;

/// What of a client's handshake the relay has to see.
const PASSED_ON: [HeaderName; 5] =
    [CONNECTION, UPGRADE, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, SEC_WEBSOCKET_PROTOCOL];

/// Opens the channels of a kernel, or says why not.
pub(super) async fn open(
    inner: &Arc<Inner>,
    caller: Caller,
    kernel: Kernel,
    mut request: Request<Body>,
) -> Response<Body> {
    if inner.draining.is_cancelled() {
        return answers::error(StatusCode::SERVICE_UNAVAILABLE, "the service is shutting down");
    }
    let Some(upgrade) = request.extensions_mut().remove::<OnUpgrade>() else {
        return answers::error(StatusCode::UPGRADE_REQUIRED, "this path speaks WebSocket, version 13");
    };
    let framing = Framing::choose(&offered(request.headers())).0;
    let mut handshake = Request::new(Body::empty());
    *handshake.uri_mut() = address(request.uri());
    for name in PASSED_ON {
        for value in request.headers().get_all(&name) {
            handshake.headers_mut().append(&name, value.clone());
        }
    }
    let answer = match kernel.relay.send(handshake).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::debug!(session = %kernel.uuid, %error, "channels were not opened");
            return answers::error(StatusCode::SERVICE_UNAVAILABLE, "the kernel does not answer now");
        }
    };
    let (mut parts, body) = answer.into_parts();
    if parts.status != StatusCode::SWITCHING_PROTOCOLS {
        return Response::from_parts(parts, Body::new(body));
    }
    let relay = parts.extensions.remove::<OnUpgrade>();
    let Some(relay) = relay else {
        return answers::error(StatusCode::BAD_GATEWAY, "the kernel does not speak WebSocket");
    };
    let (inner, open) = (inner.clone(), inner.open.token());
    inner.tasks.clone().spawn(async move {
        let _open = open;
        match tokio::try_join!(upgrade, relay) {
            Ok((client, relay)) => {
                let stopping = inner.stopping.clone();
                tokio::select! {
                    () = pass(&inner, &caller, &kernel, framing, client, relay) => {}
                    // Dropped without a word: a client that is told of an end does not come back.
                    () = stopping.cancelled() => {}
                }
            }
            Err(error) => tracing::debug!(session = %kernel.uuid, %error, "channels were not opened"),
        }
    });
    Response::from_parts(parts, Body::empty())
}

/// Passes bytes both ways until either side ends.
async fn pass(
    inner: &Inner,
    caller: &Caller,
    kernel: &Kernel,
    framing: Framing,
    client: Upgraded,
    relay: Upgraded,
) {
    let (mut from_client, mut to_client) = tokio::io::split(TokioIo::new(client));
    let (mut from_relay, mut to_relay) = tokio::io::split(TokioIo::new(relay));
    let mut frames = Frames::default();
    let down = async {
        let mut buffer = vec![0; BUFFER];
        loop {
            match from_relay.read(&mut buffer).await {
                Ok(0) | Err(_) => return true,
                Ok(count) => {
                    frames.feed(&buffer[..count]);
                    if to_client.write_all(&buffer[..count]).await.is_err() {
                        return false;
                    }
                }
            }
        }
    };
    let up = async {
        let mut buffer = vec![0; BUFFER];
        loop {
            match from_client.read(&mut buffer).await {
                Ok(0) | Err(_) => return false,
                // A relay that is gone hears nothing, but what it said last is still read to its end. What the client
                // says is taken nevertheless: closing with something unread would take back what was sent to it.
                Ok(count) => drop(to_relay.write_all(&buffer[..count]).await),
            }
        }
    };
    tokio::pin!(up);
    let relay_gone = tokio::select! {
        gone = down => gone,
        gone = &mut up => gone,
    };
    if !relay_gone {
        return;
    }
    if frames.between_messages() {
        let words = last_words(inner, caller, kernel, framing).await;
        // The client may be gone by now, too.
        let _ = to_client.write_all(&words).await;
    }
    let _ = to_client.shutdown().await;
    let _ = tokio::time::timeout(CLOSE_LIMIT, up).await;
}

/// What is said in place of a relay that could not say why its kernel has ended.
async fn last_words(inner: &Inner, caller: &Caller, kernel: &Kernel, framing: Framing) -> Vec<u8> {
    let why = async {
        loop {
            match inner.kernels.find(caller, kernel.uuid).await {
                Ok(Some(Found::Ended(why))) => return why,
                Ok(None) => return "The session was removed.".to_owned(),
                // It is not known yet that the engine is gone.
                Ok(Some(Found::Running(_) | Found::Coming)) | Err(_) => {
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
            }
        }
    };
    let why = tokio::time::timeout(REASON_LIMIT, why).await;
    let why = why.unwrap_or_else(|_| "The kernel cannot be reached any more.".to_owned());
    let (id, now) = (|| Uuid::new_v4().to_string(), answers::time(Timestamp::now()));
    let line = framing.encode(Channel::Iopub, &notice::line(&id(), &now, notice::SESSION, None, &why));
    let dead = framing.encode(Channel::Iopub, &notice::state(&id(), &now, notice::SESSION, "dead"));
    [frames::message(&line), frames::message(&dead), frames::close(AWAY, &why)].concat()
}

/// The relay's own address for channels, with what the client said about itself.
fn address(uri: &Uri) -> Uri {
    let mut pairs = uri.query().into_iter().flat_map(|query| query.split('&'));
    let session = pairs.find(|pair| pair.starts_with("session_id="));
    let address = session.map_or("/channels".to_owned(), |session| format!("/channels?{session}"));
    Uri::try_from(address).unwrap_or_else(|_| Uri::from_static("/channels"))
}

fn offered(headers: &HeaderMap) -> String {
    let values = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    values.collect::<Vec<_>>().join(",")
}
