//! What a session uses, as the API tells it (contract, section 5.8).

use hearth_core::Timestamp;
use hearth_core::session::{Session, StateLabel};
use hearth_core::usage::{active_span, allocation, total};
use hearth_wire::dataproc as pb;

use super::time::timestamp;

/// What is allocated now, while a session is active, and what was in all once it has ended. Both follow from its record,
/// so that every answer about the same record says the same.
pub(super) fn messages(session: &Session) -> (Option<pb::UsageSnapshot>, Option<pb::UsageMetrics>) {
    let label = session.state.label();
    if label == StateLabel::Active {
        let allocation = allocation(session);
        let (milli_dcu, gigabytes) = (signed(allocation.milli_dcu), signed(allocation.shuffle_storage_gb));
        let snapshot = pb::UsageSnapshot {
            milli_dcu,
            shuffle_storage_gb: gigabytes,
            // Sessions always run at the premium tier.
            milli_dcu_premium: milli_dcu,
            snapshot_time: Some(timestamp(session.used.at.unwrap_or(session.state_at))),
            ..pb::UsageSnapshot::default()
        };
        return (Some(snapshot), None);
    }
    let ended = if label.terminal() { active_span(session, session.state_at) } else { None };
    let metrics = ended.and_then(|(_, ended)| {
        let whole = total(session, Timestamp::MIN, Timestamp::MAX, ended)?;
        Some(pb::UsageMetrics {
            milli_dcu_seconds: signed(whole.milli_dcu_seconds),
            shuffle_storage_gb_seconds: signed(whole.shuffle_storage_gb_seconds),
            update_time: Some(timestamp(ended)),
            ..pb::UsageMetrics::default()
        })
    });
    (None, metrics)
}

/// A count as the wire has it.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
