//! Sign-in: where a call's access token comes from. One module for each kind of credential.
//!
//! The first that is there: `--access-token-file`, `--credentials`, the token or credentials of a context named for
//! the call, a token in the environment, those of the chosen context, `GOOGLE_APPLICATION_CREDENTIALS`, the original's stored tokens, gcloud's default credentials, a
//! metadata server, a browser.

pub mod adc;
pub mod browser;
pub mod external;
pub mod metadata;
pub mod oauth;
pub mod refresh;
pub mod service_account;
pub mod stored;

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use crate::config::endpoint::Endpoint;
use crate::config::{self, ConfigError};
use crate::options::Options;
use crate::transport::{Client, TransportError};
use crate::{api, env};

/// A token or a key; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, to send it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[removed]")
    }
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// Nothing to sign in with.
    #[error("there is no sign-in for this call")]
    Nothing,
    /// A file cannot be read.
    #[error("could not read \"{path}\"")]
    File {
        /// The file.
        path: String,
        /// What happened.
        #[source]
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("cannot use \"{path}\": {why}")]
    Form {
        /// The file.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// The OAuth client's file of the original; exit code 4.
    #[error("Configuration -> Secret -> {0}")]
    ClientFile(String),
    /// The configuration folder cannot be found.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A secret would be sent in the clear.
    #[error("cannot send a secret to \"{0}\": use https")]
    Unsafe(String),
    /// The issuer said no.
    #[error("{host} refused: {reason}")]
    Refused {
        /// Host of the token endpoint.
        host: String,
        /// What it said.
        reason: String,
    },
    /// The issuer could not be asked.
    #[error("could not ask for a token")]
    Transport(#[from] TransportError),
    /// The key cannot be used.
    #[error("cannot sign with the key in \"{path}\": {why}")]
    Key {
        /// The file.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// The browser sign-in did not come to an end.
    #[error("{0}")]
    Browser(String),
}

/// A way to get tokens.
#[derive(Debug)]
pub enum Credential {
    /// A token in hand.
    Token(Secret),
    /// A file that holds a token and may be rewritten by someone else.
    TokenFile(PathBuf),
    /// Something that makes tokens.
    Adc(Box<adc::Adc>),
    /// The original's files.
    Stored(stored::Store),
    /// A metadata server, by `host[:port]`.
    Metadata(String),
}

/// The chosen way to sign in.
#[derive(Debug)]
pub struct SignIn {
    credential: Credential,
    scopes: Vec<String>,
    /// What chose it, for `--debug`.
    pub chosen_by: String,
    /// Whether a browser may be used when all else fails.
    browser: bool,
    login_timeout: std::time::Duration,
}

/// Chooses how a call signs in, without asking anyone yet.
///
/// # Errors
/// A chosen file cannot be used, or there is nothing to choose from.
pub fn choose(options: &Options, endpoint: &Endpoint, folder: &Path) -> Result<SignIn, AuthError> {
    let (credential, chosen_by) = credential(options, endpoint, folder)?;
    let scopes = match options.scopes.as_slice() {
        [] => vec![api::CLOUD_PLATFORM.to_owned()],
        given => given.to_vec(),
    };
    Ok(SignIn {
        credential,
        scopes,
        chosen_by,
        browser: !options.no_browser && std::io::stderr().is_terminal(),
        login_timeout: options.login_timeout,
    })
}

fn credential(
    options: &Options,
    endpoint: &Endpoint,
    folder: &Path,
) -> Result<(Credential, String), AuthError> {
    if let Some(path) = &options.access_token_file {
        return Ok((Credential::TokenFile(PathBuf::from(path)), "--access-token-file".to_owned()));
    }
    if let Some(path) = &options.credentials {
        return Ok((Credential::Adc(Box::new(adc::load(Path::new(path))?)), "--credentials".to_owned()));
    }
    // The token of a context named for this call belongs to its endpoint; one in the environment may not.
    if endpoint.named
        && let Some(found) = of_context(endpoint)?
    {
        return Ok(found);
    }
    for name in ["DATAPROC1_ACCESS_TOKEN", "CLOUDSDK_AUTH_ACCESS_TOKEN", "GOOGLE_OAUTH_ACCESS_TOKEN"] {
        if let Some(token) = env::var(name) {
            return Ok((Credential::Token(Secret::new(token)), name.to_owned()));
        }
    }
    if let Some(found) = of_context(endpoint)? {
        return Ok(found);
    }
    if let Some(path) = env::var("GOOGLE_APPLICATION_CREDENTIALS") {
        let adc = adc::load(Path::new(&path))?;
        return Ok((Credential::Adc(Box::new(adc)), "GOOGLE_APPLICATION_CREDENTIALS".to_owned()));
    }
    let store = stored::Store::open(folder)?;
    if store.has_tokens() {
        return Ok((Credential::Stored(store), format!("stored tokens in {}", folder.display())));
    }
    let gcloud = env::xdg("XDG_CONFIG_HOME", ".config").map(|dir| dir.join("gcloud"));
    let gcloud = env::var("CLOUDSDK_CONFIG").map(PathBuf::from).or(gcloud);
    if let Some(path) =
        gcloud.map(|dir| dir.join("application_default_credentials.json")).filter(|path| path.is_file())
    {
        let shown = path.display().to_string();
        return Ok((Credential::Adc(Box::new(adc::load(&path)?)), shown));
    }
    if let Some(host) = metadata::host() {
        return Ok((Credential::Metadata(host), "metadata server".to_owned()));
    }
    if store.has_client() {
        return Ok((Credential::Stored(store), "browser".to_owned()));
    }
    Err(AuthError::Nothing)
}

fn of_context(endpoint: &Endpoint) -> Result<Option<(Credential, String)>, AuthError> {
    let Some(context) = &endpoint.context else { return Ok(None) };
    let named = format!("context {}", context.name);
    Ok(match (&context.token_file, &context.credentials) {
        (Some(path), _) => Some((Credential::TokenFile(path.clone()), named)),
        (None, Some(path)) => Some((Credential::Adc(Box::new(adc::load(path)?)), named)),
        (None, None) => None,
    })
}

impl SignIn {
    /// An access token; `fresh` after the service refused the last one.
    ///
    /// # Errors
    /// There is none to be had.
    pub fn token(&mut self, client: &Client, fresh: bool) -> Result<Secret, AuthError> {
        match &mut self.credential {
            Credential::Token(token) => Ok(token.clone()),
            Credential::TokenFile(path) => token_file(path),
            Credential::Adc(adc) => adc.token(client, &self.scopes),
            Credential::Metadata(host) => metadata::token(client, host, &self.scopes),
            Credential::Stored(store) => match store.token(client, &self.scopes, fresh)? {
                Some(token) => Ok(token),
                None if self.browser && store.has_client() => {
                    let token = browser::sign_in(client, store.client()?, &self.scopes, self.login_timeout)?;
                    store.keep(&self.scopes, token)
                }
                None => Err(AuthError::Nothing),
            },
        }
    }

    /// Whether asking again may give another token.
    pub fn renewable(&self) -> bool {
        !matches!(self.credential, Credential::Token(_))
    }

    /// Project to charge, as a header of every request.
    pub fn quota_project(&self) -> Option<&str> {
        match &self.credential {
            Credential::Adc(adc) => adc.quota_project.as_deref(),
            _ => None,
        }
    }
}

/// Reads a token from a file.
fn token_file(path: &Path) -> Result<Secret, AuthError> {
    let shown = path.display().to_string();
    let text =
        std::fs::read_to_string(path).map_err(|source| AuthError::File { path: shown.clone(), source })?;
    let token = text.trim();
    if token.is_empty() || token.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(AuthError::Form {
            path: shown,
            why: "it has to hold one access token and nothing else".to_owned(),
        });
    }
    Ok(Secret::new(token))
}

/// The folder of the original's files, for commands that work on it.
///
/// # Errors
/// A blank `--config-dir`, or no `HOME`.
pub fn folder(options: &Options) -> Result<PathBuf, ConfigError> {
    config::folder(options.config_dir.as_deref())
}
