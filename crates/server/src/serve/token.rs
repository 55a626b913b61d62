//! The tokens of a local service: made at its first start, readable by its owner alone.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The file with the token for everything, in the state directory.
pub(crate) const TOKEN_FILE: &str = "token";
/// The file with the token that is good for looking only.
pub(crate) const READER_TOKEN_FILE: &str = "reader-token";
/// Bytes of randomness in a token. Source: 256 bits cannot be guessed.
const TOKEN_BYTES: usize = 32;

/// The token in this file of the state directory, made if there is none.
pub(crate) fn ensure(state_dir: &Path, file: &str) -> io::Result<String> {
    let path = state_dir.join(file);
    match std::fs::read_to_string(&path) {
        Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut bytes = [0; TOKEN_BYTES];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let token = format!("hearth_{}", hex::encode(bytes));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    file.write_all(token.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    Ok(token)
}
