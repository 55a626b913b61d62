//! Applications.

use jiff::Timestamp;

use super::{At, record};

impl Application {
    /// Ends the runs that have no end, if the application is known to have ended.
    pub(crate) fn end(&mut self, ended_at: Option<Timestamp>) {
        for attempt in self.attempts.iter_mut().filter(|attempt| ended_at.is_some() && !attempt.completed) {
            attempt.completed = true;
            attempt.end_time = At(ended_at);
            if let (Some(from), Some(to)) = (attempt.start_time.0, ended_at) {
                attempt.duration = to.as_millisecond().saturating_sub(from.as_millisecond()).max(0);
            }
        }
    }
}

record! {
    /// One application of `/applications`.
    Application => ApplicationInfo {
        id -> application_id: String,
        name -> name: String,
        attempts -> attempts: Vec<Attempt>,
        cores_granted -> cores_granted: i32,
        max_cores -> max_cores: i32,
        cores_per_executor -> cores_per_executor: i32,
        #[serde(rename = "memoryPerExecutorMB")]
        memory_per_executor -> memory_per_executor_mb: i32,
    }
    more |application, message| {
        use hearth_wire::dataproc::application_info::ApplicationContextIngestionStatus as Status;
        // All records are there once the record of the end is.
        let ended = !application.attempts.is_empty() && application.attempts.iter().all(|attempt| attempt.completed);
        if ended {
            message.application_context_ingestion_status = Status::Completed.into();
        }
    }
}

record! {
    /// One run of it.
    Attempt => ApplicationAttemptInfo {
        attempt_id -> attempt_id: String,
        start_time -> start_time: At,
        end_time -> end_time: At,
        last_updated -> last_updated: At,
        duration -> duration_millis: i64,
        spark_user -> spark_user: String,
        completed -> completed: bool,
        app_spark_version -> app_spark_version: String,
    }
}
