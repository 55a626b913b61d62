//! The metadata server of a machine in a cloud, or a sidecar that speaks like one.

use super::{AuthError, Secret, oauth};
use crate::env;
use crate::request::form;
use crate::transport::{Client, Outgoing};

/// The server to ask: `GCE_METADATA_HOST`, or the usual one on a machine that says it is Google's.
///
/// Asking the network on every other machine would cost seconds.
pub(super) fn host() -> Option<String> {
    if let Some(host) = env::var("GCE_METADATA_HOST") {
        return Some(host);
    }
    if env::var("NO_GCE_CHECK").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return None;
    }
    let product = std::fs::read_to_string("/sys/class/dmi/id/product_name").unwrap_or_default();
    product.starts_with("Google").then(|| "metadata.google.internal".to_owned())
}

/// The token of the machine's default account.
pub(super) fn token(client: &Client, host: &str, scopes: &[String]) -> Result<Secret, AuthError> {
    let url = format!(
        "http://{host}/computeMetadata/v1/instance/service-accounts/default/token?scopes={}",
        form(&scopes.join(","))
    );
    let headers = [("metadata-flavor", "Google".to_owned())];
    let answer = client.send(&Outgoing { http: "GET", url: &url, headers: &headers, body: None })?;
    if answer.header("metadata-flavor") != Some("Google") {
        let reason = "it does not answer like a metadata server".to_owned();
        return Err(AuthError::Refused { host: host.to_owned(), reason });
    }
    Ok(oauth::granted(&url, &answer, "access_token")?.token)
}
