//! `google.cloud.dataproc.v1.SessionSparkApplicationController`: what Spark keeps about the applications of sessions.
//!
//! Over REST alone: the numbers of these messages are not public. All calls that read do the same, so that they are a
//! table: find the application, check the parent, ask.

use std::sync::Arc;

use hearth_control::ControlError;
use hearth_core::name::SessionName;
use hearth_core::session::Session;
use hearth_spark_data::application::{application_absent, search};
use hearth_spark_data::{Application, DataError, Source, written};
use hearth_wire::dataproc as pb;
use hearth_wire::dataproc::session_spark_application_controller_server::SessionSparkApplicationController;
use tonic::{Code, Request, Response, Status};
use tracing::error;

use crate::Api;
use crate::permission::Permission;
use crate::sessions::session_name;
use crate::status::{bad_request, status, with_details};

/// What stands between a session's name and an application's id.
const APPLICATIONS: &str = "/sparkApplications/";

/// A request about one application.
trait About {
    fn name(&self) -> &str;
    /// The session again, or nothing.
    fn parent(&self) -> &str;
}

macro_rules! calls {
    ($($call:ident $request:ident -> $response:ident: $ask:ident $(($by:ident))?,)*) => {
        $(impl About for pb::$request {
            fn name(&self) -> &str { &self.name }
            fn parent(&self) -> &str { &self.parent }
        })*

        #[tonic::async_trait]
        impl SessionSparkApplicationController for Api {
            $(async fn $call(&self, request: Request<pb::$request>) -> Result<Response<pb::$response>, Status> {
                self.allowed(&request, Permission::SparkApplicationRead, request.get_ref().name())?;
                let request = request.into_inner();
                let application = self.application(&request).await?;
                application.$ask($(calls!(@ $by request))?).await.map(Response::new).map_err(told)
            })*

            async fn search_session_spark_applications(
                &self,
                request: Request<pb::SearchSessionSparkApplicationsRequest>,
            ) -> Result<Response<pb::SearchSessionSparkApplicationsResponse>, Status> {
                self.allowed(&request, Permission::SparkApplicationRead, &request.get_ref().parent)?;
                let request = request.into_inner();
                let name = session_name(&request.parent).map_err(status)?;
                let (_, sources) = self.sources(&name).await?;
                search(&request.parent, &sources, &request).await.map(Response::new).map_err(told)
            }

            async fn write_session_spark_application_context(
                &self,
                request: Request<pb::WriteSessionSparkApplicationContextRequest>,
            ) -> Result<Response<pb::WriteSessionSparkApplicationContextResponse>, Status> {
                self.allowed(&request, Permission::SparkApplicationWrite, &request.get_ref().name)?;
                let request = request.into_inner();
                let (session, id) = parse(&request).map_err(status)?;
                let session = self.control.session(&session).await.map_err(status)?;
                written::check(&id, &request.spark_wrapper_objects).map_err(told)?;
                self.applications.write(&session, request.spark_wrapper_objects).await.map_err(told)?;
                Ok(Response::new(pb::WriteSessionSparkApplicationContextResponse {}))
            }
        }
    };
    (@ by $request:ident) => { &$request };
}

