//! Signing in to a session's web pages with a browser: the token once, then a cookie for the pages of that session.
//!
//! The cookie says who, with what scope and until when, under a code that only this server can make; nothing is kept.

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hearth_control::{Caller, Scope};
use hearth_core::Timestamp;
use hearth_core::id::SessionUuid;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use crate::serve::secrets::EngineSecrets;

/// The cookie's name.
const NAME: &str = "hearth-pages";
/// How long it is good for, in seconds: a day of work.
const GOOD_FOR: i64 = 12 * 3600;

/// Makes and reads cookies.
pub(super) struct SignIn<'s> {
    pub(super) secrets: &'s EngineSecrets,
    pub(super) session: SessionUuid,
}

impl SignIn<'_> {
    /// The cookie for a caller, as the value of `set-cookie`.
    pub(super) fn cookie(&self, caller: &Caller, path: &str, now: Timestamp) -> String {
        let until = now.as_second().saturating_add(GOOD_FOR);
        let scope = match caller.scope {
            Scope::Full => "full",
            Scope::ReadOnly => "read",
        };
        let said = format!("{until}.{scope}.{}", URL_SAFE_NO_PAD.encode(&caller.name));
        let code = self.secrets.code_for_pages(self.session, &said);
        // Lax: a link in a notebook opens the page, and no other site can send a form with it.
        format!("{NAME}={said}.{code}; Path={path}; Max-Age={GOOD_FOR}; HttpOnly; SameSite=Lax")
    }

    /// Who a request is from, by its cookie.
    pub(super) fn caller(&self, headers: &HeaderMap, now: Timestamp) -> Option<Caller> {
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut named =
            cookies.flat_map(|cookies| cookies.split(';')).filter_map(|one| one.trim().split_once('='));
        named.find_map(|(name, value)| (name == NAME).then(|| self.read(value, now))?)
    }

    fn read(&self, value: &str, now: Timestamp) -> Option<Caller> {
        use subtle::ConstantTimeEq;
        let (said, code) = value.rsplit_once('.')?;
        if !bool::from(self.secrets.code_for_pages(self.session, said).as_bytes().ct_eq(code.as_bytes())) {
            return None;
        }
        let mut parts = said.split('.');
        let (until, scope, name) = (parts.next()?, parts.next()?, parts.next()?);
        let scope = match scope {
            "full" => Scope::Full,
            "read" => Scope::ReadOnly,
            _ => return None,
        };
        let name = String::from_utf8(URL_SAFE_NO_PAD.decode(name).ok()?).ok()?;
        (until.parse::<i64>().ok()? > now.as_second()).then_some(Caller { name, scope })
    }
}

/// The page that asks for the token.
pub(super) fn form(action: &str, wrong: bool) -> Response<Body> {
    let problem = if wrong { "<p>This token is not known here.</p>" } else { "" };
    let page = format!(
        "<!doctype html><meta charset=utf-8><title>Sign in</title><body style=\"font-family:sans-serif;margin:4em\">\
         <h1>Sign in</h1>{problem}<p>The pages of this session are open to who has the service's token.\
         <br><code>hearth token</code> prints it.</p><form method=post action=\"{action}\"><input type=password \
         name=token autofocus aria-label=Token> <button>Sign in</button></form>"
    );
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// To the pages, with the cookie.
pub(super) fn welcome(to: &str, cookie: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    for (name, value) in [(LOCATION, to), (SET_COOKIE, cookie)] {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_good_for_one_session_until_its_time_and_as_it_was_made() {
        let dir = tempfile::tempdir().unwrap();
        let secrets = EngineSecrets::open(dir.path()).unwrap();
        let session = |number| SessionUuid(uuid::Uuid::from_u128(number));
        let sign_in = SignIn { secrets: &secrets, session: session(1) };
        let caller = Caller { name: "ana;=.@example".to_owned(), scope: Scope::ReadOnly };
        let now = Timestamp::from_second(1000).unwrap();
        let cookie = sign_in.cookie(&caller, "/sessions/1/ui", now);
        let (pair, attributes) = cookie.split_once(';').unwrap();
        assert!(attributes.contains("HttpOnly") && attributes.contains("SameSite=Lax"));
        let shown = |pair: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(COOKIE, format!("other=1; {pair}").parse().unwrap());
            headers
        };
        assert_eq!(sign_in.caller(&shown(pair), now), Some(caller));
        let later = Timestamp::from_second(1000 + GOOD_FOR).unwrap();
        assert_eq!(sign_in.caller(&shown(pair), later), None);
        assert_eq!(sign_in.caller(&shown(&pair.replace("read", "full")), now), None);
        let other = SignIn { secrets: &secrets, session: session(2) };
        assert_eq!(other.caller(&shown(pair), now), None);
        assert_eq!(sign_in.caller(&shown("hearth-pages=x"), now), None);
    }
}
