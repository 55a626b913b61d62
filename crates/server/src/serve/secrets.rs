//! Each engine's own secret, so that a port that another engine has by now can never be the wrong session's.
//!
//! Nothing is kept for an engine: its secret is made from a key of this state directory and the engine's id, and so is
//! the same before and after a restart.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use hearth_core::id::SessionUuid;
use hearth_engines::Secret;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderValue;
use sha2::Sha256;

/// The key's file in the state directory, readable by its owner alone.
pub(crate) const KEY_FILE: &str = "engine-key";
/// Bytes of the key: as many as the hash has, beyond which there is nothing to gain (RFC 2104, section 3).
const KEY_BYTES: usize = 32;
/// Tells these secrets from whatever else the key may come to be used for.
const PURPOSE: &[u8] = b"hearth engine secret 1\0";

/// Tells codes in cookies from secrets of engines.
const PAGES: &[u8] = b"hearth pages 1\0";

/// Makes secrets of engines.
pub(crate) struct EngineSecrets {
    key: [u8; KEY_BYTES],
}

impl EngineSecrets {
    /// With the key in the state directory, which is made if there is none.
    pub(crate) fn open(state_dir: &Path) -> io::Result<Self> {
        let path = state_dir.join(KEY_FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                let mut key = [0; KEY_BYTES];
                hex::decode_to_slice(text.trim(), &mut key).map_err(|_| {
                    io::Error::new(ErrorKind::InvalidData, "it does not hold a key of 64 hexadecimal digits")
                })?;
                return Ok(Self { key });
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut key = [0; KEY_BYTES];
        getrandom::fill(&mut key).map_err(io::Error::other)?;
        // Under its name only once it is whole: a key that changes would lock everybody out of running engines.
        let unfinished = path.with_extension("unfinished");
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        writeln!(file, "{}", hex::encode(key))?;
        file.sync_all()?;
        std::fs::rename(&unfinished, &path)?;
        Ok(Self { key })
    }

    /// The secret of a session's engine.
    pub(crate) fn of(&self, session: SessionUuid) -> Secret {
        Secret::new(self.code(PURPOSE, session, ""))
    }

    /// The code that shows that this server has said something about who may see the pages of a session.
    pub(crate) fn code_for_pages(&self, session: SessionUuid, said: &str) -> String {
        self.code(PAGES, session, said)
    }

    fn code(&self, purpose: &[u8], session: SessionUuid, said: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of every length");
        mac.update(purpose);
        mac.update(session.0.as_bytes());
        mac.update(said.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }

    /// The same as the header that the engine asks for. No log shows its value.
    pub(crate) fn header(&self, session: SessionUuid) -> HeaderValue {
        let text = format!("Bearer {}", self.of(session).reveal());
        let mut header = HeaderValue::try_from(text).expect("hexadecimal digits fit a header");
        header.set_sensitive(true);
        header
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn uuid(number: u128) -> SessionUuid {
        SessionUuid(uuid::Uuid::from_u128(number))
    }

    #[test]
    fn a_secret_stays_the_same_through_restarts_and_is_of_one_engine_and_one_service() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = EngineSecrets::open(dir.path()).unwrap();
        let secret = first.of(uuid(1));
        assert_eq!(EngineSecrets::open(dir.path()).unwrap().of(uuid(1)), secret);
        assert_ne!(first.of(uuid(2)), secret);
        assert_ne!(EngineSecrets::open(other.path()).unwrap().of(uuid(1)), secret);
        let mode = std::fs::metadata(dir.path().join(KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn nothing_that_prints_a_secret_shows_it() {
        let secrets = EngineSecrets::open(tempfile::tempdir().unwrap().path()).unwrap();
        let (secret, header) = (secrets.of(uuid(1)), secrets.header(uuid(1)));
        assert_eq!(secret.reveal().len(), 64);
        assert!(!format!("{secret:?} {header:?}").contains(&secret.reveal()[..8]));
    }

    #[test]
    fn a_damaged_key_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(KEY_FILE), "short").unwrap();
        assert!(EngineSecrets::open(dir.path()).is_err());
    }
}
