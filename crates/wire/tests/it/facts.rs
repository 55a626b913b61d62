//! Our protos against the public facts: names, numbers, types, oneofs, enums and bindings.

use std::collections::{BTreeMap, BTreeSet};

use hearth_wire::{
    method::{Body, methods},
    pool,
};
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, Value};
use serde_json::{Value as Json, json};

/// From this number on, numbers are ours: the fields are public in REST, where numbers do not show.
const OWN_NUMBERS_FROM: u32 = 50_001;

/// Fields with numbers of our own, as REST names them.
const OWN_NUMBERS: [(&str, &str); 9] = [
    ("SessionTemplate", "displayName"),
    ("RuntimeInfo", "propertiesInfo"),
    ("RuntimeInfo", "cohortInfo"),
    ("UsageMetrics", "milliAcceleratorSecondsL4"),
    ("UsageMetrics", "milliAcceleratorSecondsA10040"),
    ("UsageMetrics", "milliAcceleratorSecondsA10080"),
    ("UsageSnapshot", "milliAcceleratorL4"),
    ("UsageSnapshot", "milliAcceleratorA10040"),
    ("UsageSnapshot", "milliAcceleratorA10080"),
];

/// Types of such fields, which have no public numbers either.
const OWN_TYPES: [&str; 4] = [
    "google.cloud.dataproc.v1.PropertiesInfo",
    "google.cloud.dataproc.v1.ValueInfo",
    "google.cloud.dataproc.v1.CohortInfo",
    "google.cloud.dataproc.v1.CohortInfo.CohortSource",
];

/// What we describe and the facts file does not: imported packages and our own.
const ELSEWHERE: [&str; 3] = ["google.api.", "google.protobuf.", "hearth.v1."];

fn facts() -> Json {
    serde_json::from_str(include_str!("../data/protofields.json")).unwrap()
}

/// The facts name types of their own package shortly.
fn short(name: &str) -> String {
    ["google.cloud.dataproc.v1.", "google.longrunning.", "google.rpc."]
        .iter()
        .find_map(|package| name.strip_prefix(package))
        .unwrap_or(name)
        .to_owned()
}

