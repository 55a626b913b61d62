//! Calls beyond the Dataproc API: how sessions came up, what engines write, what the server is.

use hearth_wire::hearth::server_client::ServerClient;
use hearth_wire::hearth::session_insight_client::SessionInsightClient;
use hearth_wire::hearth::{
    DiagnoseSessionRequest, Diagnostics, DiagnosticsPart, ExplainSessionRequest, Explanation,
    ExtendSessionRequest, ExtendSessionResponse, GetDiagnosticsRequest, GetLogRequest, GetServerInfoRequest,
    GetTimelineRequest, ListPoolsRequest, Log, Pool, ServerInfo, SessionNotice, Timeline,
    WatchSessionRequest,
};
use tonic::Streaming;

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

    /// The engines that are started ahead.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn pools(&self) -> Result<Vec<Pool>, ClientError> {
        let answer = self
            .repeat(ListPoolsRequest {}, |service, request| async move {
                ServerClient::new(service).list_pools(request).await
            })
            .await?;
        Ok(answer.pools)
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

    /// What is noteworthy in a session's life from the notice after number `after` on, as it happens. 0 begins with
    /// its creation. [`Notices::next`] gives one after the other.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn watch(&self, session: &str, after: i64) -> Result<Notices, ClientError> {
        let request = WatchSessionRequest { name: session.to_owned(), after };
        let stream = self
            .repeat(request, |service, request| async move { insight(service).watch_session(request).await })
            .await?;
        Ok(Notices { stream, endpoint: self.endpoint().to_owned() })
    }

    /// Lets a session live longer. Harmless to repeat, as it says when the session is to end and not by how much.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn extend(&self, request: ExtendSessionRequest) -> Result<ExtendSessionResponse, ClientError> {
        self.repeat(request, |service, request| async move { insight(service).extend_session(request).await })
            .await
    }

    /// Why a session is in its state, and what to do next.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn explain(&self, session: &str) -> Result<Explanation, ClientError> {
        let request = ExplainSessionRequest { name: session.to_owned() };
        self.repeat(
            request,
            |service, request| async move { insight(service).explain_session(request).await },
        )
        .await
    }

    /// Has an archive of diagnostics of a session written. Harmless to repeat: it is written anew at most.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn diagnose(&self, session: &str) -> Result<Diagnostics, ClientError> {
        let request = DiagnoseSessionRequest { name: session.to_owned() };
        self.repeat(
            request,
            |service, request| async move { insight(service).diagnose_session(request).await },
        )
        .await
    }

    /// The whole archive of diagnostics of a session.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn diagnostics(&self, session: &str) -> Result<Vec<u8>, ClientError> {
        let mut archive = Vec::new();
        let mut time = None;
        loop {
            let part = self.diagnostics_part(session, archive.len()).await?;
            if time.is_some() && part.time != time {
                // It was written anew meanwhile, and what was read is of another.
                archive.clear();
                time = None;
                continue;
            }
            time = part.time;
            archive.extend(part.content);
            if part.finished {
                return Ok(archive);
            }
        }
    }

    async fn diagnostics_part(&self, session: &str, offset: usize) -> Result<DiagnosticsPart, ClientError> {
        let offset = i64::try_from(offset).unwrap_or(i64::MAX);
        let request = GetDiagnosticsRequest { name: session.to_owned(), offset, limit: 0 };
        self.repeat(
            request,
            |service, request| async move { insight(service).get_diagnostics(request).await },
        )
        .await
    }
}

/// Notices of a session that is watched.
#[derive(Debug)]
pub struct Notices {
    stream: Streaming<SessionNotice>,
    endpoint: String,
}

impl Notices {
    /// The next notice, when it comes; `None` once nothing more can come.
    ///
    /// # Errors
    /// When the connection or the service ends. Watching again from the last number on loses nothing.
    pub async fn next(&mut self) -> Result<Option<SessionNotice>, ClientError> {
        self.stream.message().await.map_err(|status| ClientError::from_status(status, &self.endpoint))
    }
}

fn insight(service: Service) -> SessionInsightClient<Service> {
    SessionInsightClient::new(service).max_decoding_message_size(LARGEST_ANSWER)
}
