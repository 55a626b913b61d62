//! Properties: what is written can be read, by us and by another implementation; nothing panics.

use std::collections::HashMap;

use hearth_wire::{
    json::{Style, decode, encode},
    mask::Mask,
    method::methods,
    parameters::{SystemParameters, parse_query},
    pool,
    router::find,
    schema::schema,
};
use proptest::{collection::vec, prelude::*, sample::select, test_runner::RngSeed};
use prost::Message;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage, Value,
};

/// Every run tries the same cases.
const SEED: u64 = 8470;

/// Messages to try: the API's own, and one that exercises every kind of JSON form.
const TRIED: [&str; 9] = [
    "google.cloud.dataproc.v1.Session",
    "google.cloud.dataproc.v1.SessionTemplate",
    "google.cloud.dataproc.v1.ListSessionsResponse",
    "google.cloud.dataproc.v1.SessionOperationMetadata",
    "google.cloud.dataproc.v1.CreateSessionRequest",
    "google.rpc.QuotaFailure",
    "google.rpc.BadRequest",
    "hearth.v1.Timeline",
    "hearth.v1.Log",
];

/// Any message of a type, its fields there or not.
fn message(ty: MessageDescriptor, depth: u32) -> BoxedStrategy<DynamicMessage> {
    match ty.full_name() {
        "google.protobuf.Timestamp" => timed(ty, -62_135_596_800..=253_402_300_799, false),
        "google.protobuf.Duration" => timed(ty, -315_575_999_999..=315_575_999_999, true),
        "google.protobuf.Any" => packed(ty, depth),
        _ => {
            let fields: Vec<_> = ty
                .fields()
                // Far enough down, only scalars.
                .filter(|f| depth > 0 || !matches!(f.kind(), Kind::Message(_)))
                .map(|f| (Just(f.clone()), proptest::option::weighted(0.4, field(&f, depth))))
                .collect();
            fields
                .prop_map(move |fields| {
                    let mut message = DynamicMessage::new(ty.clone());
                    for (field, value) in fields {
                        if let Some(value) = value {
                            message.set_field(&field, value);
                        }
                    }
                    message
                })
                .boxed()
        }
    }
}

fn timed(
    ty: MessageDescriptor,
    seconds: std::ops::RangeInclusive<i64>,
    signed: bool,
) -> BoxedStrategy<DynamicMessage> {
    let nanos = prop_oneof![Just(0), (0..1000).prop_map(|n| n * 1_000_000), 0..1_000_000_000];
    (seconds, nanos)
        .prop_map(move |(seconds, nanos)| {
            let mut message = DynamicMessage::new(ty.clone());
            message.set_field_by_name("seconds", Value::I64(seconds));
            message
                .set_field_by_name("nanos", Value::I32(if signed && seconds < 0 { -nanos } else { nanos }));
            message
        })
        .boxed()
}

fn packed(ty: MessageDescriptor, depth: u32) -> BoxedStrategy<DynamicMessage> {
    let inner = pool().get_message_by_name("google.rpc.RetryInfo").unwrap();
    message(inner, depth.saturating_sub(1))
        .prop_map(move |inner| {
            let url = format!("type.googleapis.com/{}", inner.descriptor().full_name());
            let mut any = DynamicMessage::new(ty.clone());
            any.set_field_by_name("type_url", Value::String(url));
            any.set_field_by_name("value", Value::Bytes(inner.encode_to_vec().into()));
            any
        })
        .boxed()
}

fn field(field: &FieldDescriptor, depth: u32) -> BoxedStrategy<Value> {
    if field.is_map() {
        let Kind::Message(entry) = field.kind() else { unreachable!("a map has entries") };
        let value = single(entry.map_entry_value_field().kind(), depth);
        return vec((any::<String>(), value), 0..4)
            .prop_map(|entries| {
                let map: HashMap<_, _> = entries.into_iter().map(|(k, v)| (MapKey::String(k), v)).collect();
                Value::Map(map)
            })
            .boxed();
    }
    if field.is_list() {
        return vec(single(field.kind(), depth), 0..4).prop_map(Value::List).boxed();
    }
    single(field.kind(), depth)
}

fn single(kind: Kind, depth: u32) -> BoxedStrategy<Value> {
    match kind {
        Kind::Message(ty) => message(ty, depth - 1).prop_map(Value::Message).boxed(),
        Kind::Enum(ty) => {
            let numbers: Vec<i32> = ty.values().map(|v| v.number()).collect();
            select(numbers).prop_map(Value::EnumNumber).boxed()
        }
        Kind::String => any::<String>().prop_map(Value::String).boxed(),
        Kind::Bytes => vec(any::<u8>(), 0..20).prop_map(|b| Value::Bytes(b.into())).boxed(),
        Kind::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Kind::Int32 => any::<i32>().prop_map(Value::I32).boxed(),
        Kind::Int64 => any::<i64>().prop_map(Value::I64).boxed(),
        other => panic!("no message of this API has a field of {other:?}"),
    }
}

