//! Reading the binary form of a message, field by field.

use prost::{
    bytes::Buf,
    encoding::{WireType, decode_key, decode_varint},
};

use crate::schema::{Kind, MessageType, Shape};

/// One field occurrence of a binary form.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'w> {
    /// Position in `MessageType::fields`.
    pub(super) field: u16,
    pub(super) value: Wire<'w>,
}

/// A value as the binary form has it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wire<'w> {
    Varint(u64),
    Bits32(u32),
    Bits64(u64),
    Bytes(&'w [u8]),
}

/// The known fields of a message in field order. `None` if the binary form is broken.
pub(super) fn records<'w>(ty: &MessageType, mut wire: &'w [u8]) -> Option<Vec<Record<'w>>> {
    let mut records: Vec<Record<'w>> = Vec::with_capacity(16);
    let mut sorted = true;
    while !wire.is_empty() {
        let (number, wire_type) = decode_key(&mut wire).ok()?;
        let value = Wire::read(wire_type, &mut wire)?;
        let Some(at) = ty.by_number(number) else { continue };
        let field = &ty.fields[usize::from(at)];
        let packed = field.shape == Shape::List && wire_type == WireType::LengthDelimited;
        if wire_type != field.kind.wire_type() && !packed {
            return None;
        }
        if field.oneof.is_some() {
            // The member that comes last is the one that is set.
            records.retain(|r| r.field == at || ty.fields[usize::from(r.field)].oneof != field.oneof);
        }
        sorted &= records.last().is_none_or(|last| last.field <= at);
        records.push(Record { field: at, value });
    }
    if !sorted {
        records.sort_by_key(|r| r.field);
    }
    Some(records)
}

impl<'w> Wire<'w> {
    fn read(wire_type: WireType, from: &mut &'w [u8]) -> Option<Self> {
        Some(match wire_type {
            WireType::Varint => Self::Varint(decode_varint(from).ok()?),
            WireType::ThirtyTwoBit => Self::Bits32(from.try_get_u32_le().ok()?),
            WireType::SixtyFourBit => Self::Bits64(from.try_get_u64_le().ok()?),
            WireType::LengthDelimited => {
                let length = usize::try_from(decode_varint(from).ok()?).ok()?;
                let (value, rest) = from.split_at_checked(length)?;
                *from = rest;
                Self::Bytes(value)
            }
            // proto3 has no groups.
            WireType::StartGroup | WireType::EndGroup => return None,
        })
    }

    /// Reads a value without a field number, as packed lists have them.
    pub(super) fn bare(kind: Kind, from: &mut &'w [u8]) -> Option<Self> {
        Self::read(kind.wire_type(), from)
    }

    pub(super) fn is_default(self) -> bool {
        match self {
            Self::Varint(value) | Self::Bits64(value) => value == 0,
            Self::Bits32(value) => value == 0,
            Self::Bytes(bytes) => bytes.is_empty(),
        }
    }

    pub(super) fn bytes(self) -> &'w [u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            _ => &[],
        }
    }

    pub(super) fn varint(self) -> u64 {
        match self {
            Self::Varint(value) | Self::Bits64(value) => value,
            Self::Bits32(value) => u64::from(value),
            Self::Bytes(_) => 0,
        }
    }

    /// The low 32 bits, signed: how negative numbers and enums are meant.
    #[expect(clippy::cast_possible_truncation, reason = "the protobuf rule for 32-bit fields")]
    pub(super) fn int32(self) -> i32 {
        self.varint() as i32
    }
}

impl Kind {
    fn wire_type(self) -> WireType {
        match self {
            Self::Fixed32 | Self::Sfixed32 | Self::Float => WireType::ThirtyTwoBit,
            Self::Fixed64 | Self::Sfixed64 | Self::Double => WireType::SixtyFourBit,
            Self::String | Self::Bytes | Self::Message(_) => WireType::LengthDelimited,
            _ => WireType::Varint,
        }
    }

    pub(super) fn packable(self) -> bool {
        self.wire_type() != WireType::LengthDelimited
    }

    /// What an absent map value stands for.
    pub(super) fn default_wire(self) -> Wire<'static> {
        if self.packable() { Wire::Varint(0) } else { Wire::Bytes(&[]) }
    }
}

pub(super) fn key_text(kind: Kind, wire: Option<Wire<'_>>) -> Option<String> {
    let wire = wire.unwrap_or(kind.default_wire());
    Some(match kind {
        Kind::String => std::str::from_utf8(wire.bytes()).ok()?.to_owned(),
        Kind::Bool => (wire.varint() != 0).to_string(),
        Kind::Int32 | Kind::Sfixed32 => wire.int32().to_string(),
        Kind::Int64 | Kind::Sfixed64 => wire.varint().cast_signed().to_string(),
        Kind::Sint32 | Kind::Sint64 => unzigzag(wire.varint()).to_string(),
        _ => wire.varint().to_string(),
    })
}

pub(super) fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}
