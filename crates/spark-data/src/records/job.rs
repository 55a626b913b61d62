//! Jobs.

use std::collections::BTreeMap;

use hearth_wire::dataproc::JobExecutionStatus;

use super::{At, record};

record! {
    /// One job of `/jobs`.
    Job => JobData {
        job_id -> job_id: i64,
        name -> name: String,
        description -> description: String,
        job_group -> job_group: String,
        submission_time -> submission_time: At,
        completion_time -> completion_time: At,
        stage_ids -> stage_ids: Vec<i64>,
        num_tasks -> num_tasks: i32,
        num_active_tasks -> num_active_tasks: i32,
        num_completed_tasks -> num_completed_tasks: i32,
        num_skipped_tasks -> num_skipped_tasks: i32,
        num_failed_tasks -> num_failed_tasks: i32,
        num_killed_tasks -> num_killed_tasks: i32,
        num_completed_indices -> num_completed_indices: i32,
        num_active_stages -> num_active_stages: i32,
        num_completed_stages -> num_completed_stages: i32,
        num_skipped_stages -> num_skipped_stages: i32,
        num_failed_stages -> num_failed_stages: i32,
        killed_tasks_summary -> kill_tasks_summary: BTreeMap<String, i32>,
        ;
        status: String,
        job_tags: Vec<String>,
    }
    more |job, message| message.status = job_status(&job.status).into()
}

/// A job's status by the word that Spark has for it.
pub(crate) fn job_status(word: &str) -> JobExecutionStatus {
    match word {
        "RUNNING" => JobExecutionStatus::Running,
        "SUCCEEDED" => JobExecutionStatus::Succeeded,
        "FAILED" => JobExecutionStatus::Failed,
        _ => JobExecutionStatus::Unknown,
    }
}
