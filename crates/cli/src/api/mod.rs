//! The API as data: every method, parameter and structure, compiled in from `generated`.
//!
//! Nothing here knows words, files or the network.

#[rustfmt::skip]
mod generated;

/// Revision of the API description that the tables were made from, `YYYYMMDD`.
pub const REVISION: &str = generated::REVISION;

/// Where requests go when nothing else is chosen; ends in a slash.
pub const ROOT: &str = generated::ROOT;

/// The scope that every method accepts.
pub const CLOUD_PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";

/// HTTP method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Http {
    /// GET
    Get,
    /// POST
    Post,
    /// PUT
    Put,
    /// PATCH
    Patch,
    /// DELETE
    Delete,
}

impl Http {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// One method of the API.
#[derive(Debug)]
pub struct Method {
    /// Full id, `dataproc.projects.locations.sessions.create`.
    pub id: &'static str,
    /// Subcommand of `projects`, `locations-sessions-create`.
    pub command: &'static str,
    /// HTTP method.
    pub http: Http,
    /// Path template, `v1/{+parent}/sessions`.
    pub path: &'static str,
    /// Path parameters in the order they are given on the command line.
    pub positionals: &'static [Param],
    /// Query parameters of the method's own.
    pub query: &'static [Param],
    /// Structure of the body, as an index for [`schema_at`].
    pub request: Option<u16>,
    /// Structure of the answer.
    pub response: Option<u16>,
    /// Whether the read-only scope is enough.
    pub read_only_scope: bool,
    /// What it does, in one sentence.
    pub about: &'static str,
}

/// A path or query parameter.
#[derive(Debug)]
pub struct Param {
    /// Name on the wire.
    pub json: &'static str,
    /// Name on the command line.
    pub flag: &'static str,
    /// Type of the value.
    pub kind: Kind,
    /// Whether it may be given several times.
    pub repeated: bool,
    /// Whether the service wants it.
    pub required: bool,
    /// Pattern that a resource name has to match, only of the form `^word/[^/]+/…$`.
    pub pattern: Option<&'static str>,
    /// Default and maximum of a page size.
    pub page: Option<(u32, u32)>,
    /// Limits beyond the type.
    pub limit: Limit,
    /// What it means.
    pub about: &'static str,
    /// A value that could be given.
    pub example: &'static str,
}

/// A structure of the API.
#[derive(Debug)]
pub struct Schema {
    /// Name in the API description.
    pub name: &'static str,
    /// Groups of fields of which only one may be set, by JSON name.
    pub oneofs: &'static [&'static [&'static str]],
    /// Fields in alphabetical order.
    pub fields: &'static [Field],
}

/// A field of a structure.
#[derive(Debug)]
pub struct Field {
    /// Name in JSON.
    pub json: &'static str,
    /// Name on the command line.
    pub flag: &'static str,
    /// Type of the value.
    pub kind: Kind,
    /// Who sets it.
    pub rule: Rule,
    /// Whether the service asks not to use it any more.
    pub deprecated: bool,
    /// Limits beyond the type.
    pub limit: Limit,
    /// What it means.
    pub about: &'static str,
    /// A value that could be given.
    pub example: &'static str,
}

/// Who sets a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The caller may.
    Optional,
    /// The caller has to.
    Required,
    /// Only the service does; a caller's value is ignored.
    Output,
}

/// Type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// Text from a list; services may know more values than this program.
    Enum(&'static [&'static str]),
    /// `true` or `false`.
    Bool,
    /// 32-bit integer, a JSON number.
    Int32,
    /// 64-bit integer, a JSON string.
    Int64,
    /// Floating-point number.
    Number,
    /// RFC 3339 time.
    Timestamp,
    /// Seconds with the suffix `s`.
    Duration,
    /// Comma-separated field paths.
    Mask,
    /// Base64.
    Bytes,
    /// Free JSON.
    Any,
    /// A structure, as an index for [`schema_at`].
    Struct(u16),
    /// Several values.
    List(&'static Kind),
    /// Values by name.
    Map(&'static Kind),
}

/// Limits of a value beyond its type; breaking one is a note, or an error with `--strict`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// None known.
    None,
    /// A duration between these, in seconds, inclusive.
    Seconds(u64, u64),
    /// An integer between these, inclusive.
    Range(i64, i64),
    /// Fewest and most characters, and the class they are from (`a-z0-9-`; empty for any).
    Text(usize, usize, &'static str),
}

/// All methods, sorted by subcommand.
pub fn methods() -> &'static [Method] {
    generated::METHODS
}

