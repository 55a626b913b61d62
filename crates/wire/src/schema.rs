//! Descriptors in the shape that JSON needs: fields by number and by either name, kinds resolved.
//!
//! `prost-reflect` describes everything, but each look at one of its descriptors touches reference
//! counts and builds names. The schema is compiled from it once, at first use, and is then only read.

use std::{collections::HashMap, sync::LazyLock};

use prost_reflect::{Cardinality, FieldDescriptor, Kind as ProtoKind, MessageDescriptor};

use crate::descriptors::pool;

/// All messages and enums of `proto/`.
#[derive(Debug)]
pub struct Schema {
    messages: Vec<MessageType>,
    enums: Vec<EnumType>,
    by_name: HashMap<Box<str>, MessageId>,
}

/// Position of a message in the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MessageId(u32);

/// Position of an enum in the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EnumId(u32);

/// One message.
#[derive(Debug)]
pub struct MessageType {
    name: Box<str>,
    pub(crate) special: Special,
    /// In the order of the `.proto` file, which is the order of JSON members.
    pub(crate) fields: Vec<Field>,
    /// `(field number, position in fields)`, sorted.
    by_number: Vec<(u32, u16)>,
    by_name: HashMap<Box<str>, u16>,
    /// Names of the oneofs that have more than one form; `Field::oneof` points here.
    pub(crate) oneofs: Vec<Box<str>>,
}

/// Messages whose JSON form is not that of their fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Special {
    /// An ordinary message.
    None,
    /// RFC 3339 text.
    Timestamp,
    /// Seconds with the suffix `s`.
    Duration,
    /// The packed message with `@type` in front.
    Any,
}

/// One field.
#[derive(Debug)]
pub(crate) struct Field {
    /// Name in the `.proto` file, snake_case.
    pub(crate) name: Box<str>,
    /// Name in JSON, lowerCamelCase.
    pub(crate) json_name: Box<str>,
    pub(crate) number: u32,
    pub(crate) kind: Kind,
    pub(crate) shape: Shape,
    /// Position in `MessageType::oneofs`.
    pub(crate) oneof: Option<u16>,
}

/// How often a field occurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Once; the default value is the same as absence.
    Implicit,
    /// Once, and presence counts: messages, oneof members, `optional`.
    Explicit,
    /// A list.
    List,
    /// A map; the field's kind is its entry message.
    Map,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Int32,
    Sint32,
    Sfixed32,
    Uint32,
    Fixed32,
    Int64,
    Sint64,
    Sfixed64,
    Uint64,
    Fixed64,
    Float,
    Double,
    String,
    Bytes,
    Enum(EnumId),
    Message(MessageId),
}

/// One enum.
#[derive(Debug)]
pub(crate) struct EnumType {
    pub(crate) name: Box<str>,
    values: Vec<(Box<str>, i32)>,
}

/// The schema of `proto/`, compiled at first use.
pub fn schema() -> &'static Schema {
    static SCHEMA: LazyLock<Schema> = LazyLock::new(Schema::compile);
    &SCHEMA
}

impl Schema {
    /// The message of this full name, such as `google.cloud.dataproc.v1.Session`.
    pub fn message(&self, full_name: &str) -> Option<&MessageType> {
        self.by_name.get(full_name).map(|id| self.message_at(*id))
    }

    /// Every message.
    pub fn messages(&self) -> impl Iterator<Item = &MessageType> {
        self.messages.iter()
    }

    pub(crate) fn message_at(&self, id: MessageId) -> &MessageType {
        &self.messages[id.0 as usize]
    }

    pub(crate) fn enum_at(&self, id: EnumId) -> &EnumType {
        &self.enums[id.0 as usize]
    }

