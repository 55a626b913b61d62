//! How messages and their channels go through one WebSocket: the form a client asked for by its subprotocol, or the
//! older one of clients that ask for none.
//!
//! Jupyter has never written either form down outside of its code: `jupyter_server/services/kernels/connection/base.py`.

mod json;
mod v1;

#[cfg(test)]
mod tests;

use bytes::Bytes;

use crate::{Channel, Message};

/// A form that messages have in a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// JSON in text frames; binary frames where a message has buffers.
    Json,
    /// Parts behind a table of their offsets, in binary frames.
    V1,
}

/// The payload of one WebSocket message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// Of a text frame.
    Text(String),
    /// Of a binary frame.
    Binary(Bytes),
}

/// Why a frame is no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The frame ends before what it announces.
    #[error("the frame is cut short")]
    Truncated,
    /// Its table of offsets makes no sense.
    #[error("the frame's offsets are not in order")]
    BadOffsets,
    /// It is not JSON, or not that of a message.
    #[error("the frame is not a message: {0}")]
    BadJson(String),
    /// There is no such channel.
    #[error("there is no channel \"{0}\"")]
    UnknownChannel(String),
    /// Text where bytes were agreed on.
    #[error("the frame is text, and \"{}\" has binary frames only", Framing::V1_SUBPROTOCOL)]
    TextInV1,
}

impl Framing {
    /// The subprotocol that stands for [`Framing::V1`].
    pub const V1_SUBPROTOCOL: &'static str = "v1.kernel.websocket.jupyter.org";

    /// The form for a client that offers these subprotocols, separated by commas, and the one to choose. A client that
    /// offers none must not be answered one.
    pub fn choose(offered: &str) -> (Self, Option<&'static str>) {
        if offered.split(',').any(|one| one.trim() == Self::V1_SUBPROTOCOL) {
            (Self::V1, Some(Self::V1_SUBPROTOCOL))
        } else {
            (Self::Json, None)
        }
    }

    /// The frame of a message.
    pub fn encode(self, channel: Channel, message: &Message) -> Frame {
        match self {
            Self::Json => json::encode(channel, message),
            Self::V1 => Frame::Binary(v1::encode(channel, message)),
        }
    }

    /// The message in a frame.
    ///
    /// # Errors
    /// When there is none.
    pub fn decode(self, frame: Frame) -> Result<(Channel, Message), FrameError> {
        match (self, frame) {
            (Self::Json, Frame::Text(text)) => json::decode(text.as_bytes(), Vec::new()),
            (Self::Json, Frame::Binary(bytes)) => json::decode_with_buffers(&bytes),
            (Self::V1, Frame::Binary(bytes)) => v1::decode(&bytes),
            (Self::V1, Frame::Text(_)) => Err(FrameError::TextInV1),
        }
    }
}
