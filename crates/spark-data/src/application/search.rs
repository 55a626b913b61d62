//! The applications of a session.

use std::cmp::Reverse;
use std::sync::Arc;

use futures::future::try_join_all;
use hearth_wire::dataproc as pb;
use pb::ApplicationStatus;
use prost_types::Timestamp;

use super::known;
use crate::error::DataError;
use crate::page::{Page, Place};
use crate::source::Source;

/// `sparkApplications.search` over the applications of the session of this name.
///
/// # Errors
/// When a parameter breaks a rule, or one of the sources cannot be asked.
pub async fn search(
    session: &str,
    sources: &[Arc<dyn Source>],
    request: &pb::SearchSessionSparkApplicationsRequest,
) -> Result<pb::SearchSessionSparkApplicationsResponse, DataError> {
    let page = Page::of(request)?;
    let status = known::<ApplicationStatus>(request.application_status, "application_status")?;
    let found = try_join_all(sources.iter().map(|source| source.application())).await?;
    let mut found: Vec<_> =
        found.into_iter().flatten().filter(|found| wanted(found, status, request)).collect();
    // The newest first; ids are in their order too where Spark makes them.
    found.sort_by_key(|found| Reverse((millis(started(found)), found.application_id.clone())));
    let rows = found.into_iter().map(|found| {
        let place = Place(-millis(started(&found)), 0, found.application_id.clone());
        let name = format!("{session}/sparkApplications/{}", found.application_id);
        (place, pb::SparkApplication { name, application: Some(found) })
    });
    let (spark_applications, next_page_token) = page.cut(rows.collect());
    Ok(pb::SearchSessionSparkApplicationsResponse { spark_applications, next_page_token })
}

fn wanted(
    application: &pb::ApplicationInfo,
    status: Option<ApplicationStatus>,
    request: &pb::SearchSessionSparkApplicationsRequest,
) -> bool {
    let completed = !application.attempts.is_empty() && application.attempts.iter().all(|one| one.completed);
    let ended =
        application.attempts.first().and_then(|attempt| attempt.end_time.as_ref()).filter(|_| completed);
    (match status {
        Some(ApplicationStatus::Running) => !completed,
        Some(ApplicationStatus::Completed) => completed,
        _ => true,
    }) && within(started(application), request.min_time.as_ref(), request.max_time.as_ref())
        && within(ended, request.min_end_time.as_ref(), request.max_end_time.as_ref())
}

/// When the last attempt began, which Spark lists first.
fn started(application: &pb::ApplicationInfo) -> Option<&Timestamp> {
    application.attempts.first().and_then(|attempt| attempt.start_time.as_ref())
}

/// Whether a time is between two, each of them included. What has no time is only within no bounds.
fn within(at: Option<&Timestamp>, min: Option<&Timestamp>, max: Option<&Timestamp>) -> bool {
    let key = |time: &Timestamp| (time.seconds, time.nanos);
    match at {
        None => min.is_none() && max.is_none(),
        Some(at) => min.is_none_or(|min| key(min) <= key(at)) && max.is_none_or(|max| key(at) <= key(max)),
    }
}

fn millis(at: Option<&Timestamp>) -> i64 {
    at.map_or(0, |at| at.seconds.saturating_mul(1000).saturating_add(i64::from(at.nanos) / 1_000_000))
}
