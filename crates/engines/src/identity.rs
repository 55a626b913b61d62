//! What an engine is told of the session it runs for, in its environment and at the head of its log.

use std::collections::BTreeMap;

use hearth_core::session::Session;

/// What the names of all these variables begin with. A session's own properties cannot set them.
const PREFIX: &str = "HEARTH_";

/// The variables that say whose engine it is.
///
/// Each label is a variable of its own, `HEARTH_LABEL_TEAM` for `team`, with an underscore for each dash. `HEARTH_LABELS`
/// holds all labels as a JSON object, also those whose variables would be the same.
pub fn variables(session: &Session) -> BTreeMap<String, String> {
    let config = &session.config;
    let mut variables = BTreeMap::new();
    let mut set = |name: &str, value: String| variables.insert(format!("{PREFIX}{name}"), value);
    for (key, value) in &config.labels {
        set(&format!("LABEL_{}", key.to_ascii_uppercase().replace('-', "_")), value.clone());
    }
    set("LABELS", json(&config.labels));
    set("SESSION", session.name.to_string());
    set("SESSION_UUID", session.uuid.to_string());
    set("CREATOR", session.creator.clone());
    set("USER", config.user.clone());
    variables
}

/// The same as Spark properties, for those who look at a session from inside: `spark.hearth.session`,
/// `spark.hearth.uuid`, `spark.hearth.label.team`.
pub fn properties(session: &Session) -> BTreeMap<String, String> {
    let labels = session.config.labels.iter();
    labels
        .map(|(key, value)| (format!("spark.hearth.label.{key}"), value.clone()))
        .chain([
            ("spark.hearth.session".to_owned(), session.name.to_string()),
            ("spark.hearth.uuid".to_owned(), session.uuid.to_string()),
            ("spark.hearth.creator".to_owned(), session.creator.clone()),
        ])
        .collect()
}

/// Leaves out what only [`variables`] may say.
pub fn without_reserved(mut environment: BTreeMap<String, String>) -> BTreeMap<String, String> {
    environment.retain(|name, _| !name.starts_with(PREFIX));
    environment
}

/// The first line of the engine's log, with its end.
pub fn log_head(session: &Session, runtime: &str) -> String {
    let (name, uuid, labels) = (&session.name, session.uuid, json(&session.config.labels));
    let version = env!("CARGO_PKG_VERSION");
    format!("hearth {version}: session {name} uuid {uuid} runtime {runtime} labels {labels}\n")
}

/// Keys in order, so that the same labels are the same text.
fn json(labels: &BTreeMap<String, String>) -> String {
    let labels = labels.iter().map(|(key, value)| (key.clone(), value.clone().into()));
    serde_json::Value::Object(labels.collect()).to_string()
}
