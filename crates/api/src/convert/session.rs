//! Sessions and their settings.

use std::collections::BTreeMap;

use hearth_core::config::{
    Authentication, AutotuningConfig, EnvironmentConfig, ExecutionConfig, Kernel, Network, PeripheralsConfig,
    RepositoryConfig, RuntimeConfig, SessionConfig, SessionKind,
};
use hearth_core::session::{Session, SessionState, StateLabel};
use hearth_core::staged;
use hearth_core::validate::Violation;
use hearth_wire::dataproc as pb;
use pb::authentication_config::AuthenticationType;
use pb::execution_config::Network as PbNetwork;
use pb::session::SessionConfig as PbKind;

use super::time::{duration, from_duration, timestamp};
use super::usage;

/// What every property key begins with in answers (contract, section 5.8).
const PROPERTY_PREFIX: &str = "spark:";
/// The key of the endpoint with Spark's web pages (contract, section 5.8).
pub const SPARK_UI_ENDPOINT: &str = "Spark UI";
/// The key of the endpoint that official clients look for (contract, section 5.8).
pub const SPARK_CONNECT_ENDPOINT: &str = "Spark Connect Server";
/// The key of the endpoint that Jupyter's gateway clients are pointed at.
pub const JUPYTER_ENDPOINT: &str = "Jupyter";

/// The settings in a session that a client sent. What only the server sets is left out.
///
/// # Errors
/// With every enum number that is none.
pub fn settings(session: &pb::Session) -> Result<SessionConfig, Vec<Violation>> {
    let mut unknown = Unknown::of("session");
    let config = SessionConfig {
        kind: session.session_config.as_ref().map(|kind| match kind {
            PbKind::JupyterSession(jupyter) => unknown.jupyter(jupyter),
            PbKind::SparkConnectSession(_) => SessionKind::SparkConnect,
        }),
        labels: session.labels.clone(),
        runtime: session.runtime_config.as_ref().map(runtime),
        environment: session.environment_config.as_ref().map(|config| environment(config, &mut unknown)),
        user: session.user.clone(),
        template: session.session_template.clone(),
    };
    unknown.unless_any(config)
}

/// Enum numbers that are none, found in a message.
pub(super) struct Unknown {
    prefix: &'static str,
    violations: Vec<Violation>,
}

impl Unknown {
    /// None yet, in the message at the path `prefix`.
    pub(super) fn of(prefix: &'static str) -> Self {
        Self { prefix, violations: Vec::new() }
    }

    /// What was read, unless a number was found that is none.
    pub(super) fn unless_any<T>(self, read: T) -> Result<T, Vec<Violation>> {
        if self.violations.is_empty() { Ok(read) } else { Err(self.violations) }
    }

    pub(super) fn jupyter(&mut self, jupyter: &pb::JupyterConfig) -> SessionKind {
        use pb::jupyter_config::Kernel as PbKernel;
        let kernel = match PbKernel::try_from(jupyter.kernel) {
            Ok(PbKernel::Unspecified) => None,
            Ok(PbKernel::Python) => Some(Kernel::Python),
            Ok(PbKernel::Scala) => Some(Kernel::Scala),
            Err(_) => {
                self.report("jupyter_session.kernel", jupyter.kernel);
                None
            }
        };
        SessionKind::Jupyter { kernel, display_name: jupyter.display_name.clone() }
    }

    fn report(&mut self, path: &str, number: i32) {
        let field = format!("{}.{path}", self.prefix);
        let description = format!("Invalid value for field '{field}': {number} is not a value of its enum");
        self.violations.push(Violation { field, description });
    }
}

pub(super) fn runtime(config: &pb::RuntimeConfig) -> RuntimeConfig {
    let bare = |key: &String| key.strip_prefix(PROPERTY_PREFIX).unwrap_or(key).to_owned();
    RuntimeConfig {
        version: config.version.clone(),
        container_image: config.container_image.clone(),
        properties: config.properties.iter().map(|(key, value)| (bare(key), value.clone())).collect(),
        repository: config.repository_config.as_ref().map(|repository| RepositoryConfig {
            pypi: repository.pypi_repository_config.as_ref().map(|pypi| pypi.pypi_repository.clone()),
        }),
        autotuning: config
            .autotuning_config
            .as_ref()
            .map(|autotuning| AutotuningConfig { scenarios: autotuning.scenarios.clone() }),
        cohort: config.cohort.clone(),
    }
}

