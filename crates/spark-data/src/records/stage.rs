//! Stages, their sums and how they spread over tasks and executors.

use std::collections::BTreeMap;

use hearth_wire::dataproc::{self as pb, StageStatus};
use serde::Deserialize;

use super::executor::Peaks;
use super::task::Accumulable;
use super::{At, ExecutorInStage, Into_, Task, record};

record! {
    /// One attempt of a stage, of `/stages`.
    Stage => StageData {
        stage_id -> stage_id: i64,
        attempt_id -> stage_attempt_id: i32,
        num_tasks -> num_tasks: i32,
        num_active_tasks -> num_active_tasks: i32,
        num_complete_tasks -> num_complete_tasks: i32,
        num_failed_tasks -> num_failed_tasks: i32,
        num_killed_tasks -> num_killed_tasks: i32,
        num_completed_indices -> num_completed_indices: i32,
        submission_time -> submission_time: At,
        first_task_launched_time -> first_task_launched_time: At,
        completion_time -> completion_time: At,
        failure_reason -> failure_reason: String,
        name -> name: String,
        description -> description: String,
        details -> details: String,
        scheduling_pool -> scheduling_pool: String,
        rdd_ids -> rdd_ids: Vec<i64>,
        accumulator_updates -> accumulator_updates: Vec<Accumulable>,
        tasks -> tasks: BTreeMap<String, Task>,
        executor_summary -> executor_summary: BTreeMap<String, ExecutorInStage>,
        speculation_summary -> speculation_summary: Option<Speculation>,
        killed_tasks_summary -> killed_tasks_summary: BTreeMap<String, i32>,
        resource_profile_id -> resource_profile_id: i32,
        peak_executor_metrics -> peak_executor_metrics: Option<Peaks>,
        task_metrics_distributions -> task_quantile_metrics: Option<TaskSpread>,
        executor_metrics_distributions -> executor_metrics_distributions: Option<ExecutorSpread>,
        is_shuffle_push_enabled -> is_shuffle_push_enabled: bool,
        shuffle_mergers_count -> shuffle_mergers_count: i32,
        ;
        status: String,
        #[serde(flatten)]
        sums: Sums,
    }
    more |stage, message| {
        message.status = stage_status(&stage.status).into();
        message.stage_metrics = Some(stage.sums.message());
    }
}

/// A stage's status by the word that Spark has for it.
pub(crate) fn stage_status(word: &str) -> StageStatus {
    match word {
        "ACTIVE" => StageStatus::Active,
        "COMPLETE" => StageStatus::Complete,
        "FAILED" => StageStatus::Failed,
        "PENDING" => StageStatus::Pending,
        "SKIPPED" => StageStatus::Skipped,
        _ => StageStatus::Unspecified,
    }
}

record! {
    /// Speculative tasks.
    Speculation => SpeculationStageSummary {
        num_tasks -> num_tasks: i32,
        num_active_tasks -> num_active_tasks: i32,
        num_completed_tasks -> num_completed_tasks: i32,
        num_failed_tasks -> num_failed_tasks: i32,
        num_killed_tasks -> num_killed_tasks: i32,
    }
}

/// Sums over the tasks of a stage, which Spark has among the stage's own members.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Sums {
    executor_deserialize_time: i64,
    executor_deserialize_cpu_time: i64,
    executor_run_time: i64,
    executor_cpu_time: i64,
    result_size: i64,
    jvm_gc_time: i64,
    result_serialization_time: i64,
    memory_bytes_spilled: i64,
    disk_bytes_spilled: i64,
    peak_execution_memory: i64,
    input_bytes: i64,
    input_records: i64,
    output_bytes: i64,
    output_records: i64,
    shuffle_remote_blocks_fetched: i64,
    shuffle_local_blocks_fetched: i64,
    shuffle_fetch_wait_time: i64,
    shuffle_remote_bytes_read: i64,
    shuffle_remote_bytes_read_to_disk: i64,
    shuffle_local_bytes_read: i64,
    shuffle_read_bytes: i64,
    shuffle_read_records: i64,
    shuffle_remote_reqs_duration: i64,
    shuffle_corrupt_merged_block_chunks: i64,
    shuffle_merged_fetch_fallback_count: i64,
    shuffle_merged_remote_blocks_fetched: i64,
    shuffle_merged_local_blocks_fetched: i64,
    shuffle_merged_remote_chunks_fetched: i64,
    shuffle_merged_local_chunks_fetched: i64,
    shuffle_merged_remote_bytes_read: i64,
    shuffle_merged_local_bytes_read: i64,
    shuffle_merged_remote_reqs_duration: i64,
    shuffle_write_bytes: i64,
    shuffle_write_time: i64,
    shuffle_write_records: i64,
}

