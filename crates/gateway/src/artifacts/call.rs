//! The way of an `AddArtifacts` call.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::uri::PathAndQuery;
use http::{HeaderMap, Response};
use http_body::{Body as HttpBody, Frame};
use http_body_util::{BodyExt as _, Limited};

use crate::artifacts::list;
use crate::artifacts::splitter::{List, Splitter};
use crate::body::went_well;
use crate::message;
use crate::spark_connect::{Call, forward, whole_body};
use crate::status::{Code, Refusal};

/// The longest answer of an engine that is read, in bytes. It has a line for each artifact.
const ANSWER_LIMIT: usize = 4 * 1024 * 1024;

/// Adds artifacts: those that are for the engine to the engine, and installs the packages of lists.
pub(crate) async fn add(
    mut call: Call,
    path: PathAndQuery,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response<Body>, Refusal> {
    let mut sorted = Sorted { body, ready: VecDeque::new(), ended: false, state: Arc::default() };
    std::future::poll_fn(|cx| sorted.poll_ready(cx)).await?;
    let state = Arc::clone(&sorted.state);
    let lists = state.lists();
    if sorted.ready.is_empty() && !lists.is_empty() {
        install(&call, &lists).await?;
        let subject = state.splitter().subject().cloned().ok_or_else(no_subject)?;
        let name = call.server_side_name(&subject).await;
        let names = lists.iter().map(|list| list.name.as_str());
        return Ok(call.answer(subject.artifacts_response(name.as_deref(), names)));
    }

    let mut request = forward(headers, Body::new(sorted));
    // What was taken out is not sent.
    request.headers_mut().remove(CONTENT_LENGTH);
    // Nothing could be added to an answer that is compressed.
    request.headers_mut().remove("grpc-accept-encoding");
    // Where the sorting gave up, everything else that went wrong is its consequence.
    let given_up = |otherwise: Refusal| state.refusal().unwrap_or(otherwise);
    let (mut parts, answer) = call.exchange(&path, request).await.map_err(given_up)?.into_parts();
    if HttpBody::is_end_stream(&answer) {
        call.ended(&parts.headers);
        return Ok(Response::from_parts(parts, Body::empty()));
    }
    let answer = match Limited::new(answer, ANSWER_LIMIT).collect().await {
        Ok(answer) => answer,
        Err(error) => {
            let otherwise = match error.downcast::<h2::Error>() {
                Ok(error) => call.broken(&error).await,
                Err(_) => Refusal::new(Code::Internal, "the engine's answer is too long"),
            };
            return Err(given_up(otherwise));
        }
    };
    let trailers = answer.trailers().cloned();
    // An answer without a message has its status among its headers.
    let status = trailers.as_ref().unwrap_or(&parts.headers).clone();
    let mut message = answer.to_bytes();
    let lists = state.lists();
    if !lists.is_empty() && went_well(&status) {
        install(&call, &lists).await?;
        let names = lists.iter().map(|list| list.name.as_str());
        parts.headers.remove(CONTENT_LENGTH);
        // An engine that answers otherwise is believed, not corrected.
        message = message::with_summaries(&message, names).unwrap_or(message);
    }
    call.ended(&status);
    Ok(Response::from_parts(parts, whole_body(message, trailers)))
}

/// Installs the packages of all lists, or none.
async fn install(call: &Call, lists: &[List]) -> Result<(), Refusal> {
    let mut packages = Vec::new();
    for list in lists {
        packages.extend(list::packages(list)?);
    }
    match &call.inner.artifacts {
        Some(artifacts) => artifacts.add_packages(&call.caller, call.target.uuid, &packages).await,
        None => Ok(()),
    }
}

fn no_subject() -> Refusal {
    Refusal::new(Code::Internal, "a list of packages names no Spark session")
}

/// What a call has brought so far. Its body is read by the connection to the engine, so both look at it.
#[derive(Default)]
struct State {
    splitter: Mutex<Splitter>,
    refusal: Mutex<Option<Refusal>>,
}

impl State {
    fn splitter(&self) -> MutexGuard<'_, Splitter> {
        // What panicked in it has ended its call.
        self.splitter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lists(&self) -> Vec<List> {
        self.splitter().lists().to_vec()
    }

    fn refusal(&self) -> Option<Refusal> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A call's body without its lists of packages.
struct Sorted {
    body: Body,
    ready: VecDeque<Bytes>,
    ended: bool,
    state: Arc<State>,
}

impl Sorted {
    /// Reads until there is something for the engine, or the body is over.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        while self.ready.is_empty() && !self.ended {
            let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
            let sorted = match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(chunk))) => self.state.splitter().push(chunk, &mut self.ready),
                // Clients of gRPC send no trailers; they would come last.
                Some(Ok(Err(_))) | None => {
                    self.ended = true;
                    self.state.splitter().end(&mut self.ready)
                }
                Some(Err(_)) => Err(Refusal::new(Code::Cancelled, "the request broke off")),
            };
            if let Err(refusal) = sorted {
                *self.state.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal.clone());
                return Poll::Ready(Err(refusal));
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl HttpBody for Sorted {
    type Data = Bytes;
    type Error = Refusal;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Refusal>>> {
        Poll::Ready(match ready!(self.poll_ready(cx)) {
            Ok(()) => self.ready.pop_front().map(|chunk| Ok(Frame::data(chunk))),
            Err(refusal) => Some(Err(refusal)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.ended && self.ready.is_empty()
    }
}
