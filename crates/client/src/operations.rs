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
        let request = GetOperationRequest { name: name.to_owned() };
        self.repeat(
            request,
            |service, request| async move { operations(service).get_operation(request).await },
        )
        .await
    }

    /// Reads an operation, trying once.
    pub(crate) async fn look_at_operation(&self, name: &str) -> Result<Operation, ClientError> {
        let request = GetOperationRequest { name: name.to_owned() };
        self.once(operations(self.service()).get_operation(request)).await
    }

    /// One page of the operations of a place.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn list_operations(
        &self,
        request: ListOperationsRequest,
    ) -> Result<ListOperationsResponse, ClientError> {
        self.repeat(
            request,
            |service, request| async move { operations(service).list_operations(request).await },
        )
        .await
    }

    /// Asks an operation to stop. One that is done stays as it is.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn cancel_operation(&self, name: &str) -> Result<(), ClientError> {
        let request = CancelOperationRequest { name: name.to_owned() };
        self.repeat(
            request,
            |service, request| async move { operations(service).cancel_operation(request).await },
        )
        .await
    }

    /// Removes the record of an operation that is done. Not repeated when its answer is lost, because the second
    /// answer would be that there is no such operation.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn delete_operation(&self, name: &str) -> Result<(), ClientError> {
        let request = DeleteOperationRequest { name: name.to_owned() };
        self.once(operations(self.service()).delete_operation(request)).await
    }
}

fn operations(service: Service) -> OperationsClient<Service> {
    OperationsClient::new(service).max_decoding_message_size(LARGEST_ANSWER)
}
