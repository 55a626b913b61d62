//! The descriptions for machines: made here, kept in `crates/wire/description`, and compared with what is kept.

mod comments;
mod discovery;
mod openapi;

use std::collections::BTreeSet;
use std::path::Path;

use hearth_wire::method::methods;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, Value as ProtoValue};
use serde_json::{Value, json};

use self::comments::Api;

/// Compares a description with the one that is kept, or keeps it when `BLESS` is set.
fn compare(name: &str, made: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("description").join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, format!("{made:#}\n")).unwrap();
    }
    let kept: Value =
        serde_json::from_str(&std::fs::read_to_string(&path).unwrap_or_default()).unwrap_or_default();
    assert!(kept == *made, "{name} is not current: run `BLESS=1 cargo test -p hearth-wire description`");
}

#[test]
fn the_openapi_description_is_current() {
    compare("openapi.json", &openapi::document(&Api::load()));
}

#[test]
fn the_discovery_document_is_current() {
    compare("discovery.json", &discovery::document(&Api::load()));
}

#[test]
fn the_openapi_description_has_every_binding() {
    let document: Value = serde_json::from_str(hearth_wire::description::OPENAPI).unwrap();
    for method in methods() {
        for binding in &method.bindings {
            let path = openapi::path(&binding.template).0;
            let operation = &document["paths"][&path][binding.http_method.to_lowercase()];
            assert!(operation.is_object(), "{} {path}", binding.http_method);
        }
    }
    references(&document, &|name| document.pointer(name.strip_prefix('#').unwrap()).is_some());
}

#[test]
fn the_discovery_document_has_every_binding_of_the_api() {
    let text = hearth_wire::description::discovery("http://127.0.0.1:1/");
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["rootUrl"], "http://127.0.0.1:1/");
    let mut found = BTreeSet::new();
    collect(&document["resources"], &mut found);
    let bindings = methods().iter().flat_map(|method| &method.bindings);
    let wanted = bindings.filter(|binding| binding.template.as_str().starts_with("/v1/"));
    let wanted: BTreeSet<_> = wanted
        .map(|binding| (binding.http_method.clone(), discovery::flat_path(&binding.template)))
        .collect();
    assert_eq!(found, wanted);
    references(&document, &|name| document["schemas"].get(name).is_some());
}

/// Every method below these resources, by HTTP method and path.
fn collect(resources: &Value, found: &mut BTreeSet<(String, String)>) {
    for resource in resources.as_object().into_iter().flat_map(|map| map.values()) {
        for method in resource["methods"].as_object().into_iter().flat_map(|map| map.values()) {
            let text = |name: &str| method[name].as_str().unwrap().to_owned();
            found.insert((text("httpMethod"), text("flatPath")));
        }
        collect(&resource["resources"], found);
    }
}

/// Looks at every `$ref`.
fn references(value: &Value, exists: &dyn Fn(&str) -> bool) {
    match value {
        Value::Object(members) => {
            for (name, inner) in members {
                match inner.as_str() {
                    Some(target) if name == "$ref" => assert!(exists(target), "{target}"),
                    _ => references(inner, exists),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, exists)),
        _ => {}
    }
}

/// Fields of a request that an HTTP call gives in its query.
fn query_fields<'m>(
    input: &'m MessageDescriptor,
    binding: &'m hearth_wire::method::Binding,
) -> impl Iterator<Item = FieldDescriptor> + 'm {
    use hearth_wire::method::Body;
    let in_path: Vec<&str> = binding.template.variables().collect();
    input.fields().filter(move |field| {
        let in_body = match &binding.body {
            Body::None => false,
            Body::Whole => true,
            Body::Field(name) => name == field.name(),
        };
        !in_body && !in_path.contains(&field.name())
    })
}

/// Whether the description of a field says this of it, such as `OUTPUT_ONLY`.
fn behaves(field: &FieldDescriptor, word: &str) -> bool {
    let pool = field.parent_pool();
    let Some(extension) = pool.get_extension_by_name("google.api.field_behavior") else { return false };
    let behavior = pool.get_enum_by_name("google.api.FieldBehavior").unwrap();
    let wanted = behavior.get_value_by_name(word).unwrap().number();
    let options = field.options();
    let found = options.get_extension(&extension);
    found.as_list().unwrap_or_default().iter().any(|value| *value == ProtoValue::EnumNumber(wanted))
}

/// The schema of a field, whose values are described by `of_kind`. The messages that it leads to are added.
fn of_field(
    field: &FieldDescriptor,
    messages: &mut Vec<MessageDescriptor>,
    of_kind: fn(&Kind, &mut Vec<MessageDescriptor>) -> Value,
) -> Value {
    if field.is_map() {
        let Kind::Message(entry) = field.kind() else { unreachable!("a map's entries are messages") };
        let value = of_kind(&entry.map_entry_value_field().kind(), messages);
        return json!({ "type": "object", "additionalProperties": value });
    }
    let one = of_kind(&field.kind(), messages);
    if field.is_list() { json!({ "type": "array", "items": one }) } else { one }
}
