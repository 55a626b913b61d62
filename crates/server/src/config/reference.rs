//! The reference page and the JSON schema, made from the table.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::model::Config;
use super::print::value;
use super::room::Limit;
use super::settings::{Kind, SETTINGS, Setting};
use super::source::Directories;
use super::units::{DURATION_UNITS, SIZE_UNITS, show_duration, show_size};

/// The page of every setting, for people.
///
/// It is kept as `docs/reference/configuration.md`; a test holds the two together.
pub(crate) fn reference_markdown() -> String {
    let mut page = INTRODUCTION.to_owned();
    let mut open = None;
    for setting in SETTINGS {
        let (section, _) = setting.path();
        if section != open {
            open = section;
            let _ = writeln!(page, "\n## Section `[{}]`", section.unwrap_or_default());
        }
        let _ = writeln!(page, "\n### `{}`\n\n{}\n", setting.key, setting.doc);
        let _ = writeln!(page, "| | |\n|---|---|\n| value | {} |", kind_text(&setting.kind));
        let default = default(setting).map_or_else(|| "not set".to_owned(), |value| format!("`{value}`"));
        let _ = writeln!(page, "| default | {default} |\n| variable | `{}` |", setting.variable());
        let flag = match setting.flag {
            Some(flag) => format!("`{flag}`"),
            None => format!("`--set {}=...`", setting.key),
        };
        let _ = writeln!(page, "| flag | {flag} |\n| since | {} |", setting.since);
    }
    page
}

/// The JSON schema (draft 2020-12) of a configuration file, for editors.
///
/// It is kept as `docs/reference/configuration.schema.json`; a test holds the two together.
pub(crate) fn json_schema() -> String {
    let mut root = Map::new();
    for setting in SETTINGS {
        let (section, name) = setting.path();
        let properties = match section {
            None => &mut root,
            Some(section) => {
                let empty = || json!({ "type": "object", "additionalProperties": false, "properties": {} });
                let entry = root.entry(section).or_insert_with(empty);
                entry["properties"].as_object_mut().expect("a section is made with an object of properties")
            }
        };
        properties.insert(name.to_owned(), setting_schema(setting));
    }
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of hearth serve",
        "type": "object",
        "additionalProperties": false,
        "properties": root,
    });
    format!("{schema:#}\n")
}

const INTRODUCTION: &str = "# Configuration

<!-- Generated from the table of settings. Change it there, then run `BLESS=1 cargo test -p hearth-server config`. -->

`hearth serve` takes its settings from four places. A later one overrides an earlier one:

1. defaults;
2. a TOML file: the one that `--config` names, else the one that `HEARTH_CONFIG` names, else
   `$XDG_CONFIG_HOME/hearth/config.toml` (`~/.config/hearth/config.toml`) if it is there;
3. variables of the environment: `HEARTH_` and the key in capitals, with `_` for `.` and `-`. An empty variable counts
   as not set;
4. flags. The common settings have their own, and `--set KEY=VALUE` takes every key.

`hearth serve --print-config` prints what holds and where each value came from. All errors of all places are
reported at once. A key that does not exist is an error in a file and in `--set`; a variable that starts with
`HEARTH_` and means nothing is warned about.

Durations and sizes carry their units: `\"30s\"`, `\"1h30m\"`, `\"14d\"`, `\"16MiB\"`. A list is a TOML array in a
file, and has commas between its items in a variable or a flag. Relative paths start at the working directory of the
server, and `~/` is the home directory.

For completion in an editor, write the schema to a file with `hearth serve --config-docs schema`, and name it in the
first line of the configuration: `#:schema ./configuration.schema.json`.

## Settings outside of sections
";

/// The default, where directories are named after the variables that they depend on.
fn default(setting: &Setting) -> Option<toml::Value> {
    let directories = Directories {
        state: Some(PathBuf::from("$XDG_STATE_HOME")),
        data: Some(PathBuf::from("$XDG_DATA_HOME")),
        ..Directories::default()
    };
    value(&setting.kind, &Config::defaults(&directories))
}

