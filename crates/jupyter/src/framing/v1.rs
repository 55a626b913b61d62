//! `v1.kernel.websocket.jupyter.org`: the number of offsets, the offsets, the channel's name, the parts. Numbers have
//! eight bytes, the least significant first; offsets count from the frame's beginning.

use bytes::{BufMut as _, Bytes, BytesMut};

use super::{FrameError, json};
use crate::{Channel, Message};

/// Bytes of a number.
const NUMBER: usize = size_of::<u64>();
/// The parts that every message has.
const PARTS: usize = 4;

pub(super) fn encode(channel: Channel, message: &Message) -> Bytes {
    let Message { header, parent_header, metadata, content, buffers } = message;
    let parts = || [header, parent_header, metadata, content].into_iter().chain(buffers);
    let offsets = parts().count() + 2;
    let mut at = NUMBER * (offsets + 1);
    let length = at + channel.as_str().len() + parts().map(Bytes::len).sum::<usize>();
    let mut frame = BytesMut::with_capacity(length);
    frame.put_u64_le(offsets as u64);
    frame.put_u64_le(at as u64);
    at += channel.as_str().len();
    frame.put_u64_le(at as u64);
    for part in parts() {
        at += part.len();
        frame.put_u64_le(at as u64);
    }
    frame.put_slice(channel.as_str().as_bytes());
    for part in parts() {
        frame.put_slice(part);
    }
    frame.freeze()
}

pub(super) fn decode(frame: &Bytes) -> Result<(Channel, Message), FrameError> {
    let count = usize::try_from(number(frame, 0)?).map_err(|_| FrameError::Truncated)?;
    // Each offset takes eight bytes of the frame, so a frame cannot announce more than it is long.
    if count > frame.len() / NUMBER {
        return Err(FrameError::Truncated);
    }
    if count < PARTS + 2 {
        return Err(FrameError::BadOffsets);
    }
    let part = |index: usize| {
        let (from, to) = (offset(frame, index)?, offset(frame, index + 1)?);
        if from > to {
            return Err(FrameError::BadOffsets);
        }
        if to > frame.len() {
            return Err(FrameError::Truncated);
        }
        Ok(frame.slice(from..to))
    };
    let name = part(0)?;
    let name = String::from_utf8_lossy(&name);
    let channel = Channel::parse(&name).ok_or_else(|| FrameError::UnknownChannel(shown(&name)))?;
    let object = |index: usize| {
        let part = part(index)?;
        json::object(&part).map(|()| part)
    };
    let buffers = (PARTS + 1..count - 1).map(part).collect::<Result<_, _>>()?;
    let message = Message {
        header: object(1)?,
        parent_header: object(2)?,
        metadata: object(3)?,
        content: object(4)?,
        buffers,
    };
    Ok((channel, message))
}

/// As much of a client's own text as is told back.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(32).collect()
}

fn offset(frame: &Bytes, index: usize) -> Result<usize, FrameError> {
    usize::try_from(number(frame, NUMBER * (index + 1))?).map_err(|_| FrameError::Truncated)
}

fn number(frame: &Bytes, at: usize) -> Result<u64, FrameError> {
    let bytes = frame.get(at..at + NUMBER).and_then(|bytes| bytes.try_into().ok());
    bytes.map(u64::from_le_bytes).ok_or(FrameError::Truncated)
}
