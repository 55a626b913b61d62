//! What an engine is told of the session it runs for: in its environment, at the head of its log, and in a file.
//!
//! An engine that is made ahead learns it when it is handed over. Its environment cannot be changed then, so the file
//! is what programs should read; the variables are there only in engines that were launched for their session.

use std::collections::BTreeMap;

use hearth_core::engine::{EngineSpec, Introduction, Protocol, WORK_DIR};
use hearth_core::session::Session;

use crate::kernel;

/// What the names of all these variables begin with. A session's own properties cannot set them.
const PREFIX: &str = "HEARTH_";

/// The variable that says where the file is. The only one that an engine made ahead has from the start, beside the
/// session's uuid.
const FILE_VARIABLE: &str = "HEARTH_SESSION_FILE";

/// The variable of the session's uuid.
const UUID_VARIABLE: &str = "HEARTH_SESSION_UUID";

/// The variable by which a kernel's host learns the engine's secret. It says nothing of anybody.
pub(crate) const SECRET_VARIABLE: &str = "HEARTH_ENGINE_SECRET";

/// The file's name, in the engine's scratch directory.
const FILE: &str = "hearth-session.json";

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
    let uuid = ("spark.hearth.uuid".to_owned(), session.uuid.to_string());
    if nobodys(session) {
        return BTreeMap::from([uuid]);
    }
    let labels = session.config.labels.iter();
    labels
        .map(|(key, value)| (format!("spark.hearth.label.{key}"), value.clone()))
        .chain([
            ("spark.hearth.session".to_owned(), session.name.to_string()),
            uuid,
            ("spark.hearth.creator".to_owned(), session.creator.clone()),
        ])
        .collect()
}

/// Whether this stands for sessions to come: every real one has a creator.
fn nobodys(session: &Session) -> bool {
    session.creator.is_empty()
}

/// Adds the file of the session to the engine that is launched for it.
pub fn with_file(mut spec: EngineSpec, session: &Session) -> EngineSpec {
    spec.files.insert(FILE.to_owned(), file(session));
    spec.env.insert(FILE_VARIABLE.to_owned(), format!("{WORK_DIR}/{FILE}"));
    spec
}

/// Takes out of an engine that is made ahead whatever says whose it is: nobody's yet.
pub fn withheld(mut spec: EngineSpec, pool: &str) -> EngineSpec {
    spec.env
        .retain(|name, _| !name.starts_with(PREFIX) || [UUID_VARIABLE, SECRET_VARIABLE].contains(&&**name));
    spec.env.insert(FILE_VARIABLE.to_owned(), format!("{WORK_DIR}/{FILE}"));
    for told in [FILE, kernel::TOLD] {
        spec.files.remove(told);
    }
    spec.log_head = format!("hearth {}: engine {} of pool {pool}\n", env!("CARGO_PKG_VERSION"), spec.id);
    spec
}

/// What an engine that was made ahead is told once it is a session's.
pub fn introduction(session: &Session, runtime: &str) -> Introduction {
    let mut files = BTreeMap::from([(FILE.to_owned(), file(session))]);
    if session.config.protocol() == Protocol::Jupyter {
        files.insert(kernel::TOLD.to_owned(), kernel::told(session));
    }
    Introduction { files, log_line: log_head(session, runtime).trim_end().to_owned() }
}

/// Whose engine it is, as JSON.
fn file(session: &Session) -> String {
    let labels: serde_json::Map<_, _> =
        session.config.labels.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect();
    let content = serde_json::json!({
        "session": session.name.to_string(),
        "uuid": session.uuid.to_string(),
        "creator": session.creator,
        "user": session.config.user,
        "labels": labels,
    });
    format!("{content}\n")
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

#[cfg(test)]
mod tests {
    use hearth_core::Timestamp;
    use hearth_core::config::SessionConfig;
    use hearth_core::id::{OperationId, SessionUuid};
    use hearth_core::policy::SessionPolicy;

    use super::*;
    use crate::{Launch, sail};

    fn session() -> Session {
        let config = SessionConfig {
            labels: BTreeMap::from([("team".to_owned(), "blue".to_owned())]),
            user: "ana@example.com".to_owned(),
            ..SessionConfig::default()
        };
        Session::new(
            "projects/p/locations/l/sessions/etl".parse().unwrap(),
            SessionUuid("0190a3c2-0000-4000-8000-000000000001".parse().unwrap()),
            config,
            "bob@example.com".to_owned(),
            OperationId("0190a3c2-0000-4000-8000-000000000002".parse().unwrap()),
            Timestamp::UNIX_EPOCH,
            &SessionPolicy::default(),
        )
    }

    fn spec() -> EngineSpec {
        let launch = Launch {
            runtime: "sail-1".to_owned(),
            environment: "/base".into(),
            layer: None,
            site_packages: "/base/site-packages".into(),
            secret: crate::Secret::new("s".to_owned()),
            events: None,
            variables: BTreeMap::new(),
            properties: BTreeMap::new(),
            cores: 2,
            log_limit: 1 << 20,
            deadline: Timestamp::UNIX_EPOCH,
        };
        sail::spec(&session(), launch)
    }

    #[test]
    fn an_engine_made_ahead_says_nothing_of_anybody_and_learns_it_later() {
        let cold = with_file(spec(), &session());
        let ahead = withheld(cold.clone(), "sail-1");
        let text = serde_json::to_string(&ahead).unwrap();
        for word in ["etl", "ana@", "bob@", "blue", "TEAM"] {
            assert!(!text.contains(word), "{word}: {text}");
        }
        assert_eq!(ahead.env["HEARTH_SESSION_UUID"], cold.env["HEARTH_SESSION_UUID"]);
        assert_eq!(ahead.env["HEARTH_SESSION_FILE"], cold.env["HEARTH_SESSION_FILE"]);
        let told = introduction(&session(), "sail-1");
        assert_eq!(told.files[FILE], cold.files[FILE], "the same file, sooner or later");
        assert!(!ahead.files.contains_key(FILE));
        assert_eq!(format!("{}\n", told.log_line), cold.log_head);
        let file: serde_json::Value = serde_json::from_str(&told.files[FILE]).unwrap();
        assert_eq!((&file["user"], &file["labels"]["team"]), (&"ana@example.com".into(), &"blue".into()));
    }
}
