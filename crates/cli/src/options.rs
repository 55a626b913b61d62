//! The long options: what exists, and their typed values.

use std::time::Duration;

use crate::grammar::UsageError;
use crate::time::parse_duration;

/// A long option as help, completion and the parser see it.
#[derive(Debug)]
pub struct Spec {
    /// Name without hyphens.
    pub name: &'static str,
    /// What the value is called; `None` for a switch.
    pub value: Option<&'static str>,
    /// The values that make sense, for completion and checks; empty if any.
    pub choices: &'static [&'static str],
    /// Whether it may be given several times.
    pub repeated: bool,
    /// The variable that sets the same, if any.
    pub variable: Option<&'static str>,
    /// What it does.
    pub about: &'static str,
}

const fn switch(name: &'static str, variable: Option<&'static str>, about: &'static str) -> Spec {
    Spec { name, value: None, choices: &[], repeated: false, variable, about }
}

const fn valued(
    name: &'static str,
    value: &'static str,
    variable: Option<&'static str>,
    about: &'static str,
) -> Spec {
    Spec { name, value: Some(value), choices: &[], repeated: false, variable, about }
}

const fn chosen(
    name: &'static str,
    value: &'static str,
    choices: &'static [&'static str],
    variable: Option<&'static str>,
    about: &'static str,
) -> Spec {
    Spec { name, value: Some(value), choices, repeated: false, variable, about }
}

/// Every long option, in the order in which help shows them.
pub static SPECS: &[Spec] = &[
    Spec {
        name: "scope",
        value: Some("url"),
        choices: &[],
        repeated: true,
        variable: None,
        about: "ask for this scope instead of cloud-platform; further words up to the next option or command count too",
    },
    valued(
        "config-dir",
        "folder",
        None,
        "where tokens and the OAuth client are kept (~/.google-service-cli)",
    ),
    switch("debug", None, "show requests and answers on standard error, secrets removed"),
    valued(
        "endpoint",
        "url",
        Some("DATAPROC1_ENDPOINT"),
        "send requests there; plain http only to this machine",
    ),
    valued(
        "context",
        "name",
        Some("DATAPROC1_CONTEXT"),
        "use a named endpoint and its token; 'local' is the Hearth running here",
    ),
    valued("credentials", "file", None, "sign in with this key or credential file"),
    valued(
        "access-token-file",
        "file",
        Some("DATAPROC1_ACCESS_TOKEN_FILE"),
        "send the access token in this file",
    ),
    switch("no-browser", Some("DATAPROC1_NO_BROWSER"), "never start a browser sign-in"),
    valued("login-timeout", "time", None, "how long a browser sign-in may take (5m)"),
    chosen(
        "output",
        "form",
        &["original", "json", "yaml", "table", "name"],
        Some("DATAPROC1_OUTPUT"),
        "form of the answer (original: JSON, sorted, nulls removed, no line end)",
    ),
    switch("wait", None, "wait until the operation that was answered is finished, and print its result"),
    valued("wait-timeout", "time", None, "give up waiting after this time (30m)"),
    switch("all-pages", None, "ask for every page of a list and print them as one"),
    switch("dry-run", None, "print the request instead of sending it"),
    switch(
        "strict",
        Some("DATAPROC1_STRICT"),
        "make errors of what is otherwise a note: limits, unknown enum values, output-only fields",
    ),
    switch("no-check", None, "send names and fields that this program does not know"),
    chosen(
        "exit-codes",
        "style",
        &["classic", "detailed"],
        Some("DATAPROC1_EXIT_CODES"),
        "exit 1 for nearly every failure (classic), or tell them apart (detailed)",
    ),
    valued("timeout", "time", Some("DATAPROC1_TIMEOUT"), "time limit of one request (2m)"),
    valued("connect-timeout", "time", None, "time limit of connecting (10s)"),
    valued(
        "retries",
        "count",
        Some("DATAPROC1_RETRIES"),
        "how often to repeat what failed for a while; given, request ids are added where possible (3, without ids)",
    ),
    valued("proxy", "url", None, "HTTP proxy to use instead of the one in the environment"),
    valued(
        "ca-file",
        "file",
        Some("SSL_CERT_FILE"),
        "trust the certificates in this PEM file instead of the system's",
    ),
    switch("insecure-http", None, "allow plain http to other machines; tokens can be read on the way"),
    switch("quiet", None, "no notes and no progress"),
    chosen(
        "color",
        "when",
        &["auto", "always", "never"],
        None,
        "color on standard error and in tables (auto; NO_COLOR is respected)",
    ),
];

