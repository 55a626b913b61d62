//! Takes secrets out of text and of JSON.

use std::borrow::Cow;

use regex::Captures;
use serde_json::Value;

use crate::rules::{RULES, secret_name};

/// What stands where a secret was.
pub const MARK: &str = "(redacted)";

/// The shortest value that is taken out wherever it is. Shorter ones are ordinary words and numbers too often; they
/// are taken out only where their name stands beside them.
const SHORTEST: usize = 6;

/// Takes secrets out. These are:
///
/// 1. the values it was told of ([`Redactor::knowing`], [`Redactor::learn`]), wherever they are;
/// 2. values whose name looks like a secret's ([`secret_name`]): of a member in JSON, and in text as `name=value`,
///    `name: value`, `"name": "value"`, `("name", "value")` or `--name value`;
/// 3. the user and password in an address (`scheme://user:password@host`);
/// 4. the credentials of an `Authorization` header, JSON Web Tokens, Hearth's own tokens, and private keys in PEM form.
///
/// It rather takes out too much. What it cannot know is a secret that stands alone, without a name or a form.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    /// Longest first, so that one that is a part of another does not leave the rest of it.
    known: Vec<String>,
}

impl Redactor {
    /// One that knows these values to be secrets.
    pub fn knowing(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut redactor = Self::default();
        secrets.into_iter().for_each(|secret| redactor.know(secret));
        redactor
    }

    /// Learns the values in `value` whose names look like those of secrets.
    pub fn learn(&mut self, value: &Value) {
        self.learn_from(value, false);
    }

    /// Takes the secrets out of text.
    pub fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.known {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), MARK);
            }
        }
        let replace = |text: String, rule: &regex::Regex, with: &str| match rule.replace_all(&text, with) {
            Cow::Borrowed(_) => text,
            Cow::Owned(changed) => changed,
        };
        let text = replace(text, &RULES.pem, MARK);
        let text = replace(text, &RULES.tokens, MARK);
        let text = replace(text, &RULES.userinfo, &format!("${{scheme}}{MARK}@"));
        let text = replace(text, &RULES.scheme, &format!("${{scheme}} {MARK}"));
        named(&text)
    }

    /// Takes the secrets out of every text in `value`, names included.
    pub fn json(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.json(value)),
            Value::Object(members) => {
                for (name, mut value) in std::mem::take(members) {
                    if secret_name(&name) {
                        blank(&mut value);
                    } else {
                        self.json(&mut value);
                    }
                    // Not by its form: a name alone is no secret, whatever words are in it.
                    let name =
                        self.known.iter().fold(name, |name, secret| name.replace(secret.as_str(), MARK));
                    members.insert(name, value);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn learn_from(&mut self, value: &Value, secret: bool) {
        match value {
            Value::String(text) if secret => self.know(text.clone()),
            Value::Array(values) => values.iter().for_each(|value| self.learn_from(value, secret)),
            Value::Object(members) => {
                members.iter().for_each(|(name, value)| self.learn_from(value, secret || secret_name(name)));
            }
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn know(&mut self, secret: String) {
        if secret.len() < SHORTEST || MARK.contains(&secret) || self.known.contains(&secret) {
            return;
        }
        let place = self.known.partition_point(|known| known.len() >= secret.len());
        self.known.insert(place, secret);
    }
}

/// Takes out values that stand beside the name of a secret.
fn named(text: &str) -> String {
    let redacted = RULES.named.replace_all(text, |found: &Captures<'_>| {
        let (before, name, value) = (&found["before"], &found["name"], &found["value"]);
        // Words that follow a name after a blank are values only of a flag.
        let said = before.strip_prefix(name).unwrap_or_default();
        let flag = name.starts_with("--");
        if !secret_name(name) || (said.trim().is_empty() && !flag) {
            // What was taken for a value may hold a name and a value itself.
            return format!("{before}{}", named(value));
        }
        match value.chars().next() {
            Some(quote @ ('"' | '\'')) => format!("{before}{quote}{MARK}{quote}"),
            _ => format!("{before}{MARK}"),
        }
    });
    redacted.into_owned()
}

/// Replaces everything in a value that could tell something.
fn blank(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(blank),
        Value::Object(members) => members.values_mut().for_each(blank),
        Value::Null => {}
        Value::String(text) if text.is_empty() => {}
        Value::String(_) | Value::Bool(_) | Value::Number(_) => *value = MARK.into(),
    }
}
