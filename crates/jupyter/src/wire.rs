//! Messages on the way between a client and a kernel: the parts of a ZeroMQ message, signed with the kernel's key.
//!
//! `[identities..., "<IDS|MSG>", signature, header, parent_header, metadata, content, buffers...]`, as "Messaging in
//! Jupyter", section "The Wire Protocol", has it.

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::Message;

/// What stands between the identities and the message.
const DELIMITER: &[u8] = b"<IDS|MSG>";

/// The key that a kernel and its clients share. Nothing that prints it shows it.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

/// Why parts are not a message of the kernel's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// There is no delimiter.
    #[error("the message has no delimiter")]
    NoDelimiter,
    /// Parts are missing.
    #[error("the message has only {0} parts after its delimiter")]
    TooShort(usize),
    /// It was signed with another key, or changed on the way.
    #[error("the message is not signed with the kernel's key")]
    BadSignature,
}

impl Key {
    /// The key of this text.
    pub fn new(key: &[u8]) -> Self {
        Self(Hmac::new_from_slice(key).expect("every length is a key of an HMAC"))
    }

    fn mac(&self, message: &Message) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        for part in [&message.header, &message.parent_header, &message.metadata, &message.content] {
            mac.update(part);
        }
        mac
    }
}

/// The parts of a signed message, without identities.
pub fn encode(message: &Message, key: &Key) -> Vec<Bytes> {
    let signature = const_hex::encode(key.mac(message).finalize().into_bytes());
    let mut parts = Vec::with_capacity(6 + message.buffers.len());
    parts.extend([Bytes::from_static(DELIMITER), signature.into()]);
    let Message { header, parent_header, metadata, content, buffers } = message.clone();
    parts.extend([header, parent_header, metadata, content]);
    parts.extend(buffers);
    parts
}

/// The message in these parts, whoever it is addressed to.
///
/// # Errors
/// When they are none, or are not signed with this key.
pub fn decode(parts: Vec<Bytes>, key: &Key) -> Result<Message, WireError> {
    let at = parts.iter().position(|part| part == DELIMITER).ok_or(WireError::NoDelimiter)?;
    let mut parts = parts.into_iter().skip(at + 1);
    let found = parts.len();
    let mut next = || parts.next().ok_or(WireError::TooShort(found));
    let (signature, header, parent_header) = (next()?, next()?, next()?);
    let (metadata, content) = (next()?, next()?);
    let message = Message { header, parent_header, metadata, content, buffers: parts.collect() };
    let signature = const_hex::decode(&signature).map_err(|_| WireError::BadSignature)?;
    key.mac(&message).verify_slice(&signature).map_err(|_| WireError::BadSignature)?;
    Ok(message)
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Message {
        Message {
            header: Bytes::from_static(br#"{"msg_id":"1"}"#),
            parent_header: Bytes::from_static(b"{}"),
            metadata: Bytes::from_static(b"{}"),
            content: Bytes::from_static(br#"{"code":"1+1"}"#),
            buffers: vec![Bytes::from_static(b"\0\xff"), Bytes::new()],
        }
    }

    #[test]
    fn a_message_is_signed_as_jupyter_signs_it() {
        let parts = encode(&sample(), &Key::new(b"secret"));
        assert_eq!(parts[0], DELIMITER);
        // From Python's `hmac` over the same four parts, which is what `jupyter_client` signs with.
        assert_eq!(parts[1], "8b401df890f3e1a0a11fe0065dc9c527656a04e4c12230f675f0a5b83a2f600c");
    }

    #[test]
    fn a_message_comes_back_past_any_identities() {
        let key = Key::new(b"secret");
        let mut parts = encode(&sample(), &key);
        assert_eq!(decode(parts.clone(), &key), Ok(sample()));
        parts.insert(0, Bytes::from_static(b"identity"));
        assert_eq!(decode(parts, &key), Ok(sample()));
    }

    #[test]
    fn what_is_cut_short_changed_or_signed_by_others_is_refused() {
        let key = Key::new(b"secret");
        let parts = encode(&sample(), &key);
        assert_eq!(decode(parts[1..].to_vec(), &key), Err(WireError::NoDelimiter));
        assert_eq!(decode(parts[..5].to_vec(), &key), Err(WireError::TooShort(4)));
        assert_eq!(decode(parts.clone(), &Key::new(b"other")), Err(WireError::BadSignature));
        for at in 1..6 {
            let mut changed = parts.clone();
            changed[at] = [&changed[at][..], b" "].concat().into();
            assert_eq!(decode(changed, &key), Err(WireError::BadSignature), "part {at}");
        }
    }
}
