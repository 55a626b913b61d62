//! Values: from the text of a word, or from a document, to the JSON that the API wants.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD};
use serde_json::{Map, Number, Value};

use crate::api::{Kind, Limit, schema_at};
use crate::problem::Findings;
use crate::{suggest, time};

/// Why a text is not a value: the type's name in the original's message, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// `boolean`, `int`, `float`, …
    pub wanted: &'static str,
    /// A fragment.
    pub reason: String,
}

fn mismatch(wanted: &'static str, reason: impl Into<String>) -> Mismatch {
    Mismatch { wanted, reason: reason.into() }
}

/// The JSON value of a text for a scalar field.
///
/// # Errors
/// The text is no value of this kind.
pub fn from_text(kind: Kind, text: &str) -> Result<Value, Mismatch> {
    match kind {
        Kind::Bool => match text {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(mismatch("boolean", "provided string was not `true` or `false`")),
        },
        Kind::Int32 => text
            .parse::<i32>()
            .map(|n| Value::Number(n.into()))
            .map_err(|why| mismatch("int", why.to_string())),
        Kind::Int64 => int64(text).map(Value::String),
        Kind::Number => match text.parse::<f64>().ok().and_then(Number::from_f64) {
            Some(number) => Ok(Value::Number(number)),
            None => Err(mismatch("float", "it is not a finite number such as 0.5 or 1e-3")),
        },
        Kind::Timestamp => {
            time::normalize_timestamp(text).map(Value::String).map_err(|why| mismatch("time", why))
        }
        Kind::Duration => duration(text).map(Value::String),
        Kind::Mask => Ok(Value::String(mask(text))),
        Kind::Bytes => bytes(text).map(Value::String),
        Kind::Any => Ok(serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))),
        Kind::Text | Kind::Enum(_) | Kind::Struct(_) | Kind::List(_) | Kind::Map(_) => {
            Ok(Value::String(text.to_owned()))
        }
    }
}

/// Signed or unsigned 64-bit decimal, canonical.
fn int64(text: &str) -> Result<String, Mismatch> {
    match text.parse::<i64>() {
        Ok(number) => Ok(number.to_string()),
        // Some of the API's counters are unsigned.
        Err(why) => {
            text.parse::<u64>().map(|n| n.to_string()).map_err(|_| mismatch("int64", why.to_string()))
        }
    }
}

/// What is already in the API's form stays as it is written; other units become seconds.
fn duration(text: &str) -> Result<String, Mismatch> {
    let span = time::parse_duration(text)
        .map_err(|why| mismatch("duration", format!("{why}; write 600s, 10m or 1h30m")))?;
    let seconds_only = text
        .strip_suffix('s')
        .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'-'));
    Ok(if seconds_only { text.to_owned() } else { span.to_string() })
}

/// Snake case or hyphens to camel case, piece by piece: `config.worker_config` → `config.workerConfig`.
pub fn mask(text: &str) -> String {
    let mut out = String::new();
    let mut raise = false;
    for c in text.chars() {
        match c {
            '_' | '-' => raise = true,
            _ if raise => {
                out.extend(c.to_uppercase());
                raise = false;
            }
            _ => out.push(c),
        }
    }
    out
}

/// Base64 in either alphabet, with or without padding, to the standard form.
fn bytes(text: &str) -> Result<String, Mismatch> {
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let alphabet = if text.contains(['-', '_']) { &alphabet::URL_SAFE } else { &alphabet::STANDARD };
    match GeneralPurpose::new(alphabet, lenient).decode(text) {
        Ok(raw) => Ok(STANDARD.encode(raw)),
        Err(why) => Err(mismatch("bytes", format!("it is not base64: {why}"))),
    }
}

/// Base64 of raw bytes, for values read from a file.
pub fn encoded(raw: &[u8]) -> String {
    STANDARD.encode(raw)
}

