//! `google.cloud.dataproc.v1.SessionTemplateController`: parse, call, convert.

use hearth_control::ControlError;
use hearth_control::templates::{ListTemplates, TemplateBody};
use hearth_core::name::TemplateName;
use hearth_wire::dataproc as pb;
use hearth_wire::dataproc::session_template_controller_server::SessionTemplateController;
use tonic::{Request, Response, Status};

use crate::Api;
use crate::convert::template;
use crate::permission::Permission;
use crate::sessions::named;
use crate::status::status;

#[tonic::async_trait]
impl SessionTemplateController for Api {
    async fn create_session_template(
        &self,
        request: Request<pb::CreateSessionTemplateRequest>,
    ) -> Result<Response<pb::SessionTemplate>, Status> {
        let caller = self.allowed(&request, Permission::TemplatesCreate, &request.get_ref().parent)?;
        let request = request.into_inner();
        let parent = self.parent(&request.parent).map_err(status)?;
        let body = body(request.session_template).map_err(status)?;
        let made = self.control.create_template(&caller, &parent, body).await.map_err(status)?;
        Ok(Response::new(template::message(&made)))
    }

    async fn update_session_template(
        &self,
        request: Request<pb::UpdateSessionTemplateRequest>,
    ) -> Result<Response<pb::SessionTemplate>, Status> {
        let name = request.get_ref().session_template.as_ref().map_or("", |template| &template.name);
        self.allowed(&request, Permission::TemplatesUpdate, name)?;
        let body = body(request.into_inner().session_template).map_err(status)?;
        if body.name.is_empty() {
            let text = "Request contains an invalid argument.";
            return Err(status(ControlError::field("session_template.name", text)));
        }
        let name = named("session_template.name", body.name.parse::<TemplateName>()).map_err(status)?;
        let written = self.control.update_template(&name, body).await.map_err(status)?;
        Ok(Response::new(template::message(&written)))
    }

    async fn get_session_template(
        &self,
        request: Request<pb::GetSessionTemplateRequest>,
    ) -> Result<Response<pb::SessionTemplate>, Status> {
        self.allowed(&request, Permission::TemplatesGet, &request.get_ref().name)?;
        let name = template_name(&request.get_ref().name).map_err(status)?;
        let found = self.control.template(&name).await.map_err(status)?;
        Ok(Response::new(template::message(&found)))
    }

    async fn list_session_templates(
        &self,
        request: Request<pb::ListSessionTemplatesRequest>,
    ) -> Result<Response<pb::ListSessionTemplatesResponse>, Status> {
        self.allowed(&request, Permission::TemplatesList, &request.get_ref().parent)?;
        let pb::ListSessionTemplatesRequest { parent, page_size, page_token, filter } = request.into_inner();
        let parent = self.parent(&parent).map_err(status)?;
        let list = ListTemplates { parent, page_size, page_token, filter };
        let page = self.control.list_templates(list).await.map_err(status)?;
        Ok(Response::new(pb::ListSessionTemplatesResponse {
            session_templates: page.items.iter().map(template::message).collect(),
            next_page_token: page.next_page_token,
        }))
    }

    async fn delete_session_template(
        &self,
        request: Request<pb::DeleteSessionTemplateRequest>,
    ) -> Result<Response<()>, Status> {
        self.allowed(&request, Permission::TemplatesDelete, &request.get_ref().name)?;
        let name = template_name(&request.get_ref().name).map_err(status)?;
        self.control.delete_template(&name).await.map_err(status)?;
        Ok(Response::new(()))
    }
}

fn body(sent: Option<pb::SessionTemplate>) -> Result<TemplateBody, ControlError> {
    template::body(&sent.unwrap_or_default()).map_err(ControlError::Invalid)
}

fn template_name(text: &str) -> Result<TemplateName, ControlError> {
    named("name", text.parse())
}
