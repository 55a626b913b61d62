//! Rules that a session's settings must meet, all reported together.

use std::time::Duration;

use crate::config::SessionConfig;

/// A rule that a request broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field, as a path of the API description.
    pub field: String,
    /// What is wrong with it, in the words its caller reads.
    pub description: String,
}

/// The shortest `ttl` and `idle_ttl` (contract, section 5.7).
pub const MIN_TTL: Duration = Duration::from_secs(600);
/// The longest `ttl` and `idle_ttl` (contract, section 5.7).
pub const MAX_TTL: Duration = Duration::from_secs(1_209_600);
/// The most labels a session may have (contract, section 6).
pub const MAX_LABELS: usize = 32;

/// What is wrong with the settings of a new session.
pub fn check_session(config: &SessionConfig) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut report = |field: &str, description: String| {
        violations.push(Violation { field: field.to_owned(), description });
    };
    if config.kind.is_none() {
        report("session", "Session must have a jupyter_session or a spark_connect_session".to_owned());
    }
    check_labels(config, &mut report);
    if let Some(execution) = config.execution() {
        for (field, value) in [("ttl", execution.ttl), ("idle_ttl", execution.idle_ttl)] {
            let path = format!("session.environment_config.execution_config.{field}");
            if value.is_some_and(|value| !(MIN_TTL..=MAX_TTL).contains(&value)) {
                let text = format!("Invalid value for field '{path}': must be between 600s and 1209600s");
                report(&path, text);
            }
        }
    }
    violations
}

fn check_labels(config: &SessionConfig, report: &mut impl FnMut(&str, String)) {
    const FIELD: &str = "session.labels";
    if config.labels.len() > MAX_LABELS {
        report(FIELD, format!("Too many labels: {}, at most {MAX_LABELS} are allowed", config.labels.len()));
    }
    for (key, value) in &config.labels {
        if !good_label_key(key) {
            report(FIELD, format!("Invalid label key '{key}'"));
        }
        if value.len() > 63 || !value.bytes().all(label_char) {
            report(FIELD, format!("Invalid label value '{value}' for key '{key}'"));
        }
    }
}

fn label_char(c: u8) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_' || c == b'-'
}

fn good_label_key(key: &str) -> bool {
    (1..=63).contains(&key.len()) && key.as_bytes()[0].is_ascii_lowercase() && key.bytes().all(label_char)
}
