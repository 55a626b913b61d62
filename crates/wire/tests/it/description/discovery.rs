//! The discovery document, as Google's own clients read it.

use hearth_wire::method::{Binding, Body, Method, methods};
use hearth_wire::template::Template;
use prost_reflect::{Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::comments::Api;
use super::openapi::expanded;
use super::{behaves, of_field, query_fields};

/// The scope that every method takes.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

pub(super) fn document(api: &Api) -> Value {
    let mut resources = json!({});
    let mut messages = Vec::new();
    for method in methods() {
        for binding in method.bindings.iter().filter(|binding| binding.template.as_str().starts_with("/v1/"))
        {
            add(api, method, binding, &mut resources, &mut messages);
        }
    }
    json!({
        "kind": "discovery#restDescription",
        "discoveryVersion": "v1",
        "id": "dataproc:v1",
        "name": "dataproc",
        "canonicalName": "Dataproc",
        "version": "v1",
        "title": "Dataproc API, as Hearth serves it",
        "description": "Interactive sessions of Spark.",
        "protocol": "rest",
        "rootUrl": "{root}",
        "servicePath": "",
        "baseUrl": "{root}",
        "basePath": "",
        "batchPath": "batch",
        "auth": { "oauth2": { "scopes": { SCOPE: { "description": "See and manage sessions." } } } },
        "parameters": parameters(),
        "resources": resources,
        "schemas": schemas(api, messages),
    })
}

/// The path with a variable for each free segment, named after its collection.
pub(super) fn flat_path(template: &Template) -> String {
    let mut literal = String::new();
    let pattern = expanded(template);
    let segments =
        pattern.trim_start_matches('/').split('/').map(|segment| match segment.strip_prefix('*') {
            Some(verb) => format!("{{{literal}Id}}{verb}"),
            None => {
                literal = segment.to_owned();
                segment.to_owned()
            }
        });
    segments.collect::<Vec<_>>().join("/")
}

/// Puts one binding in its place among the resources.
fn add(
    api: &Api,
    method: &Method,
    binding: &Binding,
    resources: &mut Value,
    messages: &mut Vec<MessageDescriptor>,
) {
    let service = api.pool.get_service_by_name(&method.service).unwrap();
    let rpc = service.methods().find(|rpc| rpc.name() == method.name).unwrap();
    let pattern = expanded(&binding.template);
    let (pattern, verb) = pattern.split_once(':').unwrap_or((&pattern, ""));
    let chain: Vec<&str> = pattern.split('/').filter(|part| !["", "v1", "*"].contains(part)).collect();
    let name = match (verb, binding.http_method.as_str(), pattern.ends_with('*')) {
        ("", "GET", true) => "get",
        ("", "GET", false) => "list",
        ("", "POST", _) => "create",
        ("", "PATCH", _) => "patch",
        ("", "DELETE", _) => "delete",
        (verb, ..) => verb,
    };
    let mut parameters = Map::new();
    let mut order = Vec::new();
    for variable in binding.template.variables() {
        let field = rpc.input().get_field_by_name(variable.split('.').next().unwrap()).unwrap();
        let inside = between(binding.template.as_str(), variable);
        let pattern = format!("^{}$", inside.replace('*', "[^/]+"));
        let text = api.comment(&field.parent_file(), field.path());
        let value = json!({ "type": "string", "location": "path", "required": true, "pattern": pattern, "description": text });
        parameters.insert(variable.to_owned(), value);
        order.push(variable.to_owned());
    }
    for field in query_fields(&rpc.input(), binding) {
        let mut value = of_field(&field, messages, of_kind);
        value["location"] = json!("query");
        value["description"] = json!(api.comment(&field.parent_file(), field.path()));
        parameters.insert(field.json_name().to_owned(), value);
    }
    let mut described = json!({
        "id": format!("dataproc.{}.{name}", chain.join(".")),
        "path": reserved(binding.template.as_str()),
        "flatPath": flat_path(&binding.template),
        "httpMethod": binding.http_method,
        "description": api.comment(&rpc.parent_file(), rpc.path()),
        "parameters": parameters,
        "parameterOrder": order,
        "response": reference(&rpc.output(), messages),
        "scopes": [SCOPE],
    });
    let body = match &binding.body {
        Body::None => None,
        Body::Whole => Some(rpc.input()),
        Body::Field(name) => rpc.input().get_field_by_name(name).and_then(|f| f.kind().as_message().cloned()),
    };
    if let Some(body) = body {
        described["request"] = reference(&body, messages);
    }
    let place = chain.iter().enumerate().fold(resources, |place, (at, part)| {
        let inner = if at == 0 { place } else { &mut place["resources"] };
        if inner.is_null() {
            *inner = json!({});
        }
        &mut inner[*part]
    });
    place["methods"][name] = described;
}

/// The pattern of a variable: `projects/*/locations/*` of `parent`.
fn between<'t>(template: &'t str, variable: &str) -> &'t str {
    let (_, rest) = template.split_once(&format!("{{{variable}=")).unwrap();
    rest.split_once('}').unwrap().0
}

