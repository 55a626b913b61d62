//! Operations.

use hearth_core::operation::{Operation, OperationKind, Outcome};
use hearth_wire::error::pack;
use hearth_wire::{dataproc as pb, longrunning, rpc};
use pb::session_operation_metadata::SessionOperationType;

use super::session::{self, Places};
use super::time::timestamp;
use crate::status::code;

/// An operation as clients see it.
pub fn message(operation: &Operation, places: &Places) -> longrunning::Operation {
    use longrunning::operation::Result as PbResult;
    let metadata = pb::SessionOperationMetadata {
        session: operation.session.to_string(),
        session_uuid: operation.session_uuid.to_string(),
        create_time: Some(timestamp(operation.created_at)),
        done_time: operation.done.as_ref().map(|done| timestamp(done.at)),
        operation_type: match operation.kind {
            OperationKind::Create => SessionOperationType::Create,
            OperationKind::Terminate => SessionOperationType::Terminate,
            OperationKind::Delete => SessionOperationType::Delete,
        }
        .into(),
        description: operation.kind.description().to_owned(),
        labels: operation.labels.clone(),
        warnings: Vec::new(),
    };
    let result = operation.done.as_ref().map(|done| match &done.outcome {
        Outcome::Succeeded(session) => PbResult::Response(pack(&session::message(session, places))),
        Outcome::Failed { kind, message } => PbResult::Error(rpc::Status {
            code: code(*kind).into(),
            message: message.clone(),
            details: Vec::new(),
        }),
    });
    longrunning::Operation {
        name: operation.name(),
        metadata: Some(pack(&metadata)),
        done: operation.done.is_some(),
        result,
    }
}
