//! The properties a session runs with: those given, and the deployment's own.

use std::collections::BTreeMap;

use super::policy::{PropertyDefault, PropertyPolicy};
use crate::name::SessionName;

/// The application's name in Spark, which is the session's full name unless the session says otherwise (contract,
/// section 5.8).
pub const APP_NAME: &str = "spark.app.name";

/// What a session runs with and its properties show: what was given, completed by the policy's defaults and the
/// application's name. Given values, which [`super::check`] must have found good, are never changed.
pub fn effective(
    given: &BTreeMap<String, String>,
    policy: &PropertyPolicy,
    session: &SessionName,
) -> BTreeMap<String, String> {
    let mut properties = given.clone();
    properties.entry(APP_NAME.to_owned()).or_insert_with(|| session.to_string());
    for (key, value) in defaults(given, policy) {
        properties.entry(key).or_insert(value);
    }
    properties
}

/// A property's value: the given one, or the policy's default.
pub(super) fn value(given: &BTreeMap<String, String>, policy: &PropertyPolicy, key: &str) -> Option<String> {
    if let Some(value) = given.get(key) {
        return Some(value.clone());
    }
    match policy.rules.get(key)?.default.as_ref()? {
        PropertyDefault::Fixed(value) => Some(value.clone()),
        PropertyDefault::PerCore { cores, amount, unit, least, most } => {
            let in_all = amount.saturating_mul(cores_of(given, policy, cores)).max(*least);
            Some(format!("{}{unit}", in_all.min(most.unwrap_or(u64::MAX))))
        }
    }
}

/// The number of cores that a property says.
pub(super) fn cores_of(given: &BTreeMap<String, String>, policy: &PropertyPolicy, key: &str) -> u64 {
    let fixed = || match policy.rules.get(key).and_then(|rule| rule.default.as_ref()) {
        Some(PropertyDefault::Fixed(value)) => Some(value),
        Some(PropertyDefault::PerCore { .. }) | None => None,
    };
    // One core is what Spark itself takes.
    given.get(key).or_else(fixed).and_then(|value| value.parse().ok()).unwrap_or(1)
}

fn defaults(
    given: &BTreeMap<String, String>,
    policy: &PropertyPolicy,
) -> impl Iterator<Item = (String, String)> {
    policy.rules.keys().filter_map(|key| Some((key.clone(), value(given, policy, key)?)))
}