calls! {
    access_session_spark_application
        AccessSessionSparkApplicationRequest -> AccessSessionSparkApplicationResponse: access,
    access_session_spark_application_environment_info
        AccessSessionSparkApplicationEnvironmentInfoRequest -> AccessSessionSparkApplicationEnvironmentInfoResponse: access_environment,
    access_session_spark_application_job
        AccessSessionSparkApplicationJobRequest -> AccessSessionSparkApplicationJobResponse: access_job (by),
    access_session_spark_application_native_build_info
        AccessSessionSparkApplicationNativeBuildInfoRequest -> AccessSessionSparkApplicationNativeBuildInfoResponse: access_native_build,
    access_session_spark_application_native_sql_query
        AccessSessionSparkApplicationNativeSqlQueryRequest -> AccessSessionSparkApplicationNativeSqlQueryResponse: access_native_query (by),
    access_session_spark_application_sql_spark_plan_graph
        AccessSessionSparkApplicationSqlSparkPlanGraphRequest -> AccessSessionSparkApplicationSqlSparkPlanGraphResponse: access_plan (by),
    access_session_spark_application_sql_query
        AccessSessionSparkApplicationSqlQueryRequest -> AccessSessionSparkApplicationSqlQueryResponse: access_query (by),
    access_session_spark_application_stage_attempt
        AccessSessionSparkApplicationStageAttemptRequest -> AccessSessionSparkApplicationStageAttemptResponse: access_stage_attempt (by),
    access_session_spark_application_stage_rdd_operation_graph
        AccessSessionSparkApplicationStageRddOperationGraphRequest -> AccessSessionSparkApplicationStageRddOperationGraphResponse: access_rdd_graph (by),
    search_session_spark_application_executor_stage_summary
        SearchSessionSparkApplicationExecutorStageSummaryRequest -> SearchSessionSparkApplicationExecutorStageSummaryResponse: search_executor_stage_summary (by),
    search_session_spark_application_executors
        SearchSessionSparkApplicationExecutorsRequest -> SearchSessionSparkApplicationExecutorsResponse: search_executors (by),
    search_session_spark_application_jobs
        SearchSessionSparkApplicationJobsRequest -> SearchSessionSparkApplicationJobsResponse: search_jobs (by),
    search_session_spark_application_native_sql_queries
        SearchSessionSparkApplicationNativeSqlQueriesRequest -> SearchSessionSparkApplicationNativeSqlQueriesResponse: search_native_queries (by),
    search_session_spark_application_sql_queries
        SearchSessionSparkApplicationSqlQueriesRequest -> SearchSessionSparkApplicationSqlQueriesResponse: search_queries (by),
    search_session_spark_application_stage_attempt_tasks
        SearchSessionSparkApplicationStageAttemptTasksRequest -> SearchSessionSparkApplicationStageAttemptTasksResponse: search_tasks (by),
    search_session_spark_application_stage_attempts
        SearchSessionSparkApplicationStageAttemptsRequest -> SearchSessionSparkApplicationStageAttemptsResponse: search_stage_attempts (by),
    search_session_spark_application_stages
        SearchSessionSparkApplicationStagesRequest -> SearchSessionSparkApplicationStagesResponse: search_stages (by),
    summarize_session_spark_application_executors
        SummarizeSessionSparkApplicationExecutorsRequest -> SummarizeSessionSparkApplicationExecutorsResponse: summarize_executors,
    summarize_session_spark_application_jobs
        SummarizeSessionSparkApplicationJobsRequest -> SummarizeSessionSparkApplicationJobsResponse: summarize_jobs (by),
    summarize_session_spark_application_stage_attempt_tasks
        SummarizeSessionSparkApplicationStageAttemptTasksRequest -> SummarizeSessionSparkApplicationStageAttemptTasksResponse: summarize_tasks (by),
    summarize_session_spark_application_stages
        SummarizeSessionSparkApplicationStagesRequest -> SummarizeSessionSparkApplicationStagesResponse: summarize_stages (by),
}

impl About for pb::WriteSessionSparkApplicationContextRequest {
    fn name(&self) -> &str {
        &self.name
    }
    fn parent(&self) -> &str {
        &self.parent
    }
}

impl Api {
    /// The application that a request is about.
    async fn application(&self, request: &impl About) -> Result<Application, Status> {
        let (session, id) = parse(request).map_err(status)?;
        let (_, sources) = self.sources(&session).await?;
        let source = sources.into_iter().find(|source| source.id() == id);
        let source = source.ok_or_else(|| told(application_absent(request.name())))?;
        Ok(Application::new(request.name().to_owned(), source))
    }

    async fn sources(&self, name: &SessionName) -> Result<(Session, Vec<Arc<dyn Source>>), Status> {
        self.served("name", name.parent()).map_err(status)?;
        let session = self.control.session(name).await.map_err(status)?;
        let sources = self.applications.sources(&session).await.map_err(told)?;
        Ok((session, sources))
    }
}

/// The session and the application that a request names.
fn parse(request: &impl About) -> Result<(SessionName, String), ControlError> {
    let (session, id) = request.name().split_once(APPLICATIONS).unwrap_or((request.name(), ""));
    let name = session_name(session)?;
    if !request.parent().is_empty() && request.parent() != session {
        let text = format!("Parent '{}' is not the session of '{}'", request.parent(), request.name());
        return Err(ControlError::field("parent", text));
    }
    Ok((name, id.to_owned()))
}

/// What a caller is told. A fault that is not the caller's is logged here, once, with its causes.
fn told(failure: DataError) -> Status {
    let text = failure.to_string();
    match &failure {
        DataError::NotFound(_) => Status::not_found(text),
        DataError::Invalid { field, description } => {
            let violation = hearth_core::validate::Violation {
                field: (*field).to_owned(),
                description: description.clone(),
            };
            with_details(Code::InvalidArgument, text, vec![bad_request(&[violation])])
        }
        DataError::Full(_) => Status::resource_exhausted(text),
        DataError::Unavailable { .. } => {
            error!(error = &failure as &dyn std::error::Error, "request failed");
            Status::unavailable(text)
        }
    }
}
