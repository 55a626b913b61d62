//! The session templates that are there from the start: those of the operator's file, and one of our own.

use std::fs;
use std::path::{Path, PathBuf};

use hearth_api::convert::template;
use hearth_control::templates::TemplateBody;
use hearth_control::{Caller, Control, ControlError};
use hearth_core::config::{SessionConfig, SessionKind};
use hearth_core::name::{Parent, TemplateName};
use hearth_wire::{dataproc, json};
use serde_json::Value;
use tracing::info;

use crate::config::Config;

/// The built-in template, for clients that cannot express the empty message that asks for Spark Connect.
const SPARK_CONNECT: &str = "spark-connect";

/// Why the templates of a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SeedError {
    /// The file cannot be read.
    #[error("could not read the session templates in \"{}\"", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// It is neither JSON nor YAML.
    #[error("the session templates in \"{}\" are neither JSON nor YAML", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        #[source]
        source: serde_norway::Error,
    },
    /// It does not hold a list of templates.
    #[error("\"{}\" holds no list of session templates", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
    },
    /// One of its templates breaks a rule.
    #[error("session template {number} in \"{}\" cannot be used: {problems}", path.display())]
    Template {
        /// The file.
        path: PathBuf,
        /// Which, counted from 1.
        number: usize,
        /// What is wrong with it.
        problems: String,
    },
    /// The store has a problem.
    #[error("could not write the session templates of the start")]
    Store {
        /// Why.
        #[source]
        source: ControlError,
    },
}

/// Makes those templates that are not there yet. Those that are stay as they are, whatever the file says.
pub(super) async fn seed(control: &Control, config: &Config, owner: &Caller) -> Result<(), SeedError> {
    let home = Parent { project: config.project.clone(), location: config.default_location.clone() };
    // The whole file is read before anything is written.
    let seeds = match &config.templates {
        Some(path) => read(path, &home, config)?,
        None => Vec::new(),
    };
    for (index, (parent, body)) in seeds.into_iter().enumerate() {
        let name = body.name.clone();
        match control.seed_template(owner, &parent, body).await {
            Ok(true) => info!(template = name, "session template made"),
            Ok(false) => {}
            Err(source @ ControlError::Store(_)) => return Err(SeedError::Store { source }),
            Err(problem) => {
                let path = config.templates.clone().unwrap_or_default();
                let problems = problem.to_string().replace('\n', "; ");
                return Err(SeedError::Template { path, number: index + 1, problems });
            }
        }
    }
    let own = TemplateBody {
        name: home.template(SPARK_CONNECT).to_string(),
        description: "Spark Connect on the default runtime".to_owned(),
        display_name: "Spark Connect".to_owned(),
        config: SessionConfig { kind: Some(SessionKind::SparkConnect), ..SessionConfig::default() },
    };
    control.seed_template(owner, &home, own).await.map_err(|source| SeedError::Store { source })?;
    Ok(())
}

/// The templates in a file, each with its place.
fn read(path: &Path, home: &Parent, config: &Config) -> Result<Vec<(Parent, TemplateBody)>, SeedError> {
    let text =
        fs::read_to_string(path).map_err(|source| SeedError::Read { path: path.to_owned(), source })?;
    // YAML is JSON and more.
    let value: Value = serde_norway::from_str(&text)
        .map_err(|source| SeedError::Syntax { path: path.to_owned(), source })?;
    let list = match &value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) => list,
        Value::Object(object) => match object.get("sessionTemplates") {
            Some(Value::Array(list)) if object.len() == 1 => list,
            _ => return Err(SeedError::Shape { path: path.to_owned() }),
        },
        _ => return Err(SeedError::Shape { path: path.to_owned() }),
    };
    let numbered = list.iter().zip(1..);
    numbered
        .map(|(value, number)| {
            placed(value, home, config).map_err(|problems| SeedError::Template {
                path: path.to_owned(),
                number,
                problems,
            })
        })
        .collect()
}

/// One template and where it belongs: a name that is only an id belongs to the default project and location.
fn placed(value: &Value, home: &Parent, config: &Config) -> Result<(Parent, TemplateBody), String> {
    let message: dataproc::SessionTemplate = json::from_slice(value.to_string().as_bytes())
        .map_err(|violations| violations.to_string().replace('\n', "; "))?;
    let mut body = template::body(&message).map_err(|violations| {
        violations.iter().map(|violation| violation.description.as_str()).collect::<Vec<_>>().join("; ")
    })?;
    if !body.name.is_empty() && !body.name.contains('/') {
        body.name = home.template(body.name).to_string();
    }
    let name: TemplateName = body.name.parse().map_err(|error| format!("{error}"))?;
    let parent = name.parent().clone();
    if !config.projects.is_empty() && !config.projects.contains(&parent.project) {
        return Err(format!("project '{}' is not served here", parent.project));
    }
    if !config.locations.is_empty() && !config.locations.contains(&parent.location) {
        return Err(format!("location '{}' is not served here", parent.location));
    }
    Ok((parent, body))
}
