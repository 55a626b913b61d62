//! Jobs.

use hearth_wire::dataproc as pb;
use pb::JobExecutionStatus;

use super::{Application, known, needed};
use crate::error::DataError;
use crate::page::{Page, Place};

/// What Spark schedules by if it is told nothing.
const DEFAULT_SCHEDULING: &str = "FIFO";

impl Application {
    /// `sparkApplications.searchJobs`.
    pub async fn search_jobs(
        &self,
        request: &pb::SearchSessionSparkApplicationJobsRequest,
    ) -> Result<pb::SearchSessionSparkApplicationJobsResponse, DataError> {
        let page = Page::of(request)?;
        let status = known::<JobExecutionStatus>(request.job_status, "job_status")?;
        let jobs = self.source.jobs().await?.into_iter().filter(|job| {
            status.is_none_or(|status| job.status() == status) && among(&request.job_ids, job.job_id)
        });
        let (jobs, next_page_token) = page.cut(jobs.map(|job| (Place::of(-job.job_id, 0), job)).collect());
        Ok(pb::SearchSessionSparkApplicationJobsResponse { spark_application_jobs: jobs, next_page_token })
    }

    /// `sparkApplications.accessJob`.
    pub async fn access_job(
        &self,
        request: &pb::AccessSessionSparkApplicationJobRequest,
    ) -> Result<pb::AccessSessionSparkApplicationJobResponse, DataError> {
        let id = needed(request.job_id, "job_id")?;
        let job = self.source.jobs().await?.into_iter().find(|job| job.job_id == id);
        let job = job.ok_or_else(|| self.absent("Job", id))?;
        Ok(pb::AccessSessionSparkApplicationJobResponse { job_data: Some(job) })
    }

    /// `sparkApplications.summarizeJobs`.
    pub async fn summarize_jobs(
        &self,
        request: &pb::SummarizeSessionSparkApplicationJobsRequest,
    ) -> Result<pb::SummarizeSessionSparkApplicationJobsResponse, DataError> {
        let (info, jobs, environment) =
            futures::try_join!(self.info(), self.source.jobs(), self.source.environment())?;
        let count = |status| {
            let jobs = jobs.iter().filter(|job| among(&request.job_ids, job.job_id));
            i32::try_from(jobs.filter(|job| job.status() == status).count()).unwrap_or(i32::MAX)
        };
        let mode = environment.and_then(|mut known| known.spark_properties.remove("spark.scheduler.mode"));
        let summary = pb::JobsSummary {
            application_id: info.application_id,
            attempts: info.attempts,
            active_jobs: count(JobExecutionStatus::Running),
            completed_jobs: count(JobExecutionStatus::Succeeded),
            failed_jobs: count(JobExecutionStatus::Failed),
            scheduling_mode: mode.unwrap_or_else(|| DEFAULT_SCHEDULING.to_owned()),
        };
        Ok(pb::SummarizeSessionSparkApplicationJobsResponse { jobs_summary: Some(summary) })
    }
}

/// Whether an id is among those asked for; none asked for are all.
pub(super) fn among(asked: &[i64], id: i64) -> bool {
    asked.is_empty() || asked.contains(&id)
}