/// A value of a document, checked and brought to the API's form; problems are added with their path.
///
/// Names may be camel case, snake case or with hyphens. `lenient` lets unknown names through.
pub fn from_json(kind: Kind, value: Value, path: &str, lenient: bool, findings: &mut Findings) -> Value {
    let wrong = |findings: &mut Findings, what: &str, value: &Value| {
        findings.problem(crate::problem::Problem::new(format!(
            "Value at '{path}' is {}, not {what}.",
            describe(value)
        )));
        Value::Null
    };
    match (kind, value) {
        (_, Value::Null) => Value::Null,
        (Kind::Any, value) => value,
        (Kind::Struct(at), Value::Object(members)) => structure(at, members, path, lenient, findings),
        (Kind::Struct(_), value) => wrong(findings, "a structure", &value),
        (Kind::List(of), Value::Array(items)) => Value::Array(
            items
                .into_iter()
                .enumerate()
                .map(|(at, item)| from_json(*of, item, &join(path, &at.to_string()), lenient, findings))
                .collect(),
        ),
        (Kind::List(_), value) => wrong(findings, "a list", &value),
        (Kind::Map(of), Value::Object(members)) => Value::Object(
            members
                .into_iter()
                .map(|(key, item)| {
                    let item = from_json(*of, item, &join(path, &key), lenient, findings);
                    (key, item)
                })
                .collect(),
        ),
        (Kind::Map(_), value) => wrong(findings, "a map", &value),
        (_, Value::String(text)) => match from_text(kind, &text) {
            Ok(value) => value,
            Err(why) => {
                findings.problem(crate::problem::Problem::new(format!(
                    "Value at '{path}' is no {}: {}.",
                    why.wanted, why.reason
                )));
                Value::Null
            }
        },
        (Kind::Bool, value @ Value::Bool(_)) => value,
        (Kind::Number, value @ Value::Number(_)) => value,
        (Kind::Int32, Value::Number(n)) if integer(&n).is_some_and(|n| i32::try_from(n).is_ok()) => {
            Value::Number(integer(&n).unwrap_or_default().into())
        }
        (Kind::Int64, Value::Number(n)) if n.is_u64() => Value::String(n.to_string()),
        (Kind::Int64, Value::Number(n)) if integer(&n).is_some() => {
            Value::String(integer(&n).unwrap_or_default().to_string())
        }
        (Kind::Enum(_), value @ Value::Number(_)) => value,
        (Kind::Text | Kind::Enum(_), value @ (Value::Number(_) | Value::Bool(_))) => {
            wrong(findings, "text; put it in quotes", &value)
        }
        (_, value) => wrong(findings, &kind.label(), &value),
    }
}

fn integer(number: &Number) -> Option<i64> {
    // Whole floats are accepted as the API accepts them (12.0).
    number.as_i64().or_else(|| {
        let float = number.as_f64()?;
        (float.fract() == 0.0 && float.abs() < 9e15).then_some(float as i64)
    })
}

fn structure(
    at: u16,
    members: Map<String, Value>,
    path: &str,
    lenient: bool,
    findings: &mut Findings,
) -> Value {
    let schema = schema_at(at);
    let mut out = Map::new();
    for (name, value) in members {
        let Some(field) = schema.field_any(&name) else {
            if lenient {
                out.insert(name, value);
                continue;
            }
            let mut text = format!("Field -> Field '{}' does not exist.", join(path, &name));
            let flags = schema.fields.iter().map(|field| field.flag);
            if let Some(near) = suggest::nearest(&crate::names::kebab(&name), flags)
                && let Some(field) = schema.field(near)
            {
                text.push_str(&format!(" Did you mean '{}' ?", field.json));
            }
            findings.problem(crate::problem::Problem::new(text));
            continue;
        };
        let below = join(path, field.flag);
        let value = from_json(field.kind, value, &below, lenient, findings);
        if out.insert(field.json.to_owned(), value).is_some() {
            findings.problem(crate::problem::Problem::new(format!(
                "Field -> Value at '{below}' was already set"
            )));
        }
    }
    Value::Object(out)
}

