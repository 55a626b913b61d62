//! Web pages of engines: an HTTP reverse proxy that leaves a prefix of ours out on the way in and puts it in on the
//! way back.
//!
//! Which pages a caller may see, and where they are, is found out before; here a request is only carried.

use std::time::Duration;

use axum::body::Body;
use hearth_core::engine::Endpoint;
use http::header::{
    AUTHORIZATION, CONNECTION, COOKIE, HOST, HeaderName, HeaderValue, LOCATION, SET_COOKIE, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// Headers that are about one connection only (RFC 9110, section 7.6.1), and those that older software takes so.
const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-authenticate"),
    HeaderName::from_static("proxy-authorization"),
    HeaderName::from_static("proxy-connection"),
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];
/// What Spark takes for the path that a proxy serves it under, where it has not been told one at its start.
const CONTEXT: HeaderName = HeaderName::from_static("x-forwarded-context");

/// Carries requests to web pages. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Pages {
    client: Client<HttpConnector, Body>,
}

/// Where a page is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageTarget {
    /// Who serves it.
    pub endpoint: Endpoint,
    /// Its path there, with a slash at the beginning.
    pub path: String,
    /// What clients find before that server's own paths, without a slash at the end.
    pub prefix: String,
}

impl Default for Pages {
    fn default() -> Self {
        Self::new()
    }
}

impl Pages {
    /// With no connection yet.
    pub fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(Duration::from_secs(5)));
        Self { client: Client::builder(TokioExecutor::new()).build(connector) }
    }

    /// Carries a request to its page and brings the answer; bodies are streamed both ways. Neither the caller's
    /// credentials nor its cookies go along.
    pub async fn forward(&self, request: Request<Body>, target: &PageTarget) -> Response<Body> {
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        let Ok(uri) = format!("http://{}{}{query}", target.endpoint, target.path).parse::<Uri>() else {
            return plain(StatusCode::BAD_REQUEST, "This is no path of a page");
        };
        let (mut parts, body) = request.into_parts();
        end_to_end(&mut parts.headers);
        for name in [HOST, AUTHORIZATION, COOKIE] {
            parts.headers.remove(name);
        }
        let forwarded: Vec<_> =
            parts.headers.keys().filter(|name| name.as_str().starts_with("x-forwarded-")).cloned().collect();
        for name in forwarded {
            parts.headers.remove(name);
        }
        if let Ok(prefix) = HeaderValue::try_from(&target.prefix) {
            parts.headers.insert(CONTEXT, prefix);
        }
        let mut onward = Request::new(body);
        *onward.method_mut() = parts.method;
        *onward.uri_mut() = uri;
        *onward.headers_mut() = parts.headers;
        match self.client.request(onward).await {
            Ok(response) => {
                let mut response = response.map(Body::new);
                end_to_end(response.headers_mut());
                response.headers_mut().remove(SET_COOKIE);
                relocate(response.headers_mut(), target);
                response
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "could not reach the pages of an engine"
                );
                plain(StatusCode::BAD_GATEWAY, "The pages of this session could not be reached. Try again")
            }
        }
    }
}

/// A path below the prefix, as the server behind may be asked for it; `None` for one that another could read as
/// leading elsewhere.
pub fn safe_path(path: &str) -> Option<&str> {
    let odd = |segment: &str| {
        let mut decoded = segment.to_owned();
        // Some servers decode twice.
        for _ in 0..2 {
            decoded = percent_decoded(&decoded);
        }
        let bare = decoded.split(';').next().unwrap_or_default();
        matches!(bare, "." | "..") || decoded.contains(['/', '\\', '\0'])
    };
    (path.starts_with('/') && !path.split('/').any(odd)).then_some(path)
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| bytes[at] == b'%') {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// Removes what is about one connection only.
fn end_to_end(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in HOP_BY_HOP.iter().chain(&named) {
        headers.remove(name);
    }
}

/// Lets a redirection lead to where clients find the page.
fn relocate(headers: &mut HeaderMap, target: &PageTarget) {
    let Some(location) = headers.get(LOCATION).and_then(|value| value.to_str().ok()) else { return };
    let Ok(uri) = location.parse::<Uri>() else { return };
    let ours = uri.authority().is_none_or(|authority| {
        authority.port_u16() == Some(target.endpoint.port)
            && [target.endpoint.host.as_str(), "localhost"].contains(&authority.host())
    });
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    if !ours || !path.starts_with('/') {
        return;
    }
    let inside =
        path.strip_prefix(&target.prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    let whole = if inside { path.to_owned() } else { format!("{}{path}", target.prefix) };
    if let Ok(value) = HeaderValue::try_from(whole) {
        headers.insert(LOCATION, value);
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn target() -> PageTarget {
        PageTarget {
            endpoint: Endpoint { host: "127.0.0.1".to_owned(), port: 4040 },
            path: "/".to_owned(),
            prefix: "/sessions/u/ui".to_owned(),
        }
    }

    #[test]
    fn redirections_lead_to_where_clients_find_the_page() {
        for (from, to) in [
            ("http://127.0.0.1:4040/jobs/", "/sessions/u/ui/jobs/"),
            ("http://localhost:4040/jobs/?a=b", "/sessions/u/ui/jobs/?a=b"),
            ("/jobs/", "/sessions/u/ui/jobs/"),
            ("/sessions/u/ui/jobs/", "/sessions/u/ui/jobs/"),
            ("http://127.0.0.1:4040/sessions/u/ui/jobs/", "/sessions/u/ui/jobs/"),
            ("/sessions/u/uix", "/sessions/u/ui/sessions/u/uix"),
            ("http://elsewhere.example/x", "http://elsewhere.example/x"),
            ("http://127.0.0.1:4041/x", "http://127.0.0.1:4041/x"),
        ] {
            let mut headers = HeaderMap::from_iter([(LOCATION, HeaderValue::from_static(from))]);
            relocate(&mut headers, &target());
            assert_eq!(headers[LOCATION], to, "{from}");
        }
    }

    #[test]
    fn what_is_about_one_connection_goes_no_further() {
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("connection", "close, X-Private"), ("x-private", "1"), ("te", "trailers"), ("accept", "*/*")]
        {
            headers.insert(name, value.parse().unwrap());
        }
        end_to_end(&mut headers);
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["accept"]);
    }

    #[test]
    fn no_path_leads_out() {
        for bad in [
            "/..",
            "/a/../b",
            "/a/%2e%2E/b",
            "/%252e%252e/x",
            "/a\\b",
            "/a/%2fb",
            "/a/..;x=1/b",
            "jobs",
            "/./x",
            "/%5c",
        ] {
            assert_eq!(safe_path(bad), None, "{bad}");
        }
        for good in
            ["/", "/jobs/", "/static/webui.css", "/api/v1/applications/app-1/jobs", "/a..b/c", "/100%"]
        {
            assert_eq!(safe_path(good), Some(good));
        }
    }

    proptest! {
        #[test]
        fn a_path_that_passes_has_no_dots_however_often_it_is_decoded(path in "(/|[.]|%2e|%2f|%25|;|a){0,12}") {
            let path = format!("/{path}");
            if safe_path(&path).is_some() {
                let twice = percent_decoded(&percent_decoded(&path));
                prop_assert!(!twice.split('/').any(|segment| segment.split(';').next() == Some("..")));
            }
        }
    }
}
