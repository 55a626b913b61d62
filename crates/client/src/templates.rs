//! Calls about session templates.

use hearth_wire::dataproc::session_template_controller_client::SessionTemplateControllerClient;
use hearth_wire::dataproc::{
    CreateSessionTemplateRequest, DeleteSessionTemplateRequest, GetSessionTemplateRequest,
    ListSessionTemplatesRequest, ListSessionTemplatesResponse, SessionTemplate,
};

use crate::client::{Client, LARGEST_ANSWER, Service};
use crate::error::ClientError;

impl Client {
    /// Makes a template. Called once only: when its answer is lost, whether it was made can be read.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn create_template(
        &self,
        request: CreateSessionTemplateRequest,
    ) -> Result<SessionTemplate, ClientError> {
        self.once(templates(self.service()).create_session_template(request)).await
    }

    /// Reads a template by its full name.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn template(&self, name: &str) -> Result<SessionTemplate, ClientError> {
        let request = GetSessionTemplateRequest { name: name.to_owned() };
        self.repeat(request, |service, request| async move {
            templates(service).get_session_template(request).await
        })
        .await
    }

    /// One page of the templates of a place.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn list_templates(
        &self,
        request: ListSessionTemplatesRequest,
    ) -> Result<ListSessionTemplatesResponse, ClientError> {
        self.repeat(request, |service, request| async move {
            templates(service).list_session_templates(request).await
        })
        .await
    }

    /// Removes a template. Called once only: a repetition would find nothing to remove.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn delete_template(&self, name: &str) -> Result<(), ClientError> {
        let request = DeleteSessionTemplateRequest { name: name.to_owned() };
        self.once(templates(self.service()).delete_session_template(request)).await
    }
}

fn templates(service: Service) -> SessionTemplateControllerClient<Service> {
    SessionTemplateControllerClient::new(service).max_decoding_message_size(LARGEST_ANSWER)
}
