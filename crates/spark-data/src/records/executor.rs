//! Executors, as a whole and within a stage.

use std::collections::BTreeMap;

use hearth_wire::dataproc as pb;

use super::{At, Into_, record};

/// Peaks of memory by name.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct Peaks(pub(crate) BTreeMap<String, i64>);

impl Into_<pb::ExecutorMetrics> for Peaks {
    fn convert(self) -> pb::ExecutorMetrics {
        pb::ExecutorMetrics { metrics: self.0 }
    }
}

record! {
    /// One executor of `/allexecutors`; the driver is one.
    Executor => ExecutorSummary {
        id -> executor_id: String,
        host_port -> host_port: String,
        is_active -> is_active: bool,
        rdd_blocks -> rdd_blocks: i32,
        memory_used -> memory_used: i64,
        disk_used -> disk_used: i64,
        total_cores -> total_cores: i32,
        max_tasks -> max_tasks: i32,
        active_tasks -> active_tasks: i32,
        failed_tasks -> failed_tasks: i32,
        completed_tasks -> completed_tasks: i32,
        total_tasks -> total_tasks: i32,
        total_duration -> total_duration_millis: i64,
        #[serde(rename = "totalGCTime")]
        total_gc_time -> total_gc_time_millis: i64,
        total_input_bytes -> total_input_bytes: i64,
        total_shuffle_read -> total_shuffle_read: i64,
        total_shuffle_write -> total_shuffle_write: i64,
        max_memory -> max_memory: i64,
        add_time -> add_time: At,
        remove_time -> remove_time: At,
        remove_reason -> remove_reason: String,
        executor_logs -> executor_logs: BTreeMap<String, String>,
        memory_metrics -> memory_metrics: Option<Memory>,
        peak_memory_metrics -> peak_memory_metrics: Option<Peaks>,
        attributes -> attributes: BTreeMap<String, String>,
        resources -> resources: BTreeMap<String, Resource>,
        resource_profile_id -> resource_profile_id: i32,
        is_excluded -> is_excluded: bool,
        excluded_in_stages -> excluded_in_stages: Vec<i64>,
    }
}

record! {
    /// Storage memory.
    Memory => MemoryMetrics {
        used_on_heap_storage_memory -> used_on_heap_storage_memory: i64,
        used_off_heap_storage_memory -> used_off_heap_storage_memory: i64,
        total_on_heap_storage_memory -> total_on_heap_storage_memory: i64,
        total_off_heap_storage_memory -> total_off_heap_storage_memory: i64,
    }
}

record! {
    /// A resource such as a GPU.
    Resource => ResourceInformation {
        name -> name: String,
        addresses -> addresses: Vec<String>,
    }
}

record! {
    /// What an executor did in a stage.
    ExecutorInStage => ExecutorStageSummary {
        task_time -> task_time_millis: i64,
        failed_tasks -> failed_tasks: i32,
        succeeded_tasks -> succeeded_tasks: i32,
        killed_tasks -> killed_tasks: i32,
        input_bytes -> input_bytes: i64,
        input_records -> input_records: i64,
        output_bytes -> output_bytes: i64,
        output_records -> output_records: i64,
        shuffle_read -> shuffle_read: i64,
        shuffle_read_records -> shuffle_read_records: i64,
        shuffle_write -> shuffle_write: i64,
        shuffle_write_records -> shuffle_write_records: i64,
        memory_bytes_spilled -> memory_bytes_spilled: i64,
        disk_bytes_spilled -> disk_bytes_spilled: i64,
        is_excluded_for_stage -> is_excluded_for_stage: bool,
        peak_memory_metrics -> peak_memory_metrics: Option<Peaks>,
    }
}