fn type_name(kind: &Kind) -> String {
    match kind {
        Kind::Message(message) => message.full_name().to_owned(),
        Kind::Enum(r#enum) => r#enum.full_name().to_owned(),
        scalar => format!("{scalar:?}").to_lowercase(),
    }
}

/// A type as the facts may write it: in full, within its package, or within its message.
fn same_type(fact: &str, ours: &str) -> bool {
    fact == ours || short(ours) == fact || ours.ends_with(&format!(".{fact}"))
}

/// Files that only REST has, with numbers of our own throughout.
const REST_ONLY: [&str; 3] = [
    "google/cloud/dataproc/v1/spark_applications.proto",
    "google/cloud/dataproc/v1/spark_data.proto",
    "google/cloud/dataproc/v1/spark_metrics.proto",
];

/// Whether the facts file should have this message or enum.
fn public(name: &str) -> bool {
    let file = match (pool().get_message_by_name(name), pool().get_enum_by_name(name)) {
        (Some(message), _) => message.parent_file(),
        (None, Some(r#enum)) => r#enum.parent_file(),
        (None, None) => panic!("{name}"),
    };
    !REST_ONLY.contains(&file.name())
        && !ELSEWHERE.iter().any(|package| name.starts_with(package))
        && !OWN_TYPES.contains(&name)
}

#[test]
fn every_message_and_field_is_as_the_facts_say() {
    let facts = facts();
    let facts = facts["messages"].as_object().unwrap();
    let described: BTreeMap<String, MessageDescriptor> = pool()
        .all_messages()
        .filter(|m| public(m.full_name()) && !m.is_map_entry())
        .map(|m| (m.full_name().to_owned(), m))
        .collect();
    assert_eq!(
        facts.keys().cloned().collect::<BTreeSet<_>>(),
        described.keys().cloned().collect::<BTreeSet<_>>()
    );
    for (name, message) in &described {
        let fields = facts[name]["fields"].as_object().unwrap();
        let known: Vec<FieldDescriptor> =
            message.fields().filter(|f| f.number() < OWN_NUMBERS_FROM).collect();
        assert_eq!(fields.len(), known.len(), "{name}");
        for field in known {
            let fact = &fields[field.name()];
            let name = field.full_name();
            assert_eq!(fact["number"], json!(field.number()), "{name}");
            assert_eq!(fact["jsonName"], json!(field.json_name()), "{name}");
            match fact["map"].as_array() {
                Some(kinds) => {
                    let Kind::Message(entry) = field.kind() else { panic!("{name}") };
                    assert!(field.is_map(), "{name}");
                    for (fact, field) in
                        kinds.iter().zip([entry.map_entry_key_field(), entry.map_entry_value_field()])
                    {
                        assert!(same_type(fact.as_str().unwrap(), &type_name(&field.kind())), "{name}");
                    }
                }
                None => {
                    let fact = fact["type"].as_str().unwrap();
                    assert!(same_type(fact, &type_name(&field.kind())), "{name}: {fact}");
                    assert!(!field.is_map(), "{name}");
                }
            }
            let oneof = field.containing_oneof();
            let synthetic = oneof.as_ref().is_some_and(|o| o.is_synthetic());
            assert_eq!(fact["label"] == "repeated", field.is_list(), "{name}");
            assert_eq!(fact["label"] == "optional", synthetic, "{name}");
            let oneof = oneof.filter(|o| !o.is_synthetic()).map(|o| o.name().to_owned());
            assert_eq!(fact["oneof"].as_str().map(str::to_owned), oneof, "{name}");
            assert_eq!(behavior(&field), fact["behavior"].as_array().cloned().unwrap_or_default(), "{name}");
        }
    }
}

fn behavior(field: &FieldDescriptor) -> Vec<Json> {
    let extension = pool().get_extension_by_name("google.api.field_behavior").unwrap();
    let names = pool().get_enum_by_name("google.api.FieldBehavior").unwrap();
    let options = field.options();
    let values = options.get_extension(&extension);
    let list = values.as_list().unwrap();
    list.iter()
        .filter_map(Value::as_enum_number)
        .map(|number| json!(names.get_value(number).unwrap().name()))
        .collect()
}

#[test]
fn every_enum_value_is_as_the_facts_say() {
    let described: serde_json::Map<String, Json> = pool()
        .all_enums()
        .filter(|e| public(e.full_name()))
        .map(|e| {
            let values: serde_json::Map<String, Json> =
                e.values().map(|v| (v.name().to_owned(), json!(v.number()))).collect();
            (e.full_name().to_owned(), Json::Object(values))
        })
        .collect();
    assert_eq!(facts()["enums"], Json::Object(described));
}

#[test]
fn every_method_is_as_the_facts_say() {
    let facts = facts();
    for (service, rpcs) in facts["services"].as_object().unwrap() {
        let rpcs = rpcs.as_object().unwrap();
        assert_eq!(methods().iter().filter(|m| m.service == *service).count(), rpcs.len(), "{service}");
        for (name, fact) in rpcs {
            let method = hearth_wire::method::method(&format!("/{service}/{name}")).unwrap();
            assert!(same_type(fact["request"].as_str().unwrap(), method.input.full_name()), "{name}");
            assert!(same_type(fact["response"].as_str().unwrap(), method.output.full_name()), "{name}");
            if let Some(http) = fact.get("http") {
                let [binding] = method.bindings.as_slice() else { panic!("{name}") };
                assert_eq!(http["method"], json!(binding.http_method), "{name}");
                assert_eq!(http["template"], json!(binding.template.as_str()), "{name}");
                let body = match &binding.body {
                    Body::None => Json::Null,
                    Body::Whole => json!("*"),
                    Body::Field(field) => json!(field),
                };
                assert_eq!(http.get("body").cloned().unwrap_or_default(), body, "{name}");
            }
        }
    }
}

#[test]
fn only_well_known_types_whose_json_form_is_implemented_are_used() {
    let implemented = ["Timestamp", "Duration", "Any", "Empty"].map(|name| format!("google.protobuf.{name}"));
    for message in pool().all_messages().filter(|m| !m.full_name().starts_with("google.protobuf.")) {
        for field in message.fields() {
            if let Kind::Message(used) = field.kind()
                && used.package_name() == "google.protobuf"
            {
                assert!(implemented.contains(&used.full_name().to_owned()), "{}", field.full_name());
            }
        }
    }
}

#[test]
fn fields_that_only_rest_has_carry_numbers_of_our_own() {
    let mut found: Vec<(String, String)> = pool()
        .all_messages()
        .filter(|m| public(m.full_name()))
        .flat_map(|m| m.fields().collect::<Vec<_>>())
        .filter(|f| f.number() >= OWN_NUMBERS_FROM)
        .map(|f| (f.parent_message().name().to_owned(), f.json_name().to_owned()))
        .collect();
    let mut expected = OWN_NUMBERS.map(|(message, field)| (message.to_owned(), field.to_owned()));
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}
