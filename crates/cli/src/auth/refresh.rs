//! Refresh tokens (`authorized_user`, `external_account_authorized_user`) and impersonation of service accounts.

use serde_json::{Value, json};

use super::adc::{self, Adc, Fields};
use super::{AuthError, Secret, oauth};
use crate::config::endpoint;
use crate::time;
use crate::transport::{Client, Outgoing};

/// Google's token endpoint, which `authorized_user` files mean when they name none.
const GOOGLE: &str = "https://oauth2.googleapis.com/token";

/// A token this close to its end is not used any more.
pub(super) const MARGIN: i64 = 60;

/// A refresh token and where it is taken.
#[derive(Debug)]
pub(super) struct Refresh {
    url: String,
    client_id: String,
    client_secret: Secret,
    refresh_token: Option<Secret>,
    /// Whether the client is named in the Authorization header instead of the form.
    basic: bool,
    /// A token in the file, with its end.
    token: Option<(Secret, i64)>,
    path: String,
}

impl Refresh {
    pub(super) fn authorized_user(fields: &Fields<'_>) -> Result<Self, AuthError> {
        Self::parse(fields, fields.optional("token_uri").unwrap_or(GOOGLE), false)
    }

    pub(super) fn external(fields: &Fields<'_>) -> Result<Self, AuthError> {
        Self::parse(fields, fields.required("token_url")?, true)
    }

    fn parse(fields: &Fields<'_>, url: &str, basic: bool) -> Result<Self, AuthError> {
        let expiry = fields.optional("expiry").map(|text| {
            // google-auth writes it without an offset and means UTC.
            let text =
                if text.ends_with('Z') || text.contains('+') { text.to_owned() } else { format!("{text}Z") };
            time::parse_timestamp(&text).map_or(0, |(at, _)| at)
        });
        let token = fields.optional("token").map(Secret::new).zip(expiry);
        let refresh_token = fields.optional("refresh_token").map(Secret::new);
        if token.is_none() && refresh_token.is_none() {
            return Err(fields.wrong("it has no \"refresh_token\""));
        }
        Ok(Self {
            url: url.to_owned(),
            client_id: fields.optional("client_id").unwrap_or_default().to_owned(),
            client_secret: Secret::new(fields.optional("client_secret").unwrap_or_default()),
            refresh_token,
            basic,
            token,
            path: fields.path.to_owned(),
        })
    }

    pub(super) fn token(&self, client: &Client) -> Result<Secret, AuthError> {
        if let Some((token, until)) = &self.token
            && *until > time::now() + MARGIN
        {
            return Ok(token.clone());
        }
        let Some(refresh_token) = &self.refresh_token else {
            let why = "its token is over and it has no \"refresh_token\"".to_owned();
            return Err(AuthError::Form { path: self.path.clone(), why });
        };
        let mut pairs = vec![("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose())];
        let basic = self.basic.then_some((self.client_id.as_str(), &self.client_secret));
        if !self.basic {
            pairs.push(("client_id", &self.client_id));
            pairs.push(("client_secret", self.client_secret.expose()));
        }
        Ok(oauth::ask(client, &self.url, &pairs, basic)?.token)
    }
}

/// A service account whose tokens another credential may ask for.
#[derive(Debug)]
pub(super) struct Impersonated {
    source: Box<Adc>,
    url: String,
    delegates: Vec<String>,
}

impl Impersonated {
    pub(super) fn parse(fields: &Fields<'_>) -> Result<Self, AuthError> {
        let source = fields.value.get("source_credentials").unwrap_or(&Value::Null);
        if source.get("type").and_then(Value::as_str) == Some("impersonated_service_account") {
            return Err(fields.wrong("its source is impersonated too"));
        }
        let delegates = fields.value.get("delegates").and_then(Value::as_array);
        Ok(Self {
            source: Box::new(adc::parse(&Fields { value: source, path: fields.path })?),
            url: fields.required("service_account_impersonation_url")?.to_owned(),
            delegates: delegates.into_iter().flatten().filter_map(|d| Some(d.as_str()?.to_owned())).collect(),
        })
    }

    pub(super) fn token(&mut self, client: &Client, scopes: &[String]) -> Result<Secret, AuthError> {
        let source = self.source.token(client, scopes)?;
        impersonate(client, &self.url, &source, scopes, &self.delegates)
    }
}

/// Asks for a service account's token with another token.
pub(super) fn impersonate(
    client: &Client,
    url: &str,
    source: &Secret,
    scopes: &[String],
    delegates: &[String],
) -> Result<Secret, AuthError> {
    if !endpoint::safe_for_secrets(url) {
        return Err(AuthError::Unsafe(url.to_owned()));
    }
    let headers = [
        ("authorization", format!("Bearer {}", source.expose())),
        ("content-type", "application/json".to_owned()),
    ];
    let body = json!({"scope": scopes, "delegates": delegates, "lifetime": "3600s"}).to_string();
    let answer =
        client.send(&Outgoing { http: "POST", url, headers: &headers, body: Some(body.as_bytes()) })?;
    Ok(oauth::granted(url, &answer, "accessToken")?.token)
}
