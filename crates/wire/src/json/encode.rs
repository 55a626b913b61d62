//! Binary form to JSON text, in one pass and without a message in memory.
//!
//! A binary form may hold the parts of a message in any order and more than once: the records of each
//! message are sorted into field order first, the last value of a field wins, and parts of a nested
//! message are joined.

use base64::Engine;
use prost::Message;
use prost_types::{Duration, Timestamp};

use crate::{
    json::{
        EncodeError, Style,
        parse::DEPTH_LIMIT,
        scalar::BASE64,
        time::{write_duration, write_timestamp},
        wire::{Record, Wire, key_text, records, unzigzag},
    },
    mask::{Selected, Selection},
    schema::{Field, Kind, MessageType, Shape, Special, schema},
};

/// Writes JSON. The depth is that of open objects and lists.
pub(super) struct Encoder<'s> {
    pub(super) out: Vec<u8>,
    style: Style<'s>,
    pub(super) depth: usize,
}

impl<'s> Encoder<'s> {
    pub(super) fn new(style: Style<'s>, size_hint: usize) -> Self {
        Self { out: Vec::with_capacity(size_hint), style, depth: 0 }
    }

    /// Writes one message, whichever its JSON form is.
    pub(super) fn message(
        &mut self,
        ty: &MessageType,
        wire: &[u8],
        mask: Option<&Selection<'_>>,
    ) -> Result<(), EncodeError> {
        let broken = |_| EncodeError::new(ty.full_name());
        let written = match ty.special {
            Special::Timestamp => {
                self.quoted(|out| Ok(write_timestamp(out, &Timestamp::decode(wire).map_err(broken)?)))
            }
            Special::Duration => {
                self.quoted(|out| Ok(write_duration(out, &Duration::decode(wire).map_err(broken)?)))
            }
            Special::Any => return self.any(&prost_types::Any::decode(wire).map_err(broken)?, mask),
            Special::None => {
                self.open(b'{', ty)?;
                self.members(ty, wire, mask, true)?;
                self.close(b'}');
                return Ok(());
            }
        };
        if written? { Ok(()) } else { Err(EncodeError::new(ty.full_name())) }
    }

    /// Writes the members of an object that is open; `first` if it has none yet.
    fn members(
        &mut self,
        ty: &MessageType,
        wire: &[u8],
        mask: Option<&Selection<'_>>,
        mut first: bool,
    ) -> Result<(), EncodeError> {
        let records = records(ty, wire).ok_or_else(|| EncodeError::new(ty.full_name()))?;
        for group in records.chunk_by(|a, b| a.field == b.field) {
            let field = &ty.fields[usize::from(group[0].field)];
            let below = match mask {
                None => None,
                Some(selection) => match selection.field(field) {
                    Selected::Nothing => continue,
                    Selected::Everything => None,
                    Selected::Some(below) => Some(below),
                },
            };
            let last = group[group.len() - 1].value;
            if field.shape == Shape::Implicit && last.is_default() {
                continue;
            }
            let before = self.out.len();
            self.separate(first);
            self.string(field.json_name.as_bytes());
            self.colon();
            match field.shape {
                Shape::List => {
                    if !self.list(field, group, below.as_ref())? {
                        self.out.truncate(before);
                        continue;
                    }
                }
                Shape::Map => {
                    if !self.map(ty, field, group, below.as_ref())? {
                        self.out.truncate(before);
                        continue;
                    }
                }
                Shape::Implicit | Shape::Explicit => match (field.kind, group) {
                    (Kind::Message(_), [_, _, ..]) => {
                        let joined: Vec<u8> = group.iter().flat_map(|r| r.value.bytes()).copied().collect();
                        self.value(field.kind, Wire::Bytes(&joined), below.as_ref())?;
                    }
                    _ => self.value(field.kind, last, below.as_ref())?,
                },
            }
            first = false;
        }
        Ok(())
    }

