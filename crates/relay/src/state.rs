//! Which requests are work.

/// Requests that clients make by themselves: when they connect, and while someone types.
const OWN_REQUESTS: [&str; 5] =
    ["kernel_info_request", "comm_info_request", "connect_request", "is_complete_request", "history_request"];

/// Whether a request is work that a user has asked for.
pub(crate) fn is_work(msg_type: &str) -> bool {
    !msg_type.is_empty() && !OWN_REQUESTS.contains(&msg_type)
}
