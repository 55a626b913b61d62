//! The token endpoint's half of OAuth 2: forms out, tokens in.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::Value;

use super::{AuthError, Secret};
use crate::config::endpoint;
use crate::request::form;
use crate::time;
use crate::transport::{Client, Outgoing, Response};

/// A token endpoint's answer.
#[derive(Debug)]
pub struct Granted {
    /// The access token.
    pub token: Secret,
    /// Seconds since 1970 when it ends, if the issuer said.
    pub expires_at: Option<i64>,
    /// A refresh token, if one came along.
    pub refresh_token: Option<Secret>,
    /// An id token, if one came along.
    pub id_token: Option<Secret>,
}

/// Asks a token endpoint; `basic` is a client id and secret for the Authorization header.
///
/// # Errors
/// An address in the clear, no answer, or a refusal.
pub fn ask(
    client: &Client,
    url: &str,
    pairs: &[(&str, &str)],
    basic: Option<(&str, &Secret)>,
) -> Result<Granted, AuthError> {
    if !endpoint::safe_for_secrets(url) {
        return Err(AuthError::Unsafe(url.to_owned()));
    }
    let body = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", form(name), form(value)))
        .collect::<Vec<_>>()
        .join("&");
    let mut headers = vec![
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ("accept", "application/json".to_owned()),
    ];
    if let Some((id, secret)) = basic {
        headers.push((
            "authorization",
            format!("Basic {}", STANDARD.encode(format!("{id}:{}", secret.expose()))),
        ));
    }
    let answer =
        client.send(&Outgoing { http: "POST", url, headers: &headers, body: Some(body.as_bytes()) })?;
    granted(url, &answer, "access_token")
}

/// Reads a token answer; `name` is the member that holds the token.
///
/// # Errors
/// A refusal, or an answer without a token.
pub fn granted(url: &str, answer: &Response, name: &str) -> Result<Granted, AuthError> {
    let host = url
        .split_once("://")
        .map_or(url, |(_, rest)| rest)
        .split(['/', '?'])
        .next()
        .unwrap_or_default()
        .to_owned();
    let value: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    if !answer.ok() {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let reason = match (text("error"), text("error_description")) {
            (Some(error), Some(why)) => format!("{error}: {why}"),
            (Some(error), None) => error.to_owned(),
            _ => value
                .pointer("/error/message")
                .and_then(Value::as_str)
                .map_or_else(|| format!("HTTP status {}", answer.status), str::to_owned),
        };
        return Err(AuthError::Refused { host, reason: crate::problem::printable(&reason) });
    }
    let secret =
        |name: &str| value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(Secret::new);
    let Some(token) = secret(name) else {
        return Err(AuthError::Refused { host, reason: format!("its answer has no {name}") });
    };
    // Some issuers send the number as text.
    let seconds = value.get("expires_in").and_then(|n| n.as_i64().or_else(|| n.as_str()?.parse().ok()));
    let until =
        value.get("expireTime").and_then(Value::as_str).and_then(|text| time::parse_timestamp(text).ok());
    Ok(Granted {
        token,
        expires_at: seconds.map(|seconds| time::now().saturating_add(seconds)).or(until.map(|(at, _)| at)),
        refresh_token: secret("refresh_token"),
        id_token: secret("id_token"),
    })
}

/// Random bytes in URL-safe base64.
///
/// # Errors
/// The system has no randomness.
pub fn random(bytes: usize) -> Result<String, AuthError> {
    let mut raw = vec![0; bytes];
    SystemRandom::new()
        .fill(&mut raw)
        .map_err(|_| AuthError::Browser("the system has no randomness".to_owned()))?;
    Ok(URL_SAFE_NO_PAD.encode(raw))
}
