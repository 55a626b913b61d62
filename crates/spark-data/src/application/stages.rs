//! Stages and their attempts.

use futures::future::try_join_all;
use hearth_wire::dataproc as pb;
use pb::StageStatus;

use super::jobs::among;
use super::{Application, known, needed};
use crate::error::DataError;
use crate::page::{Page, Place};
use crate::source::StageParts;

/// Which summaries of a stage are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Summaries {
    tasks: bool,
    executors: bool,
    executor_summary: bool,
    speculation: bool,
    peaks: bool,
}

impl Summaries {
    /// Reads a field mask over `StageData`.
    fn parse(mask: &str) -> Result<Self, DataError> {
        let mut wanted = Self::default();
        for path in mask.split(',').map(str::trim).filter(|path| !path.is_empty()) {
            match path {
                "*" => {
                    wanted = Self {
                        tasks: true,
                        executors: true,
                        executor_summary: true,
                        speculation: true,
                        peaks: true,
                    }
                }
                "task_quantile_metrics" | "taskQuantileMetrics" => wanted.tasks = true,
                "executor_metrics_distributions" | "executorMetricsDistributions" => wanted.executors = true,
                "executor_summary" | "executorSummary" => wanted.executor_summary = true,
                "speculation_summary" | "speculationSummary" => wanted.speculation = true,
                "peak_executor_metrics" | "peakExecutorMetrics" => wanted.peaks = true,
                other => {
                    let text = format!(
                        "Invalid field mask: '{other}' is no summary of a stage. Summaries are \
                         task_quantile_metrics, executor_metrics_distributions, executor_summary, \
                         speculation_summary, peak_executor_metrics and *"
                    );
                    return Err(DataError::invalid("summary_metrics_mask", text));
                }
            }
        }
        Ok(wanted)
    }

    fn parts(self) -> StageParts {
        StageParts { spreads: self.tasks || self.executors, executors: self.executor_summary, tasks: false }
    }

    /// Leaves out what is not wanted.
    fn apply(self, stage: &mut pb::StageData) {
        if !self.tasks {
            stage.task_quantile_metrics = None;
        }
        if !self.executors {
            stage.executor_metrics_distributions = None;
        }
        if !self.executor_summary {
            stage.executor_summary.clear();
        }
        if !self.speculation {
            stage.speculation_summary = None;
        }
        if !self.peaks {
            stage.peak_executor_metrics = None;
        }
        stage.tasks.clear();
    }
}

impl Application {
    /// `sparkApplications.searchStages`.
    pub async fn search_stages(
        &self,
        request: &pb::SearchSessionSparkApplicationStagesRequest,
    ) -> Result<pb::SearchSessionSparkApplicationStagesResponse, DataError> {
        let page = Page::of(request)?;
        let summaries = Summaries::parse(&request.summary_metrics_mask)?;
        let status = known::<StageStatus>(request.stage_status, "stage_status")?;
        let stages = self.source.stages().await?.into_iter().filter(|stage| {
            status.is_none_or(|status| stage.status() == status) && among(&request.stage_ids, stage.stage_id)
        });
        let (stages, next_page_token) = page.cut(stages.map(|stage| (place(&stage), stage)).collect());
        let stages = self.with_summaries(stages, summaries).await?;
        Ok(pb::SearchSessionSparkApplicationStagesResponse {
            spark_application_stages: stages,
            next_page_token,
        })
    }

    /// `sparkApplications.searchStageAttempts`.
    pub async fn search_stage_attempts(
        &self,
        request: &pb::SearchSessionSparkApplicationStageAttemptsRequest,
    ) -> Result<pb::SearchSessionSparkApplicationStageAttemptsResponse, DataError> {
        let page = Page::of(request)?;
        let summaries = Summaries::parse(&request.summary_metrics_mask)?;
        let id = needed(request.stage_id, "stage_id")?;
        let attempts = self.attempts(id).await?;
        let rows = attempts.into_iter().map(|attempt| (place(&attempt), attempt)).collect();
        let (attempts, next_page_token) = page.cut(rows);
        Ok(pb::SearchSessionSparkApplicationStageAttemptsResponse {
            spark_application_stage_attempts: self.with_summaries(attempts, summaries).await?,
            next_page_token,
        })
    }

