//! JSON that is no message: objects and lists written by hand, in the same style.

use prost::Message;
use prost_types::Any;

use crate::{
    json::{Style, encode::Encoder},
    schema::schema,
};

/// Writes JSON piece by piece.
///
/// The caller keeps the order: a value after each [`Builder::member`] and [`Builder::item`].
pub struct Builder<'s> {
    encoder: Encoder<'s>,
    first: bool,
}

impl<'s> Builder<'s> {
    /// An empty text.
    pub fn new(style: Style<'s>) -> Self {
        Self { encoder: Encoder::new(style, 256), first: true }
    }

    /// Writes an object.
    pub fn object(&mut self, members: impl FnOnce(&mut Self)) {
        self.nested(b'{', b'}', members);
    }

    /// Writes a list.
    pub fn list(&mut self, items: impl FnOnce(&mut Self)) {
        self.nested(b'[', b']', items);
    }

    /// Starts a member of an object.
    pub fn member(&mut self, name: &str) {
        self.item();
        self.encoder.string(name.as_bytes());
        self.encoder.colon();
    }

    /// Starts an item of a list.
    pub fn item(&mut self) {
        self.encoder.separate(self.first);
        self.first = false;
    }

    /// Writes a string.
    pub fn string(&mut self, text: &str) {
        self.encoder.string(text.as_bytes());
    }

    /// Writes an integer.
    pub fn number(&mut self, value: i64) {
        self.encoder.text(value);
    }

    /// Writes a packed message with its `@type`. One that cannot be written is an empty object.
    pub fn any(&mut self, any: &Any) {
        let (start, depth) = (self.encoder.out.len(), self.encoder.depth);
        let ty = schema().message("google.protobuf.Any").expect("the API imports Any");
        if self.encoder.message(ty, &any.encode_to_vec(), None).is_err() {
            self.encoder.out.truncate(start);
            self.encoder.depth = depth;
            self.encoder.out.extend_from_slice(b"{}");
        }
    }

    /// The text.
    pub fn finish(self) -> Vec<u8> {
        self.encoder.out
    }

    fn nested(&mut self, open: u8, close: u8, inside: impl FnOnce(&mut Self)) {
        self.encoder.out.push(open);
        self.encoder.depth += 1;
        self.first = true;
        inside(self);
        self.encoder.depth -= 1;
        if !self.first {
            self.encoder.line();
        }
        self.encoder.out.push(close);
        self.first = false;
    }
}