/// `v1/{+parent}/sessions`.
fn reserved(template: &str) -> String {
    let mut path = String::new();
    for part in template.trim_start_matches('/').split_inclusive(['{', '}']) {
        match part.strip_suffix('}') {
            Some(variable) => path.push_str(&format!("+{}}}", variable.split('=').next().unwrap())),
            None => path.push_str(part),
        }
    }
    path
}

fn parameters() -> Value {
    let text =
        |description: &str| json!({ "type": "string", "location": "query", "description": description });
    let mut alt = text("Form of the answer.");
    alt["enum"] = json!(["json", "media", "proto"]);
    alt["enumDescriptions"] = json!(["JSON", "The same here", "The binary message"]);
    alt["default"] = json!("json");
    let mut format = text("Form of errors.");
    format["enum"] = json!(["1", "2"]);
    format["enumDescriptions"] = json!(["With the older list", "Without it"]);
    let pretty = json!({
        "type": "boolean", "location": "query", "default": "true", "description": "Line ends and indentation.",
    });
    json!({
        "$.xgafv": format,
        "access_token": text("OAuth access token."),
        "alt": alt,
        "callback": text("Function that a script calls with the answer."),
        "fields": text("Members wanted in the answer."),
        "key": text("API key. It says which application calls, not who."),
        "oauth_token": text("OAuth 2.0 token of the user."),
        "prettyPrint": pretty,
        "quotaUser": text("Whom the request is counted for, at most 40 characters."),
        "upload_protocol": text("Accepted and ignored."),
        "uploadType": text("Accepted and ignored."),
    })
}

fn schemas(api: &Api, mut open: Vec<MessageDescriptor>) -> Value {
    let mut schemas: Map<String, Value> = Map::new();
    let mut made = Vec::new();
    while let Some(message) = open.pop() {
        if made.contains(&message) {
            continue;
        }
        let mut properties = Map::new();
        for field in message.fields() {
            let mut value = of_field(&field, &mut open, of_kind);
            value["description"] = json!(api.comment(&field.parent_file(), field.path()));
            if behaves(&field, "OUTPUT_ONLY") {
                value["readOnly"] = json!(true);
            }
            properties.insert(field.json_name().to_owned(), value);
        }
        let name = short(&message);
        let text = api.comment(&message.parent_file(), message.path());
        let value = json!({ "id": name, "type": "object", "description": text, "properties": properties });
        assert!(schemas.insert(name.clone(), value).is_none(), "two messages are called {name}");
        made.push(message);
    }
    Value::Object(schemas)
}

/// The name of a message without its package.
fn short(message: &MessageDescriptor) -> String {
    let name = message.full_name().strip_prefix(message.package_name()).unwrap_or(message.full_name());
    name.replace('.', "")
}

fn of_kind(kind: &Kind, messages: &mut Vec<MessageDescriptor>) -> Value {
    match kind {
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Double => json!({ "type": "number", "format": "double" }),
        Kind::Float => json!({ "type": "number", "format": "float" }),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => json!({ "type": "integer", "format": "int32" }),
        Kind::Uint32 | Kind::Fixed32 => json!({ "type": "integer", "format": "uint32" }),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => json!({ "type": "string", "format": "int64" }),
        Kind::Uint64 | Kind::Fixed64 => json!({ "type": "string", "format": "uint64" }),
        Kind::String => json!({ "type": "string" }),
        Kind::Bytes => json!({ "type": "string", "format": "byte" }),
        Kind::Enum(of) => {
            let names: Vec<String> = of.values().map(|value| value.name().to_owned()).collect();
            json!({ "type": "string", "enum": names })
        }
        Kind::Message(of) => match of.full_name() {
            "google.protobuf.Timestamp" => json!({ "type": "string", "format": "google-datetime" }),
            "google.protobuf.Duration" => json!({ "type": "string", "format": "google-duration" }),
            "google.protobuf.Any" => {
                json!({ "type": "object", "additionalProperties": { "type": "any", "description": "Properties of the message." } })
            }
            _ => reference(of, messages),
        },
    }
}

fn reference(of: &MessageDescriptor, messages: &mut Vec<MessageDescriptor>) -> Value {
    messages.push(of.clone());
    json!({ "$ref": short(of) })
}
