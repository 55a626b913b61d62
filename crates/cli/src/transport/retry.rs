//! Whether and when a request is repeated. Pure: the caller waits.

use std::time::Duration;

use super::{Response, TransportError};

/// First waiting time; every further one is twice as long (the exponential backoff that the API's own clients use).
const FIRST: Duration = Duration::from_millis(500);

/// Longest waiting time, also when the service asks for more.
const LONGEST: Duration = Duration::from_secs(30);

/// How long to wait before the next try, or `None` to give up.
///
/// `tries` counts the tries made, `repeatable` says that the service recognizes a repetition, `asked` that the
/// caller wants repetitions even of what usually fails for good. `jitter` is between 0 and 1.
pub fn pause(
    outcome: Result<&Response, &TransportError>,
    tries: u32,
    limit: u32,
    repeatable: bool,
    asked: bool,
    jitter: f64,
) -> Option<Duration> {
    if tries > limit {
        return None;
    }
    let backoff = FIRST.saturating_mul(1 << (tries - 1).min(16)).min(LONGEST).mul_f64(0.5 + jitter / 2.0);
    match outcome {
        Ok(answer) => match answer.status {
            // Refused before anything was done, so any method may try again.
            429 => Some(wanted(answer).unwrap_or(backoff)),
            408 | 502 | 503 | 504 if repeatable => Some(wanted(answer).unwrap_or(backoff)),
            _ => None,
        },
        // Nothing was sent; but who does not ask for patience wants to know at once.
        Err(TransportError::Connect { .. } | TransportError::Timeout { connecting: true, .. }) => {
            asked.then_some(backoff)
        }
        Err(TransportError::Broken { .. } | TransportError::Timeout { .. }) => repeatable.then_some(backoff),
        Err(TransportError::Request(_) | TransportError::Certificates(_)) => None,
    }
}

/// `Retry-After` in seconds.
fn wanted(answer: &Response) -> Option<Duration> {
    let seconds = answer.header("retry-after")?.trim().parse::<u64>().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)]) -> Response {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Response { status, headers, body: Vec::new() }
    }

    #[test]
    fn only_what_may_be_repeated_is_repeated() {
        let busy = answer(503, &[]);
        assert!(pause(Ok(&busy), 1, 3, true, false, 0.0).is_some());
        assert!(pause(Ok(&busy), 1, 3, false, true, 0.0).is_none());
        assert!(pause(Ok(&busy), 4, 3, true, true, 0.0).is_none());
        assert!(pause(Ok(&answer(404, &[])), 1, 3, true, true, 0.0).is_none());
        assert!(pause(Ok(&answer(429, &[])), 1, 3, false, false, 0.0).is_some());
    }

    #[test]
    fn waiting_doubles_up_to_a_limit_and_the_service_may_choose_within_it() {
        let busy = answer(503, &[]);
        let wait = |tries| pause(Ok(&busy), tries, 100, true, false, 1.0);
        assert_eq!(wait(1), Some(Duration::from_millis(500)));
        assert_eq!(wait(3), Some(Duration::from_secs(2)));
        assert_eq!(wait(90), Some(LONGEST));
        let asks = answer(503, &[("retry-after", "7")]);
        assert_eq!(pause(Ok(&asks), 1, 3, true, false, 0.5), Some(Duration::from_secs(7)));
        let asks = answer(503, &[("retry-after", "86400")]);
        assert_eq!(pause(Ok(&asks), 1, 3, true, false, 0.5), Some(LONGEST));
    }
}
