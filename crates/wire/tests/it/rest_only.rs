//! Calls and messages that only REST has, against the public facts of REST.

use std::collections::BTreeMap;

use hearth_wire::{method::methods, pool};
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Value as Json, json};

pub(crate) const SERVICE: &str = "google.cloud.dataproc.v1.SessionSparkApplicationController";

/// What the client knows of REST.
fn surface() -> Json {
    serde_json::from_str(include_str!("../../../cli/api/surface.json")).unwrap()
}

/// The type of a field as the facts of REST have it, without what says how to read a text.
fn shape(field: &FieldDescriptor) -> Json {
    let one = |field: &FieldDescriptor| match field.kind() {
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Int32 => json!({"type": "integer", "format": "int32"}),
        Kind::Int64 => json!({"type": "string", "format": "int64"}),
        Kind::Double => json!({"type": "number", "format": "double"}),
        Kind::String => json!({"type": "string"}),
        Kind::Message(message) if message.full_name() == "google.protobuf.Timestamp" => {
            json!({"type": "string", "format": "google-datetime"})
        }
        Kind::Message(message) => json!({"ref": message.name()}),
        Kind::Enum(values) => {
            json!({"type": "string", "enum": values.values().map(|value| value.name().to_owned()).collect::<Vec<_>>()})
        }
        other => panic!("{other:?}"),
    };
    match field.kind() {
        Kind::Message(entry) if field.is_map() => json!({"map": one(&entry.map_entry_value_field())}),
        _ if field.is_list() => json!({"list": one(field)}),
        _ => one(field),
    }
}

/// The same of a fact.
fn fact_shape(fact: &Json) -> Json {
    let one = |fact: &Json| {
        let mut kept = serde_json::Map::new();
        for key in ["type", "format", "ref", "enum"] {
            if let Some(value) = fact.get(key).filter(|value| **value != "google-fieldmask") {
                kept.insert(key.to_owned(), value.clone());
            }
        }
        if kept.contains_key("ref") {
            kept.remove("type");
        }
        Json::Object(kept)
    };
    if let Some(of) = fact.get("map") {
        return json!({"map": one(of)});
    }
    let list = fact["type"] == "array" || fact["repeated"] == true;
    match (list, fact.get("items")) {
        (true, Some(items)) => json!({"list": one(items)}),
        (true, None) => {
            let mut inner = one(fact);
            if inner["type"] == "array" {
                inner.as_object_mut().unwrap().remove("type");
            }
            json!({"list": inner})
        }
        (false, _) => one(fact),
    }
}

fn shapes(message: &MessageDescriptor) -> BTreeMap<String, Json> {
    message.fields().map(|field| (field.json_name().to_owned(), shape(&field))).collect()
}

#[test]
fn every_call_for_spark_applications_is_as_the_facts_of_rest_say() {
    let surface = surface();
    let facts = surface["methods"].as_array().unwrap().iter();
    let facts: Vec<_> =
        facts.filter(|fact| fact["id"].as_str().unwrap().contains("sessions.sparkApplications.")).collect();
    let ours: Vec<_> = methods().iter().filter(|method| method.service == SERVICE).collect();
    assert_eq!((facts.len(), ours.len()), (23, 23));
    for fact in facts {
        let id = fact["id"].as_str().unwrap();
        let path = example(fact);
        let found = hearth_wire::router::find(fact["httpMethod"].as_str().unwrap(), &path)
            .unwrap_or_else(|| panic!("{id}: {path}"));
        assert_eq!(found.method.output.full_name().rsplit('.').next().unwrap(), fact["response"], "{id}");
        let input = pool().get_message_by_name(found.method.input.full_name()).unwrap();
        let mut parameters = shapes(&input);
        let in_path: Vec<_> = found.binding.template.variables().map(str::to_owned).collect();
        parameters.retain(|name, _| !in_path.contains(name));
        let wanted: BTreeMap<String, Json> = match fact["request"].as_str() {
            Some(request) => facts_of(&surface, request),
            None => fact["queryParams"]
                .as_array()
                .unwrap()
                .iter()
                .map(|parameter| (parameter["name"].as_str().unwrap().to_owned(), fact_shape(parameter)))
                .collect(),
        };
        assert_eq!(parameters, wanted, "{id}");
    }
}

/// A path of a call, with a value for each part that may vary.
fn example(fact: &Json) -> String {
    let variable = &fact["pathParams"][0];
    let pattern = variable["pattern"].as_str().unwrap();
    let value = pattern.trim_matches(['^', '$']).replace("[^/]+", "x");
    let name = variable["name"].as_str().unwrap();
    format!("/{}", fact["path"].as_str().unwrap().replace(&format!("{{+{name}}}"), &value))
}

fn facts_of(surface: &Json, schema: &str) -> BTreeMap<String, Json> {
    let fields = surface["schemas"][schema]["fields"].as_object().cloned().unwrap_or_default();
    fields.iter().map(|(name, fact)| (name.clone(), fact_shape(fact))).collect()
}

#[test]
fn every_record_of_spark_is_as_the_facts_of_rest_say() {
    let surface = surface();
    let files = ["spark_data", "spark_metrics"]
        .map(|name| pool().get_file_by_name(&format!("google/cloud/dataproc/v1/{name}.proto")).unwrap());
    let records = files.iter().flat_map(|file| file.messages());
    let answers = pool().get_file_by_name("google/cloud/dataproc/v1/spark_applications.proto").unwrap();
    let answers: Vec<_> = answers.messages().filter(|message| message.name().ends_with("Response")).collect();
    assert_eq!(answers.len(), 23);
    for message in records.chain(answers) {
        assert_eq!(shapes(&message), facts_of(&surface, message.name()), "{}", message.name());
    }
}

#[test]
fn reflection_shows_only_what_is_served_over_grpc() {
    let shown = prost_reflect::DescriptorPool::decode(hearth_wire::GRPC_DESCRIPTOR_SET).unwrap();
    assert!(shown.get_service_by_name(SERVICE).is_none());
    assert!(shown.get_service_by_name("google.cloud.dataproc.v1.SessionController").is_some());
    assert!(pool().get_service_by_name(SERVICE).is_some());
}
