//! The original's files: `dataproc1-secret.json` (an OAuth client) and `dataproc1` (tokens).

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::oauth::Granted;
use super::refresh::MARGIN;
use super::{AuthError, Secret, oauth};
use crate::config::ConfigError;
use crate::transport::Client;
use crate::{files, time};

/// An OAuth client of the "installed" kind.
#[derive(Debug, Clone)]
pub struct OauthClient {
    /// Its id.
    pub id: String,
    /// Its secret; native clients have one that is none.
    pub secret: Secret,
    /// Where the browser goes.
    pub auth_uri: String,
    /// Where codes and refresh tokens go.
    pub token_uri: String,
}

/// The folder's contents.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    client: Option<OauthClient>,
    entries: Vec<Value>,
}

impl Store {
    /// Reads both files; a missing one is none.
    ///
    /// # Errors
    /// A file that is there and cannot be used.
    pub fn open(folder: &Path) -> Result<Self, AuthError> {
        let client = client(&folder.join("dataproc1-secret.json"))?;
        let path = folder.join("dataproc1");
        let shown = path.display().to_string();
        let entries = match std::fs::read_to_string(&path) {
            Err(why) if missing(&why) => Vec::new(),
            Err(source) => return Err(AuthError::File { path: shown, source }),
            Ok(text) => match serde_json::from_str::<Value>(&text) {
                Ok(Value::Array(entries)) => entries,
                _ => {
                    let why = "it is no list of tokens; remove it and sign in again".to_owned();
                    return Err(AuthError::Form { path: shown, why });
                }
            },
        };
        Ok(Self { folder: folder.to_owned(), client, entries })
    }

    pub(super) fn has_tokens(&self) -> bool {
        !self.entries.is_empty()
    }

    pub(super) fn has_client(&self) -> bool {
        self.client.is_some()
    }

    /// The OAuth client.
    ///
    /// # Errors
    /// There is no file.
    pub fn client(&self) -> Result<&OauthClient, AuthError> {
        self.client.as_ref().ok_or_else(|| {
            AuthError::ClientFile(format!(
                "There is no OAuth client at '{}'; a browser sign-in needs one.",
                self.folder.join("dataproc1-secret.json").display()
            ))
        })
    }

    /// A stored token whose scopes hold the wanted ones, refreshed if it is over.
    pub(super) fn token(
        &mut self,
        client: &Client,
        scopes: &[String],
        fresh: bool,
    ) -> Result<Option<Secret>, AuthError> {
        let Some(at) = self.entries.iter().position(|entry| covers(entry, scopes)) else { return Ok(None) };
        let entry = &self.entries[at];
        let text = |name: &str| entry.pointer(&format!("/token/{name}")).and_then(Value::as_str);
        let valid = match ends_at(entry) {
            Ok(None) => true,
            Ok(Some(at)) => at > time::now() + MARGIN,
            Err(why) => {
                let path = self.folder.join("dataproc1").display().to_string();
                return Err(AuthError::Form { path, why });
            }
        };
        let (token, refresh) =
            (text("access_token").map(Secret::new), text("refresh_token").map(Secret::new));
        match (token, refresh) {
            (Some(token), None) if valid => Ok(Some(token)),
            (Some(token), Some(_)) if valid && !fresh => Ok(Some(token)),
            (_, Some(refresh)) => {
                let oauth_client = self.client()?.clone();
                let pairs = [
                    ("client_id", oauth_client.id.as_str()),
                    ("client_secret", oauth_client.secret.expose()),
                    ("refresh_token", refresh.expose()),
                    ("grant_type", "refresh_token"),
                ];
                match oauth::ask(client, &oauth_client.token_uri, &pairs, None) {
                    Ok(mut granted) => {
                        granted.refresh_token.get_or_insert(refresh);
                        self.entries.remove(at);
                        self.keep(scopes, granted).map(Some)
                    }
                    // As the original: a refused refresh leads to a new sign-in.
                    Err(AuthError::Refused { .. }) => Ok(None),
                    Err(other) => Err(other),
                }
            }
            _ => Ok(None),
        }
    }

