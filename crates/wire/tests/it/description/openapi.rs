//! OpenAPI 3.1.

use hearth_wire::method::{Body, methods};
use hearth_wire::template::Template;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::comments::Api;
use super::{behaves, of_field, query_fields};

pub(super) fn document(api: &Api) -> Value {
    let mut paths = Map::new();
    let mut messages = Vec::new();
    for method in methods() {
        for (at, binding) in method.bindings.iter().enumerate() {
            let (path, variables) = path(&binding.template);
            let service = api.pool.get_service_by_name(&method.service).unwrap();
            let rpc = service.methods().find(|rpc| rpc.name() == method.name).unwrap();
            let mut parameters: Vec<Value> = variables.iter().map(|name| variable(name)).collect();
            parameters
                .extend(query_fields(&rpc.input(), binding).map(|field| query(api, &field, &mut messages)));
            parameters.extend(SYSTEM.iter().map(|(name, _, _)| reference("parameters", name)));
            let more = if at == 0 { String::new() } else { format!("_{at}") };
            let schema = message(&rpc.output(), &mut messages);
            let content = if rpc.is_server_streaming() {
                // Each message an event.
                json!({ "text/event-stream": { "schema": schema } })
            } else {
                json!({
                    "application/json": { "schema": schema },
                    "application/x-protobuf": { "schema": {} },
                })
            };
            let mut operation = json!({
                "operationId": format!("{}{more}", method.name),
                "description": api.comment(&rpc.parent_file(), rpc.path()),
                "tags": [service.name()],
                "parameters": parameters,
                "responses": {
                    "200": {
                        "description": "What was asked for.",
                        "content": content,
                    },
                    "414": { "description": "The address has more than 65,534 bytes. There is no body." },
                    "default": reference("responses", "Error"),
                },
            });
            let body = match &binding.body {
                Body::None => None,
                Body::Whole => Some(rpc.input()),
                Body::Field(name) => rpc.input().get_field_by_name(name).map(|field| match field.kind() {
                    Kind::Message(message) => message,
                    other => panic!("a body of {other:?}"),
                }),
            };
            if let Some(body) = body {
                let schema = message(&body, &mut messages);
                operation["requestBody"] = json!({ "content": { "application/json": { "schema": schema } } });
            }
            let item = paths.entry(path).or_insert_with(|| json!({}));
            item[binding.http_method.to_lowercase()] = operation;
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Dataproc API, as Hearth serves it",
            "version": "v1",
            "description": "Interactive sessions of Spark. Members of a request may also be written in snake_case.",
        },
        "servers": [{ "url": "/" }],
        "security": [{ "bearer": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer" } },
            "parameters": system(),
            "responses": {
                "Error": {
                    "description": "What went wrong.",
                    "content": {
                        "application/json": { "schema": reference("schemas", "Error") },
                    },
                },
            },
            "schemas": schemas(api, messages),
        },
    })
}

