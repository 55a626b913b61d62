//! `google.cloud.dataproc.v1.SessionController`: parse, call, convert.

use hearth_control::ControlError;
use hearth_control::sessions::{CreateSession, EndSession, ListSessions};
use hearth_core::id::RequestId;
use hearth_core::name::{InvalidName, OperationName, Parent, SessionName};
use hearth_core::operation::Operation;
use hearth_wire::dataproc as pb;
use hearth_wire::dataproc::session_controller_server::SessionController;
use hearth_wire::longrunning;
use tonic::{Request, Response, Status};

use crate::Api;
use crate::convert::{operation, session};
use crate::emulator::emulator_status;
use crate::limits::Group;
use crate::permission::Permission;
use crate::status::status;

#[tonic::async_trait]
impl SessionController for Api {
    async fn create_session(
        &self,
        request: Request<pb::CreateSessionRequest>,
    ) -> Result<Response<longrunning::Operation>, Status> {
        let caller = self.allowed(&request, Permission::SessionsCreate, &request.get_ref().parent)?;
        let request = request.into_inner();
        let parent = self.parent(&request.parent).map_err(status)?;
        self.settings.limits.count(Group::SessionOperations, &parent)?;
        let request_id = request_id(&request.request_id).map_err(status)?;
        let body = request.session.unwrap_or_default();
        let config =
            session::settings(&body).map_err(|violations| status(ControlError::Invalid(violations)))?;
        let create =
            CreateSession { parent, session_id: request.session_id, name: body.name, config, request_id };
        let accepted = self.control.create_session(&caller, create).await.map_err(status)?;
        let held = self.held(accepted).await?;
        Ok(Response::new(operation::message(&held, &self.settings.places)))
    }

    async fn get_session(
        &self,
        request: Request<pb::GetSessionRequest>,
    ) -> Result<Response<pb::Session>, Status> {
        self.allowed(&request, Permission::SessionsGet, &request.get_ref().name)?;
        let name = session_name(&request.get_ref().name).map_err(status)?;
        self.settings.limits.count(Group::Reads, name.parent())?;
        let found = self.control.session(&name).await.map_err(status)?;
        Ok(Response::new(session::message(&found, &self.settings.places)))
    }

    async fn list_sessions(
        &self,
        request: Request<pb::ListSessionsRequest>,
    ) -> Result<Response<pb::ListSessionsResponse>, Status> {
        self.allowed(&request, Permission::SessionsList, &request.get_ref().parent)?;
        let request = request.into_inner();
        let parent = self.parent(&request.parent).map_err(status)?;
        self.settings.limits.count(Group::Reads, &parent)?;
        let pb::ListSessionsRequest { page_size, page_token, filter, .. } = request;
        let list = ListSessions { parent, page_size, page_token, filter };
        let page = self.control.list_sessions(list).await.map_err(status)?;
        let sessions =
            page.items.iter().map(|found| session::message(found, &self.settings.places)).collect();
        Ok(Response::new(pb::ListSessionsResponse { sessions, next_page_token: page.next_page_token }))
    }

    async fn terminate_session(
        &self,
        request: Request<pb::TerminateSessionRequest>,
    ) -> Result<Response<longrunning::Operation>, Status> {
        let caller = self.allowed(&request, Permission::SessionsTerminate, &request.get_ref().name)?;
        let request = request.into_inner();
        let end = end(&request.name, &request.request_id).map_err(status)?;
        self.settings.limits.count(Group::SessionOperations, end.name.parent())?;
        let accepted = self.control.terminate_session(&caller, end).await.map_err(status)?;
        Ok(Response::new(operation::message(&accepted, &self.settings.places)))
    }

    async fn delete_session(
        &self,
        request: Request<pb::DeleteSessionRequest>,
    ) -> Result<Response<longrunning::Operation>, Status> {
        let caller = self.allowed(&request, Permission::SessionsDelete, &request.get_ref().name)?;
        let request = request.into_inner();
        let end = end(&request.name, &request.request_id).map_err(status)?;
        self.settings.limits.count(Group::SessionOperations, end.name.parent())?;
        let accepted = self.control.delete_session(&caller, end).await.map_err(status)?;
        Ok(Response::new(operation::message(&accepted, &self.settings.places)))
    }
}

fn end(name: &str, id: &str) -> Result<EndSession, ControlError> {
    Ok(EndSession { name: session_name(name)?, request_id: request_id(id)? })
}

pub(crate) fn session_name(text: &str) -> Result<SessionName, ControlError> {
    named("name", text.parse())
}

fn request_id(text: &str) -> Result<Option<RequestId>, ControlError> {
    if text.is_empty() { Ok(None) } else { Ok(Some(text.parse()?)) }
}

pub(crate) fn named<T>(field: &str, parsed: Result<T, InvalidName>) -> Result<T, ControlError> {
    parsed.map_err(|error| ControlError::field(field, format!("Invalid resource name: {error}")))
}

impl Api {
    /// The operation of a create, held back for a moment: a quick start is answered as done, which spares official
    /// clients their first poll.
    async fn held(&self, accepted: Operation) -> Result<Operation, Status> {
        let hold = match &self.emulator {
            // What takes no time has happened then, and nothing comes of waiting for the rest.
            Some(emulator) => {
                emulator.settle().await.map_err(emulator_status)?;
                let parent = accepted.session.parent().clone();
                let name = OperationName { parent, id: Some(accepted.id) };
                return self.control.operation(&name).await.map_err(status);
            }
            None => self.settings.create_hold,
        };
        self.control.wait_operation(accepted, hold).await.map_err(status)
    }

    /// A parent whose location is served here.
    pub(crate) fn parent(&self, text: &str) -> Result<Parent, ControlError> {
        let parent: Parent = named("parent", text.parse())?;
        self.served("parent", &parent)?;
        Ok(parent)
    }

    pub(crate) fn served(&self, field: &str, parent: &Parent) -> Result<(), ControlError> {
        let locations = &self.settings.locations;
        if locations.is_empty() || locations.contains(&parent.location) {
            return Ok(());
        }
        let text = format!(
            "Location '{}' is not served here. Known locations: {}",
            parent.location,
            locations.join(", ")
        );
        Err(ControlError::field(field, text))
    }
}
