//! A call as the request it makes.

use std::fmt::Write as _;

use serde_json::Value;

use crate::api::{Http, Method};
use crate::body;
use crate::grammar::Call;
use crate::options::Options;
use crate::params::{self, Params};
use crate::problem::{Findings, Problem, printable};
use crate::sources::Sources;

/// A request of the API, ready to be sent to any endpoint.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method that is called.
    pub method: &'static Method,
    /// HTTP method.
    pub http: Http,
    /// Path without the leading slash, percent-encoded.
    pub path: String,
    /// Query parameters without `alt`, decoded.
    pub query: Vec<(String, String)>,
    /// JSON body.
    pub body: Option<Value>,
}

/// Makes the request of a call; it may only be sent if there are no problems.
pub fn build(call: &Call, options: &Options, sources: &mut dyn Sources, findings: &mut Findings) -> Request {
    let path = path(call, options.no_check, findings);
    let given: Vec<&str> = call.method.positionals.iter().map(|param| param.flag).collect();
    let elsewhere = (call.method.http != Http::Patch).then_some(given.as_slice());
    let words = call.body.as_deref().unwrap_or_default();
    let built =
        call.method.request.map(|at| body::build(at, words, options.no_check, elsewhere, sources, findings));
    let mut params = params::build(call.method, &call.params, options.no_check, sources, findings);
    if params.auto_mask {
        match &built {
            Some(built) if !built.mask.is_empty() => params.set("updateMask", built.mask.clone()),
            _ => findings.problem(Problem::new(
                "Parameter 'update-mask': there is nothing in the body to make it from.",
            )),
        }
    }
    let Params { pairs, .. } = params;
    Request {
        method: call.method,
        http: call.method.http,
        path,
        query: pairs,
        body: built.map(|built| built.value),
    }
}

impl Request {
    /// Path and query as sent, with a leading slash.
    pub fn target(&self) -> String {
        let mut out = format!("/{}?", self.path);
        for (name, value) in &self.query {
            let _ = write!(out, "{}={}&", form(name), form(value));
        }
        out.push_str("alt=json");
        out
    }

    /// The value of a query parameter.
    pub fn query_value(&self, json: &str) -> Option<&str> {
        self.query.iter().find(|(name, _)| name == json).map(|(_, value)| value.as_str())
    }

    /// Whether the service recognizes a repetition: by the method's nature or by a request id.
    pub fn repeatable(&self) -> bool {
        matches!(self.http, Http::Get | Http::Put) || self.has_request_id()
    }

    fn has_request_id(&self) -> bool {
        self.query_value("requestId").is_some()
            || self.body.as_ref().is_some_and(|body| body.get("requestId").is_some())
    }

    /// Adds a request id where the method takes one and none was given.
    pub fn add_request_id(&mut self, id: &str) {
        if self.has_request_id() {
            return;
        }
        if self.method.query.iter().any(|param| param.json == "requestId") {
            self.query.push(("requestId".to_owned(), id.to_owned()));
        } else if self.method.body().is_some_and(|schema| schema.field("request-id").is_some())
            && let Some(Value::Object(members)) = &mut self.body
        {
            members.insert("requestId".to_owned(), Value::String(id.to_owned()));
        }
    }
}

fn path(call: &Call, lenient: bool, findings: &mut Findings) -> String {
    let mut path = call.method.path.to_owned();
    for (param, word) in call.method.positionals.iter().zip(&call.positionals) {
        let reserved = format!("{{+{}}}", param.json);
        let sent = if path.contains(&reserved) {
            if let Some(wrong) = wrong_name(param.pattern.filter(|_| !lenient), word) {
                findings.problem(Problem::new(format!("<{}> '{}' {wrong}.", param.flag, printable(word))));
            }
            encoded_name(word)
        } else {
            if word.is_empty() || matches!(word.as_str(), "." | "..") || word.contains('/') {
                findings.problem(Problem::new(format!(
                    "<{}> '{}' has to be an id alone, without slashes.",
                    param.flag,
                    printable(word)
                )));
            }
            encode(word, |c| c.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&c))
        };
        path = path.replace(&reserved, &sent).replace(&format!("{{{}}}", param.json), &sent);
    }
    path
}

/// A resource name as it stands in a path: what the original encodes is encoded, slashes and percent signs pass.
pub fn encoded_name(name: &str) -> String {
    encode(name, |c| {
        !matches!(c, b'"' | b'#' | b'<' | b'>' | b'`' | b'?' | b'{' | b'}') && c.is_ascii_graphic()
    })
}

/// What is wrong with a resource name, if something is.
fn wrong_name(pattern: Option<&str>, name: &str) -> Option<String> {
    if name.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Some("must not have the segments '.' or '..'".to_owned());
    }
    let pattern = pattern?.trim_start_matches('^').trim_end_matches('$');
    // Segments of patterns are words or `[^/]+`, whose slash is hidden first.
    let shape = pattern.replace("[^/]+", "*");
    let wanted: Vec<&str> = shape.split('/').collect();
    let given: Vec<&str> = name.split('/').collect();
    let fits = wanted.len() == given.len()
        && wanted
            .iter()
            .zip(&given)
            .all(|(want, have)| if *want == "*" { !have.is_empty() } else { want == have });
    (!fits).then(|| format!("does not match '{}'", shape.replace('*', "…")))
}

fn encode(text: &str, keep: impl Fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if keep(byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Form encoding of query parameters: a space is `+`.
pub fn form(text: &str) -> String {
    encode(text, |c| c.is_ascii_alphanumeric() || b"*-._ ".contains(&c)).replace(' ', "+")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_another_kind_are_refused_with_the_wanted_shape() {
        let pattern = Some("^projects/[^/]+/locations/[^/]+/sessions/[^/]+$");
        assert_eq!(wrong_name(pattern, "projects/p/locations/l/sessions/s"), None);
        let wrong = wrong_name(pattern, "s1").expect("a bare id is no name");
        assert!(wrong.contains("projects/…/locations/…/sessions/…"), "{wrong}");
        assert!(wrong_name(pattern, "projects/p/locations/l/sessions/..").is_some());
        assert!(wrong_name(None, "a/../b").is_some());
    }
}
