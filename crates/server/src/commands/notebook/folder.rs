//! What JupyterLab reads when it starts: where the service is, and an extension of ours.
//!
//! The token is in a file that only its owner can read: JupyterLab writes its own environment into its log, and everybody
//! can see the arguments of programs.

use std::ffi::OsString;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::commands::local::Found;

/// How long JupyterLab waits for a kernel, in seconds: packages of a template are installed meanwhile.
const PATIENCE: f64 = 600.0;

/// The extension, as JupyterLab loads it.
const EXTENSION: &str = include_str!("outputs.js");

/// A folder that JupyterLab is pointed at.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Writes one for this service below `dir`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(dir: &Path, found: &Found) -> io::Result<Self> {
        // One for each service, so that two that are started at once do not meet.
        let name: String = found
            .endpoint
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' })
            .collect();
        let folder = Self(dir.join("jupyter").join(name));
        let mut client = json!({"url": found.endpoint, "request_timeout": PATIENCE});
        if let Some(token) = &found.token {
            client["auth_token"] = token.secret.as_str().into();
        }
        let settings = json!({ "GatewayClient": client });
        write(&folder.config().join("jupyter_server_config.json"), &settings.to_string())?;
        let extension = folder.0.join("labextensions/hearth");
        let package = json!({
            "name": "hearth", "version": env!("CARGO_PKG_VERSION"), "license": "Apache-2.0",
            "description": "Shows what cells have said while the page was closed",
            "jupyterlab": {"extension": true, "_build": {"load": "static/outputs.js", "extension": "./extension"}},
        });
        write(&extension.join("package.json"), &package.to_string())?;
        write(&extension.join("static/outputs.js"), EXTENSION)?;
        Ok(folder)
    }

    /// The variables that point JupyterLab at it, before whatever the user has in them.
    pub(super) fn variables(&self) -> [(&'static str, OsString); 2] {
        [("JUPYTER_CONFIG_PATH", self.config()), ("JUPYTER_PATH", self.0.clone())].map(|(name, first)| {
            let mut value = first.into_os_string();
            if let Some(users) = std::env::var_os(name).filter(|users| !users.is_empty()) {
                value.push(":");
                value.push(users);
            }
            (name, value)
        })
    }

    fn config(&self) -> PathBuf {
        self.0.join("config")
    }
}

/// Writes a file that only its owner can read, whole or not at all.
fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    }
    let unfinished = path.with_extension(format!("unfinished-{}", std::process::id()));
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    std::fs::rename(&unfinished, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::commands::local::{Token, TokenSource};

    #[test]
    fn the_token_is_in_a_file_of_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let token = Token { secret: "hearth_secret".to_owned(), source: TokenSource::Environment };
        let found = Found { endpoint: "http://127.0.0.1:8470".to_owned(), token: Some(token) };
        let folder = Folder::write(dir.path(), &found).unwrap();
        let file = folder.config().join("jupyter_server_config.json");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let settings: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        assert_eq!(settings["GatewayClient"]["auth_token"], "hearth_secret");
        assert_eq!(settings["GatewayClient"]["url"], "http://127.0.0.1:8470");
        for (_, value) in folder.variables() {
            assert!(value.to_str().unwrap().starts_with(dir.path().to_str().unwrap()));
            assert!(!value.to_str().unwrap().contains("hearth_secret"));
        }
        // Again, over what is there.
        Folder::write(dir.path(), &found).unwrap();
    }
}
