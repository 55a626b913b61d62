//! How often a project may call: per minute and location, in two groups as the hosted service counts them.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use hearth_core::name::Parent;
use hearth_wire::error::pack;
use hearth_wire::rpc;
use tonic::{Code, Status};

use crate::status::{SERVICE, error_info, with_details};

/// After how many projects and locations those are forgotten that have their whole quota again.
const REMEMBERED: usize = 10_000;

/// Calls that are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Create, terminate and delete of sessions.
    SessionOperations,
    /// Get and list of sessions.
    Reads,
}

impl Group {
    /// The metric and the limit, as answers name them. Source: the hosted service's published quotas.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::SessionOperations => {
                ("session_operation_requests", "SessionOperationRequestsPerMinutePerProjectPerRegion")
            }
            Self::Reads => ("default_requests", "DefaultRequestsPerMinutePerProjectPerRegion"),
        }
    }
}

/// Counts calls and refuses those beyond a limit.
#[derive(Debug, Default)]
pub struct Limits {
    session_operations: Option<Limit>,
    reads: Option<Limit>,
}

#[derive(Debug)]
struct Limit {
    per_minute: NonZeroU32,
    seen: DefaultKeyedRateLimiter<Parent>,
}

impl Limits {
    /// So many calls a minute for each project and location; zero for as many as come.
    pub fn per_minute(session_operations: u32, reads: u32) -> Self {
        let limit = |per_minute| {
            NonZeroU32::new(per_minute).map(|per_minute| Limit {
                per_minute,
                seen: RateLimiter::keyed(Quota::per_minute(per_minute)),
            })
        };
        Self { session_operations: limit(session_operations), reads: limit(reads) }
    }

    /// Counts a call.
    ///
    /// # Errors
    /// When it is one too many: with the time after which another is taken.
    pub fn count(&self, group: Group, parent: &Parent) -> Result<(), Status> {
        let limit = match group {
            Group::SessionOperations => &self.session_operations,
            Group::Reads => &self.reads,
        };
        let Some(limit) = limit else { return Ok(()) };
        if limit.seen.len() > REMEMBERED {
            limit.seen.retain_recent();
        }
        limit.seen.check_key(parent).map_err(|not_until| {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            exhausted(group, limit.per_minute, &parent.project, wait)
        })
    }
}

fn exhausted(group: Group, per_minute: NonZeroU32, project: &str, wait: Duration) -> Status {
    let (metric, limit) = group.names();
    let (metric, consumer) = (format!("{SERVICE}/{metric}"), format!("project_number:{project}"));
    let message = format!(
        "Quota exceeded for quota metric '{metric}' and limit '{limit}' of service '{SERVICE}' for consumer \
         '{consumer}'."
    );
    let metadata = [
        ("quota_metric", metric),
        ("quota_limit", limit.to_owned()),
        ("quota_limit_value", per_minute.to_string()),
        ("consumer", consumer),
    ];
    let info = error_info("RATE_LIMIT_EXCEEDED", "googleapis.com", metadata);
    let retry = rpc::RetryInfo { retry_delay: prost_types::Duration::try_from(wait).ok() };
    with_details(Code::ResourceExhausted, message, vec![info, pack(&retry)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_project_and_location_has_a_quota_of_its_own_in_each_group() {
        let limits = Limits::per_minute(2, 0);
        let parent = |text: &str| text.parse::<Parent>().unwrap();
        let (here, there) = (parent("projects/p/locations/here"), parent("projects/p/locations/there"));
        limits.count(Group::SessionOperations, &here).unwrap();
        limits.count(Group::SessionOperations, &here).unwrap();
        let status = limits.count(Group::SessionOperations, &here).unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted);
        limits.count(Group::SessionOperations, &there).unwrap();
        for _ in 0..100 {
            limits.count(Group::Reads, &here).unwrap();
        }
    }
}
