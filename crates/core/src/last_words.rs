//! What an engine's last lines say of why it ended.

use crate::engine::Exit;
use crate::explain::LAST_LINES;

/// How many of the last lines a failure tells where they name no cause.
const TAIL_LINES: usize = 12;

/// How Java tells of the error that ended its main thread.
const UNCAUGHT: &str = "Exception in thread \"main\" ";

/// How Java tells of the error behind an error.
const CAUSED_BY: &str = "Caused by: ";

/// How a JVM says that it ends because its memory is used up.
const OUT_OF_MEMORY: &str = "Terminating due to java.lang.OutOfMemoryError: ";

/// How Spark tells of a master of a cluster that it does not reach.
const NO_MASTER: &str = "Failed to connect to master ";

/// How Spark says that it does not try any more, some 60 s after the first time.
const MASTER_GIVEN_UP: &str = "All masters are unresponsive! Giving up.";

/// The end of a failure's text: the cause, or the last lines where there is none to be seen.
pub(crate) fn last_words(exit: &Exit) -> String {
    if let Some(cause) = cause(&exit.tail) {
        return format!(": {cause}");
    }
    if exit.tail.is_empty() {
        return ". It wrote nothing to its log".to_owned();
    }
    let from = exit.tail.len().saturating_sub(TAIL_LINES);
    format!("{LAST_LINES}{}", exit.tail[from..].join("\n"))
}

/// The error that ended a JVM, in one line and without the places in its code; `None` where the lines tell of none.
fn cause(tail: &[String]) -> Option<String> {
    if let Some(kind) = tail.iter().rev().find_map(|line| line.strip_prefix(OUT_OF_MEMORY)) {
        return Some(format!("its memory is used up ({kind}). Give it more with spark:spark.driver.memory"));
    }
    if tail.iter().any(|line| line.contains(MASTER_GIVEN_UP)) {
        // What ends the main thread then is only that nothing is left to work with.
        return Some(missing_master(tail).unwrap_or_else(|| no_master("")));
    }
    let uncaught = tail.iter().rposition(|line| line.starts_with(UNCAUGHT))?;
    let mut lines = tail[uncaught..].iter().map(String::as_str).peekable();
    let mut text = Vec::new();
    while let Some(line) = lines.next() {
        // Each error of the chain replaces the one before: the last is the first that went wrong.
        let error = line.strip_prefix(UNCAUGHT).or_else(|| line.strip_prefix(CAUSED_BY));
        // What follows the stack is not about this error any more.
        let Some(error) = error else { break };
        text = vec![without_package(error)];
        // Its text may have several lines.
        while let Some(more) = lines.next_if(|line| !is_place(line) && !line.starts_with(CAUSED_BY)) {
            text.push(more.trim());
        }
        while lines.next_if(|line| is_place(line)).is_some() {}
    }
    Some(text.join(" "))
}

/// The master of a cluster that an engine was still looking for, in a sentence; `None` where its lines tell of none.
pub(crate) fn missing_master(tail: &[String]) -> Option<String> {
    let address = tail.iter().rev().find_map(|line| Some(line.split_once(NO_MASTER)?.1.trim()))?;
    Some(no_master(&format!(" at {address}")))
}

fn no_master(at: &str) -> String {
    format!("no master of a cluster answers{at}. Check that it runs, and that spark:spark.master names it")
}

/// The last root cause that a JVM has logged, in one line; `None` where there is none.
///
/// For an engine that runs on: an error that it tells its caller of is often only "an error".
pub fn logged_cause(log: &str) -> Option<String> {
    let at = log.rfind(&format!("\n{CAUSED_BY}"))? + 1;
    let mut lines = log[at..].lines();
    let first = without_package(lines.next()?.strip_prefix(CAUSED_BY)?);
    let rest = lines.take_while(|line| !is_place(line));
    let text: Vec<&str> = [first].into_iter().chain(rest.map(str::trim)).collect();
    Some(text.join(" "))
}

/// A line of a stack trace.
fn is_place(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("at ") || line.starts_with("... ") || line.starts_with("Suppressed: ")
}

