//! What of the service's own surroundings a notebook gets to install packages with.
//!
//! Where packages come from, what is trusted, and the way out of the network: not what the service shows to be let in there.
//! A session that is to have an index with credentials names one itself.

use std::collections::BTreeMap;

/// Variables, beside those of uv itself, that installing depends on.
const INSTALLING: [&str; 8] = [
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "ALL_PROXY",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
];

/// What the names of variables end in that are credentials whatever they hold (uv's reference of its environment).
const CREDENTIALS: [&str; 4] = ["_PASSWORD", "_USERNAME", "_TOKEN", "_SECRET"];

/// Those of these variables that notebooks get, and the names of those they would need and do not get.
pub(crate) fn entitled(
    variables: impl IntoIterator<Item = (String, String)>,
) -> (BTreeMap<String, String>, Vec<String>) {
    let needed = |name: &str| name.starts_with("UV_") || INSTALLING.contains(&name);
    let (mut entitled, mut withheld) = (BTreeMap::new(), Vec::new());
    for (name, value) in variables.into_iter().filter(|(name, _)| needed(name)) {
        if name.starts_with("UV_PUBLISH_") {
            continue;
        }
        if CREDENTIALS.iter().any(|end| name.ends_with(end))
            || value.split_whitespace().any(shows_credentials)
        {
            withheld.push(name);
        } else {
            entitled.insert(name, value);
        }
    }
    withheld.sort();
    (entitled, withheld)
}

/// Whether an address says as whom to ask.
fn shows_credentials(address: &str) -> bool {
    let after = address.split_once("://").map(|(_, after)| after);
    after.is_some_and(|after| after.split(['/', '?', '#']).next().is_some_and(|host| host.contains('@')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_passed_on_and_credentials_are_not() {
        let given = [
            ("UV_DEFAULT_INDEX", "https://ada:secret@index.example/simple"),
            ("UV_INDEX", "inner=https://inner.example/simple https://other.example/@scope"),
            ("UV_EXTRA_INDEX_URL", "https://a.example/simple https://token@b.example/simple"),
            ("UV_INDEX_INNER_PASSWORD", "secret"),
            ("UV_PUBLISH_TOKEN", "secret"),
            ("UV_OFFLINE", "1"),
            ("HTTPS_PROXY", "http://proxy.example:3128"),
            ("HTTP_PROXY", "http://ada:secret@proxy.example:3128"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ];
        let (entitled, withheld) = entitled(given.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(entitled.keys().collect::<Vec<_>>(), ["HTTPS_PROXY", "UV_INDEX", "UV_OFFLINE"]);
        assert!(!format!("{entitled:?}").contains("secret"));
        let expected = ["HTTP_PROXY", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_INDEX_INNER_PASSWORD"];
        assert_eq!(withheld, expected, "what nobody installs with is not missed");
    }
}
