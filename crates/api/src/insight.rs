//! `hearth.v1`: what Hearth says of itself beyond the Dataproc API.

use futures::stream::{self, BoxStream, StreamExt};
use hearth_control::ControlError;
use hearth_control::insight::Extension;
use hearth_control::pools::PoolStatus;
use hearth_control::watch::Seen;
use hearth_core::Timestamp;
use hearth_core::notice::Notice;
use hearth_core::session::StateLabel;
use hearth_core::timeline::Milestone;
use hearth_wire::hearth as pb;
use hearth_wire::hearth::server_server::Server;
use hearth_wire::hearth::session_insight_server::SessionInsight;
use tonic::{Request, Response, Status};

use crate::Api;
use crate::convert::time::{duration, from_duration, from_timestamp, timestamp};
use crate::sessions::{caller, session_name};
use crate::status::status;

/// How much of a log is sent at once if the caller does not say, and at most.
const LOG_PIECE: usize = 1 << 20;

#[tonic::async_trait]
impl SessionInsight for Api {
    async fn get_timeline(
        &self,
        request: Request<pb::GetTimelineRequest>,
    ) -> Result<Response<pb::Timeline>, Status> {
        caller(&request)?;
        let name = session_name(&request.get_ref().name).map_err(status)?;
        let session = self.control.session(&name).await.map_err(status)?;
        let accepted = session.timeline.at(Milestone::Accepted).unwrap_or(session.created_at);
        let entries = session
            .timeline
            .iter()
            .map(|(milestone, at)| pb::timeline::Entry {
                step: milestone.label().to_owned(),
                time: Some(timestamp(at)),
                elapsed: std::time::Duration::try_from(at.duration_since(accepted)).ok().map(duration),
                detail: match (milestone, &session.engine_from) {
                    (Milestone::HandedOver, Some(from)) => from.handed_over(at).unwrap_or_default(),
                    _ => String::new(),
                },
            })
            .collect();
        let note = session.engine_from.as_ref().and_then(|from| from.note()).unwrap_or_default();
        Ok(Response::new(pb::Timeline { entries, note }))
    }

    async fn get_log(&self, request: Request<pb::GetLogRequest>) -> Result<Response<pb::Log>, Status> {
        caller(&request)?;
        let request = request.into_inner();
        let name = session_name(&request.name).map_err(status)?;
        let offset = u64::try_from(request.offset)
            .map_err(|_| Status::invalid_argument("Log offset must not be negative"))?;
        let limit = match usize::try_from(request.limit) {
            Ok(0) | Err(_) => LOG_PIECE,
            Ok(limit) => limit.min(LOG_PIECE),
        };
        let (chunk, finished) = self.control.session_log(&name, offset, limit).await.map_err(status)?;
        Ok(Response::new(pb::Log {
            truncated: chunk.offset > offset,
            next_offset: i64::try_from(chunk.next_offset).unwrap_or(i64::MAX),
            content: chunk.content,
            finished,
        }))
    }

    type WatchSessionStream = BoxStream<'static, Result<pb::SessionNotice, Status>>;

    async fn watch_session(
        &self,
        request: Request<pb::WatchSessionRequest>,
    ) -> Result<Response<Self::WatchSessionStream>, Status> {
        caller(&request)?;
        let request = request.into_inner();
        let name = session_name(&request.name).map_err(status)?;
        let after = u64::try_from(request.after)
            .map_err(|_| status(ControlError::field("after", "The number of a notice is never negative")))?;
        let watch = self.control.watch(&name, after).await.map_err(status)?;
        let control = self.control.clone();
        let seen = stream::try_unfold((watch, control), |(mut watch, control)| async move {
            let seen = watch.next().await.map_err(status)?;
            Ok(seen.map(|seen| (notice_message(seen, control.now()), (watch, control))))
        });
        Ok(Response::new(seen.boxed()))
    }

