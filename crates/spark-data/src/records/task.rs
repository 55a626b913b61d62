//! Tasks and what they took.

use std::collections::BTreeMap;

use super::{At, record};

record! {
    /// One task of `taskList`.
    Task => TaskData {
        task_id -> task_id: i64,
        index -> index: i32,
        attempt -> attempt: i32,
        partition_id -> partition_id: i32,
        launch_time -> launch_time: At,
        result_fetch_start -> result_fetch_start: At,
        duration -> duration_millis: i64,
        executor_id -> executor_id: String,
        host -> host: String,
        status -> status: String,
        task_locality -> task_locality: String,
        speculative -> speculative: bool,
        accumulator_updates -> accumulator_updates: Vec<Accumulable>,
        error_message -> error_message: String,
        task_metrics -> task_metrics: Option<Metrics>,
        executor_logs -> executor_logs: BTreeMap<String, String>,
        scheduler_delay -> scheduler_delay_millis: i64,
        getting_result_time -> getting_result_time_millis: i64,
    }
    more |task, message| message.has_metrics = task.task_metrics.is_some()
}

record! {
    /// A named accumulator.
    Accumulable => AccumulableInfo {
        id -> accumullable_info_id: i64,
        name -> name: String,
        update -> update: String,
        value -> value: String,
    }
}

record! {
    /// What a task took.
    Metrics => TaskMetrics {
        executor_deserialize_time -> executor_deserialize_time_millis: i64,
        executor_deserialize_cpu_time -> executor_deserialize_cpu_time_nanos: i64,
        executor_run_time -> executor_run_time_millis: i64,
        executor_cpu_time -> executor_cpu_time_nanos: i64,
        result_size -> result_size: i64,
        jvm_gc_time -> jvm_gc_time_millis: i64,
        result_serialization_time -> result_serialization_time_millis: i64,
        memory_bytes_spilled -> memory_bytes_spilled: i64,
        disk_bytes_spilled -> disk_bytes_spilled: i64,
        peak_execution_memory -> peak_execution_memory_bytes: i64,
        input_metrics -> input_metrics: Option<Input>,
        output_metrics -> output_metrics: Option<Output>,
        shuffle_read_metrics -> shuffle_read_metrics: Option<ShuffleRead>,
        shuffle_write_metrics -> shuffle_write_metrics: Option<ShuffleWrite>,
    }
}

record! {
    /// What a task read.
    Input => InputMetrics {
        bytes_read -> bytes_read: i64,
        records_read -> records_read: i64,
    }
}

record! {
    /// What a task wrote.
    Output => OutputMetrics {
        bytes_written -> bytes_written: i64,
        records_written -> records_written: i64,
    }
}

record! {
    /// What a task read of a shuffle.
    ShuffleRead => ShuffleReadMetrics {
        remote_blocks_fetched -> remote_blocks_fetched: i64,
        local_blocks_fetched -> local_blocks_fetched: i64,
        fetch_wait_time -> fetch_wait_time_millis: i64,
        remote_bytes_read -> remote_bytes_read: i64,
        remote_bytes_read_to_disk -> remote_bytes_read_to_disk: i64,
        local_bytes_read -> local_bytes_read: i64,
        records_read -> records_read: i64,
        remote_reqs_duration -> remote_reqs_duration: i64,
        shuffle_push_read_metrics -> shuffle_push_read_metrics: Option<PushRead>,
    }
}

record! {
    /// What a task read of merged blocks.
    PushRead => ShufflePushReadMetrics {
        corrupt_merged_block_chunks -> corrupt_merged_block_chunks: i64,
        merged_fetch_fallback_count -> merged_fetch_fallback_count: i64,
        remote_merged_blocks_fetched -> remote_merged_blocks_fetched: i64,
        local_merged_blocks_fetched -> local_merged_blocks_fetched: i64,
        remote_merged_chunks_fetched -> remote_merged_chunks_fetched: i64,
        local_merged_chunks_fetched -> local_merged_chunks_fetched: i64,
        remote_merged_bytes_read -> remote_merged_bytes_read: i64,
        local_merged_bytes_read -> local_merged_bytes_read: i64,
        remote_merged_reqs_duration -> remote_merged_reqs_duration: i64,
    }
}

record! {
    /// What a task wrote to a shuffle.
    ShuffleWrite => ShuffleWriteMetrics {
        bytes_written -> bytes_written: i64,
        write_time -> write_time_nanos: i64,
        records_written -> records_written: i64,
    }
}
