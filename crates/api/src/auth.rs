//! Who makes a request.

use hearth_control::Caller;
use hearth_wire::error::pack;
use hearth_wire::rpc;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use subtle::ConstantTimeEq;
use tonic::{Code, Status};

use crate::status::with_details;

/// What a caller without a credential is told (contract, section 14).
pub const MISSING_CREDENTIAL: &str = "Request is missing required authentication credential. Expected OAuth 2 \
                                      access token, login cookie or other valid authentication credential.";
/// What a caller with a bad one is told (contract, section 14).
const BAD_CREDENTIAL: &str = "Request had invalid authentication credentials. Expected OAuth 2 access token, login \
                              cookie or other valid authentication credential.";

/// Decides who a request is from.
#[derive(Debug, Clone)]
pub struct Authenticator {
    token: Option<String>,
    owner: Caller,
}

impl Authenticator {
    /// Takes `owner` to be whoever shows `token`.
    pub fn token(token: String, owner: Caller) -> Self {
        Self { token: Some(token), owner }
    }

    /// Takes everyone to be `owner`. Only for a service that nobody else can reach.
    pub fn anonymous(owner: Caller) -> Self {
        Self { token: None, owner }
    }

    /// Who the request is from, by every credential that it carries.
    ///
    /// # Errors
    /// When there is no credential, it is not known, or there are two that differ.
    pub fn authenticate(&self, credentials: &[impl AsRef<str>]) -> Result<Caller, Status> {
        let Some(token) = &self.token else { return Ok(self.owner.clone()) };
        match credentials {
            [] => Err(unauthenticated(MISSING_CREDENTIAL, "CREDENTIALS_MISSING")),
            [shown] if bool::from(shown.as_ref().as_bytes().ct_eq(token.as_bytes())) => {
                Ok(self.owner.clone())
            }
            _ => Err(unauthenticated(BAD_CREDENTIAL, "ACCESS_TOKEN_EXPIRED")),
        }
    }
}

/// The credential in the `authorization` header, if there is one. Jupyter's gateway client says `token` where
/// others say `Bearer`, and sends an empty one for none.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, rest) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let known = scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token");
    Some(rest.trim()).filter(|token| known && !token.is_empty())
}

fn unauthenticated(message: &str, reason: &str) -> Status {
    let detail = rpc::ErrorInfo {
        reason: reason.to_owned(),
        domain: "googleapis.com".to_owned(),
        ..rpc::ErrorInfo::default()
    };
    with_details(Code::Unauthenticated, message.to_owned(), vec![pack(&detail)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(authorization: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, authorization.parse().unwrap());
        headers
    }

    #[test]
    fn only_the_token_opens_and_two_different_ones_never_do() {
        let owner = Caller { name: "me".to_owned() };
        let authenticator = Authenticator::token("secret".to_owned(), owner.clone());
        assert_eq!(authenticator.authenticate(&["secret"]).unwrap(), owner);
        for bad in [&["secre"][..], &["secrett"], &[""], &["secret", "other"]] {
            let status = authenticator.authenticate(bad).unwrap_err();
            assert_eq!((status.code(), status.message()), (Code::Unauthenticated, BAD_CREDENTIAL), "{bad:?}");
        }
        let nothing: [&str; 0] = [];
        assert_eq!(authenticator.authenticate(&nothing).unwrap_err().message(), MISSING_CREDENTIAL);
        assert_eq!(Authenticator::anonymous(owner.clone()).authenticate(&nothing).unwrap(), owner);
    }

    #[test]
    fn bearer_and_token_are_the_schemes() {
        let shown = |text: &str| bearer(&headers(text)).map(str::to_owned);
        for good in ["Bearer secret", "bearer secret", "token secret", "Bearer  secret "] {
            assert_eq!(shown(good).as_deref(), Some("secret"), "{good}");
        }
        for bad in ["Basic secret", "secret", "token ", "Bearer"] {
            assert_eq!(shown(bad), None, "{bad}");
        }
    }
}
