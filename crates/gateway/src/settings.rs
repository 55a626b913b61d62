//! Settings that an engine was not launched with: they are given to each of its Spark sessions before its first call.
//!
//! Spark sessions are made by the engine when a client first names one, from what the engine was launched with. So the
//! gateway sees to it: it asks a Spark session whether it has the settings, and sets them if not. The answer is a
//! setting too, kept by the engine, so that it lives exactly as long as the Spark session: what a user has changed
//! meanwhile is never set back, whatever becomes of the gateway.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hearth_core::id::SessionUuid;
use http::HeaderMap;

use crate::body::went_well;
use crate::message::{self, Subject};
use crate::peek::{self, PEEK_LIMIT};
use crate::spark_connect::{Call, read_start};
use crate::status::{Code, GRPC_MESSAGE, Refusal};

/// The setting of a Spark session that says that it has the others.
const GIVEN: &str = "spark.hearth.settings";
/// How long an engine may take to take them.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Of how many sessions it is remembered who has them. One that is forgotten is asked again.
const REMEMBERED: usize = 1024;

/// A Spark session of an engine: its id, and the user whose it is.
type SparkSession = (String, String);

/// Which Spark sessions have the settings of their session, as far as that is known.
#[derive(Debug, Default)]
pub(crate) struct Settled(Mutex<HashMap<SessionUuid, Arc<tokio::sync::Mutex<HashSet<SparkSession>>>>>);

impl Settled {
    fn of(&self, session: SessionUuid) -> Arc<tokio::sync::Mutex<HashSet<SparkSession>>> {
        // Every change is whole whatever panicked around it.
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED && !all.contains_key(&session) {
            all.clear();
        }
        all.entry(session).or_default().clone()
    }
}

/// Sees to it that the Spark session of a call has the settings of its session. Gives the call's body back as it was.
pub(crate) async fn give(call: &mut Call, body: Body) -> Result<Body, Refusal> {
    let (subject, replay) = read_start(body, subject).await?;
    let body = Body::new(replay);
    let subject = match subject {
        Some(subject) => subject?,
        None => return Ok(body),
    };
    let known = call.inner.settled.of(call.target.uuid);
    // Two first calls of one Spark session: the second waits for what the first one gets.
    let mut known = known.lock().await;
    let spark_session = (subject.session_id.clone(), subject.user_id());
    if subject.session_id.is_empty() || known.contains(&spark_session) {
        return Ok(body);
    }
    let late = || {
        let text =
            format!("the engine of session \"{}\" does not take its properties in time", call.target.label);
        Refusal::new(Code::Unavailable, text)
    };
    let late = late();
    if tokio::time::timeout(TIMEOUT, settle(call, &subject)).await.map_err(|_| late)?? {
        known.insert(spark_session);
    }
    Ok(body)
}

/// Whether it has them now. One that cannot even be asked, as when it was closed, tells its caller why itself.
async fn settle(call: &mut Call, subject: &Subject) -> Result<bool, Refusal> {
    let (trailers, answer) = call.config(subject.option_request(GIVEN)).await?;
    if !went_well(&trailers) {
        return Ok(false);
    }
    if message::has_value(&answer) {
        return Ok(true);
    }
    let settings = call.target.settings.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    // In this order: with the last one all are there.
    let request = subject.set_request(settings.chain([(GIVEN, "given")]));
    let (trailers, _) = call.config(request).await?;
    if went_well(&trailers) {
        return Ok(true);
    }
    let label = &call.target.label;
    let text =
        format!("the engine of session \"{label}\" does not take its properties: {}", words(&trailers));
    Err(Refusal::new(Code::FailedPrecondition, text))
}

/// Whose Spark session a request is about, once that can be said.
fn subject(bytes: &[u8]) -> Option<Result<Subject, Refusal>> {
    let (compressed, whole, message) = peek::first_message(bytes)?;
    if compressed {
        let text = "the Spark session id of a compressed request cannot be read, and this session has properties \
                    to give to it; send it uncompressed";
        return Some(Err(Refusal::new(Code::Unimplemented, text)));
    }
    let subject = Subject::parse(message);
    let said = !subject.session_id.is_empty() && subject.user_context.is_some();
    (said || whole || bytes.len() >= PEEK_LIMIT).then_some(Ok(subject))
}

/// What an engine says of a call that went wrong, percent-encoded as it is.
fn words(trailers: &HeaderMap) -> &str {
    trailers.get(GRPC_MESSAGE).and_then(|text| text.to_str().ok()).unwrap_or("without a word")
}

/// The body of an answer of an engine, and its trailers.
pub(crate) type Configured = (HeaderMap, Bytes);
