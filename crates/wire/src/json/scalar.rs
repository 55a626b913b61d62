//! Values that are not messages: from JSON, to and from the binary form.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use prost::encoding::{WireType, encode_key, encode_varint};

use crate::{
    json::{decode::put_bytes, parse::Json},
    schema::{Kind, schema},
};

/// Standard alphabet; padding is written, and may be missing when read.
pub(crate) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A value in the shape its binary form needs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar {
    Varint(u64),
    Bits32(u32),
    Bits64(u64),
    Bytes(Vec<u8>),
}

impl Scalar {
    /// Reads a JSON value as `kind`, which is not a message. `None` if it does not fit.
    pub(crate) fn from_json(kind: Kind, value: &Json<'_>) -> Option<Self> {
        Some(match kind {
            Kind::Bool => match value {
                Json::Bool(value) => Self::Varint(u64::from(*value)),
                _ => return None,
            },
            Kind::Int32 => Self::Varint(i64::from(integer::<i32>(value)?).cast_unsigned()),
            Kind::Int64 => Self::Varint(integer::<i64>(value)?.cast_unsigned()),
            Kind::Uint32 => Self::Varint(u64::from(integer::<u32>(value)?)),
            Kind::Uint64 => Self::Varint(integer::<u64>(value)?),
            Kind::Sint32 => Self::Varint(zigzag(i64::from(integer::<i32>(value)?))),
            Kind::Sint64 => Self::Varint(zigzag(integer::<i64>(value)?)),
            Kind::Fixed32 => Self::Bits32(integer::<u32>(value)?),
            Kind::Sfixed32 => Self::Bits32(integer::<i32>(value)?.cast_unsigned()),
            Kind::Fixed64 => Self::Bits64(integer::<u64>(value)?),
            Kind::Sfixed64 => Self::Bits64(integer::<i64>(value)?.cast_unsigned()),
            Kind::Float => Self::Bits32(single_precision(float(value)?)?.to_bits()),
            Kind::Double => Self::Bits64(float(value)?.to_bits()),
            Kind::String => match value {
                Json::String(text) => Self::Bytes(text.as_bytes().to_vec()),
                _ => return None,
            },
            Kind::Bytes => match value {
                Json::String(text) => Self::Bytes(from_base64(text)?),
                _ => return None,
            },
            Kind::Enum(id) => {
                let r#enum = schema().enum_at(id);
                let by_name = match value {
                    Json::String(name) => r#enum.number_of(name),
                    _ => None,
                };
                let by_number = || integer::<i32>(value).filter(|n| r#enum.name_of(*n).is_some());
                Self::Varint(i64::from(by_name.or_else(by_number)?).cast_unsigned())
            }
            Kind::Message(_) => return None,
        })
    }

    /// Whether it is the value that absence stands for.
    pub(crate) fn is_default(&self) -> bool {
        match self {
            Self::Varint(value) | Self::Bits64(value) => *value == 0,
            Self::Bits32(value) => *value == 0,
            Self::Bytes(bytes) => bytes.is_empty(),
        }
    }

    /// Whether a list of it is written as one run.
    pub(crate) fn packable(&self) -> bool {
        !matches!(self, Self::Bytes(_))
    }

    /// Appends it as a field.
    pub(crate) fn put(&self, number: u32, out: &mut Vec<u8>) {
        let wire_type = match self {
            Self::Varint(_) => WireType::Varint,
            Self::Bits32(_) => WireType::ThirtyTwoBit,
            Self::Bits64(_) => WireType::SixtyFourBit,
            Self::Bytes(bytes) => return put_bytes(number, bytes, out),
        };
        encode_key(number, wire_type, out);
        self.put_bare(out);
    }

    /// Appends it without a field number.
    pub(crate) fn put_bare(&self, out: &mut Vec<u8>) {
        match self {
            Self::Varint(value) => encode_varint(*value, out),
            Self::Bits32(value) => out.extend_from_slice(&value.to_le_bytes()),
            Self::Bits64(value) => out.extend_from_slice(&value.to_le_bytes()),
            Self::Bytes(bytes) => out.extend_from_slice(bytes),
        }
    }
}

/// A number or a decimal text; `12.0` and `1e3` count as integers.
fn integer<T: TryFrom<i128>>(value: &Json<'_>) -> Option<T> {
    let text = number_text(value)?;
    let exact = match text.parse::<i128>() {
        Ok(exact) => exact,
        Err(_) => {
            let float = text.parse::<f64>().ok()?;
            // 2^64 bounds every integer type there is, and below it the conversion is exact.
            if float.fract() != 0.0 || float.abs() > 18_446_744_073_709_551_616.0 {
                return None;
            }
            #[expect(clippy::cast_possible_truncation, reason = "integral and within bounds")]
            let exact = float as i128;
            exact
        }
    };
    T::try_from(exact).ok()
}

fn float(value: &Json<'_>) -> Option<f64> {
    match value {
        Json::String(text) if text == "NaN" => Some(f64::NAN),
        Json::String(text) if text == "Infinity" => Some(f64::INFINITY),
        Json::String(text) if text == "-Infinity" => Some(f64::NEG_INFINITY),
        _ => number_text(value)?.parse::<f64>().ok().filter(|f| f.is_finite()),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "what does not fit becomes infinite and is refused")]
fn single_precision(value: f64) -> Option<f32> {
    let single = value as f32;
    (single.is_infinite() == value.is_infinite()).then_some(single)
}

/// The text of a number, sent bare or in quotes.
fn number_text<'j>(value: &'j Json<'_>) -> Option<&'j str> {
    let text = match value {
        Json::Number(text) => *text,
        Json::String(text) => &**text,
        _ => return None,
    };
    // Keeps out what Rust reads and JSON does not have: `+1`, `.5`, `1.`, `inf`.
    let digit = |b: Option<&u8>| b.is_some_and(u8::is_ascii_digit);
    let unsigned = text.strip_prefix('-').unwrap_or(text).as_bytes();
    (digit(unsigned.first()) && digit(unsigned.last())).then_some(text)
}

/// Standard or URL-safe alphabet, padded or not.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let standard: Vec<u8> = text
        .bytes()
        .map(|b| match b {
            b'-' => b'+',
            b'_' => b'/',
            other => other,
        })
        .collect();
    BASE64.decode(standard).ok()
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}
