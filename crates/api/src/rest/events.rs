//! Calls that answer with a stream, as server-sent events: the same gRPC call in this process, each of its messages
//! an event as soon as it comes.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures::stream::{self, Stream};
use hearth_wire::error::error_body;
use hearth_wire::hearth::SessionNotice;
use hearth_wire::json::{self, Style};
use hearth_wire::parameters::{SystemParameters, Taken, parse_query};
use hearth_wire::router::{self, Found};
use hearth_wire::rpc;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use prost::Message;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tonic::body::Body;
use tonic::{Code, Status};

use crate::auth::scope_allows;

use super::{FRAME_HEADER, Rest, refusal, refused, route};

/// How often a stream without events shows that it lives. Proxies close what is silent, often after 60 s.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// A comment, which clients pass over.
const BEAT: &[u8] = b": heartbeat\n\n";
/// Where a client that lost its connection says what it has seen (HTML standard, server-sent events).
const LAST_EVENT_ID: &str = "last-event-id";
/// The largest message that is taken for one. Notices have some hundred bytes.
const LARGEST: usize = 1 << 20;

impl Rest {
    /// Whether a request asks for a stream, which [`Rest::stream`] answers.
    pub fn streams<B>(request: &Request<B>) -> bool {
        router::find(request.method().as_str(), request.uri().path())
            .is_some_and(|found| found.method.streams)
    }

    /// Answers a request for a stream with server-sent events. What goes wrong before the first is an answer as
    /// every other; what goes wrong later is an event `error`.
    ///
    /// # Cancel safety
    /// Dropping the body ends the call.
    pub async fn stream<B>(&self, request: Request<B>) -> Response<Body> {
        let (parts, _) = request.into_parts();
        let mut taken =
            SystemParameters::take(parse_query(parts.uri.query().unwrap_or_default()), &parts.headers);
        match self.open_stream(&parts, &mut taken).await {
            Ok(body) => {
                let style = Style { enum_numbers: taken.parameters.enum_numbers, ..Style::default() };
                let events = stream::unfold(Events::new(body), move |mut events| async move {
                    let text = events.next(style).await?;
                    Some((Ok::<_, Status>(Frame::data(text)), events))
                });
                let mut response = Response::new(streamed(events));
                let headers = response.headers_mut();
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
                response
            }
            Err(status) => {
                let style = Style { pretty: taken.parameters.pretty, ..Style::default() };
                refused(&status, taken.parameters.error_format, style, None).map(Body::new)
            }
        }
    }

    async fn open_stream(&self, parts: &Parts, taken: &mut Taken) -> Result<Body, Status> {
        let caller = self.authenticator.authenticate(&taken.parameters.credentials)?;
        let found: Found = route(parts, &taken.parameters)?;
        scope_allows(&caller, &found.method.path)?;
        if !taken.violations.is_empty() {
            return Err(refusal(&taken.violations));
        }
        let seen = parts.headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok());
        if let Some(seen) = seen.filter(|seen| seen.parse::<u32>().is_ok())
            && !taken.rest.iter().any(|(name, _)| name == "after")
        {
            taken.rest.push(("after".to_owned(), seen.to_owned()));
        }
        let message = found.request(&taken.rest, &[]).map_err(|violations| refusal(&violations))?;
        self.open(&found, &message, caller).await
    }
}

fn streamed(events: impl Stream<Item = Result<Frame<Bytes>, Status>> + Send + 'static) -> Body {
    // The body must be shareable between threads, which a stream need not be.
    Body::new(StreamBody::new(events).boxed_unsync())
}

/// The events of a gRPC answer.
struct Events {
    body: Body,
    received: BytesMut,
    ready: VecDeque<Bytes>,
    heartbeat: Interval,
    over: bool,
}

impl Events {
    fn new(body: Body) -> Self {
        let mut heartbeat = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first comes at once, so that a client sees that it is heard.
        let ready = VecDeque::from([Bytes::from_static(BEAT)]);
        Self { body, received: BytesMut::new(), ready, heartbeat, over: false }
    }

