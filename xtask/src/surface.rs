//! The method table of `dataproc1`: from the facts of the API to the Rust tables compiled into the program.
//!
//! Input, committed in `crates/cli/api/`: `surface.json` (methods, parameters, schemas; no prose),
//! `meanings.txt` (what each field means and its limits, in our words). Output: `crates/cli/src/api/generated.rs`.
//!
//! `xtask surface` writes the output, `--check` only compares it, and `--import SURFACE [PROTOFIELDS]` first
//! refreshes `surface.json` from full files of the API's facts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use serde_json::{Map, Value, json};

/// Runs the generator; `args` are the words after `surface`.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let mut check = false;
    let mut words = args.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--check" => check = true,
            "--import" => {
                let surface = words.next().context("--import needs the path of a surface file")?;
                import(Path::new(surface), words.next().map(Path::new))?;
            }
            other => bail!("unknown word \"{other}\"; known: --check, --import SURFACE [PROTOFIELDS]"),
        }
    }
    let target = crate_dir().join("src/api/generated.rs");
    let text = generate()?;
    if !check {
        return std::fs::write(&target, text)
            .with_context(|| format!("could not write {}", target.display()));
    }
    let present = std::fs::read_to_string(&target).unwrap_or_default();
    ensure!(present == text, "crates/cli/src/api/generated.rs is stale; run `cargo run -p xtask -- surface`");
    Ok(())
}

fn crate_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(if env!("CARGO_MANIFEST_DIR").ends_with("xtask") {
        "../crates/cli"
    } else {
        "."
    })
}

/// The whole of `generated.rs`, from the committed input.
pub(crate) fn generate() -> Result<String> {
    let dir = crate_dir().join("api");
    let surface: Value = serde_json::from_str(&read(&dir.join("surface.json"))?)?;
    let meanings = Meanings::parse(&read(&dir.join("meanings.txt"))?)?;
    Generator::new(&surface, meanings)?.whole()
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))
}

/// Reduces full facts to what the program uses and writes `surface.json`, one method or schema a line.
fn import(surface: &Path, protofields: Option<&Path>) -> Result<()> {
    let full: Value = serde_json::from_str(&read(surface)?)?;
    let mut schemas = full["schemas"].as_object().context("no schemas")?.clone();
    if let Some(path) = protofields {
        let proto: Value = serde_json::from_str(&read(path)?)?;
        for (name, message) in proto["messages"].as_object().context("no messages")? {
            let short = name.rsplit('.').next().unwrap_or(name);
            let mut choices: BTreeMap<String, Vec<Value>> = BTreeMap::new();
            for field in message["fields"].as_object().into_iter().flat_map(Map::values) {
                if let Some(choice) = field["oneof"].as_str() {
                    choices.entry(choice.to_owned()).or_default().push(field["jsonName"].clone());
                }
            }
            if let (Some(schema), false) = (schemas.get_mut(short), choices.is_empty()) {
                schema["oneofs"] = json!(choices.into_values().collect::<Vec<_>>());
            }
        }
    }
    let mut out = String::from("{\n");
    for key in ["api", "scopes", "commonParameters"] {
        let _ = writeln!(out, " \"{key}\": {},", full[key]);
    }
    out.push_str(" \"methods\": [\n");
    let methods = full["methods"].as_array().context("no methods")?;
    let lines: Vec<String> = methods
        .iter()
        .map(|method| {
            let mut kept = Map::new();
            for key in
                ["id", "httpMethod", "path", "pathParams", "queryParams", "request", "response", "scopes"]
            {
                kept.insert(key.to_owned(), method[key].clone());
            }
            format!("  {}", Value::Object(kept))
        })
        .collect();
    out.push_str(&lines.join(",\n"));
    out.push_str("\n ],\n \"schemas\": {\n");
    let lines: Vec<String> = schemas.iter().map(|(name, schema)| format!("  \"{name}\": {schema}")).collect();
    out.push_str(&lines.join(",\n"));
    out.push_str("\n }\n}\n");
    std::fs::write(crate_dir().join("api/surface.json"), out).context("could not write surface.json")
}

/// What a field means, and the limits that the facts do not hold.
#[derive(Clone, Default)]
struct Meaning {
    text: String,
    limit: String,
    example: String,
}

