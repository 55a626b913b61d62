//! The words after `-p`: query parameters.

use serde_json::Value;

use crate::api::{Kind, Method, Param, common_params};
use crate::cursor::{Source, marked};
use crate::problem::{Findings, Problem, printable, shown};
use crate::sources::Sources;
use crate::suggest;
use crate::value::{from_text, remark};

/// Query parameters of a call, by their names on the wire.
#[derive(Debug, Default)]
pub struct Params {
    /// In the order in which they were first given.
    pub pairs: Vec<(String, String)>,
    /// Whether the field mask is to be made from the body (`update-mask=auto`).
    pub auto_mask: bool,
}

impl Params {
    /// The value of a parameter, by its name on the wire.
    pub fn get(&self, json: &str) -> Option<&str> {
        self.pairs.iter().find(|(name, _)| name == json).map(|(_, value)| value.as_str())
    }

    /// Sets a parameter, in its old place if it is there.
    pub fn set(&mut self, json: &str, value: String) {
        match self.pairs.iter_mut().find(|(name, _)| name == json) {
            Some((_, old)) => *old = value,
            None => self.pairs.push((json.to_owned(), value)),
        }
    }
}

/// Reads the words after `-p` for `method`.
pub fn build(
    method: &'static Method,
    words: &[String],
    lenient: bool,
    sources: &mut dyn Sources,
    findings: &mut Findings,
) -> Params {
    let mut params = Params::default();
    for word in words {
        let Some((name, written)) = word.split_once('=').filter(|(_, value)| !value.is_empty()) else {
            let text = format!("'{}' does not match pattern <key>=<value>.", printable(word));
            findings.problem(Problem::new(text));
            continue;
        };
        let (name, source) = marked(name);
        let read = match source {
            Source::File => sources.text(written),
            Source::Environment => sources.variable(written),
            _ => Ok(written.to_owned()),
        };
        let value = match read {
            Ok(value) => value,
            Err(why) => {
                findings.problem(Problem::new(format!("Parameter '{name}': {why}")));
                continue;
            }
        };
        if name == "alt" {
            // The table of general parameters has it, but the answer has to be JSON for this program.
            if value != "json" {
                let text = "The custom parameter 'alt' is already provided natively by the CallBuilder.";
                findings.problem(Problem::new(text));
            }
            continue;
        }
        let Some(param) = method.query_param(name) else {
            if lenient {
                params.set(&crate::names::camel(name), value);
            } else {
                findings.problem(unknown(method, name));
            }
            continue;
        };
        if param.kind == Kind::Mask && value == "auto" && param.json == "updateMask" {
            params.auto_mask = true;
            continue;
        }
        if source == Source::Text && crate::problem::secret_name(param.flag) && param.kind == Kind::Text {
            findings.note(format!(
                "others on this machine can see the value of {name}; write '{name}:file=PATH'"
            ));
        }
        typed(&mut params, param, &value, source, findings);
    }
    for param in method.query {
        let given = params.get(param.json).is_some() || param.json == "updateMask" && params.auto_mask;
        if param.required && !given && param.json != "parent" {
            findings.note(format!("the service requires the parameter {}", param.flag));
        }
    }
    params
}

fn typed(params: &mut Params, param: &'static Param, value: &str, source: Source, findings: &mut Findings) {
    match from_text(param.kind, value) {
        Ok(json) => {
            let sent = match &json {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            if let Some(text) = remark(param.kind, param.limit, &json) {
                findings.note(format!("parameter {} {text}", param.flag));
            }
            if let (Some((_, most)), Some(size)) = (param.page, json.as_i64())
                && size > i64::from(most)
            {
                findings.note(format!("parameter {}: pages have at most {most} items", param.flag));
            }
            if param.repeated {
                params.pairs.push((param.json.to_owned(), sent));
            } else {
                params.set(param.json, sent);
            }
        }
        Err(why) => {
            let wanted = if why.wanted == "int" { "int32" } else { why.wanted };
            let value = if source == Source::Text { shown(param.flag, value) } else { "…".into() };
            findings.problem(Problem::new(format!(
                "Failed to parse argument '{}' with value '{value}' as {wanted} with error: {}.",
                param.flag, why.reason
            )));
        }
    }
}

fn unknown(method: &'static Method, name: &str) -> Problem {
    let known = method.query.iter().chain(common_params()).map(|param| param.flag);
    let mut text = format!("Parameter '{}' is unknown.", printable(name));
    if let Some(near) = suggest::nearest(&crate::names::kebab(name), known) {
        text.push_str(&format!(" Did you mean '{near}' ?"));
    } else if let Some(field) = method.body().and_then(|schema| schema.field(name)) {
        text.push_str(&format!(" It is a field: write it after -r, '{}=…'.", field.flag));
    }
    Problem::new(text)
}
