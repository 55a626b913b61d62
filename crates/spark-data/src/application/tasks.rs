//! Tasks.

use hearth_wire::dataproc as pb;
use pb::TaskStatus;

use super::{Application, known, needed};
use crate::error::DataError;
use crate::page::{Page, Place};
use crate::source::{StageParts, TASKS_AT_ONCE};

impl Application {
    /// `sparkApplications.searchStageAttemptTasks`.
    pub async fn search_tasks(
        &self,
        request: &pb::SearchSessionSparkApplicationStageAttemptTasksRequest,
    ) -> Result<pb::SearchSessionSparkApplicationStageAttemptTasksResponse, DataError> {
        let page = Page::of(request)?;
        let status = known::<TaskStatus>(request.task_status, "task_status")?;
        let mut rows = Vec::new();
        for (stage, attempt) in self.attempts_meant(request).await? {
            let mut offset = 0;
            loop {
                let tasks = self.source.tasks(stage, attempt, offset, TASKS_AT_ONCE).await?;
                let last = tasks.len() < TASKS_AT_ONCE;
                offset += tasks.len();
                let wanted =
                    tasks.into_iter().filter(|task| status.is_none_or(|status| word(status) == task.status));
                rows.extend(wanted.map(|task| (place(&task, request.sort_runtime), task)));
                // So that no more is held than goes into the answer, however many tasks there are.
                page.keep(&mut rows);
                if last {
                    break;
                }
            }
        }
        let (tasks, next_page_token) = page.cut(rows);
        Ok(pb::SearchSessionSparkApplicationStageAttemptTasksResponse {
            spark_application_stage_attempt_tasks: tasks,
            next_page_token,
        })
    }

    /// `sparkApplications.summarizeStageAttemptTasks`.
    pub async fn summarize_tasks(
        &self,
        request: &pb::SummarizeSessionSparkApplicationStageAttemptTasksRequest,
    ) -> Result<pb::SummarizeSessionSparkApplicationStageAttemptTasksResponse, DataError> {
        let id = needed(request.stage_id, "stage_id")?;
        let attempt = needed(request.stage_attempt_id, "stage_attempt_id")?;
        let stage = self.stage(id, attempt, StageParts::default()).await?;
        let known = [
            stage.num_active_tasks,
            stage.num_complete_tasks,
            stage.num_failed_tasks,
            stage.num_killed_tasks,
        ];
        let summary = pb::StageAttemptTasksSummary {
            application_id: self.source.id().to_owned(),
            stage_id: stage.stage_id,
            stage_attempt_id: stage.stage_attempt_id,
            num_tasks: stage.num_tasks,
            num_running_tasks: stage.num_active_tasks,
            num_success_tasks: stage.num_complete_tasks,
            num_failed_tasks: stage.num_failed_tasks,
            num_killed_tasks: stage.num_killed_tasks,
            // Tasks that were tried more than once make the others more than there are.
            num_pending_tasks: (stage.num_tasks - known.into_iter().sum::<i32>()).max(0),
        };
        Ok(pb::SummarizeSessionSparkApplicationStageAttemptTasksResponse {
            stage_attempt_tasks_summary: Some(summary),
        })
    }

    /// The attempts that a request is about: one, all of a stage, or all there are.
    async fn attempts_meant(
        &self,
        request: &pb::SearchSessionSparkApplicationStageAttemptTasksRequest,
    ) -> Result<Vec<(i64, i32)>, DataError> {
        let stages = match (request.stage_id, request.stage_attempt_id) {
            (None, Some(_)) => {
                let text = "Parameter 'stage_attempt_id' needs 'stage_id'";
                return Err(DataError::invalid("stage_id", text));
            }
            (Some(id), _) => self.attempts(id).await?,
            (None, None) => self.source.stages().await?,
        };
        let meant = stages.iter().map(|stage| (stage.stage_id, stage.stage_attempt_id));
        let meant: Vec<_> =
            meant.filter(|(_, attempt)| request.stage_attempt_id.is_none_or(|id| id == *attempt)).collect();
        match (request.stage_id, request.stage_attempt_id) {
            (Some(id), Some(attempt)) if meant.is_empty() => {
                Err(self.absent("Stage attempt", format!("{id}.{attempt}")))
            }
            _ => Ok(meant),
        }
    }
}

/// A status as tasks carry it.
fn word(status: TaskStatus) -> &'static str {
    status.as_str_name().trim_start_matches("TASK_STATUS_")
}

fn place(task: &pb::TaskData, by_runtime: bool) -> Place {
    if by_runtime {
        return Place::of(-task.duration_millis, task.task_id);
    }
    let launched = task.launch_time.as_ref();
    let millis = launched.map_or(0, |at| at.seconds * 1000 + i64::from(at.nanos / 1_000_000));
    Place::of(millis, task.task_id)
}
