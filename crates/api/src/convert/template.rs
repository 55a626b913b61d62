//! Session templates.

use hearth_control::templates::TemplateBody;
use hearth_core::config::{SessionConfig, SessionKind};
use hearth_core::template::Template;
use hearth_core::validate::Violation;
use hearth_wire::dataproc as pb;
use pb::session_template::SessionConfig as PbKind;

use super::session::{Unknown, environment, environment_message, jupyter_message, runtime, runtime_message};
use super::time::timestamp;

/// A template that a client sent. What only the server sets is left out.
///
/// # Errors
/// With every enum number that is none.
pub fn body(template: &pb::SessionTemplate) -> Result<TemplateBody, Vec<Violation>> {
    let mut unknown = Unknown::of("session_template");
    let config = SessionConfig {
        kind: template.session_config.as_ref().map(|kind| match kind {
            PbKind::JupyterSession(jupyter) => unknown.jupyter(jupyter),
            PbKind::SparkConnectSession(_) => SessionKind::SparkConnect,
        }),
        labels: template.labels.clone(),
        runtime: template.runtime_config.as_ref().map(runtime),
        environment: template.environment_config.as_ref().map(|config| environment(config, &mut unknown)),
        ..SessionConfig::default()
    };
    unknown.unless_any(TemplateBody {
        name: template.name.clone(),
        description: template.description.clone(),
        display_name: template.display_name.clone(),
        config,
    })
}

/// A template as clients see it.
pub fn message(template: &Template) -> pb::SessionTemplate {
    let config = &template.config;
    pb::SessionTemplate {
        name: template.name.to_string(),
        description: template.description.clone(),
        create_time: Some(timestamp(template.created_at)),
        session_config: config.kind.as_ref().map(|kind| match kind {
            SessionKind::Jupyter { kernel, display_name } => {
                PbKind::JupyterSession(jupyter_message(*kernel, display_name))
            }
            SessionKind::SparkConnect => PbKind::SparkConnectSession(pb::SparkConnectConfig {}),
        }),
        creator: template.creator.clone(),
        labels: template.labels.clone(),
        runtime_config: config.runtime.as_ref().map(runtime_message),
        environment_config: config.environment.as_ref().map(environment_message),
        update_time: Some(timestamp(template.updated_at)),
        uuid: template.uuid.to_string(),
        display_name: template.display_name.clone(),
    }
}
