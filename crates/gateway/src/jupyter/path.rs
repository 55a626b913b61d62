//! Which requests are for the kernel gateway, and what they ask about.

use hearth_core::id::SessionUuid;

/// What every path of Jupyter's REST API begins with.
const API: &str = "/api";

/// What ends a prefix that Google's plugin for JupyterLab puts before every path: the host name of a hosted gateway.
const HOSTED: &str = ".kernels.googleusercontent.com";

/// Where the paths of a single session's own gateway begin, and what follows its uuid.
const OF_SESSION: (&str, &str) = ("/sessions/", "/jupyter");

/// A request's place in the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place<'a> {
    /// The session whose own gateway is meant; `None` for that of all sessions.
    pub(super) session: Option<SessionUuid>,
    /// What is asked for.
    pub(super) what: What<'a>,
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What<'a> {
    /// The version of the API.
    Version,
    /// What the gateway does.
    Status,
    /// All kernelspecs.
    Specs,
    /// One kernelspec.
    Spec(&'a str),
    /// A picture of a kernelspec.
    Logo(&'a str),
    /// All kernels.
    Kernels,
    /// One kernel.
    Kernel(&'a str),
    /// An action on a kernel: `interrupt` or `restart`.
    Act(&'a str, &'a str),
    /// The WebSocket of a kernel.
    Channels(&'a str),
    /// All documents with a kernel.
    Sessions,
    /// One of them.
    Session(&'a str),
    /// Nothing that there is.
    Unknown,
}

/// What a path begins with that has a token in it, as `/jupyter-token/TOKEN/api/kernels`: for clients that can show a
/// token in no other way, such as the one with which `jupyter_server` runs notebooks.
const WITH_TOKEN: &str = "/jupyter-token/";

/// The token in a path, and the rest of the path.
pub fn token_in(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix(WITH_TOKEN)?;
    let (token, _) = rest.split_once('/')?;
    Some((token, &rest[token.len()..]))
}

/// The place that a path leads to, if it is one of the gateway.
pub(super) fn place(path: &str) -> Option<Place<'_>> {
    let path = token_in(path).map_or(path, |(_, rest)| rest);
    let path = path.split_once(HOSTED).map_or(path, |(_, rest)| rest);
    let (session, path) = match own(path) {
        Some((session, rest)) => (Some(session), rest),
        None => (None, path),
    };
    let what = match path.strip_prefix(API) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => {
            let parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
            match parts[..] {
                [] => What::Version,
                ["status"] => What::Status,
                ["kernelspecs"] => What::Specs,
                ["kernelspecs", name] => What::Spec(name),
                ["kernels"] => What::Kernels,
                ["kernels", id] => What::Kernel(id),
                ["sessions"] => What::Sessions,
                ["sessions", id] => What::Session(id),
                ["kernels", id, "channels"] => What::Channels(id),
                ["kernels", id, action @ ("interrupt" | "restart")] => What::Act(id, action),
                _ => What::Unknown,
            }
        }
        _ => match path.strip_prefix("/kernelspecs/")?.split_once('/')? {
            (name, file) if file.starts_with("logo-") => What::Logo(name),
            _ => What::Unknown,
        },
    };
    Some(Place { session, what })
}

/// The session of a path of its own gateway, and the rest of the path.
fn own(path: &str) -> Option<(SessionUuid, &str)> {
    let (uuid, rest) = path.strip_prefix(OF_SESSION.0)?.split_once(OF_SESSION.1)?;
    if !rest.is_empty() && !rest.starts_with('/') {
        return None;
    }
    Some((uuid.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(path: &str) -> Option<What<'_>> {
        place(path).map(|place| place.what)
    }

    #[test]
    fn paths_lead_to_their_places() {
        for (path, expected) in [
            ("/api", What::Version),
            ("/api/", What::Version),
            ("/api/kernelspecs", What::Specs),
            ("/api/kernelspecs/x", What::Spec("x")),
            ("/kernelspecs/x/logo-64x64.png", What::Logo("x")),
            ("/api/kernels/", What::Kernels),
            ("/api/kernels/7", What::Kernel("7")),
            ("/api/kernels/7/restart", What::Act("7", "restart")),
            ("/api/kernels/7/explode", What::Unknown),
            ("/api/kernels/7/channels", What::Channels("7")),
            ("/api/sessions", What::Sessions),
            ("/api/sessions/7", What::Session("7")),
            ("/jupyter-token/secret/api/kernels", What::Kernels),
            ("/base/-dot-us-central1.kernels.googleusercontent.com/api/kernels", What::Kernels),
            ("/7-dot-l.kernels.googleusercontent.com/kernelspecs/x/logo-64x64.png", What::Logo("x")),
        ] {
            assert_eq!(what(path), Some(expected), "{path}");
        }
        for other in ["/", "/apis", "/v1/projects/p", "/kernelspecs", "/sessions/x/jupyter/api/kernels"] {
            assert_eq!(what(other), None, "{other}");
        }
    }

    #[test]
    fn a_session_has_a_gateway_of_its_own() {
        let uuid = "0190a3c2-0000-4000-8000-000000000001";
        let path = format!("/sessions/{uuid}/jupyter/api/kernels");
        let expected = Place { session: uuid.parse().ok(), what: What::Kernels };
        assert_eq!(place(&path), Some(expected));
        assert_eq!(place(&format!("/sessions/{uuid}/ui/")), None);
    }
}