fn kind_text(kind: &Kind) -> String {
    match kind {
        Kind::Addresses(_) => "addresses (IP address and port), at least one, none twice".to_owned(),
        Kind::Directory(_) => "path of a directory".to_owned(),
        Kind::File(_) => "path of a file, or `\"\"` for none".to_owned(),
        Kind::Price(_) => "price, or `\"\"` for none".to_owned(),
        Kind::Authority(_) => "`host:port`, or `\"\"` for none".to_owned(),
        Kind::Uri(_) => "address, or `\"\"` for none".to_owned(),
        Kind::Runtime(_) => "version of a runtime".to_owned(),
        Kind::Segment(_) => "name, without slashes and spaces".to_owned(),
        Kind::Segments(_) => "names, without slashes and spaces".to_owned(),
        Kind::Masters(_) => "masters of Spark".to_owned(),
        Kind::Metastores(_) => "metastores, each `NAME=thrift://HOST:PORT` or `NAME=managed`".to_owned(),
        Kind::HistoryServers(_) => "history servers, each `NAME=EVENTS PAGES`".to_owned(),
        Kind::Origins(_) => "origins, `\"loopback\"` or `\"*\"`".to_owned(),
        Kind::Buckets(_) => "buckets, such as `\"team-blue=s3://acme-blue/sessions\"`".to_owned(),
        Kind::Pools(_) => "pools, such as `\"sail=0..2\"`".to_owned(),
        Kind::Filter(_) => "log directives".to_owned(),
        Kind::Duration(_, range) => {
            format!("duration from `{}` to `{}`", show_duration(*range.start()), show_duration(*range.end()))
        }
        Kind::Size(_, range) => {
            format!("size from `{}` to `{}`", show_size(*range.start()), show_size(*range.end()))
        }
        Kind::Memory(_) => format!("size, or {}", limit_words()),
        Kind::Cores(_) => format!("whole number, or {}", limit_words()),
        Kind::Count(_, range) => format!("whole number from {} to {}", range.start(), range.end()),
        Kind::Choice { words, .. } => {
            words.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(" or ")
        }
    }
}

fn limit_words() -> String {
    Limit::WORDS.map(|word| format!("`\"{word}\"`")).join(" or ")
}

fn setting_schema(setting: &Setting) -> Value {
    let list = |item: Value| {
        let array = json!({ "type": "array", "items": item });
        json!({ "oneOf": [item, array] })
    };
    let name = json!({ "type": "string", "pattern": "^[^/\\s]+$" });
    let mut schema = match &setting.kind {
        Kind::Addresses(_) => {
            list(json!({ "type": "string", "pattern": "^(\\[[^\\]]+\\]|[0-9.]+):[0-9]+$" }))
        }
        Kind::Segments(_) => list(name),
        Kind::Masters(_) => list(json!({ "type": "string", "pattern": "^(yarn|local.*|(spark|k8s)://.+)$" })),
        Kind::Metastores(_) => {
            list(json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]+=(managed|thrift://.+:[0-9]+)$" }))
        }
        Kind::HistoryServers(_) => {
            list(json!({ "type": "string", "pattern": r"^[A-Za-z0-9_-]+=[a-z0-9]+://\S+\s+https?://\S+$" }))
        }
        Kind::Origins(_) => {
            list(json!({ "type": "string", "pattern": "^(\\*|loopback|https?://[^/@\\s]+)$" }))
        }
        Kind::Buckets(_) => list(json!({ "type": "string", "pattern": "^[^=\\s]+=[a-z0-9]+://\\S+$" })),
        Kind::Pools(_) => list(json!({ "type": "string", "pattern": "^\\S+=[0-9]+(\\.\\.[0-9]+)?$" })),
        Kind::Segment(_) => name,
        Kind::Directory(_) | Kind::Runtime(_) => json!({ "type": "string", "minLength": 1 }),
        Kind::File(_) | Kind::Filter(_) => json!({ "type": "string" }),
        Kind::Authority(_) => json!({ "type": "string", "pattern": "^(|.+:[0-9]+)$" }),
        Kind::Price(_) => json!({ "type": "string", "pattern": r"^(|[0-9]+(\.[0-9]{1,6})? +[A-Z]{3})$" }),
        Kind::Uri(_) => json!({ "type": "string", "pattern": "^(|[a-z0-9]+://.+)$" }),
        Kind::Duration(..) => json!({ "type": "string", "pattern": units_pattern("+", &DURATION_UNITS) }),
        Kind::Size(..) => json!({ "type": "string", "pattern": units_pattern("", &SIZE_UNITS) }),
        Kind::Memory(_) => {
            let size = units_pattern("", &SIZE_UNITS);
            json!({ "oneOf": [{ "type": "string", "pattern": size }, { "enum": Limit::WORDS }] })
        }
        Kind::Cores(_) => json!({ "oneOf": [{ "type": "integer", "minimum": 0 }, { "enum": Limit::WORDS }] }),
        Kind::Count(_, range) => {
            json!({ "type": "integer", "minimum": range.start(), "maximum": range.end() })
        }
        Kind::Choice { words, .. } => json!({ "enum": words }),
    };
    schema["description"] = Value::from(setting.doc.replace('`', ""));
    // The default of a directory names a variable, which would be no value: editors offer what stands here.
    let default = if let Kind::Directory(_) = setting.kind { None } else { default(setting) };
    if let Some(default) = default {
        schema["default"] = match default {
            toml::Value::Array(items) => items.iter().filter_map(toml::Value::as_str).collect(),
            toml::Value::Integer(number) => Value::from(number),
            text => Value::from(text.as_str()),
        };
    }
    schema
}

fn units_pattern(repeated: &str, units: &[(&str, u64)]) -> String {
    let names: Vec<&str> = units.iter().map(|(name, _)| *name).collect();
    format!("^([0-9]+({})){repeated}$", names.join("|"))
}
