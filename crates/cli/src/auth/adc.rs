//! Credential files in Google's forms ("application default credentials"), told apart by their `type`.

use std::path::Path;

use serde_json::Value;

use super::external::External;
use super::refresh::{Impersonated, Refresh};
use super::service_account::ServiceAccount;
use super::{AuthError, Secret};
use crate::transport::Client;

/// A credential file.
#[derive(Debug)]
pub struct Adc {
    kind: Kind,
    /// `quota_project_id`, if the file has one.
    pub quota_project: Option<String>,
}

#[derive(Debug)]
enum Kind {
    ServiceAccount(ServiceAccount),
    External(External),
    Refresh(Refresh),
    Impersonated(Impersonated),
}

/// Reads a credential file.
///
/// # Errors
/// No such file, or a form that is not supported.
pub fn load(path: &Path) -> Result<Adc, AuthError> {
    let shown = path.display().to_string();
    let text =
        std::fs::read_to_string(path).map_err(|source| AuthError::File { path: shown.clone(), source })?;
    // The reason of a JSON error may quote what it found, and this file is full of secrets.
    let value: Value = serde_json::from_str(&text).map_err(|why| AuthError::Form {
        path: shown.clone(),
        why: format!("it is not JSON (line {}, column {})", why.line(), why.column()),
    })?;
    parse(&Fields { value: &value, path: &shown })
}

pub(super) fn parse(fields: &Fields<'_>) -> Result<Adc, AuthError> {
    let kind = match fields.optional("type").unwrap_or_default() {
        "service_account" => Kind::ServiceAccount(ServiceAccount::parse(fields)?),
        "external_account" => Kind::External(External::parse(fields)?),
        "authorized_user" => Kind::Refresh(Refresh::authorized_user(fields)?),
        "external_account_authorized_user" => Kind::Refresh(Refresh::external(fields)?),
        "impersonated_service_account" => Kind::Impersonated(Impersonated::parse(fields)?),
        "" if fields.value.get("installed").is_some() || fields.value.get("web").is_some() => {
            return Err(fields.wrong(
                "it is an OAuth client, not a credential: put it into the configuration folder as \
                 dataproc1-secret.json and run `dataproc1 login`",
            ));
        }
        other => return Err(fields.wrong(&format!("credentials of type \"{other}\" are not supported"))),
    };
    Ok(Adc { kind, quota_project: fields.optional("quota_project_id").map(str::to_owned) })
}

impl Adc {
    pub(super) fn token(&mut self, client: &Client, scopes: &[String]) -> Result<Secret, AuthError> {
        match &mut self.kind {
            Kind::ServiceAccount(account) => account.token(scopes),
            Kind::External(external) => external.token(client, scopes),
            Kind::Refresh(refresh) => refresh.token(client),
            Kind::Impersonated(impersonated) => impersonated.token(client, scopes),
        }
    }
}

/// The members of a credential file.
pub(super) struct Fields<'a> {
    pub(super) value: &'a Value,
    pub(super) path: &'a str,
}

impl<'a> Fields<'a> {
    pub(super) fn optional(&self, name: &str) -> Option<&'a str> {
        self.value.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    pub(super) fn required(&self, name: &str) -> Result<&'a str, AuthError> {
        self.optional(name).ok_or_else(|| self.wrong(&format!("it has no \"{name}\"")))
    }

    pub(super) fn wrong(&self, why: &str) -> AuthError {
        AuthError::Form { path: self.path.to_owned(), why: why.to_owned() }
    }
}
