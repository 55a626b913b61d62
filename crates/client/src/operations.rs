//! Calls about operations.

use hearth_wire::longrunning::operations_client::OperationsClient;
use hearth_wire::longrunning::{
    CancelOperationRequest, DeleteOperationRequest, GetOperationRequest, ListOperationsRequest,
    ListOperationsResponse, Operation,
};

use crate::client::{Client, LARGEST_ANSWER, Service};
use crate::error::ClientError;

impl Client {
    /// Reads an operation by its full name.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn operation(&self, name: &str) -> Result<Operation, ClientError> {
        self.repeat(async || self.get_operation(name).await).await
    }

    /// Reads an operation, trying once.
    pub(crate) async fn look_at_operation(&self, name: &str) -> Result<Operation, ClientError> {
        self.once(self.get_operation(name)).await
    }

    /// One page of the operations of a place.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn list_operations(
        &self,
        request: ListOperationsRequest,
    ) -> Result<ListOperationsResponse, ClientError> {
        self.repeat(async || self.operations().list_operations(request.clone()).await).await
    }

    /// Asks an operation to stop. One that is done stays as it is.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn cancel_operation(&self, name: &str) -> Result<(), ClientError> {
        let request = CancelOperationRequest { name: name.to_owned() };
        self.repeat(async || self.operations().cancel_operation(request.clone()).await).await
    }

    /// Removes the record of an operation that is done. Not repeated when its answer is lost, because the second
    /// answer would be that there is no such operation.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn delete_operation(&self, name: &str) -> Result<(), ClientError> {
        let request = DeleteOperationRequest { name: name.to_owned() };
        self.once(async { self.operations().delete_operation(request).await }).await
    }

    async fn get_operation(&self, name: &str) -> Result<tonic::Response<Operation>, tonic::Status> {
        self.operations().get_operation(GetOperationRequest { name: name.to_owned() }).await
    }

    fn operations(&self) -> OperationsClient<Service> {
        OperationsClient::new(self.service()).max_decoding_message_size(LARGEST_ANSWER)
    }
}