/// `meanings.txt`: `Schema.field [limit] text ~ example`; `*.field` is for every schema that has none of its own.
struct Meanings {
    lines: BTreeMap<String, Meaning>,
    used: BTreeSet<String>,
}

impl Meanings {
    fn parse(text: &str) -> Result<Self> {
        let mut lines = BTreeMap::new();
        for (number, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, rest) =
                line.split_once(' ').with_context(|| format!("meanings.txt line {}: no text", number + 1))?;
            let (limit, rest) = match rest.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
                Some((limit, rest)) => (limit, rest),
                None => ("", rest),
            };
            let (text, example) = rest.split_once(" ~ ").unwrap_or((rest, ""));
            let meaning = Meaning {
                text: text.trim().to_owned(),
                limit: limit.to_owned(),
                example: example.to_owned(),
            };
            ensure!(
                lines.insert(key.to_owned(), meaning).is_none(),
                "meanings.txt: \"{key}\" is there twice"
            );
        }
        Ok(Self { lines, used: BTreeSet::new() })
    }

    fn of(&mut self, owner: &str, field: &str) -> Meaning {
        for key in [format!("{owner}.{field}"), format!("*.{field}")] {
            if let Some(meaning) = self.lines.get(&key) {
                self.used.insert(key);
                return meaning.clone();
            }
        }
        Meaning::default()
    }
}

struct Generator<'a> {
    surface: &'a Value,
    index: BTreeMap<&'a str, usize>,
    meanings: Meanings,
}

impl<'a> Generator<'a> {
    fn new(surface: &'a Value, meanings: Meanings) -> Result<Self> {
        let schemas = surface["schemas"].as_object().context("no schemas")?;
        let index = schemas.keys().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
        Ok(Self { surface, index, meanings })
    }

    fn whole(mut self) -> Result<String> {
        let mut out = String::from(
            "// Generated by `cargo run -p xtask -- surface` from `crates/cli/api/`; do not edit.\n\n\
             use super::{Field, Http, Kind, Limit, Method, Param, Rule, Schema};\n",
        );
        let api = &self.surface["api"];
        let _ = writeln!(out, "\npub(super) const REVISION: &str = {};", quoted(text(&api["revision"])?));
        let _ = writeln!(out, "\npub(super) const ROOT: &str = {};", quoted(text(&api["rootUrl"])?));
        self.methods(&mut out)?;
        self.common(&mut out)?;
        self.schemas(&mut out)?;
        let unused: Vec<&String> =
            self.meanings.lines.keys().filter(|key| !self.meanings.used.contains(*key)).collect();
        ensure!(unused.is_empty(), "meanings.txt explains what does not exist: {unused:?}");
        Ok(out)
    }

    fn methods(&mut self, out: &mut String) -> Result<()> {
        out.push_str("\n#[rustfmt::skip]\npub(super) static METHODS: &[Method] = &[\n");
        let mut methods: Vec<(String, &Value)> = Vec::new();
        for method in self.surface["methods"].as_array().context("no methods")? {
            let id = text(&method["id"])?;
            let short = id.strip_prefix("dataproc.projects.").context("a method outside projects")?;
            methods.push((kebab(&short.replace('.', "-")), method));
        }
        methods.sort_by(|a, b| a.0.cmp(&b.0));
        for (command, method) in methods {
            let id = text(&method["id"])?;
            let scopes = method["scopes"].as_array().map_or(0, Vec::len);
            let verb = match text(&method["httpMethod"])? {
                "GET" => "Get",
                "POST" => "Post",
                "PUT" => "Put",
                "PATCH" => "Patch",
                "DELETE" => "Delete",
                other => bail!("unknown HTTP method {other}"),
            };
            let about = self.method_meaning(id);
            let _ = writeln!(
                out,
                "    Method {{ id: {}, command: {}, http: Http::{verb}, path: {}, request: {}, response: {}, \
                 read_only_scope: {}, about: {},",
                quoted(id),
                quoted(&command),
                quoted(text(&method["path"])?),
                self.reference(&method["request"])?,
                self.reference(&method["response"])?,
                scopes > 2,
                quoted(&about),
            );
            for (key, source) in [("positionals", "pathParams"), ("query", "queryParams")] {
                let _ = writeln!(out, "        {key}: &[");
                for param in method[source].as_array().into_iter().flatten() {
                    let _ = writeln!(out, "            {},", self.param(param)?);
                }
                out.push_str("        ],\n");
            }
            out.push_str("    },\n");
        }
        out.push_str("];\n");
        Ok(())
    }

