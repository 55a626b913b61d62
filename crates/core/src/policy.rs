//! What the deployment decides about the life of sessions.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Times and limits that hold for every session of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionPolicy {
    /// How long a start may take before the session is FAILED. Official clients give up after 600 s.
    pub start_timeout: Duration,
    /// How long a session may wait for room before it is FAILED. It has the time for its start besides.
    pub wait_timeout: Duration,
    /// How long an engine has between being asked to end and being killed.
    pub stop_grace: Duration,
    /// How long an end may take in all before the session is FAILED.
    pub stop_timeout: Duration,
    /// `ttl` of a session that does not say (contract, section 5.7).
    pub default_ttl: Duration,
    /// `idle_ttl` of a session that does not say (contract, section 5.7).
    pub default_idle_ttl: Duration,
    /// How long an ended session and a finished operation are kept.
    pub retention: Duration,
    /// How long after a session's end its use is counted, also when the session itself is removed.
    pub usage_retention: Duration,
    /// The most an engine's log may take on disk, in bytes.
    pub log_limit: u64,
}

impl Default for SessionPolicy {
    fn default() -> Self {
        const HOUR: u64 = 3600;
        Self {
            start_timeout: Duration::from_secs(300),
            // With the time for the start it is what official clients wait.
            wait_timeout: Duration::from_secs(300),
            stop_grace: Duration::from_secs(5),
            stop_timeout: Duration::from_secs(30),
            default_ttl: Duration::from_secs(24 * HOUR),
            default_idle_ttl: Duration::from_secs(HOUR),
            retention: Duration::from_secs(7 * 24 * HOUR),
            // A year, and a month to look at it.
            usage_retention: Duration::from_secs(400 * 24 * HOUR),
            log_limit: 16 << 20,
        }
    }
}
