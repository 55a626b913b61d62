//! `hearth.v1`: what Hearth says of itself beyond the Dataproc API.

use futures::stream::{self, BoxStream, StreamExt};
use hearth_control::ControlError;
use hearth_control::diagnostics::Diagnosed;
use hearth_control::insight::Extension;
use hearth_control::pools::PoolStatus;
use hearth_control::watch::Seen;
use hearth_core::Timestamp;
use hearth_wire::hearth as pb;
use hearth_wire::hearth::server_server::Server;
use hearth_wire::hearth::session_insight_server::SessionInsight;
use tonic::{Request, Response, Status};

use crate::Api;
use crate::convert::insight as convert;
use crate::convert::time::{duration, from_duration, from_timestamp, timestamp};
use crate::convert::usage::signed;
use crate::permission::{Permission, caller};
use crate::sessions::session_name;
use crate::status::status;

/// How much of a log or an archive is sent at once if the caller does not say, and at most.
const PIECE: usize = 1 << 20;

#[tonic::async_trait]
impl SessionInsight for Api {
    async fn get_timeline(
        &self,
        request: Request<pb::GetTimelineRequest>,
    ) -> Result<Response<pb::Timeline>, Status> {
        self.allowed(&request, Permission::SessionsGet, &request.get_ref().name)?;
        let name = session_name(&request.get_ref().name).map_err(status)?;
        let session = self.control.session(&name).await.map_err(status)?;
        Ok(Response::new(convert::timeline(&session)))
    }

    async fn get_log(&self, request: Request<pb::GetLogRequest>) -> Result<Response<pb::Log>, Status> {
        self.allowed(&request, Permission::SessionsGet, &request.get_ref().name)?;
        let request = request.into_inner();
        let name = session_name(&request.name).map_err(status)?;
        let (offset, limit) = piece(request.offset, request.limit).map_err(status)?;
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
        self.allowed(&request, Permission::SessionsGet, &request.get_ref().name)?;
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
        let caller = self.allowed(&request, Permission::SessionsCreate, &request.get_ref().name)?;
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
        self.allowed(&request, Permission::SessionsGet, &request.get_ref().name)?;
        let name = session_name(&request.get_ref().name).map_err(status)?;
        let (session, told) = self.control.explain_session(&name).await.map_err(status)?;
        Ok(Response::new(convert::explanation(&session, told)))
    }

    async fn diagnose_session(
        &self,
        request: Request<pb::DiagnoseSessionRequest>,
    ) -> Result<Response<pb::Diagnostics>, Status> {
        self.allowed(&request, Permission::SessionsGet, &request.get_ref().name)?;
        let name = session_name(&request.get_ref().name).map_err(status)?;
        let Diagnosed { session, size } = self.control.diagnose_session(&name).await.map_err(status)?;
        Ok(Response::new(pb::Diagnostics {
            name: session.name.to_string(),
            output_uri: self.settings.places.diagnostics(&session),
            time: session.keeping.diagnosed_at.map(timestamp),
            size: signed(size),
        }))
    }

    async fn get_diagnostics(
        &self,
        request: Request<pb::GetDiagnosticsRequest>,
    ) -> Result<Response<pb::DiagnosticsPart>, Status> {
        self.allowed(&request, Permission::SessionsGet, &request.get_ref().name)?;
        let request = request.into_inner();
        let name = session_name(&request.name).map_err(status)?;
        let (offset, limit) = piece(request.offset, request.limit).map_err(status)?;
        let (session, kept) = self.control.diagnostics(&name, offset, limit).await.map_err(status)?;
        let next_offset = offset.min(kept.size) + kept.content.len() as u64;
        Ok(Response::new(pb::DiagnosticsPart {
            content: kept.content,
            next_offset: signed(next_offset),
            finished: next_offset >= kept.size,
            time: session.keeping.diagnosed_at.map(timestamp),
        }))
    }
}

/// Which bytes of a log or an archive a request asks for: from where on, and how many at most.
fn piece(offset: i64, limit: i32) -> Result<(u64, usize), ControlError> {
    let offset = u64::try_from(offset)
        .map_err(|_| ControlError::field("offset", "Invalid value for field 'offset': it is negative"))?;
    let limit = match usize::try_from(limit) {
        Ok(0) | Err(_) => PIECE,
        Ok(limit) => limit.min(PIECE),
    };
    Ok((offset, limit))
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
        Seen::Notice { notice, state } => convert::notice(&notice, state),
        Seen::Removed => pb::SessionNotice {
            kind: "removed".to_owned(),
            time: Some(timestamp(now)),
            text: "Its record was removed".to_owned(),
            ..pb::SessionNotice::default()
        },
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