/// `SparkException: text` of `org.apache.spark.SparkException: text`.
fn without_package(text: &str) -> &str {
    let class = text.split_once(": ").map_or(text, |(class, _)| class);
    let name = class.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '$'));
    match class.rfind('.') {
        Some(dot) if name => &text[dot + 1..],
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::engine::{ExitCause, ExitStatus};

    fn told(lines: &[&str]) -> String {
        last_words(&Exit {
            status: ExitStatus::Code(1),
            cause: ExitCause::Itself,
            at: Timestamp::UNIX_EPOCH,
            tail: lines.iter().map(|line| (*line).to_owned()).collect(),
        })
    }

    #[test]
    fn a_java_error_is_told_by_its_root_cause_without_its_stack() {
        let lines = [
            "2026-01-01 ERROR SparkContext: Error initializing SparkContext.",
            "java.lang.NumberFormatException: Size must be in bytes. E.g. 50b",
            "\tat org.apache.spark.JavaUtils.byteStringAs(JavaUtils.java:332)",
            "Exception in thread \"main\" java.lang.NumberFormatException: Size must be in bytes. E.g. 50b",
            "Failed to parse byte string: abc",
            "\tat org.apache.spark.JavaUtils.byteStringAs(JavaUtils.java:332)",
        ];
        assert_eq!(
            told(&lines),
            ": NumberFormatException: Size must be in bytes. E.g. 50b Failed to parse byte string: abc"
        );
        let nested = [
            "Exception in thread \"main\" org.apache.spark.SparkException: no",
            "\tat x.Y.z(Y.java:1)",
            "Caused by: java.lang.ClassNotFoundException: org.nope.Serializer",
            "\tat x.Y.z(Y.java:1)",
            "\t... 12 more",
            "2026-01-01 INFO ShutdownHookManager: Shutdown hook called",
        ];
        assert_eq!(told(&nested), ": ClassNotFoundException: org.nope.Serializer");
        let noise =
            ["2026-01-01 ERROR Utils: in a hook", "x.Error", "\tat x.Y.z(Y.java:1)", "Caused by: x.Other"];
        assert_eq!(told(&[&nested[..], &noise].concat()), ": ClassNotFoundException: org.nope.Serializer");
        assert!(told(&noise).starts_with(". Its last lines"), "nothing uncaught");
    }

    #[test]
    fn an_engine_out_of_memory_says_what_to_give_it() {
        let words = told(&[
            "java.lang.OutOfMemoryError",
            "Terminating due to java.lang.OutOfMemoryError: Java heap space",
        ]);
        assert!(words.contains("(Java heap space)") && words.contains("spark.driver.memory"), "{words}");
    }

    #[test]
    fn a_logged_error_is_told_by_its_root_cause() {
        let log = "ERROR SerializingExecutor: Exception\nx.Error: while instantiating\n\tat x.Y.z(Y.java:1)\n\
                   Caused by: java.lang.IllegalArgumentException: spark.x should be int, but was many\n\t... 21 more\n";
        assert_eq!(
            logged_cause(log).as_deref(),
            Some("IllegalArgumentException: spark.x should be int, but was many")
        );
        assert_eq!(logged_cause("INFO all is well\n"), None);
    }

    #[test]
    fn other_engines_are_told_of_by_their_last_lines() {
        assert_eq!(told(&[]), ". It wrote nothing to its log");
        assert_eq!(told(&["one", "two"]), ". Its last lines:\none\ntwo");
        assert!(told(&["at the end", "Caused by nothing"]).starts_with(". Its last lines"));
    }

    #[test]
    fn a_master_that_does_not_answer_is_named_and_not_what_comes_of_it() {
        let lines = [
            "2026-11-22T23:39:40.595Z WARN StandaloneAppClient$ClientEndpoint: Failed to connect to master 127.0.0.1:9",
            "org.apache.spark.SparkException: Exception thrown in awaitResult: ",
            "Caused by: java.net.ConnectException: Connection refused",
            "2026-11-22T23:40:00.594Z ERROR StandaloneSchedulerBackend: Application has been killed. Reason: All \
             masters are unresponsive! Giving up.",
            "Exception in thread \"main\" java.lang.IllegalStateException: Cannot call methods on a stopped SparkContext.",
        ];
        assert_eq!(
            told(&lines),
            ": no master of a cluster answers at 127.0.0.1:9. Check that it runs, and that spark:spark.master names it"
        );
        let waiting: Vec<String> = lines[..3].iter().map(ToString::to_string).collect();
        assert!(missing_master(&waiting).is_some_and(|text| text.contains("127.0.0.1:9")));
        assert_eq!(missing_master(&["all is well".to_owned()]), None);
    }
}