    async fn extend_session(
        &self,
        request: Request<pb::ExtendSessionRequest>,
    ) -> Result<Response<pb::ExtendSessionResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let name = session_name(&request.name).map_err(status)?;
        let extension = extension(&request).map_err(status)?;
        let session = self.control.extend_session(&caller, &name, extension).await.map_err(status)?;
        let policy = self.control.policy();
        Ok(Response::new(pb::ExtendSessionResponse {
            name: session.name.to_string(),
            ttl: Some(duration(session.ttl(policy))),
            end_time: session.ttl_ends_at(policy).map(timestamp),
        }))
    }

    async fn explain_session(
        &self,
        request: Request<pb::ExplainSessionRequest>,
    ) -> Result<Response<pb::Explanation>, Status> {
        caller(&request)?;
        let name = session_name(&request.get_ref().name).map_err(status)?;
        let (session, told) = self.control.explain_session(&name).await.map_err(status)?;
        Ok(Response::new(pb::Explanation {
            name: session.name.to_string(),
            state: session.state.label().to_string(),
            summary: told.summary,
            reason: told.reason,
            next_steps: told.next,
            end_time: told.ends_at.or(told.ended_at).map(timestamp),
            log_lines: told.log_lines,
        }))
    }
}

/// The end that a request asks for: one of the two.
fn extension(request: &pb::ExtendSessionRequest) -> Result<Extension, ControlError> {
    match (&request.ttl, &request.until) {
        (Some(ttl), None) => Ok(Extension::Ttl(from_duration(ttl))),
        (None, Some(until)) => from_timestamp(until)
            .map(Extension::Until)
            .ok_or_else(|| ControlError::field("until", "Invalid value for field 'until': not a time")),
        (Some(_), Some(_)) => Err(ControlError::field("ttl", "Only one of 'ttl' and 'until' can be set")),
        (None, None) => Err(ControlError::field("ttl", "One of 'ttl' and 'until' must be set")),
    }
}

/// What a watcher saw as a message.
fn notice_message(seen: Seen, now: Timestamp) -> pb::SessionNotice {
    match seen {
        Seen::Notice { notice, state } => told(&notice, state),
        Seen::Removed => pb::SessionNotice {
            kind: "removed".to_owned(),
            time: Some(timestamp(now)),
            text: "Its record was removed".to_owned(),
            ..pb::SessionNotice::default()
        },
    }
}

pub(crate) fn told(notice: &Notice, state: StateLabel) -> pb::SessionNotice {
    pb::SessionNotice {
        sequence: i64::try_from(notice.sequence).unwrap_or(i64::MAX),
        kind: notice.what.label().to_owned(),
        time: Some(timestamp(notice.at)),
        text: notice.text(),
        end_time: notice.what.ends_at().map(timestamp),
        state: state.to_string(),
    }
}

fn pool(pool: PoolStatus) -> pb::Pool {
    fn count<T: TryInto<i32>>(number: T) -> i32 {
        number.try_into().unwrap_or(i32::MAX)
    }
    fn total(number: u64) -> i64 {
        i64::try_from(number).unwrap_or(i64::MAX)
    }
    let (trouble, retry) = pool.trouble.unzip();
    pb::Pool {
        name: pool.name,
        runtime: pool.runtime,
        ready: count(pool.ready),
        starting: count(pool.starting),
        retiring: count(pool.retiring),
        target: count(pool.target),
        least: count(pool.least),
        most: count(pool.most),
        memory_bytes_each: total(pool.memory_each),
        handed_over: total(pool.handed_over),
        missed: total(pool.missed),
        trouble: trouble.unwrap_or_default(),
        retry_time: retry.map(timestamp),
    }
}

#[tonic::async_trait]
impl Server for Api {
    async fn get_server_info(
        &self,
        request: Request<pb::GetServerInfoRequest>,
    ) -> Result<Response<pb::ServerInfo>, Status> {
        caller(&request)?;
        Ok(Response::new(self.settings.info.clone()))
    }

    async fn list_pools(
        &self,
        request: Request<pb::ListPoolsRequest>,
    ) -> Result<Response<pb::ListPoolsResponse>, Status> {
        caller(&request)?;
        let pools = self.control.pools().await.map_err(status)?;
        Ok(Response::new(pb::ListPoolsResponse { pools: pools.into_iter().map(pool).collect() }))
    }
}
