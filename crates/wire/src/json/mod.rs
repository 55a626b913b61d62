//! The JSON form of messages, as CONTRACT sections 3 and 4.3 have it.
//!
//! Both directions go between text and the *binary* form of a message, along the [`schema`](crate::schema):
//! a server that has encoded an answer for gRPC writes its JSON straight from those bytes.
//!
//! Members are lowerCamelCase, defaults are left out, a present but empty message is kept, 64-bit integers
//! are text. Read are both forms of a name, `null` as absence, enums by name or number; unknown members,
//! doubled oneofs and wrong values are all reported at once.

mod builder;
mod decode;
mod encode;
mod parse;
mod scalar;
pub mod time;
mod wire;

use prost::{Message, Name};

use crate::{
    mask::Mask,
    schema::{MessageType, schema},
    violation::Violations,
};

pub use builder::Builder;
pub(crate) use decode::{Decoder, put_bytes};
pub(crate) use parse::{Json, parse};

/// How JSON is written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style<'m> {
    /// Two-space indentation and line ends, or nothing of the kind.
    pub pretty: bool,
    /// Enums as numbers.
    pub enum_numbers: bool,
    /// Which members to write; all without one.
    pub mask: Option<&'m Mask>,
}

/// A binary form that is no valid message of its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("could not write \"{what}\" as JSON: its binary form is {}", if *too_deep { "nested too deeply" } else { "broken" })]
pub struct EncodeError {
    what: String,
    too_deep: bool,
}

impl EncodeError {
    fn new(what: &str) -> Self {
        Self { what: what.to_owned(), too_deep: false }
    }

    fn too_deep(what: &str) -> Self {
        Self { what: what.to_owned(), too_deep: true }
    }
}

/// Writes the binary form of a message as JSON.
///
/// # Errors
///
/// If `wire` is no valid message of this type.
pub fn encode(ty: &MessageType, wire: &[u8], style: Style<'_>) -> Result<Vec<u8>, EncodeError> {
    // Names weigh more in JSON than in binary; a good guess spares most growing.
    let mut encoder = encode::Encoder::new(style, wire.len() * 3 + 64);
    encoder.message(ty, wire, style.mask.map(Mask::selection).as_ref())?;
    Ok(encoder.out)
}

/// Writes a message as JSON.
///
/// # Panics
///
/// If the message is not one of this crate's.
pub fn to_string<M: Message + Name>(message: &M, style: Style<'_>) -> Result<String, EncodeError> {
    let wire = message.encode_to_vec();
    let text = encode(type_of::<M>(), &wire, style)?;
    Ok(String::from_utf8(text).expect("names are ASCII and strings were checked"))
}

/// Reads JSON into the binary form of a message. `path` is where the message sits in the request, such as
/// `session`, and starts every path that is reported.
///
/// # Errors
///
/// Everything that is wrong with the text, which for malformed JSON is one sentence.
pub fn decode(ty: &MessageType, text: &[u8], path: &str) -> Result<Vec<u8>, Violations> {
    let value = parse(text).map_err(Violations::one)?;
    let mut decoder = Decoder::new(path);
    let mut wire = Vec::with_capacity(text.len());
    decoder.root(ty, &value, &mut wire);
    decoder.violations.or(wire)
}

/// Reads JSON into a message.
///
/// # Errors
///
/// As [`decode`].
///
/// # Panics
///
/// If the message is not one of this crate's.
pub fn from_slice<M: Message + Name + Default>(text: &[u8]) -> Result<M, Violations> {
    let wire = decode(type_of::<M>(), text, "")?;
    Ok(M::decode(wire.as_slice()).expect("the decoder writes what the schema of the message says"))
}

fn type_of<M: Name>() -> &'static MessageType {
    schema().message(&M::full_name()).expect("the schema holds every generated message")
}
