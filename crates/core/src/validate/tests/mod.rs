//! The rules of the contract's sections 6 and 7, each with values it takes and values it does not.

mod environment;
mod session;

use crate::config::{ExecutionConfig, RuntimeConfig, SessionConfig, SessionKind};
use crate::name::Parent;
use crate::properties::PropertyPolicy;
use crate::validate::{Context, check_session};

/// The broken rules of a session in project `p` and location `l`, as `field: description`.
fn broken(config: &SessionConfig) -> Vec<String> {
    let (parent, policy) = (parent(), PropertyPolicy::hosted());
    let context = Context { parent: &parent, prefix: "session", policy: &policy };
    let violations = check_session(config, &context);
    violations
        .into_iter()
        .map(|violation| format!("{}: {}", violation.field, violation.description))
        .collect()
}

fn parent() -> Parent {
    Parent { project: "p".into(), location: "l".into() }
}

/// A session that breaks no rule, with a change.
fn session(change: impl FnOnce(&mut SessionConfig)) -> SessionConfig {
    let mut config = SessionConfig { kind: Some(SessionKind::SparkConnect), ..SessionConfig::default() };
    change(&mut config);
    config
}

/// Checks which values a text field takes, where it is, and what is said of a value that it does not take.
#[track_caller]
fn check_text(
    field: &str,
    expected: &str,
    good: &[&str],
    bad: &[&str],
    set: impl Fn(&mut SessionConfig, String),
) {
    for value in good.iter().chain(&[""]) {
        let broken = broken(&session(|config| set(config, (*value).to_owned())));
        assert!(broken.is_empty(), "{value}: {broken:?}");
    }
    for value in bad {
        assert_eq!(
            broken(&session(|config| set(config, (*value).to_owned()))),
            [format!(
                "session.{field}: Invalid value for field 'session.{field}': '{value}' is not {expected}"
            )],
        );
    }
}

fn runtime(change: impl FnOnce(&mut RuntimeConfig)) -> SessionConfig {
    session(|config| change(config.runtime.get_or_insert_default()))
}

fn execution(change: impl FnOnce(&mut ExecutionConfig)) -> SessionConfig {
    session(|config| change(config.execution_mut()))
}
