//! Which pages of a browser may call the API.

use std::fmt;

use http::Uri;

/// The word for pages that this machine serves itself.
const LOOPBACK: &str = "loopback";
/// The word for every page.
const ANY: &str = "*";

/// A rule that lets pages of some origins in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AllowedOrigin {
    /// Every page there is.
    Any,
    /// Pages that came from this machine, over whatever port.
    Loopback,
    /// Pages of one origin, as browsers write it: scheme, host in small letters, and the port unless it is the usual one.
    Exact(String),
}

impl AllowedOrigin {
    /// Reads a rule; `None` for what is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            ANY => Some(Self::Any),
            LOOPBACK => Some(Self::Loopback),
            _ => Origin::parse(text).map(|_| Self::Exact(text.to_owned())),
        }
    }

    /// Whether pages of `origin`, the text of the header of that name, are let in.
    pub(crate) fn allows(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(known) => known == origin,
            Self::Loopback => Origin::parse(origin).is_some_and(|origin| origin.is_loopback()),
        }
    }
}

impl fmt::Display for AllowedOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => ANY,
            Self::Loopback => LOOPBACK,
            Self::Exact(origin) => origin,
        })
    }
}

/// An origin: `http://localhost:8888`.
struct Origin {
    host: String,
}

impl Origin {
    fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
        // Whatever else an address may have is not in an origin, and a browser writes its host in small letters.
        let whole = format!("{scheme}://{authority}");
        let plain = whole == text && !authority.as_str().contains('@');
        let host = authority.host();
        let lower = !host.is_empty() && !host.contains(|c: char| c.is_ascii_uppercase());
        (plain && lower && matches!(scheme, "http" | "https")).then(|| Self { host: host.to_owned() })
    }

    fn is_loopback(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        // Names below `localhost` never leave the machine (RFC 6761, 6.3).
        bare == "localhost"
            || bare.ends_with(".localhost")
            || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_this_machine_are_known_by_their_host() {
        for origin in [
            "http://localhost",
            "http://localhost:8888",
            "https://lab.localhost:1",
            "http://127.0.0.1:8888",
            "http://127.9.9.9",
            "http://[::1]:8888",
        ] {
            assert!(AllowedOrigin::Loopback.allows(origin), "{origin}");
        }
        for origin in [
            "https://example.com",
            "http://localhost.example.com",
            "http://notlocalhost",
            "http://127.0.0.1.example.com",
            "http://me@localhost",
            "http://localhost/",
            "file://localhost",
            "null",
            "",
        ] {
            assert!(!AllowedOrigin::Loopback.allows(origin), "{origin}");
        }
    }

    #[test]
    fn an_origin_is_compared_as_a_whole() {
        let rule = AllowedOrigin::parse("https://lab.example.com").unwrap();
        assert!(rule.allows("https://lab.example.com"));
        for other in
            ["http://lab.example.com", "https://lab.example.com:8443", "https://lab.example.com.evil.example"]
        {
            assert!(!rule.allows(other), "{other}");
        }
        assert!(AllowedOrigin::parse("*").unwrap().allows("null"));
    }

    #[test]
    fn what_is_no_origin_is_no_rule() {
        for text in [
            "",
            "lab.example.com",
            "https://lab.example.com/",
            "https://Lab.example.com",
            "ftp://a",
            "https://a b",
        ] {
            assert_eq!(AllowedOrigin::parse(text), None, "{text}");
        }
    }
}