impl Sums {
    fn message(&self) -> pb::StageMetrics {
        pb::StageMetrics {
            executor_deserialize_time_millis: self.executor_deserialize_time,
            executor_deserialize_cpu_time_nanos: self.executor_deserialize_cpu_time,
            executor_run_time_millis: self.executor_run_time,
            executor_cpu_time_nanos: self.executor_cpu_time,
            result_size: self.result_size,
            jvm_gc_time_millis: self.jvm_gc_time,
            result_serialization_time_millis: self.result_serialization_time,
            memory_bytes_spilled: self.memory_bytes_spilled,
            disk_bytes_spilled: self.disk_bytes_spilled,
            peak_execution_memory_bytes: self.peak_execution_memory,
            stage_input_metrics: Some(pb::StageInputMetrics {
                bytes_read: self.input_bytes,
                records_read: self.input_records,
            }),
            stage_output_metrics: Some(pb::StageOutputMetrics {
                bytes_written: self.output_bytes,
                records_written: self.output_records,
            }),
            stage_shuffle_read_metrics: Some(self.shuffle_read()),
            stage_shuffle_write_metrics: Some(pb::StageShuffleWriteMetrics {
                bytes_written: self.shuffle_write_bytes,
                write_time_nanos: self.shuffle_write_time,
                records_written: self.shuffle_write_records,
            }),
        }
    }

    fn shuffle_read(&self) -> pb::StageShuffleReadMetrics {
        pb::StageShuffleReadMetrics {
            bytes_read: self.shuffle_read_bytes,
            records_read: self.shuffle_read_records,
            fetch_wait_time_millis: self.shuffle_fetch_wait_time,
            local_blocks_fetched: self.shuffle_local_blocks_fetched,
            local_bytes_read: self.shuffle_local_bytes_read,
            remote_blocks_fetched: self.shuffle_remote_blocks_fetched,
            remote_bytes_read: self.shuffle_remote_bytes_read,
            remote_bytes_read_to_disk: self.shuffle_remote_bytes_read_to_disk,
            remote_reqs_duration: self.shuffle_remote_reqs_duration,
            stage_shuffle_push_read_metrics: Some(pb::StageShufflePushReadMetrics {
                corrupt_merged_block_chunks: self.shuffle_corrupt_merged_block_chunks,
                merged_fetch_fallback_count: self.shuffle_merged_fetch_fallback_count,
                remote_merged_blocks_fetched: self.shuffle_merged_remote_blocks_fetched,
                local_merged_blocks_fetched: self.shuffle_merged_local_blocks_fetched,
                remote_merged_chunks_fetched: self.shuffle_merged_remote_chunks_fetched,
                local_merged_chunks_fetched: self.shuffle_merged_local_chunks_fetched,
                remote_merged_bytes_read: self.shuffle_merged_remote_bytes_read,
                local_merged_bytes_read: self.shuffle_merged_local_bytes_read,
                remote_merged_reqs_duration: self.shuffle_merged_remote_reqs_duration,
            }),
        }
    }
}

/// The quantiles that are asked of Spark, as its parameter has them: the fields of `Quantiles`.
pub(crate) const QUANTILES: &str = "0.0,0.25,0.5,0.75,1.0";

/// A metric's values at [`QUANTILES`].
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Spread(Vec<f64>);

impl Into_<Option<pb::Quantiles>> for Spread {
    /// Spark's distributions have neither a count nor a sum.
    fn convert(self) -> Option<pb::Quantiles> {
        let [minimum, percentile25, percentile50, percentile75, maximum] = *self.0.as_slice() else {
            return None;
        };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "whole numbers, and a cast ends at the bounds of i64"
        )]
        let whole = |value: f64| value.round() as i64;
        Some(pb::Quantiles {
            minimum: whole(minimum),
            percentile25: whole(percentile25),
            percentile50: whole(percentile50),
            percentile75: whole(percentile75),
            maximum: whole(maximum),
            ..pb::Quantiles::default()
        })
    }
}

record! {
    /// How what tasks took spreads.
    TaskSpread => TaskQuantileMetrics {
        duration -> duration_millis: Spread,
        executor_deserialize_time -> executor_deserialize_time_millis: Spread,
        executor_deserialize_cpu_time -> executor_deserialize_cpu_time_nanos: Spread,
        executor_run_time -> executor_run_time_millis: Spread,
        executor_cpu_time -> executor_cpu_time_nanos: Spread,
        result_size -> result_size: Spread,
        jvm_gc_time -> jvm_gc_time_millis: Spread,
        result_serialization_time -> result_serialization_time_millis: Spread,
        getting_result_time -> getting_result_time_millis: Spread,
        scheduler_delay -> scheduler_delay_millis: Spread,
        peak_execution_memory -> peak_execution_memory_bytes: Spread,
        memory_bytes_spilled -> memory_bytes_spilled: Spread,
        disk_bytes_spilled -> disk_bytes_spilled: Spread,
        input_metrics -> input_metrics: Option<InputSpread>,
        output_metrics -> output_metrics: Option<OutputSpread>,
        shuffle_read_metrics -> shuffle_read_metrics: Option<ShuffleReadSpread>,
        shuffle_write_metrics -> shuffle_write_metrics: Option<ShuffleWriteSpread>,
    }
}