pub(super) fn environment(config: &pb::EnvironmentConfig, unknown: &mut Unknown) -> EnvironmentConfig {
    EnvironmentConfig {
        execution: config.execution_config.as_ref().map(|config| execution(config, unknown)),
        peripherals: config.peripherals_config.as_ref().map(|peripherals| PeripheralsConfig {
            metastore_service: peripherals.metastore_service.clone(),
            spark_history_server: peripherals
                .spark_history_server_config
                .as_ref()
                .map(|server| server.dataproc_cluster.clone()),
        }),
    }
}

fn execution(config: &pb::ExecutionConfig, unknown: &mut Unknown) -> ExecutionConfig {
    ExecutionConfig {
        service_account: config.service_account.clone(),
        network: config.network.as_ref().map(|network| match network {
            PbNetwork::NetworkUri(uri) => Network::Network(uri.clone()),
            PbNetwork::SubnetworkUri(uri) => Network::Subnetwork(uri.clone()),
        }),
        network_tags: config.network_tags.clone(),
        kms_key: config.kms_key.clone(),
        idle_ttl: config.idle_ttl.as_ref().map(from_duration),
        ttl: config.ttl.as_ref().map(from_duration),
        staging_bucket: config.staging_bucket.clone(),
        authentication: config
            .authentication_config
            .as_ref()
            .map(|config| authentication(config.user_workload_authentication_type, unknown)),
        resource_manager_tags: config.resource_manager_tags.clone(),
    }
}

fn authentication(number: i32, unknown: &mut Unknown) -> Authentication {
    match AuthenticationType::try_from(number) {
        Ok(AuthenticationType::Unspecified) => Authentication::Unspecified,
        Ok(AuthenticationType::ServiceAccount) => Authentication::ServiceAccount,
        Ok(AuthenticationType::EndUserCredentials) => Authentication::EndUser,
        Err(_) => {
            let path = "environment_config.execution_config.authentication_config\
                        .user_workload_authentication_type";
            unknown.report(path, number);
            Authentication::Unspecified
        }
    }
}

/// Where things of sessions are.
#[derive(Debug, Clone)]
pub struct Places {
    /// The address that leads to Spark Connect sessions, as `sc://HOST:PORT`.
    pub spark_connect: String,
    /// The address of the service for browsers and notebooks, as `http://HOST:PORT`.
    pub web: String,
    /// The staging stores.
    pub staging: staged::Places,
}

impl Places {
    /// Where the archive of a session is, once one was written.
    pub fn diagnostics(&self, session: &Session) -> String {
        self.staging.uri(session.staged(), staged::DIAGNOSTICS)
    }
}

/// A session as clients see it.
pub fn message(session: &Session, places: &Places) -> pb::Session {
    let config = &session.config;
    pb::Session {
        name: session.name.to_string(),
        uuid: session.uuid.to_string(),
        create_time: Some(timestamp(session.created_at)),
        session_config: config.kind.as_ref().map(kind_message),
        runtime_info: Some(runtime_info(session, places)),
        state: state(session.state.label()).into(),
        state_message: session.state_message.clone(),
        state_time: Some(timestamp(session.state_at)),
        creator: session.creator.clone(),
        labels: config.labels.clone(),
        runtime_config: config.runtime.as_ref().map(runtime_message),
        environment_config: config.environment.as_ref().map(environment_message),
        user: config.user.clone(),
        state_history: session
            .history
            .iter()
            .map(|past| pb::session::SessionStateHistory {
                state: state(past.state).into(),
                state_message: past.message.clone(),
                state_start_time: Some(timestamp(past.at)),
            })
            .collect(),
        session_template: config.template.clone(),
    }
}

fn state(label: StateLabel) -> pb::session::State {
    match label {
        StateLabel::Creating => pb::session::State::Creating,
        StateLabel::Active => pb::session::State::Active,
        StateLabel::Terminating => pb::session::State::Terminating,
        StateLabel::Terminated => pb::session::State::Terminated,
        StateLabel::Failed => pb::session::State::Failed,
    }
}