/// `a` and `b` to `a.b`.
pub fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a structure",
    }
}

/// What is unusual about a value that has the right type: limits, and enum values that are not known here.
pub fn remark(kind: Kind, limit: Limit, value: &Value) -> Option<String> {
    if let (Kind::Enum(known), Value::String(text)) = (kind, value)
        && !known.contains(&text.as_str())
    {
        let near = suggest::nearest(&text.to_ascii_lowercase(), known.iter().copied())
            .or_else(|| known.iter().copied().find(|name| name.eq_ignore_ascii_case(text)));
        return Some(match near {
            Some(near) => format!("is none of the values known here; did you mean {near}?"),
            None => format!("is none of the values known here ({})", known.join(", ")),
        });
    }
    match (limit, value) {
        (Limit::Seconds(low, high), Value::String(text)) => {
            let seconds = time::parse_duration(text).ok()?.seconds();
            (seconds < i128::from(low) || seconds > i128::from(high))
                .then(|| format!("must be between {low}s and {high}s"))
        }
        (Limit::Range(low, high), value) => {
            let number = value.as_i64().or_else(|| value.as_str()?.parse().ok())?;
            (number < low || number > high).then(|| format!("must be between {low} and {high}"))
        }
        (Limit::Text(low, high, class), Value::String(text)) => {
            let count = text.chars().count();
            if count < low || count > high {
                return Some(format!("must have {low} to {high} characters"));
            }
            (!class.is_empty() && !text.chars().all(|c| in_class(class, c)))
                .then(|| format!("may only have characters of {class}"))
        }
        _ => None,
    }
}

/// Whether a character is in a class such as `a-z0-9_-`; a hyphen at the end stands for itself.
fn in_class(class: &str, c: char) -> bool {
    let class: Vec<char> = class.chars().collect();
    let mut at = 0;
    while at < class.len() {
        if at + 2 < class.len() && class[at + 1] == '-' {
            if (class[at]..=class[at + 2]).contains(&c) {
                return true;
            }
            at += 3;
        } else {
            if class[at] == c {
                return true;
            }
            at += 1;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_become_values_of_their_field() {
        let cases = [
            (Kind::Int64, "+5", json!("5")),
            (Kind::Int64, "007", json!("7")),
            (Kind::Int32, "-3", json!(-3)),
            (Kind::Number, "1", json!(1.0)),
            (Kind::Duration, "90m", json!("5400s")),
            (Kind::Duration, "1.50s", json!("1.50s")),
            (Kind::Bytes, "-_-_", json!("+/+/")),
            (Kind::Bytes, "QQ", json!("QQ==")),
            (
                Kind::Mask,
                "config.worker_config.num_instances,labels",
                json!("config.workerConfig.numInstances,labels"),
            ),
        ];
        for (kind, text, value) in cases {
            assert_eq!(from_text(kind, text), Ok(value), "{text}");
        }
    }

    #[test]
    fn wrong_texts_are_refused_not_aborted_on() {
        let cases = [
            (Kind::Bool, "yes"),
            (Kind::Int32, "2147483648"),
            (Kind::Int64, "99999999999999999999"),
            (Kind::Number, "NaN"),
            (Kind::Number, "inf"),
            (Kind::Duration, "600"),
            (Kind::Timestamp, "dolore"),
            (Kind::Bytes, "*"),
        ];
        for (kind, text) in cases {
            assert!(from_text(kind, text).is_err(), "{text}");
        }
    }

    #[test]
    fn classes_of_characters_have_ranges_and_a_last_hyphen() {
        assert!(in_class("a-z0-9_-", 'q') && in_class("a-z0-9_-", '-') && in_class("a-z0-9_-", '_'));
        assert!(!in_class("a-z0-9_-", 'Q'));
    }
}
