//! Finding the service and its token on this machine.
//!
//! A running service leaves two files in its state directory: `endpoint` with its address and `token` with the
//! secret that opens it. The token of the state directory is shown to services on this machine only, never sent to an
//! address elsewhere.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use etcetera::BaseStrategy as _;

use super::exit::Exit;
use super::global::Global;
use crate::serve::{ENDPOINT_FILE, READER_TOKEN_FILE, TOKEN_FILE};

/// The variable with the token.
pub(crate) const TOKEN_VARIABLE: &str = "HEARTH_TOKEN";

/// What the user's surroundings say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Surroundings {
    /// The token in the environment.
    pub(crate) token: Option<OsString>,
    /// Where programs keep their state.
    pub(crate) state_home: Option<PathBuf>,
}

/// Where the service is and how to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// The address, as `http://HOST:PORT`.
    pub(crate) endpoint: String,
    /// The token, if there is one.
    pub(crate) token: Option<Token>,
}

/// A token, and where it is from.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token {
    /// The secret.
    pub(crate) secret: String,
    /// Where it is from.
    pub(crate) source: TokenSource,
}

/// Where a token is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TokenSource {
    /// From [`TOKEN_VARIABLE`].
    Environment,
    /// From a file.
    File(PathBuf),
}

/// Why the service or its token could not be found.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LocalError {
    /// There is no service on this machine.
    #[error("no service was found: \"{}\" does not exist", .file.display())]
    NoService {
        /// The file that a running service would have written.
        file: PathBuf,
    },
    /// There is no token.
    #[error("no token was found: \"{}\" does not exist", .file.display())]
    NoToken {
        /// The file that a service would have written.
        file: PathBuf,
    },
    /// A file could not be read.
    #[error("could not read \"{}\"", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file has nothing in it.
    #[error("\"{}\" is empty", .file.display())]
    Empty {
        /// The file.
        file: PathBuf,
    },
    /// The token in the environment is no text.
    #[error("the value of HEARTH_TOKEN is not text")]
    NotText,
    /// There is no home directory to look in.
    #[error("no state directory: the home directory is not known")]
    Homeless,
}

impl LocalError {
    /// How a command ends with this.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::NoService { .. } => Exit::Unavailable,
            Self::NoToken { .. } => Exit::Denied,
            Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Exit::Denied
            }
            Self::Unreadable { .. } | Self::Empty { .. } | Self::NotText | Self::Homeless => Exit::Usage,
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::NoService { .. } => "Start one with `hearth serve`. If it runs with another state directory, name \
                                       that with `--state-dir`; if it runs elsewhere, give its address with \
                                       `--endpoint`.",
            Self::NoToken { .. } => "A service makes its token at its first start: run `hearth serve`. If it has \
                                     another state directory, name that with `--state-dir`.",
            Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "The file belongs to whoever runs the service. Ask for a token and give it with `--token-file` or \
                 HEARTH_TOKEN."
            }
            Self::Unreadable { .. } | Self::Empty { .. } => "Check the file, or name another one.",
            Self::NotText => "Set it to the token alone, as `hearth token` prints it.",
            Self::Homeless => "Name the state directory with `--state-dir`, or set HOME.",
        }
        .to_owned()
    }
}

impl Surroundings {
    /// Those of this process.
    pub(crate) fn read() -> Self {
        let base = etcetera::base_strategy::Xdg::new().ok();
        Self {
            token: env::var_os(TOKEN_VARIABLE).filter(|token| !token.is_empty()),
            state_home: base.and_then(|base| base.state_dir()),
        }
    }

    /// Finds the service, and the token that it wants. Without any token the service may still answer: it says what
    /// it wants.
    ///
    /// # Errors
    /// When there is no service, or a file that was named cannot be used.
    pub(crate) fn find(&self, global: &Global) -> Result<Found, LocalError> {
        let endpoint = self.endpoint(global)?;
        let token = match self.token(global) {
            Ok(token) => {
                let from_state_dir =
                    global.token_file.is_none() && matches!(token.source, TokenSource::File(_));
                (!from_state_dir || is_loopback(&endpoint)).then_some(token)
            }
            Err(LocalError::NoToken { .. } | LocalError::Homeless) => None,
            Err(error) => return Err(error),
        };
        Ok(Found { endpoint, token })
    }

    /// Finds the token alone.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn token(&self, global: &Global) -> Result<Token, LocalError> {
        if let Some(file) = &global.token_file {
            return from_file(file).and_then(|token| {
                token.ok_or_else(|| LocalError::Unreadable {
                    file: file.clone(),
                    source: io::ErrorKind::NotFound.into(),
                })
            });
        }
        if let Some(token) = &self.token {
            let text = token.to_str().ok_or(LocalError::NotText)?;
            return Ok(Token { secret: text.trim().to_owned(), source: TokenSource::Environment });
        }
        let file = self.state_dir(global)?.join(TOKEN_FILE);
        from_file(&file)?.ok_or(LocalError::NoToken { file })
    }

    /// The token of the state directory that is good for looking only.
    pub(crate) fn reader_token(&self, global: &Global) -> Result<Token, LocalError> {
        let file = self.state_dir(global)?.join(READER_TOKEN_FILE);
        from_file(&file)?.ok_or(LocalError::NoToken { file })
    }

    fn endpoint(&self, global: &Global) -> Result<String, LocalError> {
        if let Some(endpoint) = &global.endpoint {
            return Ok(endpoint.clone());
        }
        let file = self.state_dir(global)?.join(ENDPOINT_FILE);
        read_word(&file)?.ok_or(LocalError::NoService { file })
    }

    /// The state directory of the service on this machine, which may not be there.
    ///
    /// # Errors
    /// When it is not known.
    pub(crate) fn state_dir(&self, global: &Global) -> Result<PathBuf, LocalError> {
        match (&global.state_dir, &self.state_home) {
            (Some(named), _) => Ok(named.clone()),
            (None, Some(home)) => Ok(home.join("hearth")),
            (None, None) => Err(LocalError::Homeless),
        }
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("source", &self.source).finish_non_exhaustive()
    }
}

