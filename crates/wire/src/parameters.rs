//! System parameters: what every method takes beside its own parameters (CONTRACT section 13).

use std::fmt;

use http::HeaderMap;

use crate::{error::ErrorFormat, template::percent_decode, violation::Violations};

/// Longest name of a callback, in characters. Source: CONTRACT section 13.
const CALLBACK_LIMIT: usize = 128;
/// Longest `quotaUser`, in characters. Source: CONTRACT section 13.
const QUOTA_USER_LIMIT: usize = 40;

/// The system parameters of one request, from its query and headers.
#[derive(Clone, Default)]
pub struct SystemParameters {
    /// Different credentials that were sent, from the query and from `Authorization: Bearer`. More than
    /// one is for the caller to refuse.
    pub credentials: Vec<String>,
    /// API key. It says which application calls, not who.
    pub key: Option<String>,
    /// Form of the answer.
    pub alt: Alt,
    /// Enums in the answer as numbers.
    pub enum_numbers: bool,
    /// Form of errors.
    pub error_format: ErrorFormat,
    /// Function that the answer is wrapped in.
    pub callback: Option<String>,
    /// Members wanted in the answer, for [`Mask::parse`](crate::mask::Mask::parse).
    pub fields: Option<String>,
    /// JSON with indentation, unless `prettyPrint=false`.
    pub pretty: bool,
    /// Whom requests are counted for.
    pub quota_user: Option<String>,
    /// Project that requests are counted for.
    pub user_project: Option<String>,
    /// HTTP method that a POST stands for, in capitals.
    pub method_override: Option<String>,
}

/// Form of the answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Alt {
    /// JSON.
    #[default]
    Json,
    /// The bytes of a medium. No method here has one, so it is JSON.
    Media,
    /// The binary message.
    Proto,
}

/// What [`SystemParameters::take`] leaves.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The parameters. Those that were wrong have their defaults, so that the error can be written.
    pub parameters: SystemParameters,
    /// The method's own parameters.
    pub rest: Vec<(String, String)>,
    /// What was wrong with the system parameters.
    pub violations: Violations,
}

impl SystemParameters {
    /// Takes the system parameters out of a decoded query (see [`parse_query`]) and reads those that are
    /// headers. A parameter in the query counts more than its header; an empty one is absent.
    pub fn take(query: Vec<(String, String)>, headers: &HeaderMap) -> Taken {
        let mut taken = Taken {
            parameters: Self { pretty: true, ..Self::default() },
            rest: Vec::new(),
            violations: Violations::default(),
        };
        taken.parameters.take_headers(headers);
        for (name, value) in query {
            if !is_system(&name) {
                taken.rest.push((name, value));
            } else if !value.is_empty() {
                taken.parameters.take_one(&name, value, &mut taken.violations);
            }
        }
        if let Some(user) = &taken.parameters.quota_user
            && user.chars().count() > QUOTA_USER_LIMIT
        {
            let why = format!(
                "Invalid value for parameter 'quotaUser': at most {QUOTA_USER_LIMIT} characters are allowed"
            );
            taken.violations.push("quotaUser", why);
        }
        taken
    }

    fn take_headers(&mut self, headers: &HeaderMap) {
        let text = |name: &str| {
            let value = headers.get(name)?.to_str().ok()?.trim();
            (!value.is_empty()).then(|| value.to_owned())
        };
        if let Some((scheme, token)) = text("authorization").as_deref().and_then(|v| v.split_once(' '))
            && scheme.eq_ignore_ascii_case("bearer")
        {
            self.credential(token.trim().to_owned());
        }
        self.key = text("x-goog-api-key");
        self.fields = text("x-goog-fieldmask");
        self.quota_user = text("x-goog-quota-user");
        self.user_project = text("x-goog-user-project");
        self.method_override = text("x-http-method-override").map(|method| method.to_ascii_uppercase());
    }