    /// Writes a list, or says that there is nothing in it.
    fn list(
        &mut self,
        field: &Field,
        group: &[Record<'_>],
        mask: Option<&Selection<'_>>,
    ) -> Result<bool, EncodeError> {
        self.out.push(b'[');
        self.depth += 1;
        let mut first = true;
        for record in group {
            match record.value {
                Wire::Bytes(mut packed) if field.kind.packable() => {
                    while !packed.is_empty() {
                        let value = Wire::bare(field.kind, &mut packed)
                            .ok_or_else(|| EncodeError::new(&field.name))?;
                        self.separate(first);
                        self.value(field.kind, value, None)?;
                        first = false;
                    }
                }
                value => {
                    self.separate(first);
                    self.value(field.kind, value, mask)?;
                    first = false;
                }
            }
        }
        self.depth -= 1;
        if !first {
            self.line();
        }
        self.out.push(b']');
        Ok(!first)
    }

    /// Writes a map, or says that there is nothing in it.
    fn map(
        &mut self,
        ty: &MessageType,
        field: &Field,
        group: &[Record<'_>],
        mask: Option<&Selection<'_>>,
    ) -> Result<bool, EncodeError> {
        let broken = || EncodeError::new(ty.full_name());
        let Kind::Message(entry) = field.kind else { return Err(broken()) };
        let entry = schema().message_at(entry);
        let [key_field, value_field] = entry.fields.as_slice() else { return Err(broken()) };

        let mut entries: Vec<(String, Option<Wire<'_>>)> = Vec::with_capacity(group.len());
        for record in group {
            let (mut key, mut value) = (None, None);
            for part in records(entry, record.value.bytes()).ok_or_else(broken)? {
                if part.field == 0 { key = Some(part.value) } else { value = Some(part.value) }
            }
            entries.push((key_text(key_field.kind, key).ok_or_else(broken)?, value));
        }
        // Sorted, so that equal maps look equal; the sort is stable and the last of equal keys counts.
        entries.sort_by(|a, b| a.0.cmp(&b.0));

        self.open(b'{', ty)?;
        let mut first = true;
        for (at, (key, value)) in entries.iter().enumerate() {
            if entries.get(at + 1).is_some_and(|(next, _)| next == key) {
                continue;
            }
            let below = match mask {
                None => None,
                Some(selection) => match selection.key(key) {
                    Selected::Nothing => continue,
                    Selected::Everything => None,
                    Selected::Some(below) => Some(below),
                },
            };
            self.separate(first);
            first = false;
            self.string(key.as_bytes());
            self.colon();
            self.value(value_field.kind, value.unwrap_or(value_field.kind.default_wire()), below.as_ref())?;
        }
        self.close(b'}');
        Ok(!first)
    }

    fn any(&mut self, any: &prost_types::Any, mask: Option<&Selection<'_>>) -> Result<(), EncodeError> {
        let (start, depth) = (self.out.len(), self.depth);
        match self.unpacked(any, mask) {
            Err(error) if error.too_deep => Err(error),
            // Somebody else's message, or a broken one: what came is passed on as it is.
            Ok(false) | Err(_) => {
                self.out.truncate(start);
                self.depth = depth;
                self.any_type(&any.type_url)?;
                if !any.value.is_empty() {
                    self.separate(false);
                    self.string(b"value");
                    self.colon();
                    self.out.push(b'"');
                    self.out.extend_from_slice(BASE64.encode(&any.value).as_bytes());
                    self.out.push(b'"');
                }
                self.close(b'}');
                Ok(())
            }
            Ok(true) => Ok(()),
        }
    }

    /// Writes what is packed, or says that its type is not known here.
    fn unpacked(
        &mut self,
        any: &prost_types::Any,
        mask: Option<&Selection<'_>>,
    ) -> Result<bool, EncodeError> {
        if any.type_url.is_empty() && any.value.is_empty() {
            self.out.extend_from_slice(b"{}");
            return Ok(true);
        }
        let name = any.type_url.rsplit('/').next().unwrap_or_default();
        let Some(ty) = schema().message(name) else { return Ok(false) };
        self.any_type(&any.type_url)?;
        if ty.special == Special::None {
            self.members(ty, &any.value, mask, false)?;
        } else {
            self.separate(false);
            self.string(b"value");
            self.colon();
            self.message(ty, &any.value, mask)?;
        }
        self.close(b'}');
        Ok(true)
    }

    /// Opens the object of a packed message. Its type is written whatever the mask says: without it the
    /// rest cannot be read.
    fn any_type(&mut self, type_url: &str) -> Result<(), EncodeError> {
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            return Err(EncodeError::too_deep("google.protobuf.Any"));
        }
        self.out.push(b'{');
        self.separate(true);
        self.string(b"@type");
        self.colon();
        self.string(type_url.as_bytes());
        Ok(())
    }

    fn value(&mut self, kind: Kind, wire: Wire<'_>, mask: Option<&Selection<'_>>) -> Result<(), EncodeError> {
        match kind {
            Kind::Message(id) => self.message(schema().message_at(id), wire.bytes(), mask)?,
            Kind::Enum(id) => {
                let number = wire.int32();
                match schema().enum_at(id).name_of(number) {
                    Some(name) if !self.style.enum_numbers => self.string(name.as_bytes()),
                    _ => self.text(number),
                }
            }
            Kind::String => match std::str::from_utf8(wire.bytes()) {
                Ok(text) => self.string(text.as_bytes()),
                Err(_) => return Err(EncodeError::new("string")),
            },
            Kind::Bytes => {
                self.out.push(b'"');
                self.out.extend_from_slice(BASE64.encode(wire.bytes()).as_bytes());
                self.out.push(b'"');
            }
            Kind::Bool => self.text(wire.varint() != 0),
            Kind::Int32 | Kind::Sfixed32 => self.text(wire.int32()),
            Kind::Sint32 => self.text(unzigzag(wire.varint())),
            Kind::Uint32 | Kind::Fixed32 => self.text(wire.varint() & u64::from(u32::MAX)),
            // JavaScript numbers end at 2^53, so 64 bits go as text.
            Kind::Int64 | Kind::Sfixed64 => self.quoted_text(wire.varint().cast_signed()),
            Kind::Sint64 => self.quoted_text(unzigzag(wire.varint())),
            Kind::Uint64 | Kind::Fixed64 => self.quoted_text(wire.varint()),
            Kind::Float => {
                let value = f32::from_bits(wire.int32().cast_unsigned());
                if value.is_finite() { self.text(value) } else { self.not_finite(f64::from(value)) }
            }
            Kind::Double => {
                let value = f64::from_bits(wire.varint());
                if value.is_finite() { self.text(value) } else { self.not_finite(value) }
            }
        }
        Ok(())
    }

    fn not_finite(&mut self, value: f64) {
        self.string(match value {
            f64::INFINITY => b"Infinity",
            f64::NEG_INFINITY => b"-Infinity",
            _ => b"NaN",
        });
    }

    pub(super) fn text(&mut self, value: impl std::fmt::Display) {
        use std::io::Write;
        write!(self.out, "{value}").expect("writing to memory cannot fail");
    }

    fn quoted_text(&mut self, value: impl std::fmt::Display) {
        self.out.push(b'"');
        self.text(value);
        self.out.push(b'"');
    }

    fn quoted(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<bool, EncodeError>,
    ) -> Result<bool, EncodeError> {
        self.out.push(b'"');
        let written = write(&mut self.out)?;
        self.out.push(b'"');
        Ok(written)
    }

    /// Writes UTF-8 as a JSON string. U+2028 and U+2029 are escaped too, since JavaScript took them for
    /// line ends and the text may be the body of a callback.
    pub(super) fn string(&mut self, text: &[u8]) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        self.out.push(b'"');
        let mut plain_from = 0;
        for (at, &byte) in text.iter().enumerate() {
            let mut escaped = *b"\\u0000";
            let escape: &[u8] = match byte {
                b'"' => b"\\\"",
                b'\\' => b"\\\\",
                b'\n' => b"\\n",
                b'\r' => b"\\r",
                b'\t' => b"\\t",
                0x00..=0x1f | 0x7f => {
                    escaped[4] = HEX[usize::from(byte >> 4)];
                    escaped[5] = HEX[usize::from(byte & 15)];
                    &escaped
                }
                0xe2 if text[at..].starts_with("\u{2028}".as_bytes()) => b"\\u2028",
                0xe2 if text[at..].starts_with("\u{2029}".as_bytes()) => b"\\u2029",
                _ => continue,
            };
            self.out.extend_from_slice(&text[plain_from..at]);
            self.out.extend_from_slice(escape);
            plain_from = at + if byte == 0xe2 { 3 } else { 1 };
        }
        self.out.extend_from_slice(&text[plain_from..]);
        self.out.push(b'"');
    }

    fn open(&mut self, bracket: u8, ty: &MessageType) -> Result<(), EncodeError> {
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            return Err(EncodeError::too_deep(ty.full_name()));
        }
        self.out.push(bracket);
        Ok(())
    }

    /// Closes an object; an empty one stays on its line.
    fn close(&mut self, bracket: u8) {
        self.depth -= 1;
        if self.out.last() != Some(&b'{') {
            self.line();
        }
        self.out.push(bracket);
    }

    pub(super) fn separate(&mut self, first: bool) {
        if !first {
            self.out.push(b',');
        }
        self.line();
    }

    pub(super) fn line(&mut self) {
        if self.style.pretty {
            self.out.push(b'\n');
            self.out.resize(self.out.len() + 2 * self.depth, b' ');
        }
    }

    pub(super) fn colon(&mut self) {
        self.out.extend_from_slice(if self.style.pretty { b": " } else { b":" });
    }
}