    /// The next text to send; `None` at the end.
    async fn next(&mut self, style: Style<'_>) -> Option<Bytes> {
        loop {
            if let Some(text) = self.ready.pop_front() {
                return Some(text);
            }
            if self.over {
                return None;
            }
            let frame = tokio::select! {
                biased;
                _ = self.heartbeat.tick() => return Some(Bytes::from_static(BEAT)),
                frame = self.body.frame() => frame,
            };
            match frame {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.take(&data, style),
                    Err(frame) => {
                        self.over = true;
                        let status = frame.trailers_ref().and_then(Status::from_header_map);
                        self.ready.extend(status.filter(|status| status.code() != Code::Ok).map(failed));
                    }
                },
                Some(Err(status)) => self.fail(&status),
                None => self.over = true,
            }
        }
    }

    /// Takes the messages out of what was received.
    fn take(&mut self, data: &[u8], style: Style<'_>) {
        self.received.extend_from_slice(data);
        while let Some(header) = self.received.first_chunk::<FRAME_HEADER>() {
            let [_, length @ ..] = *header;
            // At least as wide as 32 bits wherever this runs.
            let length = u32::from_be_bytes(length) as usize;
            if length > LARGEST {
                return self.fail(&Status::internal("the answer has a message that is too large"));
            }
            if self.received.len() < FRAME_HEADER + length {
                return;
            }
            self.received.advance(FRAME_HEADER);
            let message = self.received.split_to(length).freeze();
            match event(&message, style) {
                Ok(text) => self.ready.push_back(text),
                Err(status) => return self.fail(&status),
            }
        }
    }

    fn fail(&mut self, status: &Status) {
        self.over = true;
        self.ready.push_back(failed(status.clone()));
    }
}

/// A message as an event.
fn event(message: &Bytes, style: Style<'_>) -> Result<Bytes, Status> {
    let broken = |error: &dyn std::error::Error| Status::internal(error.to_string());
    let notice = SessionNotice::decode(message.clone()).map_err(|error| broken(&error))?;
    let data = json::to_string(&notice, Style { pretty: false, ..style }).map_err(|error| broken(&error))?;
    // Without an id for what is not kept: a client then goes on from the last that had one.
    let id = if notice.sequence > 0 { format!("id: {}\n", notice.sequence) } else { String::new() };
    Ok(format!("{id}event: {}\ndata: {}\n\n", notice.kind, data.trim_end()).into())
}

/// A failure as an event, its data as in every other answer.
fn failed(status: Status) -> Bytes {
    let details = rpc::Status::decode(status.details()).map(|whole| whole.details).unwrap_or_default();
    let style = Style { pretty: false, ..Style::default() };
    let body = error_body(status.code(), status.message(), &details, Default::default(), style);
    let text = String::from_utf8_lossy(&body);
    let data: Vec<&str> = text.lines().map(str::trim_start).collect();
    format!("event: error\ndata: {}\n\n", data.join(" ")).into()
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    fn framed(notice: &SessionNotice) -> Vec<u8> {
        let message = notice.encode_to_vec();
        let mut frame = vec![0];
        frame.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
        frame.extend_from_slice(&message);
        frame
    }

    async fn all(body: Vec<u8>) -> Vec<String> {
        let mut events = Events::new(Body::new(Full::new(Bytes::from(body))));
        let mut texts = Vec::new();
        while let Some(text) = events.next(Style::default()).await {
            texts.push(String::from_utf8(text.to_vec()).unwrap());
        }
        texts
    }

    #[tokio::test]
    async fn messages_become_events_with_number_kind_and_one_line_of_json() {
        let first = SessionNotice { sequence: 7, kind: "active".to_owned(), ..SessionNotice::default() };
        let last = SessionNotice { kind: "removed".to_owned(), ..SessionNotice::default() };
        let texts = all([framed(&first), framed(&last)].concat()).await;
        assert_eq!(
            texts,
            [
                ": heartbeat\n\n",
                "id: 7\nevent: active\ndata: {\"sequence\":\"7\",\"kind\":\"active\"}\n\n",
                "event: removed\ndata: {\"kind\":\"removed\"}\n\n",
            ]
        );
    }

    #[test]
    fn a_message_may_come_in_pieces() {
        let notice = SessionNotice { sequence: 1, kind: "created".to_owned(), ..SessionNotice::default() };
        let whole = framed(&notice);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            for cut in 0..whole.len() {
                let mut events = Events::new(Body::empty());
                events.take(&whole[..cut], Style::default());
                assert_eq!(events.ready.len(), 1, "the heartbeat: {cut}");
                events.take(&whole[cut..], Style::default());
                assert_eq!(events.ready.len(), 2, "{cut}");
            }
        });
    }

    #[tokio::test]
    async fn what_goes_wrong_is_an_event_of_one_line() {
        let mut events = Events::new(Body::empty());
        events.ready.clear();
        events.fail(&Status::unavailable("The service is ending"));
        let text = String::from_utf8(events.next(Style::default()).await.unwrap().to_vec()).unwrap();
        assert!(text.starts_with("event: error\ndata: {"), "{text}");
        assert!(text.contains("UNAVAILABLE") && text.trim_end().lines().count() == 2, "{text}");
        assert_eq!(events.next(Style::default()).await, None);
    }
}
