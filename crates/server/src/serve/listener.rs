//! Sockets: bound before anything else, served until shutdown.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::front::Front;

/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long to wait when no more connections can be taken, as when there are no file descriptors left.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BindError {
    /// Another program has the port.
    #[error("port {} of {} is in use", .0.port(), .0.ip())]
    InUse(SocketAddr),
    /// Anything else.
    #[error("could not listen on {address}")]
    Other {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Binds every address, or none.
pub(crate) async fn bind(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, BindError> {
    let mut listeners = Vec::with_capacity(addresses.len());
    for address in addresses {
        let listener = TcpListener::bind(address).await.map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse(*address),
            _ => BindError::Other { address: *address, source },
        })?;
        listeners.push(listener);
    }
    Ok(listeners)
}

/// Takes connections until `accepting` is cancelled; those that are open then finish the requests they have.
pub(crate) async fn accept(
    listener: TcpListener,
    front: Arc<Front>,
    connections: TaskTracker,
    accepting: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            () = accepting.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(serve(stream, Arc::clone(&front), accepting.clone()));
            }
            Err(error) => {
                warn!(%error, "could not take a connection");
                tokio::time::sleep(EXHAUSTED_PAUSE).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, front: Arc<Front>, accepting: CancellationToken) {
    // Small frames must not wait for acknowledgements of earlier ones.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "could not set TCP_NODELAY");
    }
    let service = tower::service_fn(move |request: http::Request<Incoming>| {
        let front = Arc::clone(&front);
        async move { Ok::<_, std::convert::Infallible>(front.call(request.map(Body::new)).await) }
    });
    let mut builder = auto::Builder::new(hearth_gateway::StreamExecutor);
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    builder.http2().timer(TokioTimer::new());
    hearth_gateway::tune_http2(&mut builder);
    let (pieces, outbox) = hearth_gateway::any_http(stream);
    let connection =
        builder.serve_connection_with_upgrades(TokioIo::new(pieces), TowerToHyperService::new(service));
    tokio::pin!(connection);
    let served = tokio::select! {
        served = outbox.carry(connection.as_mut()) => served,
        () = accepting.cancelled() => {
            connection.as_mut().graceful_shutdown();
            outbox.carry(connection).await
        }
    };
    if let Err(error) = served {
        debug!(error = &*error, "connection ended with an error");
    }
}