    /// Adds a token and writes the file.
    ///
    /// # Errors
    /// The folder or the file cannot be written.
    pub fn keep(&mut self, scopes: &[String], granted: Granted) -> Result<Secret, AuthError> {
        let expires_at = granted.expires_at.map_or(Value::Null, |at| {
            let [year, day, hour, minute, second] = time::to_ordinal(at);
            json!([year, day, hour, minute, second, 0, 0, 0, 0])
        });
        let text = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.expose().to_owned());
        self.entries.retain(|entry| !same_scopes(entry, scopes));
        self.entries.push(json!({
            "scopes": scopes,
            "token": {
                "access_token": granted.token.expose(),
                "refresh_token": text(&granted.refresh_token),
                "expires_at": expires_at,
                "id_token": text(&granted.id_token),
            },
        }));
        self.save()?;
        Ok(granted.token)
    }

    /// Forgets every token.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn forget(&mut self) -> Result<usize, AuthError> {
        let count = std::mem::take(&mut self.entries).len();
        let path = self.folder.join("dataproc1");
        match std::fs::remove_file(&path) {
            Err(why) if !missing(&why) => {
                Err(ConfigError::Io { path: path.display().to_string(), source: why }.into())
            }
            _ => Ok(count),
        }
    }

    fn save(&self) -> Result<(), AuthError> {
        if !self.folder.is_dir() {
            // As the original: only the last part of the path is made.
            std::fs::create_dir(&self.folder)
                .map_err(|source| ConfigError::Folder { path: self.folder.display().to_string(), source })?;
        }
        let path = self.folder.join("dataproc1");
        let text = Value::Array(self.entries.clone()).to_string();
        files::write_private(&path, text.as_bytes())
            .map_err(|source| ConfigError::Io { path: path.display().to_string(), source }.into())
    }
}

fn missing(why: &std::io::Error) -> bool {
    matches!(why.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

/// The OAuth client's file, in the original's words if it cannot be used.
fn client(path: &Path) -> Result<Option<OauthClient>, AuthError> {
    let shown = path.display();
    let text = match std::fs::read_to_string(path) {
        Err(why) if missing(&why) => return Ok(None),
        Err(source) => return Err(ConfigError::Io { path: shown.to_string(), source }.into()),
        Ok(text) => text,
    };
    let value: Value = serde_json::from_str(&text).map_err(|why| {
        AuthError::ClientFile(format!("Could not decode file at '{shown}' with error: {why}."))
    })?;
    let Some(installed) = value.get("installed").filter(|part| part.is_object()) else {
        return Err(AuthError::ClientFile(format!(
            "'installed' field is unset in secret file at '{shown}'."
        )));
    };
    let text = |name: &str| {
        installed.get(name).and_then(Value::as_str).map(str::to_owned).ok_or_else(|| {
            AuthError::ClientFile(format!(
                "Could not decode file at '{shown}' with error: missing field `{name}`."
            ))
        })
    };
    Ok(Some(OauthClient {
        id: text("client_id")?,
        secret: Secret::new(text("client_secret")?),
        auth_uri: text("auth_uri")?,
        token_uri: text("token_uri")?,
    }))
}

fn scopes_of(entry: &Value) -> Vec<&str> {
    entry.get("scopes").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

fn covers(entry: &Value, scopes: &[String]) -> bool {
    let known = scopes_of(entry);
    scopes.iter().all(|scope| known.contains(&scope.as_str()))
}

fn same_scopes(entry: &Value, scopes: &[String]) -> bool {
    covers(entry, scopes) && scopes_of(entry).len() == scopes.len()
}

/// When an entry's token ends, in seconds since 1970.
fn ends_at(entry: &Value) -> Result<Option<i64>, String> {
    match entry.pointer("/token/expires_at").unwrap_or(&Value::Null) {
        Value::Null => Ok(None),
        Value::Array(parts) => {
            // Wide enough for any date, narrow enough for the sums that follow.
            let part = |at: usize| {
                let number =
                    parts.get(at).and_then(Value::as_i64).filter(|number| (0..=9999).contains(number));
                number.ok_or("its expires_at has another form")
            };
            Ok(Some(time::from_ordinal(part(0)?, part(1)?, part(2)?, part(3)?, part(4)?)))
        }
        _ => Err("its expires_at has another form".to_owned()),
    }
}
