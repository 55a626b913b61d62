//! The older form: a JSON object with the channel among its members. A message with buffers is a binary frame: the
//! number of buffers and their offsets, in four bytes each with the most significant first, where the object counts as
//! the first buffer.

use bytes::{BufMut as _, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Frame, FrameError, v1};
use crate::{Channel, Header, Message};

/// Bytes of a number.
const NUMBER: usize = size_of::<u32>();

/// What clients read of a message; the two ids are those of the header.
#[derive(Serialize)]
struct Outgoing<'a> {
    header: &'a RawValue,
    msg_id: &'a str,
    msg_type: &'a str,
    parent_header: &'a RawValue,
    metadata: &'a RawValue,
    content: &'a RawValue,
    buffers: [(); 0],
    channel: &'a str,
}

#[derive(Deserialize)]
struct Incoming<'a> {
    #[serde(borrow)]
    header: &'a RawValue,
    #[serde(borrow, default)]
    parent_header: Option<&'a RawValue>,
    #[serde(borrow, default)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(default)]
    channel: Option<String>,
}

pub(super) fn encode(channel: Channel, message: &Message) -> Frame {
    let Header { msg_id, msg_type, .. } = message.head();
    let outgoing = Outgoing {
        header: raw(&message.header),
        msg_id: &msg_id,
        msg_type: &msg_type,
        parent_header: raw(&message.parent_header),
        metadata: raw(&message.metadata),
        content: raw(&message.content),
        buffers: [],
        channel: channel.as_str(),
    };
    let text = serde_json::to_string(&outgoing).expect("texts and JSON can be written as JSON");
    if message.buffers.is_empty() {
        return Frame::Text(text);
    }
    let count = message.buffers.len() + 1;
    let parts = || std::iter::once(text.as_bytes()).chain(message.buffers.iter().map(|part| &part[..]));
    let mut at = NUMBER * (count + 1);
    let mut frame = BytesMut::with_capacity(at + parts().map(<[u8]>::len).sum::<usize>());
    // A message of 4 GiB does not come through a WebSocket in any case.
    frame.put_u32(count as u32);
    for part in parts() {
        frame.put_u32(at as u32);
        at += part.len();
    }
    parts().for_each(|part| frame.put_slice(part));
    Frame::Binary(frame.freeze())
}

pub(super) fn decode(text: &[u8], buffers: Vec<Bytes>) -> Result<(Channel, Message), FrameError> {
    let incoming: Incoming<'_> =
        serde_json::from_slice(text).map_err(|error| FrameError::BadJson(error.to_string()))?;
    let channel = match incoming.channel {
        // As Jupyter's own server takes it.
        None => Channel::Shell,
        Some(name) => Channel::parse(&name).ok_or_else(|| FrameError::UnknownChannel(v1::shown(&name)))?,
    };
    let part = |value: Option<&RawValue>| {
        let text = value.map_or("{}", RawValue::get);
        // A client may say `null` for none.
        let text = if text == "null" { "{}" } else { text };
        object(text.as_bytes()).map(|()| Bytes::copy_from_slice(text.as_bytes()))
    };
    let message = Message {
        header: part(Some(incoming.header))?,
        parent_header: part(incoming.parent_header)?,
        metadata: part(incoming.metadata)?,
        content: part(incoming.content)?,
        buffers,
    };
    Ok((channel, message))
}

pub(super) fn decode_with_buffers(frame: &Bytes) -> Result<(Channel, Message), FrameError> {
    let number = |index: usize| {
        let bytes = frame.get(NUMBER * index..NUMBER * (index + 1)).and_then(|bytes| bytes.try_into().ok());
        let number = bytes.map(u32::from_be_bytes).ok_or(FrameError::Truncated)?;
        usize::try_from(number).map_err(|_| FrameError::Truncated)
    };
    let count = number(0)?;
    if count == 0 {
        return Err(FrameError::BadOffsets);
    }
    if count > frame.len() / NUMBER {
        return Err(FrameError::Truncated);
    }
    let part = |index: usize| {
        let from = number(index + 1)?;
        let to = if index + 1 == count { frame.len() } else { number(index + 2)? };
        if to > frame.len() || from > frame.len() {
            return Err(FrameError::Truncated);
        }
        if from > to { Err(FrameError::BadOffsets) } else { Ok(frame.slice(from..to)) }
    };
    let buffers = (1..count).map(part).collect::<Result<_, _>>()?;
    decode(&part(0)?, buffers)
}

/// Whether this is the text of a JSON object.
pub(super) fn object(text: &[u8]) -> Result<(), FrameError> {
    let bad = |error: String| FrameError::BadJson(error);
    serde_json::from_slice::<&RawValue>(text).map_err(|error| bad(error.to_string()))?;
    if text.trim_ascii_start().starts_with(b"{") {
        Ok(())
    } else {
        Err(bad("a part of it is not an object".to_owned()))
    }
}

/// The JSON in a part. One that is none, which no kernel sends, is shown as an empty object.
fn raw(part: &[u8]) -> &RawValue {
    serde_json::from_slice(part)
        .unwrap_or_else(|_| serde_json::from_str("{}").expect("an empty object is JSON"))
}
