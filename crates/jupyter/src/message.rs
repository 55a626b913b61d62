//! A message of a kernel or of a client.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// A message, in the parts that travel apart. Each of the first four is the text of a JSON object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who says what.
    pub header: Bytes,
    /// The header of the message that this one answers, or `{}`.
    pub parent_header: Bytes,
    /// What is said about the message.
    pub metadata: Bytes,
    /// What it says.
    pub content: Bytes,
    /// Bytes that go along with it.
    pub buffers: Vec<Bytes>,
}

/// What is read of a header. Whatever is missing reads as empty: a parent is `{}` where there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Header {
    /// The message's own id.
    pub msg_id: String,
    /// The kind, such as `execute_request`.
    pub msg_type: String,
    /// Whose message it is: a client's own mark, the same as long as its notebook is open.
    pub session: String,
}

/// Which of a kernel's sockets a message goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// Requests that wait for each other, such as cells.
    Shell,
    /// Requests that do not wait for a cell.
    Control,
    /// Questions of a cell to its user.
    Stdin,
    /// What everybody is told.
    Iopub,
}

impl Message {
    /// The header, as far as it can be read.
    pub fn head(&self) -> Header {
        serde_json::from_slice(&self.header).unwrap_or_default()
    }

    /// The header of the message that this one answers, as far as it can be read.
    pub fn parent(&self) -> Header {
        serde_json::from_slice(&self.parent_header).unwrap_or_default()
    }

    /// How much memory it takes, roughly, in bytes.
    pub fn size(&self) -> usize {
        let parts = [&self.header, &self.parent_header, &self.metadata, &self.content];
        parts.into_iter().chain(&self.buffers).map(|part| part.len() + size_of::<Bytes>()).sum()
    }

    /// Puts one more member at the beginning of the metadata. `value` is JSON; what is no object stays as it is.
    pub fn annotate(&mut self, name: &str, value: &str) {
        let text = self.metadata.trim_ascii_start();
        let Some(rest) = text.strip_prefix(b"{") else { return };
        let rest = rest.trim_ascii_start();
        let comma = if rest.starts_with(b"}") { "" } else { "," };
        let mut metadata = format!("{{\"{name}\":{value}{comma}").into_bytes();
        metadata.extend_from_slice(rest);
        self.metadata = metadata.into();
    }
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 4] = [Self::Shell, Self::Control, Self::Stdin, Self::Iopub];

    /// The channel's name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shell => "shell",
            Self::Control => "control",
            Self::Stdin => "stdin",
            Self::Iopub => "iopub",
        }
    }

    /// The channel of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == name)
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_metadata(metadata: &'static str) -> Message {
        let empty = Bytes::from_static(b"{}");
        Message {
            header: empty.clone(),
            parent_header: empty.clone(),
            metadata: Bytes::from_static(metadata.as_bytes()),
            content: empty,
            buffers: Vec::new(),
        }
    }

    #[test]
    fn metadata_gets_one_more_member() {
        for (before, after) in [
            ("{}", r#"{"n":7}"#),
            (" { } ", r#"{"n":7} "#),
            (r#"{"a":{"b":1}}"#, r#"{"n":7,"a":{"b":1}}"#),
            ("[]", "[]"),
            ("", ""),
        ] {
            let mut message = with_metadata(before);
            message.annotate("n", "7");
            assert_eq!(String::from_utf8_lossy(&message.metadata).trim_end(), after.trim_end());
        }
    }

    #[test]
    fn a_header_that_cannot_be_read_is_an_empty_one() {
        let mut message = with_metadata("{}");
        assert_eq!(message.parent(), Header::default());
        message.header = Bytes::from_static(b"\xff");
        assert_eq!(message.head(), Header::default());
        message.header =
            Bytes::from_static(br#"{"msg_id":"1","msg_type":"status","session":"s","date":"x"}"#);
        assert_eq!(message.head().msg_type, "status");
    }
}
