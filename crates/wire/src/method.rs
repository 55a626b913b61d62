//! The table of methods: every RPC with its HTTP bindings, read from the options in `proto/`.

use std::sync::LazyLock;

use prost_reflect::{DynamicMessage, MethodDescriptor, Value};

use crate::{
    descriptors::pool,
    schema::{MessageType, schema},
    template::Template,
};

/// One RPC.
#[derive(Debug)]
pub struct Method {
    /// Full name of the service, such as `google.cloud.dataproc.v1.SessionController`.
    pub service: String,
    /// Name of the RPC, such as `CreateSession`.
    pub name: String,
    /// Path of a gRPC call, such as `/google.cloud.dataproc.v1.SessionController/CreateSession`.
    pub path: String,
    /// Type of the request.
    pub input: &'static MessageType,
    /// Type of the response.
    pub output: &'static MessageType,
    /// Whether it answers with any number of messages.
    pub streams: bool,
    /// Ways to reach it over HTTP, the canonical one first; none if it is gRPC only.
    pub bindings: Vec<Binding>,
}

/// The service that only REST has: the numbers of its messages are not public.
const REST_ONLY: &str = "google.cloud.dataproc.v1.SessionSparkApplicationController";

/// One way to reach a method over HTTP.
#[derive(Debug)]
pub struct Binding {
    /// HTTP method in capitals.
    pub http_method: String,
    /// Path template.
    pub template: Template,
    /// What is read from the body.
    pub body: Body,
}

/// What is read from the body of an HTTP request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Nothing; a body is ignored.
    None,
    /// The request itself.
    Whole,
    /// This field of the request, in snake_case.
    Field(String),
}

/// Every method of `proto/`, built at first use.
pub fn methods() -> &'static [Method] {
    static METHODS: LazyLock<Vec<Method>> = LazyLock::new(|| {
        let services: Vec<_> = pool().services().collect();
        services.iter().flat_map(|service| service.methods()).map(|m| Method::of(&m)).collect()
    });
    &METHODS
}

/// The method behind the path of a gRPC call.
pub fn method(path: &str) -> Option<&'static Method> {
    methods().iter().find(|method| method.path == path)
}

impl Method {
    /// Whether it is served over REST alone, and its messages have no binary form for others.
    pub fn rest_only(&self) -> bool {
        self.service == REST_ONLY
    }

    fn of(method: &MethodDescriptor) -> Self {
        let of_type =
            |name: &str| schema().message(name).expect("the schema holds every message of the pool");
        let service = method.parent_service().full_name().to_owned();
        let rule = pool().get_extension_by_name("google.api.http").and_then(|extension| {
            let options = method.options();
            options.has_extension(&extension).then(|| options.get_extension(&extension).into_owned())
        });
        let bindings = match &rule {
            Some(Value::Message(rule)) => bindings(rule),
            _ => Vec::new(),
        };
        Self {
            path: format!("/{service}/{}", method.name()),
            service,
            name: method.name().to_owned(),
            input: of_type(method.input().full_name()),
            output: of_type(method.output().full_name()),
            streams: method.is_server_streaming(),
            bindings,
        }
    }
}

/// The binding of a rule and of those it carries.
fn bindings(rule: &DynamicMessage) -> Vec<Binding> {
    let mut found = Vec::from_iter(binding(rule));
    if let Some(more) = rule.get_field_by_name("additional_bindings") {
        let more = more.as_list().unwrap_or_default();
        found.extend(more.iter().filter_map(Value::as_message).filter_map(binding));
    }
    found
}

fn binding(rule: &DynamicMessage) -> Option<Binding> {
    let text = |name| rule.get_field_by_name(name).and_then(|value| value.as_str().map(str::to_owned));
    let (http_method, template) = ["get", "put", "post", "delete", "patch"]
        .into_iter()
        .find(|name| rule.has_field_by_name(name))
        .and_then(|name| Some((name.to_uppercase(), text(name)?)))?;
    let body = match text("body").as_deref() {
        None | Some("") => Body::None,
        Some("*") => Body::Whole,
        Some(field) => Body::Field(field.to_owned()),
    };
    let template = Template::parse(&template).expect("a test parses every template of proto/");
    Some(Binding { http_method, template, body })
}
