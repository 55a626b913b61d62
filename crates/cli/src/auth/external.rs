//! `external_account`: a token from elsewhere, exchanged at a token endpoint (RFC 8693).

use serde_json::Value;

use super::adc::Fields;
use super::refresh::impersonate;
use super::{AuthError, Secret, oauth};
use crate::config::endpoint;
use crate::transport::{Client, Outgoing};

/// Where the subject token is.
#[derive(Debug)]
enum Source {
    File(String),
    Url(String, Vec<(String, String)>),
}

/// A credential file of this type.
#[derive(Debug)]
pub(super) struct External {
    path: String,
    audience: String,
    token_type: String,
    token_url: String,
    source: Source,
    /// Member of a JSON subject document; `None` for plain text.
    member: Option<String>,
    client: Option<(String, Secret)>,
    impersonation: Option<String>,
}

impl External {
    pub(super) fn parse(fields: &Fields<'_>) -> Result<Self, AuthError> {
        let source = fields.value.get("credential_source").unwrap_or(&Value::Null);
        let text = |name: &str| source.get(name).and_then(Value::as_str);
        let member = match source.pointer("/format/type").and_then(Value::as_str) {
            Some("json") => Some(
                source
                    .pointer("/format/subject_token_field_name")
                    .and_then(Value::as_str)
                    .ok_or_else(|| {
                        fields.wrong("its credential_source.format has no subject_token_field_name")
                    })?
                    .to_owned(),
            ),
            _ => None,
        };
        let source = match (text("file"), text("url")) {
            (Some(file), _) => Source::File(file.to_owned()),
            (None, Some(url)) => {
                let headers = source.get("headers").and_then(Value::as_object);
                let headers = headers
                    .into_iter()
                    .flatten()
                    .filter_map(|(name, value)| Some((name.to_ascii_lowercase(), value.as_str()?.to_owned())))
                    .collect();
                Source::Url(url.to_owned(), headers)
            }
            (None, None) => {
                return Err(fields.wrong("only a file or a url is supported as credential_source"));
            }
        };
        let secret = fields.optional("client_secret").map(Secret::new);
        Ok(Self {
            path: fields.path.to_owned(),
            audience: fields.required("audience")?.to_owned(),
            token_type: fields.required("subject_token_type")?.to_owned(),
            token_url: fields.required("token_url")?.to_owned(),
            source,
            member,
            client: fields.optional("client_id").map(str::to_owned).zip(secret),
            impersonation: fields.optional("service_account_impersonation_url").map(str::to_owned),
        })
    }

    pub(super) fn token(&self, client: &Client, scopes: &[String]) -> Result<Secret, AuthError> {
        let subject = self.subject(client)?;
        let joined = scopes.join(" ");
        let pairs = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("audience", self.audience.as_str()),
            ("scope", joined.as_str()),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("subject_token", subject.expose()),
            ("subject_token_type", self.token_type.as_str()),
        ];
        let basic = self.client.as_ref().map(|(id, secret)| (id.as_str(), secret));
        let granted = oauth::ask(client, &self.token_url, &pairs, basic)?;
        match &self.impersonation {
            None => Ok(granted.token),
            Some(url) => impersonate(client, url, &granted.token, scopes, &[]),
        }
    }

    fn subject(&self, client: &Client) -> Result<Secret, AuthError> {
        let text = match &self.source {
            Source::File(path) => std::fs::read_to_string(path)
                .map_err(|source| AuthError::File { path: path.clone(), source })?,
            Source::Url(url, headers) => {
                if !endpoint::safe_for_secrets(url) {
                    return Err(AuthError::Unsafe(url.clone()));
                }
                let headers: Vec<(&str, String)> =
                    headers.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
                let answer = client.send(&Outgoing { http: "GET", url, headers: &headers, body: None })?;
                if !answer.ok() {
                    let host = url.clone();
                    return Err(AuthError::Refused {
                        host,
                        reason: format!("HTTP status {}", answer.status),
                    });
                }
                answer.text()
            }
        };
        let token = match &self.member {
            None => text.trim().to_owned(),
            Some(member) => serde_json::from_str::<Value>(&text)
                .ok()
                .and_then(|value| value.get(member)?.as_str().map(str::to_owned))
                .ok_or_else(|| AuthError::Form {
                    path: self.path.clone(),
                    why: format!("its credential source has no member \"{member}\""),
                })?,
        };
        if token.is_empty() {
            let why = "its credential source is empty".to_owned();
            return Err(AuthError::Form { path: self.path.clone(), why });
        }
        Ok(Secret::new(token))
    }
}
