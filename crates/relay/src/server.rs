//! The port of the relay: for the service on the same machine, which shows the engine's secret.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Query, Request, State as AxumState};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use hearth_jupyter::framing::Framing;
use http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::json;
use subtle::ConstantTimeEq as _;
use tokio::net::TcpListener;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::WatchStream;
use uuid::Uuid;

use crate::channels::{self, MAX_MESSAGE, READ};
use crate::host::{ToHost, tell};
use crate::hub::Hub;

/// How long at least lies between two states that are told. What changes in between is told as one change, so cells that end
/// at once do not make the service look up three times each.
const STATE_PAUSE: Duration = Duration::from_millis(20);

/// What stands directly before the relay's address in the engine's log.
pub const LISTENING: &str = "Kernel relay listening on ";

/// Listens on a free port of loopback.
pub(crate) async fn listen() -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Says where the relay listens, to whoever reads the engine's log.
pub(crate) fn announce(address: SocketAddr) {
    eprintln!("{LISTENING}{address}");
}

/// Answers until the process ends.
pub(crate) async fn serve(listener: TcpListener, hub: Arc<Hub>, secret: String) {
    let routes = Router::new()
        .route("/ready", get(ready))
        .route("/state", get(state))
        .route("/channels", get(open))
        .route("/interrupt", post(interrupt))
        .route("/restart", post(restart))
        .route("/notice", post(notice))
        .with_state(hub)
        .layer(from_fn_with_state(Arc::<str>::from(secret), only_with_secret));
    let listener = listener.tap_io(|stream| {
        // Small frames must not wait for acknowledgements of earlier ones. Without this they come, only later.
        let _ = stream.set_nodelay(true);
    });
    if let Err(error) = axum::serve(listener, routes).await {
        eprintln!("kernel relay: no more connections: {error}");
    }
}

async fn only_with_secret(AxumState(secret): AxumState<Arc<str>>, request: Request, next: Next) -> Response {
    let shown =
        request.headers().get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    if shown.is_some_and(|shown| bool::from(shown.ct_eq(secret.as_bytes()))) {
        next.run(request).await
    } else {
        StatusCode::UNAUTHORIZED.into_response()
    }
}

async fn ready(AxumState(hub): AxumState<Arc<Hub>>) -> Response {
    Json(json!({"ready": hub.usable().await})).into_response()
}

async fn state(AxumState(hub): AxumState<Arc<Hub>>) -> Response {
    let states = WatchStream::new(hub.states()).throttle(STATE_PAUSE);
    let lines = states.map(|state| {
        let mut line = serde_json::to_string(&state).expect("a state can be written as JSON");
        line.push('\n');
        Ok::<_, std::convert::Infallible>(line)
    });
    Body::from_stream(lines).into_response()
}

#[derive(Deserialize)]
struct Who {
    session_id: Option<String>,
}

async fn open(
    AxumState(hub): AxumState<Arc<Hub>>,
    Query(who): Query<Who>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let offered: Vec<_> =
        headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok()).collect();
    let (framing, chosen) = Framing::choose(&offered.join(","));
    // Without a name a client cannot come back.
    let name = who.session_id.filter(|name| !name.is_empty()).unwrap_or_else(|| Uuid::new_v4().to_string());
    upgrade
        .protocols(chosen)
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .read_buffer_size(READ)
        .on_upgrade(move |socket| channels::serve(hub, socket, framing, name))
}

async fn interrupt() -> StatusCode {
    tell(&ToHost::Interrupt);
    StatusCode::NO_CONTENT
}

async fn restart(AxumState(hub): AxumState<Arc<Hub>>) -> StatusCode {
    if hub.restart().await { StatusCode::NO_CONTENT } else { StatusCode::INTERNAL_SERVER_ERROR }
}

#[derive(Deserialize)]
struct Notice {
    text: String,
    #[serde(default)]
    last: bool,
}

async fn notice(AxumState(hub): AxumState<Arc<Hub>>, Json(notice): Json<Notice>) -> StatusCode {
    hub.notice(&notice.text, notice.last);
    StatusCode::NO_CONTENT
}
