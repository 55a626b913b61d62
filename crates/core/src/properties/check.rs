//! What is wrong with the properties a caller gave.

use std::collections::BTreeMap;

use super::effective::{cores_of, value};
use super::policy::{PROCESSES, PropertyPolicy, PropertyValues};
use super::shown;
use super::size::{self, MEBIBYTE};
use crate::text::excerpt;

/// Everything that is wrong with the properties, in the words their caller reads; empty when they are good.
pub fn check(given: &BTreeMap<String, String>, policy: &PropertyPolicy) -> Vec<String> {
    let mut problems = Vec::new();
    for key in given.keys().filter(|key| !good_key(key)) {
        problems.push(format!("Invalid property key '{}'", excerpt(key)));
    }
    let unsupported: Vec<String> =
        given.keys().filter(|key| is_unsupported(key, policy)).map(|key| shown(&excerpt(key))).collect();
    if !unsupported.is_empty() {
        let list = unsupported.join(", ");
        problems.push(format!("Invalid properties: Attempted to set unsupported properties: [ {list} ]"));
    }
    for (key, value) in given {
        let Some(rule) = policy.rules.get(key) else { continue };
        if !takes(&rule.values, value) {
            let (key, allowed, value) = (shown(key), described(&rule.values), excerpt(value));
            problems.push(format!("Invalid properties: {key} must be {allowed}, not '{value}'"));
        }
    }
    problems.extend(PROCESSES.iter().filter_map(|process| check_memory(given, policy, process)));
    problems
}

/// `[A-Za-z0-9][A-Za-z0-9._:-]*` (contract, section 6).
fn good_key(key: &str) -> bool {
    let inner = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b':' | b'-');
    key.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric) && key.bytes().all(inner)
}

fn is_unsupported(key: &str, policy: &PropertyPolicy) -> bool {
    policy.unsupported.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(prefix) => key.starts_with(prefix),
        None => key == pattern,
    })
}

fn takes(values: &PropertyValues, value: &str) -> bool {
    match values {
        PropertyValues::Boolean => ["true", "false"].iter().any(|known| known.eq_ignore_ascii_case(value)),
        PropertyValues::OneOf(known) => known.iter().any(|known| known == value),
        PropertyValues::Integer { least, most } => {
            let digits = !value.is_empty() && value.bytes().all(|c| c.is_ascii_digit());
            let number = value.parse::<u64>().ok().filter(|_| digits);
            number.is_some_and(|number| number >= *least && most.is_none_or(|most| number <= most))
        }
        PropertyValues::Ratio => {
            let plain = value.bytes().all(|c| c.is_ascii_digit() || c == b'.');
            plain && value.parse::<f64>().is_ok_and(|ratio| (0.0..=1.0).contains(&ratio))
        }
        PropertyValues::Size(units) => size::parse(value, units).is_some(),
    }
}

fn described(values: &PropertyValues) -> String {
    match values {
        PropertyValues::Boolean => "true or false".to_owned(),
        PropertyValues::OneOf(known) => format!("one of {}", known.join(", ")),
        PropertyValues::Integer { least, most: Some(most) } => {
            format!("a whole number between {least} and {most}")
        }
        PropertyValues::Integer { least, most: None } => format!("a whole number of at least {least}"),
        PropertyValues::Ratio => "a number between 0 and 1".to_owned(),
        PropertyValues::Size(units) => {
            let named: Vec<&str> = units.iter().map(String::as_str).filter(|unit| !unit.is_empty()).collect();
            format!("a size with one of the units {}, such as 4g", named.join(", "))
        }
    }
}

/// Whether a process has too little or too much memory for its cores. Only asked where the caller chose the memory:
/// the policy's own defaults are not the caller's business.
fn check_memory(given: &BTreeMap<String, String>, policy: &PropertyPolicy, process: &str) -> Option<String> {
    let memory_key = format!("spark.{process}.memory");
    let overhead_key = format!("spark.{process}.memoryOverhead");
    if !given.contains_key(&memory_key) && !given.contains_key(&overhead_key) {
        return None;
    }
    let bytes = |key: &str| match &policy.rules.get(key)?.values {
        PropertyValues::Size(units) => size::parse(&value(given, policy, key)?, units),
        PropertyValues::Boolean
        | PropertyValues::OneOf(_)
        | PropertyValues::Integer { .. }
        | PropertyValues::Ratio => None,
    };
    // A value that is no size has been reported already.
    let memory = bytes(&memory_key)?;
    let overhead = match bytes(&overhead_key) {
        Some(overhead) => overhead,
        None if given.contains_key(&overhead_key) => return None,
        // What Spark adds by itself (contract, section 6).
        None => memory / 10,
    };
    let cores = cores_of(given, policy, &format!("spark.{process}.cores"));
    let standard =
        given.get(&format!("spark.dataproc.{process}.compute.tier")).is_some_and(|tier| tier == "standard");
    let limits = policy.memory_per_core;
    let most = if standard { limits.most_standard } else { limits.most_premium };
    let range = limits.least.saturating_mul(cores)..=most.saturating_mul(cores);
    let total = memory.saturating_add(overhead) / MEBIBYTE;
    if range.contains(&total) {
        return None;
    }
    let plural = if cores == 1 { "core" } else { "cores" };
    Some(format!(
        "Invalid properties: {} with its overhead must be between {}m and {}m for {cores} {plural}, not {total}m",
        shown(&memory_key),
        range.start(),
        range.end(),
    ))
}
