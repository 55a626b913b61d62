//! Named contexts: endpoints and their tokens, shared with `hearth`.
//!
//! `$XDG_CONFIG_HOME/hearth/contexts.toml` holds `current = "NAME"` and tables `[contexts.NAME]` with `endpoint`,
//! and optionally `token-file`, `credentials` and `ca-file`. The context `local` needs no entry: it is the Hearth
//! that runs here as this user, which writes `endpoint` and `token` to `$XDG_STATE_HOME/hearth/`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use toml::Table;

use super::ConfigError;
use crate::{env, files};

/// The context of the Hearth running here.
pub const LOCAL: &str = "local";

/// One context.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// Its name.
    pub name: String,
    /// Address of the API.
    pub endpoint: String,
    /// File that holds an access token.
    pub token_file: Option<PathBuf>,
    /// Credential file, as for `--credentials`.
    pub credentials: Option<PathBuf>,
    /// Certificates to trust.
    pub ca_file: Option<PathBuf>,
}

/// The contexts file.
#[derive(Debug, Default)]
pub struct Contexts {
    /// Contexts by name, without `local`.
    pub known: BTreeMap<String, Context>,
    /// The chosen one.
    pub current: Option<String>,
    path: PathBuf,
}

impl Contexts {
    /// Reads the file; one that is not there is empty.
    ///
    /// # Errors
    /// The file cannot be read, or has another form.
    pub fn load() -> Result<Self, ConfigError> {
        let Some(path) = env::xdg("XDG_CONFIG_HOME", ".config").map(|dir| dir.join("hearth/contexts.toml"))
        else {
            return Ok(Self::default());
        };
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text, path),
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(Self { path, ..Self::default() }),
            Err(source) => Err(ConfigError::Io { path: path.display().to_string(), source }),
        }
    }

    fn parse(text: &str, path: PathBuf) -> Result<Self, ConfigError> {
        let wrong = |why: String| ConfigError::Contexts { path: path.display().to_string(), why };
        let table: Table = text.parse().map_err(|why: toml::de::Error| wrong(why.message().to_owned()))?;
        let mut contexts = Self { path: path.clone(), ..Self::default() };
        for (key, value) in &table {
            match (key.as_str(), value) {
                ("current", toml::Value::String(name)) => contexts.current = Some(name.clone()),
                ("contexts", toml::Value::Table(entries)) => {
                    for (name, entry) in entries {
                        let context = Self::entry(name, entry, &path).map_err(wrong)?;
                        contexts.known.insert(name.clone(), context);
                    }
                }
                (key, _) => return Err(wrong(format!("unknown or misshapen key '{key}'"))),
            }
        }
        Ok(contexts)
    }

    fn entry(name: &str, entry: &toml::Value, path: &Path) -> Result<Context, String> {
        let table = entry.as_table().ok_or_else(|| format!("'contexts.{name}' is not a table"))?;
        let mut context = Context { name: name.to_owned(), ..Context::default() };
        // Paths are relative to the file they are written in.
        let base = path.parent().unwrap_or(Path::new(""));
        for (key, value) in table {
            let text = value.as_str().ok_or_else(|| format!("'contexts.{name}.{key}' is not text"))?;
            match key.as_str() {
                "endpoint" => context.endpoint = text.to_owned(),
                "token-file" => context.token_file = Some(base.join(text)),
                "credentials" => context.credentials = Some(base.join(text)),
                "ca-file" => context.ca_file = Some(base.join(text)),
                _ => return Err(format!("unknown key 'contexts.{name}.{key}'")),
            }
        }
        if context.endpoint.is_empty() {
            return Err(format!("'contexts.{name}' has no endpoint"));
        }
        Ok(context)
    }

    /// The context of this name.
    ///
    /// # Errors
    /// There is none, or `local` is wanted and nothing runs.
    pub fn get(&self, name: &str) -> Result<Context, ConfigError> {
        if let Some(context) = self.known.get(name) {
            return Ok(context.clone());
        }
        if name == LOCAL {
            return local();
        }
        let mut known: Vec<&str> = self.known.keys().map(String::as_str).collect();
        known.push(LOCAL);
        Err(ConfigError::NoContext { name: name.to_owned(), known: known.join(", ") })
    }

    /// Writes the file, with its folder.
    ///
    /// # Errors
    /// The folder or the file cannot be written.
    pub fn save(&self) -> Result<(), ConfigError> {
        let shown = self.path.display().to_string();
        if self.path.as_os_str().is_empty() {
            return Err(ConfigError::NoHome("~/.config/hearth".to_owned()));
        }
        if let Some(dir) = self.path.parent() {
            std::fs::create_dir_all(dir)
                .map_err(|source| ConfigError::Folder { path: dir.display().to_string(), source })?;
        }
        files::write_private(&self.path, self.to_toml().as_bytes())
            .map_err(|source| ConfigError::Io { path: shown, source })
    }

    fn to_toml(&self) -> String {
        let mut out = String::new();
        if let Some(current) = &self.current {
            let _ = writeln!(out, "current = {}", quoted(current));
        }
        for (name, context) in &self.known {
            let _ = writeln!(out, "\n[contexts.{}]\nendpoint = {}", quoted(name), quoted(&context.endpoint));
            for (key, path) in [
                ("token-file", &context.token_file),
                ("credentials", &context.credentials),
                ("ca-file", &context.ca_file),
            ] {
                if let Some(path) = path {
                    let _ = writeln!(out, "{key} = {}", quoted(&path.display().to_string()));
                }
            }
        }
        out
    }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn local() -> Result<Context, ConfigError> {
    let dir = env::xdg("XDG_STATE_HOME", ".local/state")
        .map(|dir| dir.join("hearth"))
        .ok_or_else(|| ConfigError::NoHome("~/.local/state".to_owned()))?;
    let file = dir.join("endpoint");
    match std::fs::read_to_string(&file) {
        Ok(text) => {
            let address = text.trim().to_owned();
            // Its token opens this user's own service and is for nobody else.
            if !super::endpoint::on_this_machine(&address) {
                let why = format!("the context 'local' leads to another machine: '{address}'");
                return Err(ConfigError::Endpoint(why + "."));
            }
            Ok(Context {
                name: LOCAL.to_owned(),
                endpoint: address,
                token_file: Some(dir.join("token")),
                ..Context::default()
            })
        }
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => {
            Err(ConfigError::NoLocal(file.display().to_string()))
        }
        Err(source) => Err(ConfigError::Io { path: file.display().to_string(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let mut contexts = Contexts { current: Some("it \"is\"".to_owned()), ..Contexts::default() };
        let context = Context {
            name: "a.b".to_owned(),
            endpoint: "https://hearth.example:8470".to_owned(),
            token_file: Some(PathBuf::from("/t\\k")),
            ..Context::default()
        };
        contexts.known.insert("a.b".to_owned(), context.clone());
        let read =
            Contexts::parse(&contexts.to_toml(), PathBuf::from("/c/contexts.toml")).expect("our own form");
        assert_eq!(read.current, contexts.current);
        assert_eq!(read.known["a.b"], context);
    }

    #[test]
    fn a_misspelt_key_is_an_error_that_names_it() {
        let error =
            Contexts::parse("[contexts.x]\nendpoint='e'\ntoken_file='t'", PathBuf::from("f")).unwrap_err();
        assert!(error.to_string().contains("contexts.x.token_file"), "{error}");
    }
}