    fn method_meaning(&mut self, id: &str) -> String {
        let short = id.trim_start_matches("dataproc.projects.");
        let bare = short.split_once('.').map_or(short, |(_, rest)| rest);
        let bare = bare
            .strip_prefix("batches.sparkApplications")
            .map_or_else(|| bare.to_owned(), |rest| format!("sessions.sparkApplications{rest}"));
        self.meanings.of("method", &bare).text
    }

    fn common(&mut self, out: &mut String) -> Result<()> {
        out.push_str("\n#[rustfmt::skip]\npub(super) static COMMON: &[Param] = &[\n");
        for param in self.surface["commonParameters"].as_array().context("no common parameters")? {
            // The original checks none of these, so they are text whatever the description says.
            let plain = json!({"name": param["name"], "type": "string"});
            let _ = writeln!(out, "    {},", self.param(&plain)?);
        }
        out.push_str("];\n");
        Ok(())
    }

    fn param(&mut self, param: &Value) -> Result<String> {
        let name = text(&param["name"])?;
        let meaning = self.meanings.of("param", name);
        let page = match (&param["pageSize"]["default"], &param["pageSize"]["max"]) {
            (Value::Number(default), Value::Number(max)) => format!("Some(({default}, {max}))"),
            _ => "None".to_owned(),
        };
        Ok(format!(
            "Param {{ json: {}, flag: {}, kind: {}, repeated: {}, required: {}, pattern: {}, page: {page}, limit: {}, about: {}, \
             example: {} }}",
            quoted(name),
            quoted(&kebab(name)),
            self.kind(param)?,
            param["repeated"].as_bool().unwrap_or(false),
            param["required"] == true
                || param["behavior"].as_array().is_some_and(|b| b.contains(&json!("REQUIRED"))),
            option(param["pattern"].as_str()),
            limit(&meaning.limit)?,
            quoted(&meaning.text),
            quoted(&meaning.example),
        ))
    }

