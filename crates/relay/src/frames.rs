//! Messages as they go into WebSockets, made once for all clients that read them at about the same time.

use std::collections::VecDeque;

use axum::extract::ws::Message as WsMessage;
use hearth_jupyter::framing::{Frame, Framing};
use hearth_jupyter::{Channel, Message};

/// How many are kept for clients that read the same a little later: a cell or two.
const KEPT: usize = 16;

/// The longest that is kept, as a message, in bytes. Longer ones are rare, and made for each client.
const LONGEST: usize = 16 << 10;

/// The latest that were made, with their numbers in the journal.
#[derive(Default)]
pub(crate) struct Frames(VecDeque<(u64, Framing, WsMessage)>);

impl Frames {
    /// The message of this number.
    pub(crate) fn of(
        &mut self,
        number: u64,
        framing: Framing,
        channel: Channel,
        message: &Message,
    ) -> WsMessage {
        let mut latest = self.0.iter().rev();
        if let Some((.., made)) = latest.find(|(of, form, _)| (*of, *form) == (number, framing)) {
            return made.clone();
        }
        let made = encode(framing, channel, message);
        if message.size() <= LONGEST {
            if self.0.len() == KEPT {
                self.0.pop_front();
            }
            self.0.push_back((number, framing, made.clone()));
        }
        made
    }
}

/// A message in this form.
pub(crate) fn encode(framing: Framing, channel: Channel, message: &Message) -> WsMessage {
    match framing.encode(channel, message) {
        Frame::Text(text) => WsMessage::Text(text.into()),
        Frame::Binary(bytes) => WsMessage::Binary(bytes),
    }
}
