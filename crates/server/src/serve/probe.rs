//! Asks engines whether they answer.

use std::time::Duration;

use async_trait::async_trait;
use hearth_control::world::Probe;
use hearth_core::engine::{Endpoint, Protocol};
use hearth_gateway::probe_spark_connect;
use tracing::debug;

/// How long an engine may take over one answer before it is asked anew. A JVM's first answer takes up to 4 s.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asks over the network.
pub(crate) struct NetworkProbe;

#[async_trait]
impl Probe for NetworkProbe {
    async fn answers(&self, endpoint: &Endpoint, protocol: Protocol) -> bool {
        match protocol {
            Protocol::SparkConnect => match probe_spark_connect(endpoint, PATIENCE).await {
                Ok(()) => true,
                Err(error) => {
                    debug!(%endpoint, %error, "engine does not answer yet");
                    false
                }
            },
        }
    }
}
