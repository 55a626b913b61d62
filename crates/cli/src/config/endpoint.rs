//! Which service a call goes to.
//!
//! The first that is given: `--endpoint` (or `DATAPROC1_ENDPOINT`), `--context` (or `DATAPROC1_CONTEXT`), the
//! variables that other clients read, the chosen context, the original's host.

use super::ConfigError;
use super::contexts::{Context, Contexts};
use crate::options::Options;
use crate::{api, env};

/// Where a call goes.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// `https://host[:port][/prefix]`, without a slash at the end.
    pub base: String,
    /// Host without port.
    pub host: String,
    /// What chose it, for `--debug`.
    pub chosen_by: String,
    /// The context, if one was used.
    pub context: Option<Context>,
    /// Whether the context was named for this call, and not just chosen for all.
    pub named: bool,
}

/// Chooses the endpoint of a call.
///
/// # Errors
/// A context that does not exist, an address that is none, or plain HTTP to another machine.
pub fn choose(options: &Options) -> Result<Endpoint, ConfigError> {
    let (address, chosen_by, context) = address(options)?;
    let (base, host, secure) = parse(&address)?;
    if !secure && !loopback(&host) && !options.insecure_http {
        return Err(ConfigError::Endpoint(format!(
            "'{base}' would send the token over plain http to another machine; use https, or --insecure-http."
        )));
    }
    Ok(Endpoint { base, host, chosen_by, context, named: options.context.is_some() })
}

fn address(options: &Options) -> Result<(String, String, Option<Context>), ConfigError> {
    if let Some(url) = &options.endpoint {
        // A context may still bring the token.
        let context = match &options.context {
            Some(name) => Some(Contexts::load()?.get(name)?),
            None => None,
        };
        return Ok((url.clone(), "--endpoint or DATAPROC1_ENDPOINT".to_owned(), context));
    }
    if let Some(name) = &options.context {
        let context = Contexts::load()?.get(name)?;
        return Ok((context.endpoint.clone(), format!("context {name}"), Some(context)));
    }
    for name in ["GOOGLE_CLOUD_DATAPROC_API_ENDPOINT", "CLOUDSDK_API_ENDPOINT_OVERRIDES_DATAPROC"] {
        if let Some(url) = env::var(name) {
            return Ok((url, name.to_owned(), None));
        }
    }
    let contexts = Contexts::load()?;
    if let Some(name) = &contexts.current {
        let context = contexts.get(name)?;
        return Ok((context.endpoint.clone(), format!("current context {name}"), Some(context)));
    }
    if let Some(universe) = env::var("GOOGLE_CLOUD_UNIVERSE_DOMAIN") {
        return Ok((format!("https://dataproc.{universe}"), "GOOGLE_CLOUD_UNIVERSE_DOMAIN".to_owned(), None));
    }
    Ok((api::ROOT.to_owned(), "the default".to_owned(), None))
}

/// Base, host and whether it is encrypted; without a scheme https, and http for this machine.
fn parse(address: &str) -> Result<(String, String, bool), ConfigError> {
    let wrong = |why: &str| ConfigError::Endpoint(format!("'{address}' {why}."));
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
        None => (String::new(), address),
    };
    let rest = rest.trim_end_matches('/');
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.contains('@') {
        return Err(ConfigError::Endpoint("An endpoint must not hold a user or a password.".to_owned()));
    }
    if rest.contains(['?', '#']) || rest.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(wrong("is no address of a service"));
    }
    let (host, port) = match authority.strip_prefix('[') {
        Some(inner) => {
            let (host, after) = inner.split_once(']').ok_or_else(|| wrong("has no ']'"))?;
            (host, after.strip_prefix(':'))
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    if host.is_empty() {
        return Err(wrong("has no host"));
    }
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Err(wrong("has no valid port"));
    }
    let secure = match scheme.as_str() {
        "https" => true,
        "http" => false,
        "" => !loopback(host),
        _ => return Err(wrong("is neither http nor https")),
    };
    Ok((format!("{}://{rest}", if secure { "https" } else { "http" }), host.to_owned(), secure))
}

/// Whether a host is this machine by name or address.
pub fn loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.to_ascii_lowercase().ends_with(".localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether an address leads to this machine.
pub fn on_this_machine(url: &str) -> bool {
    parse(url).is_ok_and(|(_, host, _)| loopback(&host))
}

/// Whether a secret may be sent to an address: encrypted, or on this machine.
pub fn safe_for_secrets(url: &str) -> bool {
    parse(url).is_ok_and(|(_, host, secure)| secure || loopback(&host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_get_a_scheme_by_where_they_lead() {
        let cases = [
            ("127.0.0.1:8470", "http://127.0.0.1:8470"),
            ("hearth.example:8470/", "https://hearth.example:8470"),
            ("https://h/prefix/", "https://h/prefix"),
            ("http://[::1]:1", "http://[::1]:1"),
        ];
        for (given, base) in cases {
            assert_eq!(parse(given).map(|(base, ..)| base).ok().as_deref(), Some(base), "{given}");
        }
        for given in ["", "ftp://x", "http://u:p@h", "h:99999", "h?x", "https://"] {
            assert!(parse(given).is_err(), "{given}");
        }
    }
}
