//! One HTTP/2 connection to an engine, and one exchange over it.
//!
//! HTTP/2 itself (`h2`) and not a client over it: such a client hands a request to a task of its own, that task the
//! answer to another, and each handing over may wake a thread. Here the call's own task sends the request and reads the
//! answer, so that only the task of the connection stands between a call and its engine.

use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use h2::client::SendRequest;
use h2::{Reason, RecvStream, SendStream};
use hearth_core::engine::Endpoint;
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame};
use tokio::net::TcpStream;
use tokio_util::task::TaskTracker;

use crate::pieces::{self, Outbox, Pieces};

/// The window of one stream, in bytes: what an engine may send ahead of a slow caller. Large enough that a fast
/// one never waits for it (300 MB/s at a round trip of 10 ms), small enough to have a hundred of them stuck.
pub(crate) const STREAM_WINDOW: u32 = 4 * 1024 * 1024;

/// The window of a connection, in bytes: the largest there is (RFC 9113, 6.9.1). Only the windows of streams are
/// meant to hold anybody back: with a smaller one here a few stuck streams would stop all others.
pub(crate) const CONNECTION_WINDOW: u32 = (1 << 31) - 1;

/// The largest frame we take, in bytes. The default of 16 KiB costs a system call for each 16 KiB.
pub(crate) const FRAME_SIZE: u32 = 1024 * 1024;

/// The most headers or trailers of one call we take, in bytes. Error details travel in trailers, and the library's
/// default of 16 KiB would turn a long error into a protocol error.
pub(crate) const HEADER_LIST: u32 = 256 * 1024;

/// How many bytes of a stream wait in our own memory to be sent.
pub(crate) const SEND_BUFFER: usize = 1024 * 1024;

/// Why an engine could not be connected to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("could not connect to the engine at {endpoint}")]
    Connect {
        endpoint: Endpoint,
        #[source]
        source: std::io::Error,
    },
    #[error("the engine at {endpoint} did not accept a connection within {waited:?}")]
    Timeout { endpoint: Endpoint, waited: Duration },
    #[error("the engine at {endpoint} does not speak HTTP/2")]
    Handshake {
        endpoint: Endpoint,
        #[source]
        source: h2::Error,
    },
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum SendError {
    /// The connection had ended before anything of this request left. It may be sent on another one.
    Unsent(Box<Request<Body>>, h2::Error),
    /// The exchange broke off.
    Broken(h2::Error),
}

/// Sends requests over a connection. Clones share it.
#[derive(Clone)]
pub(crate) struct Upstream {
    streams: SendRequest<Bytes>,
    spent: Spent,
    tasks: TaskTracker,
}

/// Streams that have ended, kept until the next request. Giving one up wakes the task of the connection, and at the end
/// of a call, when the caller's connection has been woken to send it, the second task to wake brings in another thread,
/// which costs more than all else there. With the next request that task has to wake anyway.
#[derive(Clone, Default)]
struct Spent(Arc<Mutex<Vec<RecvStream>>>);

impl Spent {
    fn keep(&self, stream: RecvStream) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(stream);
    }

    fn give_up(&self) {
        let spent = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        drop(spent);
    }
}

/// The working part of a connection: polled until it ends, which is when the engine ends it, or when it is polled after
/// the last [`Upstream`] and the last exchange are gone.
pub(crate) struct Link {
    connection: h2::client::Connection<Pieces<TcpStream>, Bytes>,
    outbox: Outbox<TcpStream>,
}

impl Link {
    /// Works until the connection ends.
    ///
    /// # Cancel safety
    /// It can be called again, and goes on.
    pub(crate) async fn run(&mut self) -> Result<(), h2::Error> {
        self.outbox.carry(Pin::new(&mut self.connection)).await
    }
}

/// Opens one connection to an engine. The second of the pair has to be polled for the first to work. Requests that
/// go on after their answer has begun are sent by `tasks`.
pub(crate) async fn connect(
    endpoint: &Endpoint,
    timeout: Duration,
    tasks: TaskTracker,
) -> Result<(Upstream, Link), ConnectError> {
    let stream = tokio::time::timeout(timeout, TcpStream::connect((endpoint.host.as_str(), endpoint.port)))
        .await
        .map_err(|_elapsed| ConnectError::Timeout { endpoint: endpoint.clone(), waited: timeout })?
        .and_then(|stream| stream.set_nodelay(true).map(|()| stream))
        .map_err(|source| ConnectError::Connect { endpoint: endpoint.clone(), source })?;
    let (pieces, outbox) = pieces::http2(stream);
    let (streams, connection) = h2::client::Builder::new()
        .enable_push(false)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_SIZE)
        .max_send_buffer_size(SEND_BUFFER)
        .max_header_list_size(HEADER_LIST)
        .handshake(pieces)
        .await
        .map_err(|source| ConnectError::Handshake { endpoint: endpoint.clone(), source })?;
    Ok((Upstream { streams, spent: Spent::default(), tasks }, Link { connection, outbox }))
}

impl Upstream {
    /// Whether the connection takes requests, as far as is known.
    pub(crate) fn open(&self) -> bool {
        // A clone waits for no stream of its own, so nobody is to be woken.
        let polled = self.streams.clone().poll_ready(&mut Context::from_waker(Waker::noop()));
        !matches!(polled, Poll::Ready(Err(_)))
    }

    /// How many streams the engine allows at a time.
    pub(crate) fn most_streams(&self) -> usize {
        self.streams.current_max_send_streams()
    }