/// Parameters that every method takes.
pub fn common_params() -> &'static [Param] {
    generated::COMMON
}

/// The method of a subcommand.
pub fn method(command: &str) -> Option<&'static Method> {
    generated::METHODS.iter().find(|method| method.command == command)
}

/// The structure at an index from this table.
pub fn schema_at(index: u16) -> &'static Schema {
    &generated::SCHEMAS[usize::from(index)]
}

/// The structure with this name, with any mix of cases and hyphens.
pub fn schema(name: &str) -> Option<&'static Schema> {
    let plain = |text: &str| text.replace(['-', '_'], "").to_ascii_lowercase();
    generated::SCHEMAS.iter().find(|schema| plain(schema.name) == plain(name))
}

impl Method {
    /// Structure of the body.
    pub fn body(&self) -> Option<&'static Schema> {
        self.request.map(schema_at)
    }

    /// Structure of the answer.
    pub fn answer(&self) -> Option<&'static Schema> {
        self.response.map(schema_at)
    }

    /// Whether the answer is a long-running operation.
    pub fn answers_operation(&self) -> bool {
        self.answer().is_some_and(|schema| schema.name == "Operation")
    }

    /// Whether the answer comes in pages.
    pub fn paged(&self) -> bool {
        self.query.iter().any(|param| param.json == "pageToken")
    }

    /// Whether a call without `-r` may send `{}`: actions such as terminate, but not resources.
    pub fn body_optional(&self) -> bool {
        self.body().is_some_and(|schema| {
            schema.name.ends_with("Request") && schema.fields.iter().all(|field| field.rule != Rule::Required)
        })
    }

    /// A query parameter by its name on the command line.
    pub fn query_param(&self, flag: &str) -> Option<&'static Param> {
        self.query.iter().chain(generated::COMMON).find(|param| param.flag == flag)
    }
}

impl Schema {
    /// A field by its name on the command line.
    pub fn field(&self, flag: &str) -> Option<&'static Field> {
        self.fields().iter().find(|field| field.flag == flag)
    }

    /// A field by any of its spellings: camel case, snake case, hyphens.
    pub fn field_any(&self, name: &str) -> Option<&'static Field> {
        let plain = name.replace('_', "-");
        self.fields().iter().find(|field| field.json == name || field.flag == plain)
    }

    fn fields(&self) -> &'static [Field] {
        self.fields
    }
}

impl Kind {
    /// What a person calls it.
    pub fn label(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Enum(_) => "one of a list".to_owned(),
            Self::Bool => "true or false".to_owned(),
            Self::Int32 => "integer (32 bits)".to_owned(),
            Self::Int64 => "integer (64 bits)".to_owned(),
            Self::Number => "number".to_owned(),
            Self::Timestamp => "time".to_owned(),
            Self::Duration => "duration".to_owned(),
            Self::Mask => "field paths".to_owned(),
            Self::Bytes => "bytes (base64)".to_owned(),
            Self::Any => "free JSON".to_owned(),
            Self::Struct(at) if schema_at(at).fields.is_empty() => "empty structure".to_owned(),
            Self::Struct(_) => "structure".to_owned(),
            Self::List(of) => format!("list of {}", of.plural()),
            Self::Map(of) => format!("map of {}", of.plural()),
        }
    }

    fn plural(self) -> String {
        match self {
            Self::Text => "texts".to_owned(),
            Self::Struct(_) => "structures".to_owned(),
            Self::Int32 | Self::Int64 => "integers".to_owned(),
            Self::Number => "numbers".to_owned(),
            Self::Enum(_) => "listed values".to_owned(),
            other => other.label(),
        }
    }

    /// The structure inside, also through a list or a map.
    pub fn inner_schema(self) -> Option<&'static Schema> {
        match self {
            Self::Struct(at) => Some(schema_at(at)),
            Self::List(of) | Self::Map(of) => of.inner_schema(),
            _ => None,
        }
    }
}
