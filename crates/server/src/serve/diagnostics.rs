//! What goes into an archive of diagnostics: everything there is to know of a session, without secrets.

use std::sync::Arc;

use async_trait::async_trait;
use hearth_api::convert::session::Places;
use hearth_api::convert::{insight, operation, session};
use hearth_control::diagnostics::Case;
use hearth_control::world::{Packer, StagingError};
use hearth_core::engine::Observed;
use hearth_core::explain::Explanation;
use hearth_diagnostics::{Archive, MARK, Redactor, secret_name};
use hearth_driver::LogChunk;
use hearth_wire::json::{self, Style};
use prost::{Message, Name};
use serde_json::{Value, json};

use super::launcher::{CatalogueLauncher, Foundation};
use super::secrets::EngineSecrets;

/// Packs what is known of sessions of this service.
pub(super) struct SessionPacker {
    /// Where things of sessions are.
    pub(super) places: Places,
    /// What sessions run on.
    pub(super) launcher: Arc<CatalogueLauncher>,
    /// The secrets of engines.
    pub(super) engine_secrets: Arc<EngineSecrets>,
    /// The service's tokens.
    pub(super) own_secrets: Vec<String>,
}

#[async_trait]
impl Packer for SessionPacker {
    async fn pack(&self, case: Case) -> Result<Vec<u8>, StagingError> {
        const WHAT: &str = "pack the diagnostics of a session";
        let packing = Packing {
            places: self.places.clone(),
            launcher: self.launcher.clone(),
            redactor: self.redactor(&case),
            case,
        };
        // Compressing some megabytes would keep the calls of others waiting.
        let packed = tokio::task::spawn_blocking(move || packing.archive()).await;
        packed.map_err(StagingError::because(WHAT))?.map_err(StagingError::because(WHAT))
    }
}

impl SessionPacker {
    /// One that knows every secret that this service, its runtime and this session have.
    fn redactor(&self, case: &Case) -> Redactor {
        let engine = self.engine_secrets.of(case.session.uuid).reveal().to_owned();
        let own = std::env::vars_os().filter_map(|(name, value)| {
            let secret = secret_name(&name.to_string_lossy());
            secret.then(|| value.to_string_lossy().into_owned())
        });
        let mut redactor = Redactor::knowing(self.own_secrets.iter().cloned().chain([engine]).chain(own));
        if let Some(runtime) = &case.session.config.runtime {
            redactor.learn(&json!(runtime.properties));
        }
        if let Some(foundation) = self.launcher.foundation(&case.session.config) {
            redactor.learn(&json!(foundation.runtime.environment));
        }
        redactor
    }
}

/// One archive while it is made.
struct Packing {
    places: Places,
    launcher: Arc<CatalogueLauncher>,
    redactor: Redactor,
    case: Case,
}

impl Packing {
    fn archive(self) -> std::io::Result<Vec<u8>> {
        let Case { session, explanation, operations, engine, log, at } = &self.case;
        let time = u64::try_from(at.as_second()).unwrap_or_default();
        let mut archive = Archive::new(&format!("{}-diagnostics", session.name.id()), time);
        archive.add("README.txt", self.readme().as_bytes())?;
        archive.add("session.json", &self.document(message(&session::message(session, &self.places))))?;
        archive.add("why.txt", self.redactor.text(&why(session, explanation)).as_bytes())?;
        archive.add("timeline.json", &self.document(message(&insight::timeline(session))))?;
        let state = session.state.label();
        let notices = session.notices.after(0).map(|notice| message(&insight::notice(notice, state)));
        archive.add("notices.json", &self.document(notices.collect()))?;
        let operations = operations.iter().map(|it| message(&operation::message(it, &self.places)));
        archive.add("operations.json", &self.document(operations.collect()))?;
        archive.add("engine.json", &self.document(engine_document(engine.as_ref())))?;
        archive.add("engine.log", self.redactor.text(&whole_lines(log)).as_bytes())?;
        let foundation = self.launcher.foundation(&session.config);
        archive.add("versions.json", &self.document(versions(foundation.as_ref())))?;
        if let Some(foundation) = &foundation {
            archive.add("environment.lock", self.redactor.text(&lock(foundation)).as_bytes())?;
            let installed = self.redactor.text(&installed(foundation));
            archive.add("environment.installed", installed.as_bytes())?;
        }
        archive.finish()
    }

    fn document(&self, mut value: Value) -> Vec<u8> {
        self.redactor.json(&mut value);
        format!("{value:#}\n").into_bytes()
    }