    fn schemas(&mut self, out: &mut String) -> Result<()> {
        out.push_str("\n#[rustfmt::skip]\npub(super) static SCHEMAS: &[Schema] = &[\n");
        for (name, schema) in self.surface["schemas"].as_object().context("no schemas")? {
            let mut choices = String::new();
            for choice in schema["oneofs"].as_array().into_iter().flatten() {
                let members: Result<Vec<String>> =
                    choice.as_array().into_iter().flatten().map(|m| Ok(quoted(text(m)?))).collect();
                let _ = write!(choices, "&[{}], ", members?.join(", "));
            }
            let _ = writeln!(
                out,
                "    Schema {{ name: {}, oneofs: &[{}], fields: &[",
                quoted(name),
                choices.trim_end_matches(", ")
            );
            for (field, shape) in schema["fields"].as_object().into_iter().flatten() {
                let meaning = self.meanings.of(name, field);
                let made_up = phrase(field);
                let behavior: Vec<&str> =
                    shape["behavior"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                let rule = if shape["readOnly"].as_bool() == Some(true) || behavior.contains(&"OUTPUT_ONLY") {
                    "Output"
                } else if behavior.contains(&"REQUIRED") {
                    "Required"
                } else {
                    "Optional"
                };
                let old =
                    shape["deprecated"].as_bool().or(shape["deprecatedInProse"].as_bool()).unwrap_or(false);
                let _ = writeln!(
                    out,
                    "        Field {{ json: {}, flag: {}, kind: {}, rule: Rule::{rule}, deprecated: {old}, limit: {}, \
                     about: {}, example: {} }},",
                    quoted(field),
                    quoted(&kebab(field)),
                    self.kind(shape)?,
                    limit(&meaning.limit)?,
                    quoted(if meaning.text.is_empty() { &made_up } else { &meaning.text }),
                    quoted(&meaning.example),
                );
            }
            out.push_str("    ] },\n");
        }
        out.push_str("];\n");
        Ok(())
    }

    fn reference(&self, name: &Value) -> Result<String> {
        match name.as_str() {
            None => Ok("None".to_owned()),
            Some(name) => Ok(format!("Some({})", self.position(name)?)),
        }
    }

    fn position(&self, name: &str) -> Result<usize> {
        self.index.get(name).copied().ok_or_else(|| anyhow!("unknown schema {name}"))
    }

    fn kind(&self, shape: &Value) -> Result<String> {
        if let Some(name) = shape["ref"].as_str() {
            return Ok(format!("Kind::Struct({})", self.position(name)?));
        }
        if let Some(values) = shape["map"].as_object() {
            return Ok(format!("Kind::Map(&{})", self.kind(&Value::Object(values.clone()))?));
        }
        if let Some(values) = shape["enum"].as_array() {
            let names: Result<Vec<String>> = values.iter().map(|v| Ok(quoted(text(v)?))).collect();
            return Ok(format!("Kind::Enum(&[{}])", names?.join(", ")));
        }
        let kind = match (shape["type"].as_str().unwrap_or("any"), shape["format"].as_str()) {
            ("array", _) => return Ok(format!("Kind::List(&{})", self.kind(&shape["items"])?)),
            ("boolean", _) => "Bool",
            ("integer", _) => "Int32",
            ("number", _) => "Number",
            ("string", None) => "Text",
            ("string", Some("int64" | "uint64")) => "Int64",
            ("string", Some("google-datetime")) => "Timestamp",
            ("string", Some("google-duration")) => "Duration",
            ("string", Some("google-fieldmask")) => "Mask",
            ("string", Some("byte")) => "Bytes",
            ("any" | "object", _) => "Any",
            (other, format) => bail!("unknown type {other} {format:?}"),
        };
        Ok(format!("Kind::{kind}"))
    }
}

/// `600s..1209600s` (durations), `1..300` (integers) or `1-40 A-Za-z0-9_-` (characters and their class).
fn limit(written: &str) -> Result<String> {
    if written.is_empty() {
        return Ok("Limit::None".to_owned());
    }
    if let Some((low, high)) = written.split_once("..") {
        if let (Some(low), Some(high)) = (low.strip_suffix('s'), high.strip_suffix('s')) {
            return Ok(format!("Limit::Seconds({}, {})", low.parse::<u64>()?, high.parse::<u64>()?));
        }
        return Ok(format!("Limit::Range({}, {})", low.parse::<i64>()?, high.parse::<i64>()?));
    }
    let (lengths, class) = written.split_once(' ').unwrap_or((written, ""));
    let (low, high) = lengths.split_once('-').with_context(|| format!("bad limit \"{written}\""))?;
    Ok(format!("Limit::Text({}, {}, {})", low.parse::<usize>()?, high.parse::<usize>()?, quoted(class)))
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().with_context(|| format!("expected text, found {value}"))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn option(text: Option<&str>) -> String {
    text.map_or_else(|| "None".to_owned(), |text| format!("Some({})", quoted(text)))
}

/// A meaning made from a name, for the many counters of Spark's own: `numFailedTasks` → `number of failed tasks`.
fn phrase(name: &str) -> String {
    let dashed = kebab(name);
    let mut words: Vec<&str> = dashed.split('-').collect();
    let unit = match words.last().copied() {
        Some("millis" | "ms") => " in milliseconds",
        Some("nanos") => " in nanoseconds",
        Some("mb") => " in megabytes",
        _ => "",
    };
    if !unit.is_empty() {
        words.pop();
    }
    let lead = match words.first().copied() {
        Some("num") => "number of ",
        Some("is" | "has") => "whether it is or has ",
        _ => "",
    };
    if !lead.is_empty() {
        words.remove(0);
    }
    format!("{lead}{}{unit}", words.join(" "))
}

/// The original's two passes from camel case to hyphens, then lower case; dots become hyphens.
///
/// First before an upper-case letter that begins a lower-case run, then between a lower-case letter or digit
/// and an upper-case letter.
fn kebab(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (at, &c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| chars[at]);
        let starts_run = chars.get(at + 1).is_some_and(char::is_ascii_lowercase);
        let boundary = match before {
            Some(p) if p.is_ascii_lowercase() || p.is_ascii_digit() => true,
            Some(p) => starts_run && p != '-',
            None => false,
        };
        if c.is_ascii_uppercase() && boundary {
            out.push('-');
        }
        out.push(if c == '.' || c == '_' { '-' } else { c.to_ascii_lowercase() });
    }
    out
}
