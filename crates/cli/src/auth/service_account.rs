//! Service-account keys: a token signed by ourselves, so that no token endpoint is asked.
//!
//! Claims as Google's own clients send them when scopes are used: `iss` and `sub` the account, `scope`, one hour, no
//! `aud`; header with the key's id.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::json;

use super::adc::Fields;
use super::{AuthError, Secret};
use crate::time;

/// Life of a signed token in seconds: the longest that issuers accept.
const LIFE: i64 = 3600;

/// A key file.
pub(super) struct ServiceAccount {
    email: String,
    key_id: Option<String>,
    key: Secret,
    path: String,
}

impl std::fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceAccount").field("email", &self.email).finish_non_exhaustive()
    }
}

impl ServiceAccount {
    pub(super) fn parse(fields: &Fields<'_>) -> Result<Self, AuthError> {
        Ok(Self {
            email: fields.required("client_email")?.to_owned(),
            key_id: fields.optional("private_key_id").map(str::to_owned),
            key: Secret::new(fields.required("private_key")?),
            path: fields.path.to_owned(),
        })
    }

    pub(super) fn token(&self, scopes: &[String]) -> Result<Secret, AuthError> {
        let wrong = |why: &str| AuthError::Key { path: self.path.clone(), why: why.to_owned() };
        let pem = self.key.expose();
        let der = der(pem).ok_or_else(|| wrong("it is not in PEM form"))?;
        let pair = if pem.contains("BEGIN RSA PRIVATE KEY") {
            RsaKeyPair::from_der(&der)
        } else {
            RsaKeyPair::from_pkcs8(&der)
        };
        let pair = pair.map_err(|_| wrong("it is no RSA key of 2048 bits or more"))?;
        let now = time::now();
        let mut header = json!({"alg": "RS256", "typ": "JWT"});
        if let Some(id) = &self.key_id {
            header["kid"] = json!(id);
        }
        let claims = json!({
            "iss": self.email, "sub": self.email, "iat": now, "exp": now + LIFE, "scope": scopes.join(" "),
        });
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let mut signature = vec![0; pair.public().modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| wrong("signing failed"))?;
        Ok(Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }
}

/// The bytes of a PEM block.
fn der(pem: &str) -> Option<Vec<u8>> {
    let body: String = pem
        .lines()
        .map(str::trim)
        .skip_while(|line| !line.starts_with("-----BEGIN"))
        .skip(1)
        .take_while(|line| !line.starts_with("-----END"))
        .collect();
    if body.is_empty() { None } else { STANDARD.decode(body).ok() }
}