record! {
    /// Of what they read.
    InputSpread => InputQuantileMetrics {
        bytes_read -> bytes_read: Spread,
        records_read -> records_read: Spread,
    }
}

record! {
    /// Of what they wrote.
    OutputSpread => OutputQuantileMetrics {
        bytes_written -> bytes_written: Spread,
        records_written -> records_written: Spread,
    }
}

record! {
    /// Of what they read of shuffles.
    ShuffleReadSpread => ShuffleReadQuantileMetrics {
        read_bytes -> read_bytes: Spread,
        read_records -> read_records: Spread,
        remote_blocks_fetched -> remote_blocks_fetched: Spread,
        local_blocks_fetched -> local_blocks_fetched: Spread,
        fetch_wait_time -> fetch_wait_time_millis: Spread,
        remote_bytes_read -> remote_bytes_read: Spread,
        remote_bytes_read_to_disk -> remote_bytes_read_to_disk: Spread,
        total_blocks_fetched -> total_blocks_fetched: Spread,
        remote_reqs_duration -> remote_reqs_duration: Spread,
        shuffle_push_read_metrics_dist -> shuffle_push_read_metrics: Option<PushReadSpread>,
    }
}

record! {
    /// Of what they read of merged blocks.
    PushReadSpread => ShufflePushReadQuantileMetrics {
        corrupt_merged_block_chunks -> corrupt_merged_block_chunks: Spread,
        merged_fetch_fallback_count -> merged_fetch_fallback_count: Spread,
        remote_merged_blocks_fetched -> remote_merged_blocks_fetched: Spread,
        local_merged_blocks_fetched -> local_merged_blocks_fetched: Spread,
        remote_merged_chunks_fetched -> remote_merged_chunks_fetched: Spread,
        local_merged_chunks_fetched -> local_merged_chunks_fetched: Spread,
        remote_merged_bytes_read -> remote_merged_bytes_read: Spread,
        local_merged_bytes_read -> local_merged_bytes_read: Spread,
        remote_merged_reqs_duration -> remote_merged_reqs_duration: Spread,
    }
}

record! {
    /// Of what they wrote to shuffles.
    ShuffleWriteSpread => ShuffleWriteQuantileMetrics {
        write_bytes -> write_bytes: Spread,
        write_records -> write_records: Spread,
        write_time -> write_time_nanos: Spread,
    }
}

record! {
    /// How the work spreads over executors.
    ExecutorSpread => ExecutorMetricsDistributions {
        quantiles -> quantiles: Vec<f64>,
        task_time -> task_time_millis: Vec<f64>,
        failed_tasks -> failed_tasks: Vec<f64>,
        succeeded_tasks -> succeeded_tasks: Vec<f64>,
        killed_tasks -> killed_tasks: Vec<f64>,
        input_bytes -> input_bytes: Vec<f64>,
        input_records -> input_records: Vec<f64>,
        output_bytes -> output_bytes: Vec<f64>,
        output_records -> output_records: Vec<f64>,
        shuffle_read -> shuffle_read: Vec<f64>,
        shuffle_read_records -> shuffle_read_records: Vec<f64>,
        shuffle_write -> shuffle_write: Vec<f64>,
        shuffle_write_records -> shuffle_write_records: Vec<f64>,
        memory_bytes_spilled -> memory_bytes_spilled: Vec<f64>,
        disk_bytes_spilled -> disk_bytes_spilled: Vec<f64>,
        ;
        peak_memory_metrics: BTreeMap<String, Vec<f64>>,
    }
    more |spread, message| message.peak_memory_metrics = Some(spread.peaks())
}

impl ExecutorSpread {
    /// Peaks by quantile, which Spark has by name.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole numbers, and a cast ends at the bounds of i64"
    )]
    fn peaks(&self) -> pb::ExecutorPeakMetricsDistributions {
        let at = |quantile: usize| {
            let named = self.peak_memory_metrics.iter();
            let metrics = named.filter_map(|(name, values)| {
                values.get(quantile).map(|value| (name.clone(), value.round() as i64))
            });
            pb::ExecutorMetrics { metrics: metrics.collect() }
        };
        pb::ExecutorPeakMetricsDistributions {
            quantiles: self.quantiles.clone(),
            executor_metrics: (0..self.quantiles.len()).map(at).collect(),
        }
    }
}
