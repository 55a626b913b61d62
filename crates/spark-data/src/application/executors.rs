//! Executors.

use hearth_wire::dataproc as pb;
use pb::ExecutorStatus;

use super::{Application, known, needed};
use crate::error::DataError;
use crate::page::{Page, Place};
use crate::source::StageParts;

impl Application {
    /// `sparkApplications.searchExecutors`.
    pub async fn search_executors(
        &self,
        request: &pb::SearchSessionSparkApplicationExecutorsRequest,
    ) -> Result<pb::SearchSessionSparkApplicationExecutorsResponse, DataError> {
        let page = Page::of(request)?;
        let status = known::<ExecutorStatus>(request.executor_status, "executor_status")?;
        let executors = self.source.executors().await?.into_iter().filter(|executor| match status {
            Some(ExecutorStatus::Active) => executor.is_active,
            Some(ExecutorStatus::Dead) => !executor.is_active,
            _ => true,
        });
        let rows = executors.map(|executor| (place(&executor.executor_id), executor)).collect();
        let (executors, next_page_token) = page.cut(rows);
        Ok(pb::SearchSessionSparkApplicationExecutorsResponse {
            spark_application_executors: executors,
            next_page_token,
        })
    }

    /// `sparkApplications.summarizeExecutors`.
    pub async fn summarize_executors(
        &self,
    ) -> Result<pb::SummarizeSessionSparkApplicationExecutorsResponse, DataError> {
        let executors = self.source.executors().await?;
        let (active, dead): (Vec<_>, Vec<_>) = executors.iter().partition(|executor| executor.is_active);
        let all: Vec<_> = executors.iter().collect();
        Ok(pb::SummarizeSessionSparkApplicationExecutorsResponse {
            application_id: self.source.id().to_owned(),
            active_executor_summary: Some(consolidated(&active)),
            dead_executor_summary: Some(consolidated(&dead)),
            total_executor_summary: Some(consolidated(&all)),
        })
    }

    /// `sparkApplications.searchExecutorStageSummary`.
    pub async fn search_executor_stage_summary(
        &self,
        request: &pb::SearchSessionSparkApplicationExecutorStageSummaryRequest,
    ) -> Result<pb::SearchSessionSparkApplicationExecutorStageSummaryResponse, DataError> {
        let page = Page::of(request)?;
        let id = needed(request.stage_id, "stage_id")?;
        let attempt = needed(request.stage_attempt_id, "stage_attempt_id")?;
        let parts = StageParts { executors: true, ..StageParts::default() };
        let stage = self.stage(id, attempt, parts).await?;
        let rows = stage.executor_summary.into_values().map(|summary| (place(&summary.executor_id), summary));
        let (executors, next_page_token) = page.cut(rows.collect());
        Ok(pb::SearchSessionSparkApplicationExecutorStageSummaryResponse {
            spark_application_stage_executors: executors,
            next_page_token,
        })
    }
}

/// The driver first, then executors as they came.
fn place(id: &str) -> Place {
    Place(id.parse().unwrap_or(-1), 0, id.to_owned())
}

fn consolidated(executors: &[&pb::ExecutorSummary]) -> pb::ConsolidatedExecutorSummary {
    let mut sum = pb::ConsolidatedExecutorSummary {
        memory_metrics: Some(pb::MemoryMetrics::default()),
        ..pb::ConsolidatedExecutorSummary::default()
    };
    for executor in executors {
        sum.count += 1;
        sum.active_tasks += executor.active_tasks;
        sum.completed_tasks += executor.completed_tasks;
        sum.failed_tasks += executor.failed_tasks;
        sum.total_tasks += executor.total_tasks;
        sum.disk_used += executor.disk_used;
        sum.is_excluded += i32::from(executor.is_excluded);
        sum.max_memory += executor.max_memory;
        sum.memory_used += executor.memory_used;
        sum.rdd_blocks += executor.rdd_blocks;
        sum.total_cores += executor.total_cores;
        sum.total_duration_millis += executor.total_duration_millis;
        sum.total_gc_time_millis += executor.total_gc_time_millis;
        sum.total_input_bytes += executor.total_input_bytes;
        sum.total_shuffle_read += executor.total_shuffle_read;
        sum.total_shuffle_write += executor.total_shuffle_write;
        if let (Some(sum), Some(one)) = (&mut sum.memory_metrics, &executor.memory_metrics) {
            sum.used_on_heap_storage_memory += one.used_on_heap_storage_memory;
            sum.used_off_heap_storage_memory += one.used_off_heap_storage_memory;
            sum.total_on_heap_storage_memory += one.total_on_heap_storage_memory;
            sum.total_off_heap_storage_memory += one.total_off_heap_storage_memory;
        }
    }
    sum
}