/// Parsed long options.
#[derive(Debug, Clone)]
pub struct Options {
    /// Wanted scopes; empty for the default.
    pub scopes: Vec<String>,
    /// `--config-dir` as given.
    pub config_dir: Option<String>,
    /// Show requests and answers.
    pub debug: bool,
    /// `--endpoint`.
    pub endpoint: Option<String>,
    /// `--context`.
    pub context: Option<String>,
    /// `--credentials`.
    pub credentials: Option<String>,
    /// `--access-token-file`.
    pub access_token_file: Option<String>,
    /// Never sign in by browser.
    pub no_browser: bool,
    /// Time limit of a browser sign-in.
    pub login_timeout: Duration,
    /// Form of the answer.
    pub output: Form,
    /// Wait for operations.
    pub wait: bool,
    /// Time limit of waiting.
    pub wait_timeout: Duration,
    /// Follow pages.
    pub all_pages: bool,
    /// Only print the request.
    pub dry_run: bool,
    /// Notes are errors.
    pub strict: bool,
    /// Send unknown names.
    pub no_check: bool,
    /// Tell failures apart by exit code.
    pub detailed_exit: bool,
    /// Time limit of one request.
    pub timeout: Duration,
    /// Time limit of connecting.
    pub connect_timeout: Duration,
    /// How often to repeat, and whether that was asked for.
    pub retries: Retries,
    /// `--proxy`.
    pub proxy: Option<String>,
    /// `--ca-file`.
    pub ca_file: Option<String>,
    /// Plain HTTP anywhere.
    pub insecure_http: bool,
    /// No notes, no progress.
    pub quiet: bool,
    /// `--color`.
    pub color: Color,
}

/// How often a failed request is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// At most this many repetitions.
    pub count: u32,
    /// Whether the caller asked for them; then request ids are added.
    pub asked: bool,
}

/// Form of the printed answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As the original: sorted JSON, nulls removed, no line end.
    Original,
    /// The same with a line end.
    Json,
    /// YAML.
    Yaml,
    /// Columns.
    Table,
    /// Resource names, one a line.
    Name,
}

/// When to use color.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The option with this name.
pub fn spec(name: &str) -> Option<&'static Spec> {
    SPECS.iter().find(|spec| spec.name == name)
}

impl Options {
    /// The options given as words, completed from the environment.
    ///
    /// # Errors
    /// A value that is not of the option's type.
    pub fn build(
        given: &[(&'static Spec, String)],
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, UsageError> {
        let text = |name: &str| -> Option<String> {
            let from_word =
                given.iter().rev().find(|(spec, _)| spec.name == name).map(|(_, value)| value.clone());
            from_word.or_else(|| {
                let value = variable(spec(name)?.variable?)?;
                (!value.is_empty()).then_some(value)
            })
        };
        let on = |name: &str| {
            given.iter().any(|(spec, _)| spec.name == name)
                || spec(name)
                    .and_then(|spec| variable(spec.variable?))
                    .is_some_and(|value| !matches!(value.as_str(), "" | "0" | "false" | "no"))
        };
        let time = |name: &str, default: u64| match text(name) {
            None => Ok(Duration::from_secs(default)),
            Some(value) => parse_duration(&value).map(|span| span.as_std()).map_err(|why| {
                UsageError::new(format!("Invalid value for '--{name} <time>': {why}; write 30s, 5m or 1h30m"))
            }),
        };
        let choice = |name: &str| match text(name) {
            None => Ok(0),
            Some(value) => {
                let choices = spec(name).map_or(&[][..], |spec| spec.choices);
                choices.iter().position(|known| *known == value).ok_or_else(|| {
                    UsageError::new(format!(
                        "'{value}' isn't a valid value for '--{name}'\n\t[possible values: {}]",
                        choices.join(", ")
                    ))
                })
            }
        };
        // A word says more than a variable: who names a context does not mean the endpoint of the environment.
        let word = |name: &str| given.iter().any(|(spec, _)| spec.name == name);
        let unless = |other: &str, name: &str| if word(other) && !word(name) { None } else { text(name) };
        let retries = match text("retries") {
            None => Retries { count: 3, asked: false },
            Some(value) => match value.parse::<u32>() {
                Ok(count) if count <= 100 => Retries { count, asked: count > 0 },
                _ => {
                    return Err(UsageError::new(format!(
                        "Invalid value for '--retries <count>': '{value}' is not a number from 0 to 100"
                    )));
                }
            },
        };
        Ok(Self {
            scopes: given
                .iter()
                .filter(|(spec, _)| spec.name == "scope")
                .map(|(_, url)| url.clone())
                .collect(),
            config_dir: text("config-dir"),
            debug: on("debug"),
            endpoint: unless("context", "endpoint"),
            context: text("context"),
            credentials: text("credentials"),
            access_token_file: unless("credentials", "access-token-file")
                .filter(|_| !word("context") || word("access-token-file")),
            no_browser: on("no-browser"),
            login_timeout: time("login-timeout", 300)?,
            output: [Form::Original, Form::Json, Form::Yaml, Form::Table, Form::Name][choice("output")?],
            wait: on("wait"),
            wait_timeout: time("wait-timeout", 1800)?,
            all_pages: on("all-pages"),
            dry_run: on("dry-run"),
            strict: on("strict"),
            no_check: on("no-check"),
            detailed_exit: choice("exit-codes")? == 1,
            timeout: time("timeout", 120)?,
            connect_timeout: time("connect-timeout", 10)?,
            retries,
            proxy: text("proxy"),
            ca_file: text("ca-file"),
            insecure_http: on("insecure-http"),
            quiet: on("quiet"),
            color: [Color::Auto, Color::Always, Color::Never][choice("color")?],
        })
    }
}
