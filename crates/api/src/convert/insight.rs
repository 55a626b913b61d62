//! What there is to know of a session beyond the Dataproc API.

use hearth_core::explain::Explanation;
use hearth_core::notice::{Notice, What};
use hearth_core::session::{Session, StateLabel};
use hearth_core::timeline::Milestone;
use hearth_wire::hearth as pb;

use super::time::{duration, timestamp};

/// How a session came up.
pub fn timeline(session: &Session) -> pb::Timeline {
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
                (Milestone::Admitted, _) => waited_for(session),
                _ => String::new(),
            },
        })
        .collect();
    let note = session.engine_from.as_ref().and_then(|from| from.note()).unwrap_or_default();
    pb::Timeline { entries, note }
}

/// What a session had to wait for, as it was told then.
fn waited_for(session: &Session) -> String {
    let why = session.notices.iter().find_map(|notice| match &notice.what {
        What::Waiting { why } => Some(why.clone()),
        _ => None,
    });
    why.unwrap_or_default()
}

/// Why a session is in its state.
pub fn explanation(session: &Session, told: Explanation) -> pb::Explanation {
    pb::Explanation {
        name: session.name.to_string(),
        state: session.state.label().to_string(),
        summary: told.summary,
        reason: told.reason,
        next_steps: told.next,
        end_time: told.ends_at.or(told.ended_at).map(timestamp),
        log_lines: told.log_lines,
    }
}

/// A notice of a session that is in this state by now.
pub fn notice(notice: &Notice, state: StateLabel) -> pb::SessionNotice {
    pb::SessionNotice {
        sequence: i64::try_from(notice.sequence).unwrap_or(i64::MAX),
        kind: notice.what.label().to_owned(),
        time: Some(timestamp(notice.at)),
        text: notice.text(),
        end_time: notice.what.ends_at().map(timestamp),
        state: state.to_string(),
    }
}
