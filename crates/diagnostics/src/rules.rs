//! What a secret looks like in text.

use std::sync::LazyLock;

use regex::Regex;

/// Words that make a name that of a secret wherever they are in it. Separators in the name do not count, so that
/// `api-key`, `api.key` and `apiKey` are the same.
const SECRET_WORDS: [&str; 10] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "secret",
    "token",
    "credential",
    "key",
    "authorization",
    "signature",
];

/// What names end in that only tell of a problem with a key or a token, such as Python's `KeyError`.
const NO_SECRETS: [&str; 2] = ["error", "exception"];

/// Whether values of this name are taken for secrets.
pub fn secret_name(name: &str) -> bool {
    let name: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    // A whole name, since `PWD` is the directory one is in.
    let short = name.ends_with("pwd") && name != "pwd" && name != "oldpwd";
    let telling = SECRET_WORDS.iter().any(|word| name.contains(word));
    (short || telling) && !NO_SECRETS.iter().any(|end| name.ends_with(end))
}

/// A name with a secret's word in it, in each of the forms that [`secret_name`] takes, as a regular expression.
fn name_pattern() -> String {
    let words = SECRET_WORDS.map(|word| {
        let letters: Vec<String> = word.chars().map(String::from).collect();
        letters.join("[-._]*")
    });
    format!(r"[\w.\-]*(?:{}|[\w.\-]pwd)[\w.\-]*", words.join("|"))
}

/// The rules, each made once.
pub(crate) struct Rules {
    /// Private keys in PEM form, also cut off or with escaped line ends.
    pub(crate) pem: Regex,
    /// The part of an address that names a user: up to the last `@` before the path.
    pub(crate) userinfo: Regex,
    /// The credentials of an HTTP `Authorization` header, wherever they are.
    pub(crate) scheme: Regex,
    /// JSON Web Tokens, which are three parts in base64 that begin with `{"`; and tokens of services like this one.
    pub(crate) tokens: Regex,
    /// `name=value`, `name: value`, `"name": "value"`, `("name", "value")`, `--name value`.
    pub(crate) named: Regex,
}

pub(crate) static RULES: LazyLock<Rules> = LazyLock::new(|| {
    let compile = |pattern: &str| Regex::new(pattern).expect("the pattern is constant and was tested");
    let name = name_pattern();
    // A quoted value, to its end or that of the line; a quoted one within a quoted text; a scheme and its
    // credentials; and otherwise everything up to the next blank, since a secret may have any character.
    let value =
        r#""(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?|\\+["'][^\n]*?\\+["']|(?:bearer|basic)\s+\S+|\S+"#;
    Rules {
        pem: compile(r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)"),
        userinfo: compile(r#"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*://)[^\s/"'<>]*@"#),
        scheme: compile(r"(?i)\b(?P<scheme>bearer|basic)\s+[A-Za-z0-9._~+/=\-]{6,}"),
        tokens: compile(r"\beyJ[A-Za-z0-9_\-]{5,}\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*|\bhearth_[0-9a-f]{64}\b"),
        named: compile(&format!(
            r#"(?i)(?P<before>(?P<name>{name})(?:[\\"'\]]*\s*(?:=>|[=:])\s*|\\*["']\s*,\s*|\s+))(?P<value>{value})"#
        )),
    }
});