    fn compile() -> Self {
        let mut message_ids = HashMap::new();
        let mut enum_ids = HashMap::new();
        for (id, message) in (0..).zip(pool().all_messages()) {
            message_ids.insert(Box::from(message.full_name()), MessageId(id));
        }
        for (id, r#enum) in (0..).zip(pool().all_enums()) {
            enum_ids.insert(Box::from(r#enum.full_name()), EnumId(id));
        }
        let messages =
            pool().all_messages().map(|m| MessageType::compile(&m, &message_ids, &enum_ids)).collect();
        let enums = pool()
            .all_enums()
            .map(|e| EnumType {
                name: e.full_name().into(),
                values: e.values().map(|v| (v.name().into(), v.number())).collect(),
            })
            .collect();
        Self { messages, enums, by_name: message_ids }
    }
}

impl MessageType {
    /// Full name with package, without a leading dot.
    pub fn full_name(&self) -> &str {
        &self.name
    }

    pub(crate) fn by_number(&self, number: u32) -> Option<u16> {
        self.by_number.binary_search_by_key(&number, |(n, _)| *n).ok().map(|at| self.by_number[at].1)
    }

    /// The field of this name, in lowerCamelCase or as in the `.proto` file.
    pub(crate) fn by_name(&self, name: &str) -> Option<&Field> {
        self.by_name.get(name).map(|at| &self.fields[usize::from(*at)])
    }

    fn compile(
        message: &MessageDescriptor,
        messages: &HashMap<Box<str>, MessageId>,
        enums: &HashMap<Box<str>, EnumId>,
    ) -> Self {
        let special = match message.full_name() {
            "google.protobuf.Timestamp" => Special::Timestamp,
            "google.protobuf.Duration" => Special::Duration,
            "google.protobuf.Any" => Special::Any,
            _ => Special::None,
        };
        let oneofs: Vec<Box<str>> =
            message.oneofs().filter(|o| !o.is_synthetic()).map(|o| o.name().into()).collect();
        // The position in the file is the last element of the descriptor's path.
        let mut in_file_order: Vec<FieldDescriptor> = message.fields().collect();
        in_file_order.sort_by_key(|f| f.path().last().copied());
        let fields: Vec<Field> =
            in_file_order.iter().map(|f| Field::compile(f, &oneofs, messages, enums)).collect();
        let mut by_number: Vec<(u32, u16)> = (0..).zip(&fields).map(|(at, f)| (f.number, at)).collect();
        by_number.sort_unstable();
        let by_name = (0..)
            .zip(&fields)
            .flat_map(|(at, f)| [(f.name.clone(), at), (f.json_name.clone(), at)])
            .collect();
        Self { name: message.full_name().into(), special, fields, by_number, by_name, oneofs }
    }
}

impl Field {
    fn compile(
        field: &FieldDescriptor,
        oneofs: &[Box<str>],
        messages: &HashMap<Box<str>, MessageId>,
        enums: &HashMap<Box<str>, EnumId>,
    ) -> Self {
        let kind = match field.kind() {
            ProtoKind::Bool => Kind::Bool,
            ProtoKind::Int32 => Kind::Int32,
            ProtoKind::Sint32 => Kind::Sint32,
            ProtoKind::Sfixed32 => Kind::Sfixed32,
            ProtoKind::Uint32 => Kind::Uint32,
            ProtoKind::Fixed32 => Kind::Fixed32,
            ProtoKind::Int64 => Kind::Int64,
            ProtoKind::Sint64 => Kind::Sint64,
            ProtoKind::Sfixed64 => Kind::Sfixed64,
            ProtoKind::Uint64 => Kind::Uint64,
            ProtoKind::Fixed64 => Kind::Fixed64,
            ProtoKind::Float => Kind::Float,
            ProtoKind::Double => Kind::Double,
            ProtoKind::String => Kind::String,
            ProtoKind::Bytes => Kind::Bytes,
            ProtoKind::Enum(e) => Kind::Enum(enums[e.full_name()]),
            ProtoKind::Message(m) => Kind::Message(messages[m.full_name()]),
        };
        let shape = if field.is_map() {
            Shape::Map
        } else if field.cardinality() == Cardinality::Repeated {
            Shape::List
        } else if field.supports_presence() {
            Shape::Explicit
        } else {
            Shape::Implicit
        };
        let oneof = field
            .containing_oneof()
            .and_then(|oneof| (0..).zip(oneofs).find(|(_, name)| ***name == *oneof.name()).map(|(at, _)| at));
        Self {
            name: field.name().into(),
            json_name: field.json_name().into(),
            number: field.number(),
            kind,
            shape,
            oneof,
        }
    }
}

impl EnumType {
    pub(crate) fn name_of(&self, number: i32) -> Option<&str> {
        self.values.iter().find(|(_, n)| *n == number).map(|(name, _)| &**name)
    }

    /// The number of a value, by name without regard to case.
    pub(crate) fn number_of(&self, name: &str) -> Option<i32> {
        self.values.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, number)| *number)
    }
}

impl Kind {
    /// The word for a scalar in error texts.
    pub(crate) fn type_word(self) -> &'static str {
        match self {
            Self::Bool => "TYPE_BOOL",
            Self::Int32 => "TYPE_INT32",
            Self::Sint32 => "TYPE_SINT32",
            Self::Sfixed32 => "TYPE_SFIXED32",
            Self::Uint32 => "TYPE_UINT32",
            Self::Fixed32 => "TYPE_FIXED32",
            Self::Int64 => "TYPE_INT64",
            Self::Sint64 => "TYPE_SINT64",
            Self::Sfixed64 => "TYPE_SFIXED64",
            Self::Uint64 => "TYPE_UINT64",
            Self::Fixed64 => "TYPE_FIXED64",
            Self::Float => "TYPE_FLOAT",
            Self::Double => "TYPE_DOUBLE",
            Self::String => "TYPE_STRING",
            Self::Bytes => "TYPE_BYTES",
            Self::Enum(_) => "TYPE_ENUM",
            Self::Message(_) => "TYPE_MESSAGE",
        }
    }
}