/// Parameters of every method: name, schema, meaning. Left out are `callback`, with which an error is a success, and
/// tokens, which belong in a header.
const SYSTEM: [(&str, &str, &str); 7] = [
    ("alt", r#"{"type": "string", "enum": ["json", "media", "proto"]}"#, "Form of the answer."),
    ("fields", r#"{"type": "string", "maxLength": 8192}"#, "Members wanted in the answer."),
    ("key", r#"{"type": "string"}"#, "API key. It says which application calls, not who."),
    ("prettyPrint", r#"{"type": "boolean"}"#, "Answers with line ends and indentation."),
    ("quotaUser", r#"{"type": "string", "maxLength": 40}"#, "Whom the request is counted for."),
    ("uploadType", r#"{"type": "string"}"#, "Accepted and ignored."),
    ("$.xgafv", r#"{"type": "string", "enum": ["1", "2"]}"#, "Form of errors."),
];

fn system() -> Value {
    let parameter = |(name, schema, description): &(&str, &str, &str)| {
        let schema: Value = serde_json::from_str(schema).unwrap();
        let value = json!({ "name": name, "in": "query", "description": description, "schema": schema });
        ((*name).to_owned(), value)
    };
    Value::Object(SYSTEM.iter().map(parameter).collect())
}

/// The path with a variable for each free segment, and the names of those.
pub(super) fn path(template: &Template) -> (String, Vec<String>) {
    let mut names = Vec::new();
    let mut literal = String::new();
    let pattern = expanded(template);
    let segments: Vec<String> = pattern
        .split('/')
        .map(|segment| match segment.strip_prefix('*') {
            Some(verb) => {
                let name = singular(&literal);
                names.push(name.clone());
                format!("{{{name}}}{verb}")
            }
            None => {
                literal = segment.to_owned();
                segment.to_owned()
            }
        })
        .collect();
    (segments.join("/"), names)
}

/// The template without its variables: `/v1/projects/*/locations/*/sessions`.
pub(super) fn expanded(template: &Template) -> String {
    let mut pattern = String::new();
    for part in template.as_str().split_inclusive(['{', '}']) {
        match part.strip_suffix('}') {
            Some(variable) => pattern.push_str(variable.split_once('=').map_or("*", |(_, inside)| inside)),
            None => pattern.push_str(part.strip_suffix('{').unwrap_or(part)),
        }
    }
    pattern
}

fn singular(collection: &str) -> String {
    collection
        .strip_suffix("es")
        .filter(|stem| stem.ends_with("tch"))
        .or(collection.strip_suffix('s'))
        .unwrap_or(collection)
        .to_owned()
}

fn variable(name: &str) -> Value {
    json!({
        "name": name,
        "in": "path",
        "required": true,
        "schema": { "type": "string", "minLength": 1, "pattern": "^[^/]+$" },
    })
}

fn query(api: &Api, field: &FieldDescriptor, messages: &mut Vec<MessageDescriptor>) -> Value {
    json!({
        "name": field.json_name(),
        "in": "query",
        "description": api.comment(&field.parent_file(), field.path()),
        "schema": of_field(field, messages, of_kind),
    })
}

/// The schemas of messages and of all that they hold.
fn schemas(api: &Api, mut open: Vec<MessageDescriptor>) -> Value {
    let mut schemas = Map::new();
    schemas.insert("Error".to_owned(), error());
    while let Some(message) = open.pop() {
        if schemas.contains_key(message.full_name()) {
            continue;
        }
        let mut properties = Map::new();
        for field in message.fields() {
            let mut schema = of_field(&field, &mut open, of_kind);
            let text = api.comment(&field.parent_file(), field.path());
            if !text.is_empty() {
                schema["description"] = json!(text);
            }
            if behaves(&field, "OUTPUT_ONLY") {
                schema["readOnly"] = json!(true);
            }
            properties.insert(field.json_name().to_owned(), schema);
        }
        let schema = json!({
            "type": "object",
            "description": api.comment(&message.parent_file(), message.path()),
            "properties": properties,
            "additionalProperties": false,
        });
        schemas.insert(message.full_name().to_owned(), schema);
    }
    Value::Object(schemas)
}

fn error() -> Value {
    json!({
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["code", "message", "status"],
                "properties": {
                    "code": { "type": "integer" },
                    "message": { "type": "string" },
                    "status": { "type": "string" },
                    "errors": { "type": "array", "items": { "type": "object" } },
                    "details": { "type": "array", "items": { "type": "object", "required": ["@type"] } },
                },
                "additionalProperties": false,
            },
        },
        "additionalProperties": false,
    })
}

fn of_kind(kind: &Kind, messages: &mut Vec<MessageDescriptor>) -> Value {
    match kind {
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Double | Kind::Float => json!({ "type": "number" }),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
            json!({ "type": "integer", "format": "int32", "minimum": i32::MIN, "maximum": i32::MAX })
        }
        Kind::Uint32 | Kind::Fixed32 => json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX }),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 | Kind::Uint64 | Kind::Fixed64 => {
            json!({ "type": "string", "format": "int64", "pattern": "^-?[0-9]{1,18}$" })
        }
        Kind::String => json!({ "type": "string" }),
        Kind::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
        Kind::Enum(of) => {
            let names: Vec<String> = of.values().map(|value| value.name().to_owned()).collect();
            json!({ "type": "string", "enum": names })
        }
        Kind::Message(of) => message(of, messages),
    }
}

fn message(of: &MessageDescriptor, messages: &mut Vec<MessageDescriptor>) -> Value {
    match of.full_name() {
        "google.protobuf.Timestamp" => json!({ "type": "string", "format": "date-time" }),
        "google.protobuf.Duration" => {
            json!({ "type": "string", "pattern": "^-?[0-9]{1,12}(\\.[0-9]{1,9})?s$" })
        }
        "google.protobuf.Any" => {
            json!({ "type": "object", "properties": { "@type": { "type": "string" } }, "required": ["@type"] })
        }
        name => {
            messages.push(of.clone());
            reference("schemas", name)
        }
    }
}

fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}
