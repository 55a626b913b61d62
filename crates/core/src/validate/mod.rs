//! Rules that a session's or a template's settings must meet, all reported together (contract, sections 6 and 7).
//!
//! Start reading at [`check_session`]. A field that is empty was not set, and meets every rule.

mod environment;
mod labels;
mod patterns;
mod report;
mod runtime;
mod session;

#[cfg(test)]
mod tests;

pub use environment::{MAX_NETWORK_TAGS, MAX_RESOURCE_MANAGER_TAGS, MAX_TTL, MIN_TTL};
pub use labels::MAX_LABELS;
pub use report::Violation;
pub use session::{Context, MAX_DISPLAY_NAME, check_session, check_template};