    fn take_one(&mut self, name: &str, value: String, violations: &mut Violations) {
        match name.strip_prefix('$').unwrap_or(name) {
            "access_token" | "oauth_token" => self.credential(value),
            "key" => self.key = Some(value),
            "alt" => match parse_alt(&value) {
                Some((alt, enum_numbers)) => (self.alt, self.enum_numbers) = (alt, enum_numbers),
                None => violations.push(
                    name,
                    format!("Invalid value \"{value}\" for parameter '{name}': json, media and proto are known"),
                ),
            },
            ".xgafv" => match value.as_str() {
                "1" => self.error_format = ErrorFormat::V1,
                "2" => self.error_format = ErrorFormat::V2,
                _ => violations
                    .push(name, format!("Invalid value \"{value}\" for parameter '{name}': 1 and 2 are known")),
            },
            "callback" if is_callback(&value) => self.callback = Some(value),
            "callback" => violations.push(
                name,
                format!("Invalid value for parameter '{name}': it must be the name of a function, at most {CALLBACK_LIMIT} characters long"),
            ),
            "fields" => self.fields = Some(value),
            "prettyPrint" => match value.as_str() {
                "true" | "1" => self.pretty = true,
                "false" | "0" => self.pretty = false,
                _ => violations.push(name, format!("Invalid value at '{name}' (TYPE_BOOL), \"{value}\"")),
            },
            "quotaUser" => self.quota_user = Some(value),
            "userProject" => self.user_project = Some(value),
            // Media upload: there is no medium here.
            _ => {}
        }
    }

    fn credential(&mut self, token: String) {
        if !self.credentials.contains(&token) {
            self.credentials.push(token);
        }
    }
}

/// Secrets are counted, not shown.
impl fmt::Debug for SystemParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SystemParameters")
            .field("credentials", &self.credentials.len())
            .field("key", &self.key.as_ref().map(|_| "redacted"))
            .field("alt", &self.alt)
            .field("enum_numbers", &self.enum_numbers)
            .field("error_format", &self.error_format)
            .field("callback", &self.callback)
            .field("fields", &self.fields)
            .field("pretty", &self.pretty)
            .field("quota_user", &self.quota_user)
            .field("user_project", &self.user_project)
            .field("method_override", &self.method_override)
            .finish()
    }
}

