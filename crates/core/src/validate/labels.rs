//! Labels.

use std::collections::BTreeMap;

use super::report::Report;
use crate::text::excerpt;

/// The most labels a session or template may have (contract, section 6).
pub const MAX_LABELS: usize = 32;
/// The longest key and the longest value of a label (contract, section 6).
const MAX_LENGTH: usize = 63;

const FIELD: &str = "labels";

/// Labels as in the contract's section 6. The stated RFC 1035 would forbid `_` and a digit at a value's beginning, which
/// official clients write.
pub(super) fn check(labels: &BTreeMap<String, String>, report: &mut Report<'_>) {
    if labels.len() > MAX_LABELS {
        report.add(FIELD, format!("Too many labels: {}, at most {MAX_LABELS} are allowed", labels.len()));
    }
    for (key, value) in labels {
        if !good_key(key) {
            report.add(FIELD, format!("Invalid label key '{}'", excerpt(key)));
        }
        if value.len() > MAX_LENGTH || !value.bytes().all(label_char) {
            let (key, value) = (excerpt(key), excerpt(value));
            report.add(FIELD, format!("Invalid label value '{value}' for key '{key}'"));
        }
    }
}

fn label_char(c: u8) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_' || c == b'-'
}

fn good_key(key: &str) -> bool {
    key.len() <= MAX_LENGTH
        && key.starts_with(|c: char| c.is_ascii_lowercase())
        && key.bytes().all(label_char)
}
