//! Calls about sessions.

use hearth_wire::dataproc::session_controller_client::SessionControllerClient;
use hearth_wire::dataproc::{
    CreateSessionRequest, DeleteSessionRequest, GetSessionRequest, ListSessionsRequest, ListSessionsResponse,
    Session, TerminateSessionRequest,
};
use hearth_wire::longrunning::Operation;

use crate::client::{Client, LARGEST_ANSWER, Service};
use crate::error::ClientError;

/// A request id that nobody else has: it makes a repeated request harmless.
pub fn new_request_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

impl Client {
    /// Starts a session. An empty request id in `request` is filled in, so that a lost answer is asked for again.
    ///
    /// # Errors
    /// As [`ClientError`] has it; what goes wrong after the request was accepted is in the operation.
    pub async fn create_session(&self, mut request: CreateSessionRequest) -> Result<Operation, ClientError> {
        fill(&mut request.request_id);
        self.repeat(
            request,
            |service, request| async move { sessions(service).create_session(request).await },
        )
        .await
    }

    /// Reads a session by its full name.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn session(&self, name: &str) -> Result<Session, ClientError> {
        let request = GetSessionRequest { name: name.to_owned() };
        self.repeat(request, |service, request| async move { sessions(service).get_session(request).await })
            .await
    }

    /// One page of the sessions of a place.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn list_sessions(
        &self,
        request: ListSessionsRequest,
    ) -> Result<ListSessionsResponse, ClientError> {
        self.repeat(request, |service, request| async move { sessions(service).list_sessions(request).await })
            .await
    }

    /// Ends a session and keeps its record. Without a request id one is made up.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn terminate_session(
        &self,
        name: &str,
        request_id: Option<&str>,
    ) -> Result<Operation, ClientError> {
        let request = TerminateSessionRequest { name: name.to_owned(), request_id: id_or_new(request_id) };
        self.repeat(
            request,
            |service, request| async move { sessions(service).terminate_session(request).await },
        )
        .await
    }

    /// Removes a session, ending it first if it still runs. Without a request id one is made up.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn delete_session(
        &self,
        name: &str,
        request_id: Option<&str>,
    ) -> Result<Operation, ClientError> {
        let request = DeleteSessionRequest { name: name.to_owned(), request_id: id_or_new(request_id) };
        self.repeat(
            request,
            |service, request| async move { sessions(service).delete_session(request).await },
        )
        .await
    }
}

fn sessions(service: Service) -> SessionControllerClient<Service> {
    SessionControllerClient::new(service).max_decoding_message_size(LARGEST_ANSWER)
}

fn id_or_new(id: Option<&str>) -> String {
    id.map_or_else(new_request_id, str::to_owned)
}

fn fill(id: &mut String) {
    if id.is_empty() {
        *id = new_request_id();
    }
}