/// Whether an address is one of this machine that nobody else can answer at.
pub(crate) fn is_loopback(endpoint: &str) -> bool {
    let host = host_of(endpoint);
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// The host in an address such as `http://127.0.0.1:8470`; of IPv6 with its brackets.
pub(crate) fn host_of(endpoint: &str) -> &str {
    let authority = authority_of(endpoint);
    match authority.rsplit_once(':') {
        Some((host, _)) if !authority.ends_with(']') => host,
        _ => authority,
    }
}

/// Host and port in such an address.
pub(crate) fn authority_of(endpoint: &str) -> &str {
    let rest = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

fn from_file(file: &Path) -> Result<Option<Token>, LocalError> {
    let token = read_word(file)?;
    // Whole, because it is told to programs that run elsewhere.
    let whole = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    Ok(token.map(|secret| Token { secret, source: TokenSource::File(whole) }))
}

/// What a file says, without the space around it; `None` if there is no file.
fn read_word(file: &Path) -> Result<Option<String>, LocalError> {
    match fs::read_to_string(file) {
        Ok(text) if text.trim().is_empty() => Err(LocalError::Empty { file: file.to_owned() }),
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(LocalError::Unreadable { file: file.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surroundings(home: &Path) -> Surroundings {
        Surroundings { token: None, state_home: Some(home.to_owned()) }
    }

    fn running(home: &Path) {
        let state_dir = home.join("hearth");
        fs::create_dir(&state_dir).unwrap();
        fs::write(state_dir.join(ENDPOINT_FILE), "http://127.0.0.1:8470\n").unwrap();
        fs::write(state_dir.join(TOKEN_FILE), "local-secret\n").unwrap();
    }

    fn secret(found: &Found) -> Option<&str> {
        found.token.as_ref().map(|token| token.secret.as_str())
    }

    #[test]
    fn the_service_of_this_machine_is_found_by_its_files() {
        let home = tempfile::tempdir().unwrap();
        running(home.path());
        let found = surroundings(home.path()).find(&Global::default()).unwrap();
        assert_eq!(found.endpoint, "http://127.0.0.1:8470");
        assert_eq!(secret(&found), Some("local-secret"));
        let elsewhere = Global { state_dir: Some(home.path().join("hearth")), ..Global::default() };
        assert_eq!(Surroundings::default().find(&elsewhere).unwrap(), found);
    }

    #[test]
    fn flags_come_before_the_environment_and_that_before_files() {
        let home = tempfile::tempdir().unwrap();
        running(home.path());
        let mut around = surroundings(home.path());
        around.token = Some("from-environment".into());
        let mut global = Global::default();
        assert_eq!(secret(&around.find(&global).unwrap()), Some("from-environment"));
        let file = home.path().join("other");
        fs::write(&file, "from-flag\n").unwrap();
        global.token_file = Some(file);
        global.endpoint = Some("http://spark.example.org:8470".to_owned());
        let found = around.find(&global).unwrap();
        assert_eq!(
            (found.endpoint.as_str(), secret(&found)),
            ("http://spark.example.org:8470", Some("from-flag"))
        );
    }

    #[test]
    fn the_local_token_is_not_sent_to_an_address_elsewhere() {
        let home = tempfile::tempdir().unwrap();
        running(home.path());
        for (endpoint, sent) in [
            ("http://127.0.0.1:9000", true),
            ("http://localhost:9000", true),
            ("http://[::1]:9000", true),
            ("http://10.0.0.7:9000", false),
            ("http://localhost.example.org:9000", false),
        ] {
            let global = Global { endpoint: Some(endpoint.to_owned()), ..Global::default() };
            let found = surroundings(home.path()).find(&global).unwrap();
            assert_eq!(found.token.is_some(), sent, "{endpoint}");
        }
    }

    #[test]
    fn what_is_not_there_is_named_with_the_next_step() {
        let home = tempfile::tempdir().unwrap();
        let around = surroundings(home.path());
        let error = around.find(&Global::default()).unwrap_err();
        assert!(error.to_string().contains("hearth/endpoint\" does not exist"), "{error}");
        assert!(error.hint().contains("`hearth serve`"));
        assert_eq!(error.exit(), Exit::Unavailable);
        let error = around.token(&Global::default()).unwrap_err();
        assert_eq!(error.exit(), Exit::Denied);

        let missing = Global {
            endpoint: Some("http://127.0.0.1:1".to_owned()),
            token_file: Some(home.path().join("nothing")),
            ..Global::default()
        };
        let error = around.find(&missing).unwrap_err();
        assert!(error.to_string().contains("nothing"), "{error}");

        fs::create_dir(home.path().join("hearth")).unwrap();
        fs::write(home.path().join("hearth").join(ENDPOINT_FILE), "\n").unwrap();
        let error = around.find(&Global::default()).unwrap_err();
        assert!(error.to_string().ends_with("is empty"), "{error}");
        assert!(matches!(Surroundings::default().find(&Global::default()), Err(LocalError::Homeless)));
    }

    #[test]
    fn a_token_does_not_show_in_debug_output() {
        let token = Token { secret: "local-secret".to_owned(), source: TokenSource::Environment };
        assert!(!format!("{token:?}").contains("local-secret"));
    }
}
