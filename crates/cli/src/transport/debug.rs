//! What `--debug` shows of requests and answers: everything but secrets.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Outgoing, Response};
use crate::problem::{printable, secret_name};
use crate::terminal;

/// Shows a request.
pub(super) fn request(outgoing: &Outgoing<'_>) {
    let mut out = format!("> {} {}\n", outgoing.http, url(outgoing.url));
    for (name, value) in outgoing.headers {
        let _ = writeln!(out, "> {name}: {}", header(name, value));
    }
    let form = outgoing.headers.iter().any(|(name, value)| {
        *name == "content-type" && value.starts_with("application/x-www-form-urlencoded")
    });
    if let Some(raw) = outgoing.body {
        let text = String::from_utf8_lossy(raw);
        let shown = if form { pairs(&text) } else { body(&text) };
        for line in shown.lines() {
            let _ = writeln!(out, "> {line}");
        }
    }
    terminal::say(&out);
}

/// Shows an answer.
pub(super) fn response(response: &Response) {
    let mut out = format!("< HTTP {}\n", response.status);
    for (name, value) in &response.headers {
        let _ = writeln!(out, "< {name}: {}", header(name, value));
    }
    for line in body(&response.text()).lines() {
        let _ = writeln!(out, "< {line}");
    }
    terminal::say(&out);
}

fn header(name: &str, value: &str) -> String {
    match name {
        "authorization" | "proxy-authorization" | "cookie" | "set-cookie" | "x-goog-api-key" => {
            let scheme = value.split_once(' ').map_or("", |(scheme, _)| scheme);
            format!("{scheme} [removed]").trim_start().to_owned()
        }
        _ => printable(value),
    }
}

/// An address with secrets of its query removed.
pub fn url(url: &str) -> String {
    match url.split_once('?') {
        None => printable(url),
        Some((path, query)) => format!("{}?{}", printable(path), pairs(query)),
    }
}

/// Form pairs with secrets removed.
fn pairs(text: &str) -> String {
    let pairs: Vec<String> = text
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, _)) if secret_pair(name) => format!("{name}=[removed]"),
            _ => printable(pair),
        })
        .collect();
    pairs.join("&")
}

fn secret_pair(name: &str) -> bool {
    secret_name(name) || matches!(name, "assertion" | "code" | "code_verifier" | "subject_token" | "state")
}

/// A JSON body, indented, with secrets removed; other text as it is.
fn body(text: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(mut value) => {
            remove(&mut value);
            serde_json::to_string_pretty(&value).unwrap_or_default()
        }
        Err(_) => text.lines().map(printable).collect::<Vec<_>>().join("\n"),
    }
}

/// Replaces the values of secret names.
pub fn remove(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                match member {
                    Value::String(text) if secret_name(name) => *text = "[removed]".to_owned(),
                    member => remove(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(remove),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_removed_from_addresses_forms_headers_and_bodies() {
        assert_eq!(
            url("https://h/v1/x?key=k&fields=name&access_token=t"),
            "https://h/v1/x?key=[removed]&fields=name&access_token=[removed]"
        );
        assert_eq!(
            pairs("grant_type=refresh_token&refresh_token=r"),
            "grant_type=refresh_token&refresh_token=[removed]"
        );
        assert_eq!(header("authorization", "Bearer abc"), "Bearer [removed]");
        let shown = body(r#"{"access_token":"abc","nextPageToken":"p","a":[{"clientSecret":"s"}]}"#);
        assert!(!shown.contains("abc") && !shown.contains("\"s\"") && shown.contains("\"p\""), "{shown}");
    }
}