    /// Sends a request and waits for the head of its answer.
    ///
    /// # Cancel safety
    /// Dropping the future resets the stream.
    pub(crate) async fn send(&self, request: Request<Body>) -> Result<Response<EngineBody>, SendError> {
        let streams = self.streams.clone();
        let mut streams = match streams.ready().await {
            Ok(streams) => streams,
            Err(error) => return Err(SendError::Unsent(Box::new(request), error)),
        };
        let (parts, body) = request.into_parts();
        let mut head = Request::new(());
        *head.method_mut() = parts.method.clone();
        *head.uri_mut() = parts.uri.clone();
        *head.headers_mut() = parts.headers.clone();
        let whole = body.is_end_stream();
        self.spent.give_up();
        let (answer, stream) = match streams.send_request(head, whole) {
            Ok(begun) => begun,
            Err(error) => return Err(SendError::Unsent(Box::new(Request::from_parts(parts, body)), error)),
        };
        let mut sending = (!whole).then(|| Sending { body, stream, begun: false });
        let mut answer = pin!(answer);
        let answered = poll_fn(|cx| {
            // Whatever can be sent leaves before anything is waited for: head and body are one write.
            if let Some(on_its_way) = &mut sending
                && Pin::new(on_its_way).poll(cx).is_ready()
            {
                sending = None;
            }
            answer.as_mut().poll(cx)
        });
        let answered = answered.await.map_err(SendError::Broken)?;
        let spent = sending.is_none().then(|| self.spent.clone());
        if let Some(on_its_way) = sending {
            // A stream of the caller that goes on. It ends with its connection, or when the engine resets it.
            drop(self.tasks.spawn(on_its_way));
        }
        Ok(answered.map(|stream| EngineBody::new(stream, spent)))
    }
}

/// A request's body on its way to the engine, as fast as that takes it.
struct Sending {
    body: Body,
    stream: SendStream<Bytes>,
    /// Whether the first chunk was handed over.
    begun: bool,
}

impl Future for Sending {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { body, stream, begun } = &mut *self;
        loop {
            // There is no room before the head has left. The first chunk, mostly all of it, is to leave with the head.
            if *begun {
                // One byte of room lets a whole chunk in, which then waits in our memory; without it none is read.
                stream.reserve_capacity(1);
                while stream.capacity() == 0 {
                    match ready!(stream.poll_capacity(cx)) {
                        Some(Ok(_)) => {}
                        // The engine has reset the stream, or is gone; its answer says so.
                        Some(Err(_)) | None => return Poll::Ready(()),
                    }
                }
            }
            if stream.poll_reset(cx).is_ready() {
                return Poll::Ready(());
            }
            let sent = match ready!(Pin::new(&mut *body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        let last = body.is_end_stream();
                        *begun = true;
                        let sent = stream.send_data(data, last);
                        if sent.is_ok() && !last {
                            continue;
                        }
                        sent
                    }
                    Err(frame) => stream.send_trailers(frame.into_trailers().unwrap_or_default()),
                },
                None => stream.send_data(Bytes::new(), true),
                Some(Err(error)) => {
                    stream.send_reset(reason_of(&error));
                    Ok(())
                }
            };
            if let Err(error) = sent {
                tracing::debug!(%error, "a request was not sent to its end");
            }
            return Poll::Ready(());
        }
    }
}

/// What a body that broke off tells the engine: what it was told itself, where HTTP/2 said something.
fn reason_of(error: &axum::Error) -> Reason {
    let mut causes = std::iter::successors(error.source(), |&error| error.source());
    let known = causes.find_map(|error| error.downcast_ref::<h2::Error>());
    known.and_then(h2::Error::reason).unwrap_or(Reason::INTERNAL_ERROR)
}

/// An engine's answer. Its windows grow as it is read, so a caller that is slow slows its engine down.
pub(crate) struct EngineBody {
    /// `None` once all was read.
    stream: Option<RecvStream>,
    data_ended: bool,
    /// Where the stream goes then; without it there is a request that still goes on, and ends with its streams.
    spent: Option<Spent>,
}

impl EngineBody {
    fn new(stream: RecvStream, spent: Option<Spent>) -> Self {
        let mut body = Self { stream: Some(stream), data_ended: false, spent };
        if body.is_end_stream() {
            body.end();
        }
        body
    }

    fn end(&mut self) {
        if let (Some(stream), Some(spent)) = (self.stream.take(), &self.spent) {
            spent.keep(stream);
        }
    }
}

impl HttpBody for EngineBody {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        let Self { stream: Some(stream), data_ended, .. } = &mut *self else { return Poll::Ready(None) };
        let ended = if *data_ended { None } else { ready!(stream.poll_data(cx)) };
        let frame = match ended {
            Some(Ok(data)) => {
                // It fails only for more than was received.
                let _ = stream.flow_control().release_capacity(data.len());
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
            // An engine that has said all may stop the rest of the request so (RFC 9113, 8.1).
            Some(Err(error)) if error.reason() == Some(Reason::NO_ERROR) => None,
            Some(Err(error)) => return Poll::Ready(Some(Err(error))),
            None => {
                *data_ended = true;
                ready!(stream.poll_trailers(cx)).map(|end| end.map(Frame::trailers)).transpose()
            }
        };
        self.end();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.stream.as_ref().is_none_or(RecvStream::is_end_stream)
    }
}