    /// `sparkApplications.accessStageAttempt`.
    pub async fn access_stage_attempt(
        &self,
        request: &pb::AccessSessionSparkApplicationStageAttemptRequest,
    ) -> Result<pb::AccessSessionSparkApplicationStageAttemptResponse, DataError> {
        let summaries = Summaries::parse(&request.summary_metrics_mask)?;
        let id = needed(request.stage_id, "stage_id")?;
        let attempt = needed(request.stage_attempt_id, "stage_attempt_id")?;
        let mut stage = self.stage(id, attempt, summaries.parts()).await?;
        summaries.apply(&mut stage);
        Ok(pb::AccessSessionSparkApplicationStageAttemptResponse { stage_data: Some(stage) })
    }

    /// `sparkApplications.summarizeStages`.
    pub async fn summarize_stages(
        &self,
        request: &pb::SummarizeSessionSparkApplicationStagesRequest,
    ) -> Result<pb::SummarizeSessionSparkApplicationStagesResponse, DataError> {
        let stages = self.source.stages().await?;
        let count = |status| {
            let stages = stages.iter().filter(|stage| among(&request.stage_ids, stage.stage_id));
            i32::try_from(stages.filter(|stage| stage.status() == status).count()).unwrap_or(i32::MAX)
        };
        let summary = pb::StagesSummary {
            application_id: self.source.id().to_owned(),
            num_active_stages: count(StageStatus::Active),
            num_completed_stages: count(StageStatus::Complete),
            num_failed_stages: count(StageStatus::Failed),
            num_pending_stages: count(StageStatus::Pending),
            num_skipped_stages: count(StageStatus::Skipped),
        };
        Ok(pb::SummarizeSessionSparkApplicationStagesResponse { stages_summary: Some(summary) })
    }

    /// `sparkApplications.accessStageRddGraph`.
    pub async fn access_rdd_graph(
        &self,
        request: &pb::AccessSessionSparkApplicationStageRddOperationGraphRequest,
    ) -> Result<pb::AccessSessionSparkApplicationStageRddOperationGraphResponse, DataError> {
        let id = needed(request.stage_id, "stage_id")?;
        let graph = self.source.rdd_graph(id).await?.ok_or_else(|| self.absent("Stage", id))?;
        Ok(pb::AccessSessionSparkApplicationStageRddOperationGraphResponse {
            rdd_operation_graph: Some(graph),
        })
    }

    /// The attempts of a stage.
    pub(super) async fn attempts(&self, id: i64) -> Result<Vec<pb::StageData>, DataError> {
        let mut stages = self.source.stages().await?;
        stages.retain(|stage| stage.stage_id == id);
        if stages.is_empty() { Err(self.absent("Stage", id)) } else { Ok(stages) }
    }

    /// An attempt of a stage.
    pub(super) async fn stage(
        &self,
        id: i64,
        attempt: i32,
        parts: StageParts,
    ) -> Result<pb::StageData, DataError> {
        let found = self.source.stage(id, attempt, parts).await?;
        found.ok_or_else(|| self.absent("Stage attempt", format!("{id}.{attempt}")))
    }

    /// The same stages with the summaries that are wanted: Spark gives those of one stage at a time.
    async fn with_summaries(
        &self,
        stages: Vec<pb::StageData>,
        wanted: Summaries,
    ) -> Result<Vec<pb::StageData>, DataError> {
        let whole = try_join_all(stages.into_iter().map(|stage| async move {
            if wanted.parts() == StageParts::default() || stage.status() == StageStatus::Skipped {
                return Ok(stage);
            }
            let found = self.source.stage(stage.stage_id, stage.stage_attempt_id, wanted.parts()).await?;
            Ok::<_, DataError>(found.unwrap_or(stage))
        }));
        let mut whole = whole.await?;
        whole.iter_mut().for_each(|stage| wanted.apply(stage));
        Ok(whole)
    }
}

fn place(stage: &pb::StageData) -> Place {
    Place::of(-stage.stage_id, -i64::from(stage.stage_attempt_id))
}
