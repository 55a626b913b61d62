//! `--wait`: an operation to its end, with progress on standard error.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::api;
use crate::call::Service;
use crate::exit::Cause;
use crate::failure::Failure;
use crate::options::Options;
use crate::problem::printable;
use crate::request::Request;
use crate::terminal;

/// First pause between two looks; a warm start is over in it.
const FIRST: Duration = Duration::from_millis(100);

/// Longest pause, as the API's own clients poll.
const LONGEST: Duration = Duration::from_secs(5);

/// Names of the codes in an operation's error (google.rpc.Code).
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// The operation's result: its response without `@type`, or the whole operation if it has none.
///
/// # Errors
/// The operation ended in an error, or the time is over; it goes on then.
pub fn finish(service: &mut Service, operation: Value, options: &Options) -> Result<Value, Failure> {
    let started = Instant::now();
    let mut operation = operation;
    let mut pause = FIRST;
    let mut progress = Progress::new(options.quiet, &operation);
    while operation.get("done").and_then(Value::as_bool) != Some(true) {
        let Some(name) = operation.get("name").and_then(Value::as_str).map(str::to_owned) else {
            return Err(Failure::new(Cause::Server, "the service answered an operation without a name"));
        };
        let left = options.wait_timeout.saturating_sub(started.elapsed());
        if left.is_zero() {
            drop(progress);
            return Err(Failure::new(
                Cause::Timeout,
                format!("operation \"{name}\" is not finished; it goes on"),
            )
            .hint(format!("Look again with `dataproc1 projects {} {name}`.", get_method(&name).command)));
        }
        progress.show(started.elapsed());
        std::thread::sleep(pause.min(left));
        pause = pause.mul_f64(1.5).min(LONGEST);
        operation = service.call(&get(&name))?;
    }
    drop(progress);
    if let Some(error) = operation.get("error").filter(|error| !error.is_null()) {
        let code = error.get("code").and_then(Value::as_u64).and_then(|code| usize::try_from(code).ok());
        let code = code.and_then(|code| CODES.get(code)).copied().unwrap_or("UNKNOWN");
        let message = error.get("message").and_then(Value::as_str).unwrap_or("no message");
        return Err(Failure::new(
            Cause::Operation,
            format!("the operation failed: {code}: {}", printable(message)),
        ));
    }
    match operation.get_mut("response") {
        Some(Value::Object(response)) => {
            response.remove("@type");
            Ok(Value::Object(std::mem::take(response)))
        }
        _ => Ok(operation),
    }
}

fn get_method(name: &str) -> &'static api::Method {
    let command =
        if name.contains("/locations/") { "locations-operations-get" } else { "regions-operations-get" };
    api::method(command).expect("the table has both, a test looks them up")
}

fn get(name: &str) -> Request {
    let method = get_method(name);
    // Names come from the service; what could change the path is encoded as for a positional.
    let path = crate::request::encoded_name(name);
    Request { method, http: method.http, path: format!("v1/{path}"), query: Vec::new(), body: None }
}

/// The line that says what is being waited for.
struct Progress {
    what: String,
    shown: bool,
    terminal: bool,
    quiet: bool,
}

impl Progress {
    fn new(quiet: bool, operation: &Value) -> Self {
        let text = |at: &str| operation.pointer(at).and_then(Value::as_str);
        let target = ["session", "batch", "clusterName", "jobId", "clusterUuid"]
            .iter()
            .find_map(|name| text(&format!("/metadata/{name}")));
        let what = match (text("/metadata/description").or_else(|| text("/metadata/operationType")), target) {
            (Some(what), Some(target)) => format!("{what} {}", target.rsplit('/').next().unwrap_or(target)),
            _ => text("/name").unwrap_or("the operation").to_owned(),
        };
        Self { what: printable(&what), shown: false, terminal: std::io::stderr().is_terminal(), quiet }
    }

    fn show(&mut self, elapsed: Duration) {
        if self.quiet || !self.terminal && self.shown {
            return;
        }
        self.shown = true;
        let mut stderr = std::io::stderr().lock();
        // Progress that cannot be shown is no reason to stop waiting.
        let _ = if self.terminal {
            write!(stderr, "\r\x1b[Kwaiting: {} ({} s)", self.what, elapsed.as_secs())
        } else {
            writeln!(stderr, "waiting: {}", self.what)
        };
        let _ = stderr.flush();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown && self.terminal {
            terminal::say("\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_of_both_kinds_have_a_method_to_look_at_them() {
        assert_eq!(get_method("projects/p/locations/l/operations/o").command, "locations-operations-get");
        assert_eq!(get_method("projects/p/regions/l/operations/o").command, "regions-operations-get");
        assert_eq!(
            get("projects/p/regions/l/operations/a b").target(),
            "/v1/projects/p/regions/l/operations/a%20b?alt=json"
        );
    }
}
