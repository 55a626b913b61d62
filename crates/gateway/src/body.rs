//! Bodies on their way: a request of which the start was read, and an answer that keeps its call alive.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::spark_connect::Call;
use crate::status::{GRPC_STATUS, Refusal};
use crate::upstream::EngineBody;

/// A request body whose first chunks were read already; they come again, unchanged, before the rest.
pub(crate) struct Replay {
    pub(crate) read: VecDeque<Bytes>,
    pub(crate) rest: Body,
}

impl HttpBody for Replay {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match self.read.pop_front() {
            Some(chunk) => Poll::Ready(Some(Ok(Frame::data(chunk)))),
            None => Pin::new(&mut self.rest).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.read.is_empty() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let read: u64 = self.read.iter().map(|chunk| chunk.len() as u64).sum();
        let rest = self.rest.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(read));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(read));
        }
        hint
    }
}

/// An engine's answer on its way to the caller.
///
/// Each chunk is passed on when the caller has room for it, so flow control reaches from end to end. A break in it
/// becomes a gRPC status. Dropping it, which is what happens when the caller gives up, resets the engine's stream.
pub(crate) struct Answer {
    upstream: EngineBody,
    call: Option<Call>,
    breaking: Option<BoxFuture<'static, Refusal>>,
}

impl Answer {
    pub(crate) fn new(upstream: EngineBody, call: Call) -> Self {
        Self { upstream, call: Some(call), breaking: None }
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        loop {
            if let Some(breaking) = &mut self.breaking {
                let refusal = ready!(breaking.as_mut().poll(cx));
                self.breaking = None;
                return Poll::Ready(Some(Ok(Frame::trailers(refusal.trailers()))));
            }
            if self.call.is_none() {
                return Poll::Ready(None);
            }
            match ready!(Pin::new(&mut self.upstream).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    if let Some(trailers) = frame.trailers_ref()
                        && let Some(call) = self.call.take()
                    {
                        call.ended(trailers);
                    }
                    return Poll::Ready(Some(Ok(frame)));
                }
                None => {
                    self.call = None;
                    return Poll::Ready(None);
                }
                Some(Err(error)) => {
                    if let Some(call) = self.call.take() {
                        self.breaking = Some(Box::pin(async move { call.broken(&error).await }));
                    }
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.breaking.is_none() && (self.call.is_none() || self.upstream.is_end_stream())
    }
}

/// Whether these trailers, or the headers of a trailers-only answer, say that the call went well.
pub(crate) fn went_well(trailers: &HeaderMap) -> bool {
    trailers.get(GRPC_STATUS).is_some_and(|status| status == "0")
}
