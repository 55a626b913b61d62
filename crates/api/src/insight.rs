//! `hearth.v1`: what Hearth says of itself beyond the Dataproc API.

use hearth_core::timeline::Milestone;
use hearth_wire::hearth as pb;
use hearth_wire::hearth::server_server::Server;
use hearth_wire::hearth::session_insight_server::SessionInsight;
use tonic::{Request, Response, Status};

use crate::Api;
use crate::convert::time::{duration, timestamp};
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
                detail: String::new(),
            })
            .collect();
        Ok(Response::new(pb::Timeline { entries, note: String::new() }))
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
}
