//! History servers of others that sessions may name: where they look for event logs, and where their pages are.

use std::collections::BTreeMap;

use hearth_core::config::SessionConfig;
use hearth_core::staged::Owner;
use hearth_core::validate::Violation;

use crate::config::NamedHistoryServer;

/// The field that names one.
const FIELD: &str =
    "session.environment_config.peripherals_config.spark_history_server_config.dataproc_cluster";

/// The history servers of the configuration, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct HistoryServers(BTreeMap<String, NamedHistoryServer>);

impl HistoryServers {
    pub(crate) fn new(servers: &[NamedHistoryServer]) -> Self {
        Self(servers.iter().map(|server| (server.name.clone(), server.clone())).collect())
    }

    /// What is wrong with a new session's choice. Where none are configured the name is only kept.
    pub(crate) fn check(&self, config: &SessionConfig) -> Option<Violation> {
        let name = config.history_server();
        if name.is_empty() || self.0.is_empty() || self.0.contains_key(name) {
            return None;
        }
        let known = self.0.keys().cloned().collect::<Vec<_>>().join(", ");
        let description = format!("Unknown history server '{name}'. Known history servers: {known}");
        Some(Violation { field: FIELD.to_owned(), description })
    }

    /// That of a session, if it names one. One that is not configured any more is none: the service's own is left.
    pub(crate) fn of(&self, owner: Owner<'_>) -> Option<&NamedHistoryServer> {
        self.0.get(owner.history_server)
    }
}