fn runtime_info(session: &Session, places: &Places) -> pb::RuntimeInfo {
    let mut endpoints = BTreeMap::new();
    if let SessionState::Active { .. } = &session.state {
        let (key, place) = match session.config.kind {
            Some(SessionKind::Jupyter { .. }) => {
                (JUPYTER_ENDPOINT, format!("{}/sessions/{}/jupyter", places.web, session.uuid))
            }
            Some(SessionKind::SparkConnect) | None => (SPARK_CONNECT_ENDPOINT, places.spark_connect.clone()),
        };
        endpoints.insert(key.to_owned(), place);
    }
    if let SessionState::Active { ui: Some(_), .. } = &session.state {
        let pages = format!("{}/sessions/{}/ui/", places.web, session.uuid);
        endpoints.insert(SPARK_UI_ENDPOINT.to_owned(), pages);
    }
    let output_uri = match session.state {
        // Nothing was written yet, or nothing that is known to be a session's.
        SessionState::Creating { .. } => String::new(),
        SessionState::Active { .. }
        | SessionState::Terminating { .. }
        | SessionState::Terminated { .. }
        | SessionState::Failed { .. } => places.staging.uri(session.staged(), staged::OUTPUT),
    };
    let diagnostic_output_uri = match session.keeping.diagnosed_at {
        Some(_) => places.diagnostics(session),
        None => String::new(),
    };
    let (current_usage, approximate_usage) = usage::messages(session);
    pb::RuntimeInfo {
        endpoints,
        output_uri,
        diagnostic_output_uri,
        current_usage,
        approximate_usage,
        ..pb::RuntimeInfo::default()
    }
}

fn kind_message(kind: &SessionKind) -> PbKind {
    match kind {
        SessionKind::Jupyter { kernel, display_name } => {
            PbKind::JupyterSession(jupyter_message(*kernel, display_name))
        }
        SessionKind::SparkConnect => PbKind::SparkConnectSession(pb::SparkConnectConfig {}),
    }
}

pub(super) fn jupyter_message(kernel: Option<Kernel>, display_name: &str) -> pb::JupyterConfig {
    pb::JupyterConfig {
        kernel: match kernel {
            None => pb::jupyter_config::Kernel::Unspecified,
            Some(Kernel::Python) => pb::jupyter_config::Kernel::Python,
            Some(Kernel::Scala) => pb::jupyter_config::Kernel::Scala,
        }
        .into(),
        display_name: display_name.to_owned(),
    }
}

pub(super) fn runtime_message(config: &RuntimeConfig) -> pb::RuntimeConfig {
    let shown = |key: &String| format!("{PROPERTY_PREFIX}{key}");
    pb::RuntimeConfig {
        version: config.version.clone(),
        container_image: config.container_image.clone(),
        properties: config.properties.iter().map(|(key, value)| (shown(key), value.clone())).collect(),
        repository_config: config.repository.as_ref().map(|repository| pb::RepositoryConfig {
            pypi_repository_config: repository
                .pypi
                .as_ref()
                .map(|pypi| pb::PyPiRepositoryConfig { pypi_repository: pypi.clone() }),
        }),
        autotuning_config: config
            .autotuning
            .as_ref()
            .map(|autotuning| pb::AutotuningConfig { scenarios: autotuning.scenarios.clone() }),
        cohort: config.cohort.clone(),
    }
}

pub(super) fn environment_message(config: &EnvironmentConfig) -> pb::EnvironmentConfig {
    pb::EnvironmentConfig {
        execution_config: config.execution.as_ref().map(execution_message),
        peripherals_config: config.peripherals.as_ref().map(|peripherals| pb::PeripheralsConfig {
            metastore_service: peripherals.metastore_service.clone(),
            spark_history_server_config: peripherals
                .spark_history_server
                .as_ref()
                .map(|cluster| pb::SparkHistoryServerConfig { dataproc_cluster: cluster.clone() }),
        }),
    }
}

fn execution_message(config: &ExecutionConfig) -> pb::ExecutionConfig {
    pb::ExecutionConfig {
        service_account: config.service_account.clone(),
        network: config.network.as_ref().map(|network| match network {
            Network::Network(uri) => PbNetwork::NetworkUri(uri.clone()),
            Network::Subnetwork(uri) => PbNetwork::SubnetworkUri(uri.clone()),
        }),
        network_tags: config.network_tags.clone(),
        kms_key: config.kms_key.clone(),
        idle_ttl: config.idle_ttl.map(duration),
        ttl: config.ttl.map(duration),
        staging_bucket: config.staging_bucket.clone(),
        authentication_config: config.authentication.map(|authentication| pb::AuthenticationConfig {
            user_workload_authentication_type: match authentication {
                Authentication::Unspecified => AuthenticationType::Unspecified,
                Authentication::ServiceAccount => AuthenticationType::ServiceAccount,
                Authentication::EndUser => AuthenticationType::EndUserCredentials,
            }
            .into(),
        }),
        resource_manager_tags: config.resource_manager_tags.clone(),
    }
}