/// Splits and decodes a query string; `+` is a space.
pub fn parse_query(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| percent_decode(&text.replace('+', " "), |_| true);
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

fn is_system(name: &str) -> bool {
    matches!(
        name,
        "access_token"
            | "oauth_token"
            | "key"
            | "alt"
            | "callback"
            | "fields"
            | "prettyPrint"
            | "quotaUser"
            | "uploadType"
            | "upload_protocol"
    ) || matches!(
        name.strip_prefix('$'),
        Some(
            ".xgafv"
                | "access_token"
                | "oauth_token"
                | "key"
                | "alt"
                | "callback"
                | "fields"
                | "prettyPrint"
                | "quotaUser"
                | "uploadType"
                | "upload_protocol"
                | "userProject"
        )
    )
}

/// `json`, `media` or `proto`; `json` may ask for `;enum-encoding=int`.
fn parse_alt(value: &str) -> Option<(Alt, bool)> {
    let mut parts = value.split(';');
    let alt = match parts.next()?.trim().to_ascii_lowercase().as_str() {
        "json" => Alt::Json,
        "media" => Alt::Media,
        "proto" => Alt::Proto,
        _ => return None,
    };
    let mut enum_numbers = false;
    for option in parts {
        match option.trim() {
            "enum-encoding=int" => enum_numbers = true,
            "enum-encoding=string" | "" => {}
            _ => return None,
        }
    }
    Some((alt, enum_numbers))
}

/// `[A-Za-z_$][A-Za-z0-9_$.\[\]]*`: a name that can be called and nothing else.
fn is_callback(name: &str) -> bool {
    let mut bytes = name.bytes();
    let first = |b: u8| b.is_ascii_alphabetic() || b == b'_' || b == b'$';
    name.len() <= CALLBACK_LIMIT
        && bytes.next().is_some_and(first)
        && bytes.all(|b| first(b) || b.is_ascii_digit() || matches!(b, b'.' | b'[' | b']'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(query: &str, headers: &[(&'static str, &str)]) -> Taken {
        let headers = headers.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).collect();
        SystemParameters::take(parse_query(query), &headers)
    }

    #[test]
    fn the_methods_own_parameters_are_left() {
        let taken = take("sessionId=a&%24alt=json%3Benum-encoding%3Dint&requestId=r+1&uploadType=media", &[]);
        assert_eq!(taken.rest, [("sessionId".into(), "a".into()), ("requestId".into(), "r 1".into())]);
        assert_eq!((taken.parameters.alt, taken.parameters.enum_numbers), (Alt::Json, true));
        assert!(taken.parameters.pretty && taken.violations.is_empty());
    }

    #[test]
    fn every_parameter_is_read_in_both_forms() {
        for dollar in ["", "$"] {
            let query =
                ["key=k", "alt=proto", "callback=a.b[0]", "fields=name", "prettyPrint=false", "quotaUser=q"]
                    .map(|pair| format!("{dollar}{pair}"))
                    .join("&");
            let Taken { parameters: p, rest, violations } = take(&query, &[]);
            assert!(rest.is_empty() && violations.is_empty(), "{violations}");
            assert_eq!(p.key.as_deref(), Some("k"));
            assert_eq!(p.alt, Alt::Proto);
            assert_eq!(p.callback.as_deref(), Some("a.b[0]"));
            assert_eq!(p.fields.as_deref(), Some("name"));
            assert_eq!(p.quota_user.as_deref(), Some("q"));
            assert!(!p.pretty);
        }
        assert_eq!(take("$.xgafv=1", &[]).parameters.error_format, ErrorFormat::V1);
        assert_eq!(take("$userProject=p", &[]).parameters.user_project.as_deref(), Some("p"));
    }

    #[test]
    fn headers_stand_in_for_parameters() {
        let Taken { parameters: p, .. } = take(
            "fields=state",
            &[
                ("authorization", "bearer tok"),
                ("x-goog-api-key", "k"),
                ("x-goog-fieldmask", "name"),
                ("x-goog-quota-user", "q"),
                ("x-goog-user-project", "p"),
                ("x-http-method-override", "delete"),
            ],
        );
        assert_eq!(p.credentials, ["tok"]);
        assert_eq!(p.fields.as_deref(), Some("state"), "the query counts more");
        assert_eq!(p.method_override.as_deref(), Some("DELETE"));
        assert_eq!(
            (p.key.as_deref(), p.quota_user.as_deref(), p.user_project.as_deref()),
            (Some("k"), Some("q"), Some("p"))
        );
    }

    #[test]
    fn different_credentials_are_all_kept_and_never_shown() {
        let taken =
            take("access_token=tok-1&oauth_token=tok-2&key=secret", &[("authorization", "Bearer tok-1")]);
        assert_eq!(taken.parameters.credentials, ["tok-1", "tok-2"]);
        let shown = format!("{:?}", taken.parameters);
        assert!(!shown.contains("tok-") && !shown.contains("secret"), "{shown}");
    }

    #[test]
    fn wrong_values_are_told_and_an_empty_one_is_absent() {
        let long = format!("quotaUser={}", "q".repeat(41));
        for query in [
            "alt=xml",
            "$.xgafv=3",
            "callback=alert(1)",
            "callback=1a",
            "prettyPrint=maybe",
            "alt=json;x=y",
            &long,
        ] {
            assert_eq!(take(query, &[]).violations.0.len(), 1, "{query}");
        }
        let taken = take("alt=&$.xgafv=&callback=&fields=", &[]);
        assert!(taken.violations.is_empty() && taken.rest.is_empty() && taken.parameters.fields.is_none());
        assert!(take(&format!("callback={}", "a".repeat(129)), &[]).violations.0.len() == 1);
    }
}
