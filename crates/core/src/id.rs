//! Identifiers that are not names: uuids and request ids.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

uuid_newtype! {
    /// Tells two sessions apart that had the same id. Also the Spark session id of the session's official clients.
    SessionUuid
}

uuid_newtype! {
    /// Tells two session templates apart that had the same id.
    TemplateUuid
}

uuid_newtype! {
    /// The last segment of an operation's name.
    OperationId
}

uuid_newtype! {
    /// Names everything an engine leaves outside the store: process, directory, cgroup, pod.
    ///
    /// A session's engine carries the session's uuid, so that it can be found again from the record alone.
    EngineId
}

impl SessionUuid {
    /// The name of this session's engine.
    pub fn engine_id(self) -> EngineId {
        EngineId(self.0)
    }
}

impl EngineId {
    /// The session whose engine this is.
    pub fn session_uuid(self) -> SessionUuid {
        SessionUuid(self.0)
    }
}

/// A caller's mark on a request, so that repeating it has no second effect.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(String);

/// A request id that does not conform to `[a-zA-Z0-9_-]{1,40}`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Request ID '{0}' must conform to pattern '[a-zA-Z0-9_-]{{1,40}}'")]
pub struct InvalidRequestId(pub String);

impl RequestId {
    /// The longest request id, in characters (API contract, section 5.2).
    pub const MAX_LENGTH: usize = 40;

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RequestId {
    type Err = InvalidRequestId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let good = |c: u8| c.is_ascii_alphanumeric() || c == b'_' || c == b'-';
        if (1..=Self::MAX_LENGTH).contains(&text.len()) && text.bytes().all(good) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidRequestId(text.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_of_one_to_forty_word_characters_are_taken() {
        for good in ["a", "A-b_9", &"x".repeat(40)] {
            assert_eq!(good.parse::<RequestId>().unwrap().as_str(), good);
        }
        for bad in ["", "a b", "ä", &"x".repeat(41), "a/b"] {
            let error = bad.parse::<RequestId>().unwrap_err();
            assert!(error.to_string().contains("must conform to pattern '[a-zA-Z0-9_-]{1,40}'"), "{error}");
        }
    }
}
