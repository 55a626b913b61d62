//! What a session is made from: everything a caller may set.
//!
//! A message that may be absent is an `Option`, because a present empty message is not the same as none
//! (contract, section 3): `sparkConnectSession: {}` must survive the round trip.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::engine::Protocol;

/// The settings of a session, after its template was merged in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionConfig {
    /// What runs in the session; `None` only before validation.
    pub kind: Option<SessionKind>,
    /// Labels to find the session by.
    pub labels: BTreeMap<String, String>,
    /// Which runtime, and how it is set up.
    pub runtime: Option<RuntimeConfig>,
    /// Where and as whom it runs, and for how long.
    pub environment: Option<EnvironmentConfig>,
    /// The owner's e-mail address; empty means the caller.
    pub user: String,
    /// The template as the client named it; empty for none.
    pub template: String,
}

/// What runs in a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionKind {
    /// A Jupyter kernel with Spark bound to it.
    Jupyter {
        /// Which kernel; `None` as sent means Python.
        kernel: Option<Kernel>,
        /// The title of its card; empty for none.
        display_name: String,
    },
    /// A Spark Connect server.
    SparkConnect,
}

/// A kernel's language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kernel {
    /// IPython.
    Python,
    /// Scala.
    Scala,
}

impl Kernel {
    /// Its name in settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Scala => "scala",
        }
    }
}

impl std::str::FromStr for Kernel {
    type Err = UnknownKernel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = [Self::Python, Self::Scala];
        known.into_iter().find(|kernel| kernel.as_str() == text).ok_or_else(|| UnknownKernel(text.to_owned()))
    }
}

/// A text that names no kernel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no kernel \"{0}\", but python and scala")]
pub struct UnknownKernel(pub String);

/// Which runtime, and how it is set up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RuntimeConfig {
    /// The runtime's name or version; empty for the configured default.
    pub version: String,
    /// A container image that replaces the runtime's; empty for none.
    pub container_image: String,
    /// Spark properties. Keys are stored without the `spark:` prefix that the API shows.
    pub properties: BTreeMap<String, String>,
    /// Where packages come from.
    pub repository: Option<RepositoryConfig>,
    /// Autotuning, stored and returned; it has no effect on a session.
    pub autotuning: Option<AutotuningConfig>,
    /// The cohort for autotuning; empty for none.
    pub cohort: String,
}

/// Where packages come from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RepositoryConfig {
    /// The Python package index; `Some("")` is a present message without an address.
    pub pypi: Option<String>,
}

/// Autotuning, by the numbers of its scenarios.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AutotuningConfig {
    /// Scenario numbers, as in the API description.
    pub scenarios: Vec<i32>,
}

/// Where and as whom a session runs, and what it is connected to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EnvironmentConfig {
    /// How the workload runs.
    pub execution: Option<ExecutionConfig>,
    /// What it is connected to.
    pub peripherals: Option<PeripheralsConfig>,
}

/// How the workload runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExecutionConfig {
    /// The account the workload runs as; empty for the configured one.
    pub service_account: String,
    /// The network it joins.
    pub network: Option<Network>,
    /// Tags that network rules select by.
    pub network_tags: Vec<String>,
    /// The key that encrypts what is staged; empty for none.
    pub kms_key: String,
    /// How long the session may be without activity.
    pub idle_ttl: Option<Duration>,
    /// How long the session lives at most, from the moment it is active.
    pub ttl: Option<Duration>,
    /// The staging bucket's name; empty for the configured one.
    pub staging_bucket: String,
    /// Whose credentials the workload uses.
    pub authentication: Option<Authentication>,
    /// Tags bound to the session's resources.
    pub resource_manager_tags: BTreeMap<String, String>,
}

/// The network a workload joins: one or the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// A network's name or address.
    Network(String),
    /// A subnetwork's name or address.
    Subnetwork(String),
}

/// Whose credentials the workload uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authentication {
    /// Not said: decided by the runtime's version.
    #[default]
    Unspecified,
    /// The service account's.
    ServiceAccount,
    /// The user's own.
    EndUser,
}

/// What a session is connected to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PeripheralsConfig {
    /// The metastore's name; empty for none.
    pub metastore_service: String,
    /// The history server's cluster; `Some("")` is a present message without a cluster.
    pub spark_history_server: Option<String>,
}

impl SessionConfig {
    /// The kernel of a session with one. What was sent without a language is Python.
    pub fn kernel(&self) -> Option<Kernel> {
        match self.kind {
            Some(SessionKind::Jupyter { kernel, .. }) => Some(kernel.unwrap_or(Kernel::Python)),
            Some(SessionKind::SparkConnect) | None => None,
        }
    }

    /// What the session's engine speaks.
    pub fn protocol(&self) -> Protocol {
        match self.kind {
            Some(SessionKind::Jupyter { .. }) => Protocol::Jupyter,
            Some(SessionKind::SparkConnect) | None => Protocol::SparkConnect,
        }
    }

    /// The runtime version as sent; empty for the default.
    pub fn version(&self) -> &str {
        self.runtime.as_ref().map_or("", |runtime| runtime.version.as_str())
    }

    /// The execution settings, if any were given.
    pub fn execution(&self) -> Option<&ExecutionConfig> {
        self.environment.as_ref()?.execution.as_ref()
    }

    /// The last part of the name of the cluster whose history server it names; empty for none.
    pub fn history_server(&self) -> &str {
        let peripherals = self.environment.as_ref().and_then(|environment| environment.peripherals.as_ref());
        let cluster = peripherals.and_then(|peripherals| peripherals.spark_history_server.as_deref());
        cluster.and_then(|cluster| cluster.rsplit('/').next()).unwrap_or_default()
    }

    /// The execution settings, made if there are none yet.
    pub fn execution_mut(&mut self) -> &mut ExecutionConfig {
        self.environment.get_or_insert_default().execution.get_or_insert_default()
    }
}
