//! `google.longrunning.Operations`: parse, call, convert.

use std::time::Duration;

use hearth_control::ControlError;
use hearth_control::operations::ListOperations;
use hearth_core::name::{OperationName, Parent};
use hearth_wire::longrunning as pb;
use hearth_wire::longrunning::operations_server::Operations;
use tonic::{Request, Response, Status};

use crate::Api;
use crate::convert::operation;
use crate::permission::Permission;
use crate::sessions::named;
use crate::status::status;

/// The longest that WaitOperation holds its answer, and what it takes when the caller does not say.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

#[tonic::async_trait]
impl Operations for Api {
    async fn get_operation(
        &self,
        request: Request<pb::GetOperationRequest>,
    ) -> Result<Response<pb::Operation>, Status> {
        self.allowed(&request, Permission::OperationsGet, &request.get_ref().name)?;
        let name = operation_name(&request.get_ref().name).map_err(status)?;
        let found = self.control.operation(&name).await.map_err(status)?;
        Ok(Response::new(operation::message(&found, &self.settings.places)))
    }

    async fn list_operations(
        &self,
        request: Request<pb::ListOperationsRequest>,
    ) -> Result<Response<pb::ListOperationsResponse>, Status> {
        self.allowed(&request, Permission::OperationsList, &request.get_ref().name)?;
        let request = request.into_inner();
        if request.return_partial_success {
            return Err(Status::unimplemented("returnPartialSuccess is not served"));
        }
        let parent = operations_parent(&request.name).map_err(status)?;
        self.served("name", &parent).map_err(status)?;
        let pb::ListOperationsRequest { page_size, page_token, filter, .. } = request;
        let list = ListOperations { parent, page_size, page_token, filter };
        let page = self.control.list_operations(list).await.map_err(status)?;
        let operations =
            page.items.iter().map(|found| operation::message(found, &self.settings.places)).collect();
        Ok(Response::new(pb::ListOperationsResponse {
            operations,
            next_page_token: page.next_page_token,
            ..Default::default()
        }))
    }

    async fn cancel_operation(
        &self,
        request: Request<pb::CancelOperationRequest>,
    ) -> Result<Response<()>, Status> {
        let caller = self.allowed(&request, Permission::OperationsCancel, &request.get_ref().name)?;
        let name = operation_name(&request.get_ref().name).map_err(status)?;
        self.control.cancel_operation(&caller, &name).await.map_err(status)?;
        Ok(Response::new(()))
    }

    async fn delete_operation(
        &self,
        request: Request<pb::DeleteOperationRequest>,
    ) -> Result<Response<()>, Status> {
        self.allowed(&request, Permission::OperationsDelete, &request.get_ref().name)?;
        let name = operation_name(&request.get_ref().name).map_err(status)?;
        self.control.delete_operation(&name).await.map_err(status)?;
        Ok(Response::new(()))
    }

    async fn wait_operation(
        &self,
        request: Request<pb::WaitOperationRequest>,
    ) -> Result<Response<pb::Operation>, Status> {
        self.allowed(&request, Permission::OperationsGet, &request.get_ref().name)?;
        let request = request.into_inner();
        let name = operation_name(&request.name).map_err(status)?;
        let time =
            request.timeout.and_then(|timeout| Duration::try_from(timeout).ok()).unwrap_or(LONGEST_WAIT);
        let found = self.control.operation(&name).await.map_err(status)?;
        let waited = self.control.wait_operation(found, time.min(LONGEST_WAIT)).await.map_err(status)?;
        Ok(Response::new(operation::message(&waited, &self.settings.places)))
    }
}

fn operation_name(text: &str) -> Result<OperationName, ControlError> {
    named("name", text.parse())
}

/// Operations are listed under `.../operations` over REST, and under its parent by some gRPC clients.
fn operations_parent(text: &str) -> Result<Parent, ControlError> {
    let parent = text.strip_suffix("/operations").unwrap_or(text);
    named("name", Parent::parse_of_operations(parent))
}
