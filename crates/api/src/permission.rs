//! What callers may do where: the permission that each call needs (contract, section 12), and who has it.
//!
//! Every credential of this service has every permission in the projects that it serves, and none elsewhere. What a
//! credential is good for at all is its scope ([`crate::auth::scope_allows`]).

use hearth_control::Caller;
use tonic::{Code, Request, Status};

use crate::Api;
use crate::status::{SERVICE, error_info, with_details};

/// What a call needs to be allowed, by the API's own names (contract, section 12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permission {
    SessionsCreate,
    SessionsGet,
    SessionsList,
    SessionsTerminate,
    SessionsDelete,
    SparkApplicationRead,
    SparkApplicationWrite,
    TemplatesCreate,
    TemplatesGet,
    TemplatesList,
    TemplatesUpdate,
    TemplatesDelete,
    OperationsGet,
    OperationsList,
    OperationsCancel,
    OperationsDelete,
}

impl Permission {
    fn name(self) -> &'static str {
        match self {
            Self::SessionsCreate => "dataproc.sessions.create",
            Self::SessionsGet => "dataproc.sessions.get",
            Self::SessionsList => "dataproc.sessions.list",
            Self::SessionsTerminate => "dataproc.sessions.terminate",
            Self::SessionsDelete => "dataproc.sessions.delete",
            Self::SparkApplicationRead => "dataproc.sessions.sparkApplicationRead",
            Self::SparkApplicationWrite => "dataproc.sessions.sparkApplicationWrite",
            Self::TemplatesCreate => "dataproc.sessionTemplates.create",
            Self::TemplatesGet => "dataproc.sessionTemplates.get",
            Self::TemplatesList => "dataproc.sessionTemplates.list",
            Self::TemplatesUpdate => "dataproc.sessionTemplates.update",
            Self::TemplatesDelete => "dataproc.sessionTemplates.delete",
            Self::OperationsGet => "dataproc.operations.get",
            Self::OperationsList => "dataproc.operations.list",
            Self::OperationsCancel => "dataproc.operations.cancel",
            Self::OperationsDelete => "dataproc.operations.delete",
        }
    }
}

impl Api {
    /// Who makes the request, as the authentication layer found out, if they have the permission on a resource: a
    /// name or a parent as it was sent. One that is not the name of anything is refused later, for its form.
    pub(crate) fn allowed<T>(
        &self,
        request: &Request<T>,
        permission: Permission,
        resource: &str,
    ) -> Result<Caller, Status> {
        let caller = caller(request)?;
        let projects = &self.settings.projects;
        let project = resource.strip_prefix("projects/").and_then(|rest| rest.split('/').next());
        match project {
            Some(project) if !projects.is_empty() && !projects.iter().any(|served| served == project) => {
                Err(denied(permission, resource))
            }
            _ => Ok(caller),
        }
    }
}

/// Who makes the request, for calls that need no permission.
pub(crate) fn caller<T>(request: &Request<T>) -> Result<Caller, Status> {
    let known = request.extensions().get::<Caller>().cloned();
    known.ok_or_else(|| Status::unauthenticated(crate::auth::MISSING_CREDENTIAL))
}

/// The same whether or not there is such a resource, so that nobody can find out.
fn denied(permission: Permission, resource: &str) -> Status {
    let permission = permission.name();
    let resource = format!("//{SERVICE}/{resource}");
    let message = format!("Permission '{permission}' denied on resource '{resource}' (or it may not exist).");
    let metadata = [("permission", permission.to_owned()), ("resource", resource)];
    let detail = error_info("IAM_PERMISSION_DENIED", SERVICE, metadata);
    with_details(Code::PermissionDenied, message, vec![detail])
}
