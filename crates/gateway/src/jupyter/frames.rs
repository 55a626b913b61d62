//! Where the frames of a WebSocket end, in a stream that is otherwise left alone, so that something can be added when
//! one side is gone.

use hearth_jupyter::framing::Frame;

/// The opcode of the frame that closes a WebSocket (RFC 6455, 5.2).
const CLOSE: u8 = 0x8;
/// The longest head of a frame without a mask, in bytes.
const HEAD: usize = 10;

/// Follows the frames of a server, which have no masks.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    /// The head that is being read.
    head: [u8; HEAD],
    head_length: usize,
    /// Bytes of the payload that are still to come.
    left: u64,
    closed: bool,
    /// In a message of several frames, of which more are to come.
    fragmented: bool,
}

impl Frames {
    /// Takes in what has passed.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.left > 0 {
                let passed = usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
                self.left -= passed as u64;
                bytes = &bytes[passed..];
                continue;
            }
            self.head[self.head_length] = bytes[0];
            self.head_length += 1;
            bytes = &bytes[1..];
            if let Some(length) = self.payload() {
                let (last, opcode) = (self.head[0] & 0x80 != 0, self.head[0] & 0x0f);
                self.closed |= opcode == CLOSE;
                // Frames with an opcode of eight or more may stand between those of a message.
                if opcode < CLOSE {
                    self.fragmented = !last;
                }
                self.left = length;
                self.head_length = 0;
            }
        }
    }

    /// Whether a message could follow here.
    pub(crate) fn between_messages(&self) -> bool {
        self.left == 0 && self.head_length == 0 && !self.fragmented && !self.closed
    }

    /// The length of the payload, once the head is whole.
    fn payload(&self) -> Option<u64> {
        let short = self.head[1] & 0x7f;
        match (self.head_length, short) {
            (0 | 1, _) => None,
            (2, 0..=125) => Some(short.into()),
            (4, 126) => Some(u16::from_be_bytes([self.head[2], self.head[3]]).into()),
            (HEAD, 127) => {
                let [_, _, length @ ..] = self.head;
                Some(u64::from_be_bytes(length))
            }
            _ => None,
        }
    }
}

/// A message of a server, as one frame.
pub(crate) fn message(frame: &Frame) -> Vec<u8> {
    match frame {
        Frame::Text(text) => one(0x1, text.as_bytes()),
        Frame::Binary(bytes) => one(0x2, bytes),
    }
}

/// The frame by which a server closes, with a reason of at most 123 bytes; what is more is cut off.
pub(crate) fn close(code: u16, reason: &str) -> Vec<u8> {
    let mut end = reason.len().min(123);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend_from_slice(&reason.as_bytes()[..end]);
    one(CLOSE, &payload)
}

fn one(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match payload.len() {
        short @ 0..=125 => frame.push(short as u8),
        medium @ 126..=0xffff => {
            frame.push(126);
            frame.extend_from_slice(&(medium as u16).to_be_bytes());
        }
        long => {
            frame.push(127);
            frame.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However the stream is cut into pieces, its state is known at the end of each frame.
        #[test]
        fn frames_are_followed_through_pieces_of_any_size(
            lengths in proptest::collection::vec(prop_oneof![0usize..200, 65_000usize..66_000], 1..6),
            piece in 1usize..5000,
        ) {
            let mut stream = Vec::new();
            let mut ends = Vec::new();
            for length in lengths {
                stream.extend(one(0x2, &vec![7; length]));
                ends.push(stream.len());
            }
            let mut frames = Frames::default();
            let mut at = 0;
            for bytes in stream.chunks(piece) {
                frames.feed(bytes);
                at += bytes.len();
                prop_assert_eq!(frames.between_messages(), ends.contains(&at));
            }
            frames.feed(&close(1001, "over"));
            prop_assert!(!frames.between_messages(), "nothing may follow");
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            Frames::default().feed(&bytes);
        }
    }

    #[test]
    fn a_message_in_fragments_ends_with_its_last() {
        let mut frames = Frames::default();
        frames.feed(&[0x01, 1, b'a']);
        assert!(!frames.between_messages());
        frames.feed(&[0x89, 0]);
        assert!(!frames.between_messages(), "a ping in between");
        frames.feed(&[0x80, 1, b'b']);
        assert!(frames.between_messages());
    }
}