    fn readme(&self) -> String {
        let Case { session, log, at, .. } = &self.case;
        let gone = match log.offset {
            0 => String::new(),
            offset => format!(" Its first {offset} bytes are left out."),
        };
        format!(
            "Diagnostics of session {} ({}) at {at}.\n\n\
             session.json           the session with its effective configuration, as the API shows it\n\
             why.txt                why it is in its state, and what to do\n\
             timeline.json          the steps of its start\n\
             notices.json           what happened to it\n\
             operations.json        what was asked of it, and what came of that\n\
             engine.json            how its engine is, or how it ended\n\
             engine.log             what its engine wrote.{gone}\n\
             versions.json          of Hearth, its runtime, Python, Java and the system\n\
             environment.lock       the packages that its runtime and the session ask for\n\
             environment.installed  the packages that are there\n\n\
             \"{MARK}\" stands where a secret was: values whose names look like those of secrets, credentials in\n\
             addresses and headers, tokens and private keys. A secret that stood alone in the log, without a name, is\n\
             not known to be one: look before you hand this on.\n",
            session.name, session.uuid,
        )
    }
}

/// A message as the API shows it.
fn message<M: Message + Name>(message: &M) -> Value {
    let text = json::to_string(message, Style::default()).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

fn why(session: &hearth_core::session::Session, told: &Explanation) -> String {
    let mut lines = vec![format!("Session {} is {}", session.name, session.state.label())];
    lines.extend([&told.summary, &told.reason].into_iter().filter(|line| !line.is_empty()).cloned());
    if !told.log_lines.is_empty() {
        lines.extend([String::new(), "Its engine wrote last:".to_owned()]);
        lines.extend(told.log_lines.iter().map(|line| format!("  {line}")));
    }
    if !told.next.is_empty() {
        lines.extend([String::new(), "What to do:".to_owned()]);
        lines.extend(told.next.iter().map(|line| format!("  {line}")));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn engine_document(engine: Option<&Observed>) -> Value {
    match engine {
        None => json!({"seen": "unknown: what runs engines did not answer"}),
        Some(Observed::Absent) => json!({"seen": "absent"}),
        Some(Observed::Starting) => json!({"seen": "starting"}),
        Some(Observed::Listening(listening)) => json!({"seen": "listening", "times": listening}),
        Some(Observed::Ready(listening)) => json!({"seen": "ready", "times": listening}),
        Some(Observed::Stopping) => json!({"seen": "stopping"}),
        Some(Observed::Exited(exit)) => json!({
            "seen": "exited",
            "status": exit.status.to_string(),
            "cause": exit.cause,
            "at": exit.at.to_string(),
            "lastLines": exit.tail,
        }),
    }
}

/// The log from its first whole line on: a secret that is cut in two would not be known for one.
fn whole_lines(log: &LogChunk) -> String {
    let text = String::from_utf8_lossy(&log.content);
    match (log.offset, text.find('\n')) {
        (0, _) => text.into_owned(),
        (_, Some(end)) => text[end + 1..].to_owned(),
        (_, None) => String::new(),
    }
}

fn versions(foundation: Option<&Foundation<'_>>) -> Value {
    let system = rustix::system::uname();
    let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    json!({
        "hearth": env!("CARGO_PKG_VERSION"),
        "runtime": foundation.map(|it| it.runtime.full_name()),
        "engine": foundation.map(|it| it.runtime.engine.as_str()),
        "python": foundation.and_then(|it| it.environment.as_ref()?.python_version()),
        "java": foundation.and_then(|it| Some(it.java.as_ref()?.version.clone())),
        "system": name.map(|name| name.trim_matches('"')),
        "kernel": format!("{} {} {}", text(system.sysname()), text(system.release()), text(system.machine())),
    })
}

fn lock(foundation: &Foundation<'_>) -> String {
    let mut text = foundation.runtime.packages.text().to_owned();
    if let Some(wanted) = &foundation.wanted {
        text.push_str("\n# of the session itself\n");
        if let Some(index) = &wanted.index {
            text.push_str(&format!("# from {index}\n"));
        }
        wanted.requirements.iter().for_each(|requirement| text.push_str(&format!("{requirement}\n")));
    }
    text
}

fn installed(foundation: &Foundation<'_>) -> String {
    let mut text = String::new();
    for (what, environment) in [("the runtime", &foundation.environment), ("the session", &foundation.layer)]
    {
        if let Some(environment) = environment {
            text.push_str(&format!("# of {what}\n"));
            environment.packages().iter().for_each(|package| text.push_str(&format!("{package}\n")));
        }
    }
    text
}
