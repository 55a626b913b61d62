//! `hearth.v1.UsageReports`: what sessions used.

use hearth_control::ControlError;
use hearth_control::usage::{AskUsage, UsageReport};
use hearth_core::Timestamp;
use hearth_core::name::Parent;
use hearth_core::usage::{GroupBy, Price, Total};
use hearth_wire::hearth as pb;
use hearth_wire::hearth::usage_reports_server::UsageReports;
use tonic::{Request, Response, Status};

use crate::Api;
use crate::convert::time::{from_seconds, from_timestamp, timestamp};
use crate::convert::usage::signed;
use crate::permission::Permission;
use crate::sessions::named;
use crate::status::status;

/// The most groups that are told at once. Far below what a client takes as one message, and above what people read.
const MOST_GROUPS: usize = 1000;
/// Stands for every project or location, as elsewhere in the API of Google's services.
const EVERY: &str = "-";

#[tonic::async_trait]
impl UsageReports for Api {
    async fn get_usage(&self, request: Request<pb::GetUsageRequest>) -> Result<Response<pb::Usage>, Status> {
        self.allowed(&request, Permission::SessionsList, &request.get_ref().parent)?;
        let request = request.into_inner();
        let ask = self.ask(&request).map_err(status)?;
        let report = self.control.usage(&ask).await.map_err(status)?;
        Ok(Response::new(message(report, request.start_time, self.settings.price.as_ref())))
    }
}

impl Api {
    fn ask(&self, request: &pb::GetUsageRequest) -> Result<AskUsage, ControlError> {
        let parent: Parent = named("parent", request.parent.parse())?;
        if parent.location != EVERY {
            self.served("parent", &parent)?;
        }
        let by = if request.group_by.is_empty() {
            GroupBy::User
        } else {
            request.group_by.parse().map_err(|error| {
                ControlError::field("group_by", format!("Invalid value for field 'group_by': {error}"))
            })?
        };
        let one = |segment: String| (segment != EVERY).then_some(segment);
        Ok(AskUsage {
            project: one(parent.project),
            location: one(parent.location),
            by,
            since: time("start_time", request.start_time.as_ref())?,
            until: time("end_time", request.end_time.as_ref())?,
        })
    }
}

fn time(field: &str, at: Option<&prost_types::Timestamp>) -> Result<Option<Timestamp>, ControlError> {
    let invalid = || ControlError::field(field, format!("Invalid value for field '{field}': not a time"));
    at.map(|at| from_timestamp(at).ok_or_else(invalid)).transpose()
}

fn message(report: UsageReport, since: Option<prost_types::Timestamp>, price: Option<&Price>) -> pb::Usage {
    let UsageReport { used, until } = report;
    let omitted = used.groups.len().saturating_sub(MOST_GROUPS);
    let groups = used.groups.into_iter().take(MOST_GROUPS).map(|found| {
        let without_label = found.key.is_none();
        pb::UsageGroup { key: found.key.unwrap_or_default(), without_label, ..group(&found.total, price) }
    });
    pb::Usage {
        groups: groups.collect(),
        total: Some(group(&used.total, price)),
        omitted_groups: i64::try_from(omitted).unwrap_or(i64::MAX),
        start_time: since,
        end_time: Some(timestamp(until)),
        currency: price.map(|price| price.currency.clone()).unwrap_or_default(),
        price_micros_per_dcu_hour: price.map_or(0, |price| signed(price.micros_per_dcu_hour)),
    }
}

fn group(total: &Total, price: Option<&Price>) -> pb::UsageGroup {
    let cost = |units: u64| price.map_or(0, |price| signed(price.micros(units)));
    pb::UsageGroup {
        key: String::new(),
        without_label: false,
        sessions: signed(total.sessions),
        active_time: Some(from_seconds(total.active_seconds)),
        idle_time: Some(from_seconds(total.idle_seconds)),
        milli_dcu_seconds: signed(total.milli_dcu_seconds),
        idle_milli_dcu_seconds: signed(total.idle_milli_dcu_seconds),
        shuffle_storage_gb_seconds: signed(total.shuffle_storage_gb_seconds),
        cpu_time: Some(crate::convert::time::duration(total.cpu)),
        memory_mib_seconds: signed(total.memory_mib_seconds),
        peak_memory_bytes: signed(total.peak_memory),
        cost_micros: cost(total.milli_dcu_seconds),
        idle_cost_micros: cost(total.idle_milli_dcu_seconds),
    }
}
