//! Who makes a request.

use std::sync::Arc;

use hearth_control::{Caller, Scope};
use hearth_wire::method;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use subtle::ConstantTimeEq;
use tonic::{Code, Status};

use crate::status::{error_info, with_details};

/// What a caller without a credential is told (contract, section 14).
pub const MISSING_CREDENTIAL: &str = "Request is missing required authentication credential. Expected OAuth 2 \
                                      access token, login cookie or other valid authentication credential.";
/// What a caller with a bad one is told (contract, section 14).
const BAD_CREDENTIAL: &str = "Request had invalid authentication credentials. Expected OAuth 2 access token, login \
                              cookie or other valid authentication credential.";

/// What a caller is told whose credential is good for less than the call needs. Source: Google's APIs say so.
const SMALL_SCOPE: &str = "Request had insufficient authentication scopes.";

/// Decides who a request is from.
#[derive(Clone)]
pub struct Authenticator(Arc<Known>);

/// Whom it knows.
enum Known {
    /// Whoever shows the token is the caller beside it.
    Tokens(Vec<(String, Caller)>),
    /// Everyone is.
    Everyone(Caller),
}

impl Authenticator {
    /// Takes whoever shows one of these tokens to be the caller beside it.
    pub fn tokens(tokens: Vec<(String, Caller)>) -> Self {
        Self(Arc::new(Known::Tokens(tokens)))
    }

    /// Takes everyone to be `owner`. Only for a service that nobody else can reach.
    pub fn anonymous(owner: Caller) -> Self {
        Self(Arc::new(Known::Everyone(owner)))
    }

    /// Who the request is from, by every credential that it carries.
    ///
    /// # Errors
    /// When there is no credential, it is not known, or there are two that differ.
    pub fn authenticate(&self, credentials: &[impl AsRef<str>]) -> Result<Caller, Status> {
        let tokens = match &*self.0 {
            Known::Tokens(tokens) => tokens,
            Known::Everyone(owner) => return Ok(owner.clone()),
        };
        let bad = || unauthenticated(BAD_CREDENTIAL, "ACCESS_TOKEN_EXPIRED");
        match credentials {
            [] => Err(unauthenticated(MISSING_CREDENTIAL, "CREDENTIALS_MISSING")),
            [shown] => {
                let shown = shown.as_ref().as_bytes();
                let known = tokens.iter().find(|(token, _)| bool::from(shown.ct_eq(token.as_bytes())));
                known.map(|(_, caller)| caller.clone()).ok_or_else(bad)
            }
            _ => Err(bad()),
        }
    }
}

/// Whether a caller's credential is good for the method at this path of gRPC. Methods that only look are those that
/// REST reaches with GET.
///
/// # Errors
/// When it is good for less.
pub fn scope_allows(caller: &Caller, path: &str) -> Result<(), Status> {
    if caller.scope == Scope::Full {
        return Ok(());
    }
    let looks = method::method(path)
        .is_some_and(|method| method.bindings.first().is_some_and(|binding| binding.http_method == "GET"));
    if looks { Ok(()) } else { Err(small_scope(path)) }
}

fn small_scope(path: &str) -> Status {
    let (service, method) = path.trim_start_matches('/').rsplit_once('/').unwrap_or(("", path));
    let metadata = [("service", service.to_owned()), ("method", format!("{service}.{method}"))];
    let detail = error_info("ACCESS_TOKEN_SCOPE_INSUFFICIENT", "googleapis.com", metadata);
    with_details(Code::PermissionDenied, SMALL_SCOPE.to_owned(), vec![detail])
}

/// The credential in the `authorization` header, if there is one. Jupyter's gateway client says `token` where
/// others say `Bearer`, and sends an empty one for none.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, rest) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let known = scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token");
    Some(rest.trim()).filter(|token| known && !token.is_empty())
}

fn unauthenticated(message: &str, reason: &str) -> Status {
    let detail = error_info(reason, "googleapis.com", []);
    with_details(Code::Unauthenticated, message.to_owned(), vec![detail])
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
        let owner = Caller { name: "me".to_owned(), scope: Scope::Full };
        let reader = Caller { scope: Scope::ReadOnly, ..owner.clone() };
        let tokens = vec![("secret".to_owned(), owner.clone()), ("lesser".to_owned(), reader.clone())];
        let authenticator = Authenticator::tokens(tokens);
        assert_eq!(authenticator.authenticate(&["secret"]).unwrap(), owner);
        assert_eq!(authenticator.authenticate(&["lesser"]).unwrap(), reader);
        for bad in [&["secre"][..], &["secrett"], &[""], &["secret", "lesser"]] {
            let status = authenticator.authenticate(bad).unwrap_err();
            assert_eq!((status.code(), status.message()), (Code::Unauthenticated, BAD_CREDENTIAL), "{bad:?}");
        }
        let nothing: [&str; 0] = [];
        assert_eq!(authenticator.authenticate(&nothing).unwrap_err().message(), MISSING_CREDENTIAL);
        assert_eq!(Authenticator::anonymous(owner.clone()).authenticate(&nothing).unwrap(), owner);
    }

    #[test]
    fn a_reader_may_call_what_is_a_get_over_rest_and_nothing_else() {
        let reader = Caller { name: "me".to_owned(), scope: Scope::ReadOnly };
        let owner = Caller { scope: Scope::Full, ..reader.clone() };
        let mut refused = 0;
        for method in method::methods() {
            let reads = method.bindings.iter().all(|binding| binding.http_method == "GET");
            let allowed = scope_allows(&reader, &method.path);
            assert_eq!(allowed.is_ok(), reads && !method.bindings.is_empty(), "{}", method.path);
            refused += usize::from(allowed.is_err());
            assert!(scope_allows(&owner, &method.path).is_ok());
        }
        assert!(refused > 5);
        let status = scope_allows(&reader, "/spark.connect.SparkConnectService/ExecutePlan").unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::PermissionDenied, SMALL_SCOPE));
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
