//! Calls beyond the Dataproc API: how sessions came up, what engines write, what the server is.

use hearth_wire::hearth::server_client::ServerClient;
use hearth_wire::hearth::session_insight_client::SessionInsightClient;
use hearth_wire::hearth::{
    GetLogRequest, GetServerInfoRequest, GetTimelineRequest, Log, ServerInfo, Timeline,
};

use crate::client::{Client, LARGEST_ANSWER, Service};
use crate::error::ClientError;

impl Client {
    /// What the server is.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn server_info(&self) -> Result<ServerInfo, ClientError> {
        self.repeat(GetServerInfoRequest {}, |service, request| async move {
            ServerClient::new(service).get_server_info(request).await
        })
        .await
    }

    /// How a session came up.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn timeline(&self, session: &str) -> Result<Timeline, ClientError> {
        let request = GetTimelineRequest { name: session.to_owned() };
        self.repeat(request, |service, request| async move { insight(service).get_timeline(request).await })
            .await
    }

    /// A part of what a session's engine has written, from the byte at `offset` on. The next part starts where the
    /// answer says.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn log(&self, session: &str, offset: i64) -> Result<Log, ClientError> {
        let request = GetLogRequest { name: session.to_owned(), offset, limit: 0 };
        self.repeat(request, |service, request| async move { insight(service).get_log(request).await }).await
    }
}

fn insight(service: Service) -> SessionInsightClient<Service> {
    SessionInsightClient::new(service).max_decoding_message_size(LARGEST_ANSWER)
}
