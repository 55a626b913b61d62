//! Finds the Spark session id at the start of a gRPC request, without decoding the request.
//!
//! Every request message of Spark Connect has its session id as field 1, a string. Encoders write fields in the order
//! of their numbers, so it is among the first bytes; the walk still skips whatever comes before it.

/// How much of a request is read in search of its session id, in bytes. A user context with extensions may come
/// first in an unusual encoder's order; anything longer than this is a client that should send the header.
pub(crate) const PEEK_LIMIT: usize = 64 * 1024;

/// The length of gRPC's frame header: a flag and a big-endian length.
pub(crate) const FRAME_HEADER: usize = 5;

/// What the start of a request body says about its session id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peek<'a> {
    /// Here it is, as sent.
    Found(&'a [u8]),
    /// Not in the bytes so far.
    More,
    /// The first message is compressed.
    Compressed,
    /// The first message has none.
    Absent,
    /// This is not gRPC with protobuf in it.
    Malformed,
}

/// A field of a protobuf message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    pub(crate) number: u64,
    /// The content, if it is of the kind that has a length (strings, bytes, messages).
    pub(crate) content: Option<&'a [u8]>,
    /// The value, if it is of the kind that numbers mostly are; 0 for every other kind.
    pub(crate) value: u64,
    /// All of it as sent: tag, length and content.
    pub(crate) raw: &'a [u8],
}

/// Why a walk over a message stopped early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// The bytes end inside a field.
    Short,
    /// These bytes are no protobuf.
    Malformed,
}

/// Looks for the session id in the first bytes of a request body.
pub(crate) fn session_id(body: &[u8]) -> Peek<'_> {
    let Some((header, rest)) = body.split_at_checked(FRAME_HEADER) else {
        return Peek::More;
    };
    match header[0] {
        0 => {}
        1 => return Peek::Compressed,
        _ => return Peek::Malformed,
    }
    let length = frame_length(header);
    let complete = rest.len() >= length;
    let mut message = &rest[..length.min(rest.len())];
    while !message.is_empty() {
        match next_field(&mut message) {
            Ok(Field { number: 1, content: Some(id), .. }) => return Peek::Found(id),
            Ok(Field { number: 1, content: None, .. }) => return Peek::Malformed,
            Ok(_) => {}
            Err(Stop::Short) if complete => return Peek::Malformed,
            Err(Stop::Short) => return Peek::More,
            Err(Stop::Malformed) => return Peek::Malformed,
        }
    }
    if complete { Peek::Absent } else { Peek::More }
}

/// The first message of a request body once it is whole: whether it is compressed, and its bytes.
pub(crate) fn whole_message(body: &[u8]) -> Option<(bool, &[u8])> {
    let (header, rest) = body.split_at_checked(FRAME_HEADER)?;
    Some((header[0] != 0, rest.get(..frame_length(header))?))
}

/// The first message of a request body as far as it is there: whether it is compressed, whether it is whole, and its
/// bytes so far. `None` before the frame's header is there.
pub(crate) fn first_message(body: &[u8]) -> Option<(bool, bool, &[u8])> {
    let (header, rest) = body.split_at_checked(FRAME_HEADER)?;
    let length = frame_length(header);
    Some((header[0] != 0, rest.len() >= length, &rest[..length.min(rest.len())]))
}

/// The fields of a whole message, up to the first that cannot be read.
pub(crate) fn fields(mut message: &[u8]) -> impl Iterator<Item = Field<'_>> {
    std::iter::from_fn(move || if message.is_empty() { None } else { next_field(&mut message).ok() })
}

/// The fields of a whole message, or `None` if any of it cannot be read.
pub(crate) fn all_fields(mut message: &[u8]) -> Option<Vec<Field<'_>>> {
    let mut all = Vec::new();
    while !message.is_empty() {
        all.push(next_field(&mut message).ok()?);
    }
    Some(all)
}

pub(crate) fn frame_length(header: &[u8]) -> usize {
    header[1..FRAME_HEADER].iter().fold(0, |length, byte| length << 8 | usize::from(*byte))
}

fn next_field<'a>(message: &mut &'a [u8]) -> Result<Field<'a>, Stop> {
    let whole = *message;
    let tag = varint(message)?;
    let number = tag >> 3;
    if number == 0 {
        return Err(Stop::Malformed);
    }
    let (mut content, mut value) = (None, 0);
    match tag & 7 {
        0 => value = varint(message)?,
        1 => {
            take(message, 8)?;
        }
        2 => {
            let length = usize::try_from(varint(message)?).map_err(|_| Stop::Malformed)?;
            content = Some(take(message, length)?);
        }
        5 => {
            take(message, 4)?;
        }
        _ => return Err(Stop::Malformed),
    }
    let raw = &whole[..whole.len() - message.len()];
    Ok(Field { number, content, value, raw })
}

fn varint(message: &mut &[u8]) -> Result<u64, Stop> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first().ok_or(Stop::Short)?;
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Stop::Malformed)
}

fn take<'a>(message: &mut &'a [u8], length: usize) -> Result<&'a [u8], Stop> {
    let (content, rest) = message.split_at_checked(length).ok_or(Stop::Short)?;
    *message = rest;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framed(message: &[u8]) -> Vec<u8> {
        let mut body = vec![0];
        body.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
        body.extend_from_slice(message);
        body
    }

    fn length_field(number: u8, content: &[u8]) -> Vec<u8> {
        let mut field = vec![number << 3 | 2];
        let mut length = content.len();
        while length >= 0x80 {
            field.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
            length >>= 7;
        }
        field.push(u8::try_from(length).unwrap());
        field.extend_from_slice(content);
        field
    }

    #[test]
    fn compressed_absent_and_broken_messages_are_told_apart() {
        assert_eq!(session_id(&[1, 0, 0, 0, 9]), Peek::Compressed);
        assert_eq!(session_id(&framed(&[])), Peek::Absent);
        assert_eq!(session_id(&framed(&length_field(2, b"user"))), Peek::Absent);
        assert_eq!(session_id(b"GET / HTTP/1.1"), Peek::Malformed);
        assert_eq!(session_id(&framed(&[0x08, 1])), Peek::Malformed, "field 1 as a number");
        assert_eq!(session_id(&framed(&[0x0a, 50, b'x'])), Peek::Malformed, "longer than its message");
        assert_eq!(
            session_id(&framed(&[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1])),
            Peek::Malformed
        );
    }

    proptest! {
        #[test]
        fn any_bytes_get_some_answer(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            session_id(&body);
            whole_message(&body);
            first_message(&body);
            fields(&body).for_each(drop);
        }

        #[test]
        fn the_id_is_found_wherever_the_body_is_cut(
            before in proptest::collection::vec(any::<u8>(), 0..200),
            id in "[0-9a-f-]{0,40}",
            after in proptest::collection::vec(any::<u8>(), 0..50),
            first in any::<bool>(),
        ) {
            let mut message = if first { Vec::new() } else { length_field(2, &before) };
            message.extend(length_field(1, id.as_bytes()));
            let known_at = 5 + message.len();
            message.extend(length_field(3, &after));
            let body = framed(&message);
            for cut in 0..=body.len() {
                let expected = if cut < known_at { Peek::More } else { Peek::Found(id.as_bytes()) };
                prop_assert_eq!(session_id(&body[..cut]), expected, "cut at {}", cut);
            }
        }
    }
}
