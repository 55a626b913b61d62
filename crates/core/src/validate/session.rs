//! Sessions and templates as a whole.

use super::report::Report;
use super::{Violation, environment, labels, patterns, runtime};
use crate::config::{SessionConfig, SessionKind};
use crate::name::Parent;
use crate::properties::PropertyPolicy;
use crate::template::Template;

/// The longest title of a Jupyter session or of a template, in characters (contract, sections 6 and 7).
pub const MAX_DISPLAY_NAME: usize = 63;

/// What rules depend on besides the settings themselves.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Where the session or template is to be.
    pub parent: &'a Parent,
    /// The message in the request that the settings come from, which begins every field's path: `session` or
    /// `session_template`.
    pub prefix: &'a str,
    /// Which properties the deployment takes.
    pub policy: &'a PropertyPolicy,
}

/// What is wrong with the settings of a new session, after its template was merged in. The runtime's version is not
/// looked at: the catalogue knows it.
pub fn check_session(config: &SessionConfig, context: &Context<'_>) -> Vec<Violation> {
    let mut report = Report::new(context.prefix);
    if config.kind.is_none() {
        report.add("", "Session must have a jupyter_session or a spark_connect_session");
    }
    labels::check(&config.labels, &mut report);
    check_config(config, context, &mut report);
    report.into_violations()
}

/// What is wrong with a template that is to be stored. It need not say what kind its sessions are of: they may.
pub fn check_template(template: &Template, context: &Context<'_>) -> Vec<Violation> {
    let mut report = Report::new(context.prefix);
    check_title("display_name", &template.display_name, &mut report);
    if let Some(SessionKind::Jupyter { display_name, .. }) = &template.config.kind
        && display_name.is_empty()
    {
        report.add(
            JUPYTER_TITLE,
            "Session template with a jupyter_session must have a jupyter_session.display_name",
        );
    }
    labels::check(&template.labels, &mut report);
    check_config(&template.config, context, &mut report);
    report.into_violations()
}

const JUPYTER_TITLE: &str = "jupyter_session.display_name";

fn check_config(config: &SessionConfig, context: &Context<'_>, report: &mut Report<'_>) {
    if let Some(SessionKind::Jupyter { display_name, .. }) = &config.kind {
        check_title(JUPYTER_TITLE, display_name, report);
    }
    report.expect("user", &config.user, patterns::email, "an e-mail address");
    if let Some(runtime) = &config.runtime {
        runtime::check(runtime, context.policy, report);
    }
    if let Some(environment) = &config.environment {
        environment::check(environment, context, report);
    }
}

fn check_title(path: &str, title: &str, report: &mut Report<'_>) {
    if title.chars().count() > MAX_DISPLAY_NAME || !patterns::printable(title) {
        report.invalid(path, &format!("must have at most {MAX_DISPLAY_NAME} printable characters"));
    }
}
