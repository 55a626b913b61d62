//! Asks engines whether they answer.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hearth_control::world::{Answer, Probe};
use hearth_core::engine::{Endpoint, Protocol};
use hearth_core::id::SessionUuid;
use hearth_gateway::jupyter::Relay;
use hearth_gateway::{ProbeError, probe_spark_connect, warm_up_spark_connect};
use tokio::sync::mpsc;
use tracing::debug;

use super::kernels::Answered;
use super::secrets::EngineSecrets;

/// How long an engine may take over one answer before it is asked anew. A JVM's first answer takes up to 4 s.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long an engine may take to warm up. A JVM that shares its cores with others has taken ten seconds.
const WARM_UP_PATIENCE: Duration = Duration::from_secs(30);

/// How much later than its caller an engine's log may know of an error. Milliseconds were seen.
const LOG_LAG: Duration = Duration::from_secs(1);

/// Asks over the network.
pub(crate) struct NetworkProbe {
    pub(crate) secrets: Arc<EngineSecrets>,
    /// Who is told of kernels that answer.
    pub(crate) kernels: mpsc::UnboundedSender<Answered>,
}

#[async_trait]
impl Probe for NetworkProbe {
    async fn ask(&self, session: SessionUuid, endpoint: &Endpoint, protocol: Protocol) -> Answer {
        let secret = self.secrets.header(session);
        match protocol {
            Protocol::SparkConnect => match probe_spark_connect(endpoint, Some(&secret), PATIENCE).await {
                Ok(()) => Answer::Good,
                Err(error @ ProbeError::NotReady(_)) => {
                    debug!(%endpoint, %error, "engine does not answer yet");
                    Answer::NotYet
                }
                Err(ProbeError::Broken(text)) => {
                    // Its log is looked at next, and says more.
                    tokio::time::sleep(LOG_LAG).await;
                    Answer::Error(text)
                }
            },
            Protocol::HiveMetastore => Answer::Error("a metastore is no engine of a session".to_owned()),
            Protocol::Jupyter => {
                let relay = Relay { endpoint: endpoint.clone(), authorization: secret };
                match tokio::time::timeout(PATIENCE, relay.ready()).await {
                    Ok(Ok(true)) => {
                        // Nobody listens once the service is ending.
                        let _ = self.kernels.send((session, endpoint.clone()));
                        Answer::Good
                    }
                    // What it says of itself when it ends tells more than that it does not answer.
                    answer => {
                        debug!(%endpoint, ?answer, "kernel does not answer yet");
                        Answer::NotYet
                    }
                }
            }
        }
    }

    async fn warm_up(&self, session: SessionUuid, endpoint: &Endpoint) {
        let secret = self.secrets.header(session);
        if let Err(error) = warm_up_spark_connect(endpoint, Some(&secret), WARM_UP_PATIENCE).await {
            // It answers, only its first query takes longer.
            debug!(%endpoint, %error, "an engine was not warmed up");
        }
    }
}
