//! Forms of texts. All of them match the whole text.

/// The longest e-mail address, in characters (contract, section 6; 64 before the `@` and 255 after it).
const MAX_EMAIL: usize = 320;

/// An e-mail address: something, `@`, and a host's name.
pub(super) fn email(text: &str) -> bool {
    let local_char = |c: char| !c.is_whitespace() && !c.is_control() && c != '@';
    text.chars().count() <= MAX_EMAIL
        && text.split_once('@').is_some_and(|(local, host)| {
            !local.is_empty() && local.chars().all(local_char) && host_name(host)
        })
}

/// A host's name: letters, digits and hyphens between dots.
fn host_name(text: &str) -> bool {
    text.split('.').all(|label| {
        let bytes = label.as_bytes();
        let word = |c: &u8| c.is_ascii_alphanumeric();
        (1..=63).contains(&bytes.len())
            && bytes.iter().all(|c| word(c) || *c == b'-')
            && word(&bytes[0])
            && word(&bytes[bytes.len() - 1])
    })
}

/// Whether all characters show: no control characters, line separators, or marks that turn the reading direction.
pub(super) fn printable(text: &str) -> bool {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    !text.chars().any(hidden)
}

/// `[a-z]([-a-z0-9]{0,61}[a-z0-9])?`: the name of a network, a subnetwork or a network tag.
pub(super) fn short_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let word = |c: &u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    (1..=63).contains(&bytes.len())
        && bytes[0].is_ascii_lowercase()
        && bytes.iter().all(|c| word(c) || *c == b'-')
        && word(&bytes[bytes.len() - 1])
}

/// A resource's name after a form such as `projects/*/locations/*/services/*`; the segments that stand for the stars.
pub(super) fn segments<'a>(text: &'a str, form: &str) -> Option<Vec<&'a str>> {
    let mut parts = text.split('/');
    let mut values = Vec::new();
    for shape in form.split('/') {
        let part = parts.next()?;
        if shape != "*" && part != shape || !segment(part) {
            return None;
        }
        if shape == "*" {
            values.push(part);
        }
    }
    parts.next().is_none().then_some(values)
}

/// A segment of a resource's name. Projects of a domain are called `example.com:project`.
fn segment(text: &str) -> bool {
    let inner = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.' | b':' | b'~');
    !text.is_empty() && text.bytes().all(inner)
}

/// A bucket's name: 3-63 of `[a-z0-9][a-z0-9._-]*[a-z0-9]`.
pub(super) fn bucket(text: &str) -> bool {
    let bytes = text.as_bytes();
    let word = |c: &u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(|c| word(c) || matches!(c, b'.' | b'_' | b'-'))
        && word(&bytes[0])
        && word(&bytes[bytes.len() - 1])
}

/// An image reference `{registry}/{repository}/{name}:{tag}`, or with `@{digest}` after or instead of the tag. The
/// registry is a host's name with a dot or a port, or `localhost`; there may be any number of repositories, or none.
pub(super) fn image(text: &str) -> bool {
    let (name, digest) = match text.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (text, None),
    };
    let Some((registry, path)) = name.split_once('/') else { return false };
    let (path, tag) = match path.split_once(':') {
        Some((path, tag)) => (path, Some(tag)),
        None => (path, None),
    };
    self::registry(registry)
        && path.split('/').all(image_component)
        && tag.is_none_or(image_tag)
        && digest.is_none_or(image_digest)
        && (tag.is_some() || digest.is_some())
}

fn registry(text: &str) -> bool {
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    host_name(host)
        && port.is_none_or(|port| !port.starts_with('+') && port.parse::<u16>().is_ok_and(|port| port > 0))
        && (host.contains('.') || port.is_some() || host == "localhost")
}

/// Lower-case words with one `.`, one or two `_`, or any number of `-` between them.
fn image_component(text: &str) -> bool {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let between = |gap: &str| matches!(gap, "." | "_" | "__") || gap.bytes().all(|c| c == b'-');
    text.starts_with(word) && text.ends_with(word) && text.split(word).all(between)
}

fn image_tag(text: &str) -> bool {
    let word = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
    (1..=128).contains(&text.len())
        && text.bytes().all(|c| word(c) || c == b'.' || c == b'-')
        && word(text.as_bytes()[0])
}

fn image_digest(text: &str) -> bool {
    let lengths = [("sha256", 64), ("sha512", 128)];
    text.split_once(':').is_some_and(|(algorithm, hash)| {
        lengths.contains(&(algorithm, hash.len()))
            && hash.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c))
    })
}

/// The host and port of an absolute http or https URI, and what stands before an `@` in it.
pub(super) fn http_uri(text: &str) -> Option<HttpUri<'_>> {
    let (scheme, rest) = text.split_once("://")?;
    let http = ["http", "https"].iter().any(|known| known.eq_ignore_ascii_case(scheme));
    if !http || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return None;
    }
    // A backslash is a slash to some readers and part of the name to others.
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let (credentials, server) = match authority.rsplit_once('@') {
        Some((credentials, server)) => (Some(credentials), server),
        None => (None, authority),
    };
    let (host, port) = match server.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (server, None),
    };
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let good_host = match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host_name(host),
    };
    let good_port = port.is_none_or(|port| !port.starts_with('+') && port.parse::<u16>().is_ok());
    (good_host && good_port && !text.contains('\\')).then_some(HttpUri { credentials })
}

/// What matters of an http or https URI.
pub(super) struct HttpUri<'a> {
    /// What stands before an `@` in its authority.
    pub(super) credentials: Option<&'a str>,
}

/// A resource manager tag in one of its forms: `tagKeys/{number}` with `tagValues/{number}`, or
/// `{organization or project}/{name}` with a value's name.
pub(super) fn resource_manager_tag(key: &str, value: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    match key.split_once('/') {
        Some(("tagKeys", id)) => number(id) && value.strip_prefix("tagValues/").is_some_and(number),
        Some((parent, name)) => segment(parent) && tag_name(name) && tag_name(value),
        None => false,
    }
}

/// At most 256 characters without those that separate or quote; a letter or digit at both ends.
fn tag_name(text: &str) -> bool {
    let hidden = |c: char| c.is_control() || matches!(c, '/' | '\\' | '\'' | '"' | '<' | '>');
    text.chars().count() <= 256
        && !text.chars().any(hidden)
        && text.starts_with(char::is_alphanumeric)
        && text.ends_with(char::is_alphanumeric)
}