fn tried() -> BoxedStrategy<DynamicMessage> {
    select(&TRIED[..]).prop_flat_map(|name| message(pool().get_message_by_name(name).unwrap(), 4)).boxed()
}

/// The message behind a binary form; two forms are worth the same if these are equal.
fn meaning(ty: &MessageDescriptor, wire: &[u8]) -> DynamicMessage {
    DynamicMessage::decode(ty.clone(), wire).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, rng_seed: RngSeed::Fixed(SEED), ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back(message in tried(), pretty: bool, enum_numbers: bool) {
        let descriptor = message.descriptor();
        let ty = schema().message(descriptor.full_name()).unwrap();
        let wire = message.encode_to_vec();
        let text = encode(ty, &wire, Style { pretty, enum_numbers, mask: None }).unwrap();
        let read = decode(ty, &text, "").unwrap();
        prop_assert_eq!(meaning(&descriptor, &read), meaning(&descriptor, &wire));
    }

    #[test]
    fn another_implementation_writes_and_reads_the_same(message in tried()) {
        let descriptor = message.descriptor();
        let ty = schema().message(descriptor.full_name()).unwrap();
        let wire = message.encode_to_vec();
        let ours: serde_json::Value =
            serde_json::from_slice(&encode(ty, &wire, Style::default()).unwrap()).unwrap();
        let theirs = serde_json::to_value(meaning(&descriptor, &wire)).unwrap();
        prop_assert_eq!(&ours, &theirs);
        let read = decode(ty, theirs.to_string().as_bytes(), "").unwrap();
        prop_assert_eq!(meaning(&descriptor, &read), meaning(&descriptor, &wire));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(text in vec(any::<u8>(), 0..200)) {
        let ty = schema().message("google.cloud.dataproc.v1.Session").unwrap();
        let _ = decode(ty, &text, "session");
    }

    #[test]
    fn no_near_json_makes_the_reader_panic(
        text in r#"[{}\[\]:," \\u0-9a-fA-F.+\-é\n]{0,60}"#,
        name in select(&["labels", "stateHistory", "createTime", "state", "runtimeInfo"][..]),
    ) {
        let ty = schema().message("google.cloud.dataproc.v1.Session").unwrap();
        let _ = decode(ty, text.as_bytes(), "");
        let _ = decode(ty, format!("{{\"{name}\": {text}}}").as_bytes(), "");
        let _ = decode(ty, format!("{{\"{name}\": \"{text}\"}}").as_bytes(), "");
    }

    #[test]
    fn what_is_accepted_as_json_is_accepted_by_another_implementation_too(text in r#"[{}\[\]:," 0-9a.\-tn]{0,12}"#) {
        let ty = schema().message("google.rpc.Status").unwrap();
        let malformed = decode(ty, text.as_bytes(), "").is_err_and(|v| {
            v.to_string().contains("Unexpected")
        });
        // Only a comma too many is our own leniency.
        if !malformed && !text.contains(',') {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
        }
    }

    #[test]
    fn no_binary_form_makes_the_writer_panic(wire in vec(any::<u8>(), 0..100), pretty: bool) {
        for name in TRIED {
            let ty = schema().message(name).unwrap();
            if let Ok(text) = encode(ty, &wire, Style { pretty, ..Style::default() }) {
                prop_assert!(serde_json::from_slice::<serde_json::Value>(&text).is_ok());
            }
        }
    }

    #[test]
    fn no_mask_makes_the_parser_panic_or_the_writer_break(
        mask in r"[(),/.* ]{0,3}(sessions|name|state|labels|\*)?[(),/.* a]{0,3}(name|version|é)?[)]{0,2}",
        message in message(pool().get_message_by_name("google.cloud.dataproc.v1.ListSessionsResponse").unwrap(), 3),
    ) {
        let ty = schema().message("google.cloud.dataproc.v1.ListSessionsResponse").unwrap();
        if let Ok(mask) = Mask::parse(&mask, ty) {
            let text = encode(ty, &message.encode_to_vec(), mask.style()).unwrap();
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&text).is_ok());
        }
    }

    #[test]
    fn no_request_makes_the_router_panic(
        path in r"/?v1/projects/[^/]{0,6}/(locations|regions)/.{0,5}/(sessions|operations|sessionTemplates)(/.{0,8})?",
        query in ".{0,60}",
        body in vec(any::<u8>(), 0..40),
    ) {
        let taken = SystemParameters::take(parse_query(&query), &http::HeaderMap::new());
        for http_method in ["GET", "POST", "PATCH", "DELETE"] {
            if let Some(found) = find(http_method, &path) {
                let _ = found.request(&taken.rest, &body);
            }
        }
        for method in methods() {
            for binding in &method.bindings {
                let _ = binding.template.matches(&path);
            }
        }
    }
}
