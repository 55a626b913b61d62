//! All methods: each is called with every parameter and every field that can be written, and the request is
//! compared with what the description of the API (`api/surface.json`) says it should be.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::server::Server;
use crate::world::World;

/// Structures below this depth are left out: some refer to themselves, and a command line has an end.
const DEPTH: usize = 4;

fn surface() -> Value {
    serde_json::from_str(include_str!("../../api/surface.json")).expect("JSON")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

/// The naming rule, written down a second time with other means than the generator's.
fn flag(name: &str) -> String {
    let spaced: String = name
        .chars()
        .map(|c| if c.is_ascii_uppercase() { format!("\u{1}{c}") } else { c.to_string() })
        .collect();
    spaced
        .trim_start_matches('\u{1}')
        .replace(['.', '_'], "-")
        .replace("-\u{1}", "-")
        .replace('\u{1}', "-")
        .to_ascii_lowercase()
}

/// A word's value and the JSON that it has to become.
fn sample(shape: &Value) -> Option<(String, Value)> {
    if let Some(values) = shape["enum"].as_array() {
        let last = text(values.last()?);
        return Some((last.to_owned(), json!(last)));
    }
    let pair = match (shape["type"].as_str()?, shape["format"].as_str()) {
        ("boolean", _) => ("true", json!(true)),
        ("integer", _) => ("7", json!(7)),
        ("number", _) => ("0.25", json!(0.25)),
        ("string", None) => ("some text", json!("some text")),
        ("string", Some("int64")) => ("+0042", json!("42")),
        ("string", Some("google-datetime")) => ("2026-02-03T06:05:06+02:00", json!("2026-02-03T04:05:06Z")),
        ("string", Some("google-duration")) => ("20m", json!("1200s")),
        ("string", Some("google-fieldmask")) => ("a.b_c,d", json!("a.bC,d")),
        ("string", Some("byte")) => ("_-8", json!("/+8=")),
        _ => return None,
    };
    Some((pair.0.to_owned(), pair.1))
}

/// Words for every field of a structure, and the JSON they make.
fn body(surface: &Value, name: &str, path: &str, depth: usize, words: &mut Vec<String>) -> Value {
    let mut out = Map::new();
    for (json_name, shape) in surface["schemas"][name]["fields"].as_object().expect("fields") {
        let at = format!("{path}.{}", flag(json_name));
        if let Some(value) = field(surface, shape, &at, depth, words) {
            out.insert(json_name.clone(), value);
        }
    }
    Value::Object(out)
}

fn field(surface: &Value, shape: &Value, at: &str, depth: usize, words: &mut Vec<String>) -> Option<Value> {
    if let Some(inner) = shape["ref"].as_str() {
        if depth == DEPTH {
            words.push(format!("{at}:={{}}"));
            return Some(json!({}));
        }
        let before = words.len();
        let value = body(surface, inner, at, depth + 1, words);
        if before == words.len() {
            // A structure without fields is set by the cursor alone.
            words.push(at.to_owned());
        }
        return Some(value);
    }
    if !shape["map"].is_null() {
        let Some((word, value)) = sample(&shape["map"]) else {
            words.push(format!("{at}=some.key={{}}"));
            return Some(json!({"some.key": {}}));
        };
        words.push(format!("{at}=some.key={word}"));
        return Some(json!({"some.key": value}));
    }
    if shape["items"].is_object() {
        if shape["items"]["ref"].is_string() {
            words.push(format!("{at}.+"));
            return Some(Value::Array(vec![field(
                surface,
                &shape["items"],
                &format!("{at}.last"),
                depth,
                words,
            )?]));
        }
        let Some((word, value)) = sample(&shape["items"]) else {
            words.push(format!("{at}:=[]"));
            return Some(json!([]));
        };
        words.push(format!("{at}={word}"));
        words.push(format!("{at}={word}"));
        return Some(json!([value, value]));
    }
    let (word, value) = sample(shape)?;
    words.push(format!("{at}={word}"));
    Some(value)
}

#[test]
fn every_method_sends_the_request_that_the_description_of_the_api_defines() {
    let surface = surface();
    let server = Server::fixed(200, "{}");
    let world = World::with_token(&server.url);
    let mut count = 0;
    for method in surface["methods"].as_array().expect("methods") {
        let id = text(&method["id"]);
        let command = flag(id.strip_prefix("dataproc.projects.").expect("below projects"));
        let mut words = vec!["--quiet".to_owned(), "projects".to_owned(), command];
        let mut path = format!("/{}", text(&method["path"]));
        for param in method["pathParams"].as_array().expect("parameters") {
            let name = text(&param["name"]);
            let value = match param["pattern"].as_str() {
                Some(pattern) => pattern.trim_matches(['^', '$']).replace("[^/]+", "x-1"),
                None => "x-1".to_owned(),
            };
            path = path.replace(&format!("{{+{name}}}"), &value).replace(&format!("{{{name}}}"), &value);
            words.push(value);
        }
        let mut wanted = BTreeSet::from([("alt".to_owned(), "json".to_owned())]);
        words.push("-p".to_owned());
        for param in method["queryParams"].as_array().expect("parameters") {
            let (word, value) = sample(param).expect("a value for every type of parameter");
            words.push(format!("{}={word}", flag(text(&param["name"]))));
            let sent = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            wanted.insert((text(&param["name"]).to_owned(), sent));
        }
        words.push("fields=name".to_owned());
        wanted.insert(("fields".to_owned(), "name".to_owned()));
        let body = method["request"].as_str().map(|name| {
            words.push("-r".to_owned());
            words.push(".".to_owned());
            body(&surface, name, "", 0, &mut words)
        });
        let before = server.seen().len();
        let ran = world.run(&words.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!((ran.code, ran.stderr.as_str(), ran.stdout.as_str()), (0, "", "{}"), "{id}");
        let seen = server.seen().split_off(before);
        let [request] = seen.as_slice() else { panic!("{id}: {} requests", seen.len()) };
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            (text(&method["httpMethod"]), path.as_str()),
            "{id}"
        );
        assert_eq!(request.query.iter().cloned().collect::<BTreeSet<_>>(), wanted, "{id}");
        match body {
            Some(body) => assert_eq!(request.json(), body, "{id}"),
            None => assert!(request.body.is_empty(), "{id}"),
        }
        count += 1;
    }
    assert_eq!(count, 136);
}

#[test]
fn the_table_of_methods_in_the_guide_is_the_table_of_the_program() {
    let surface = surface();
    let mut lines: Vec<String> = Vec::new();
    for method in surface["methods"].as_array().expect("methods") {
        let names = |key: &str| -> Vec<String> {
            method[key].as_array().expect("a list").iter().map(|param| flag(text(&param["name"]))).collect()
        };
        let positionals: Vec<String> = names("pathParams").iter().map(|name| format!("`<{name}>`")).collect();
        let params = names("queryParams").join(", ");
        lines.push(format!(
            "| `{}` | {} | `{} {}` | {} | {} |",
            flag(text(&method["id"]).strip_prefix("dataproc.projects.").expect("below projects")),
            positionals.join(" "),
            text(&method["httpMethod"]),
            text(&method["path"]),
            method["request"].as_str().unwrap_or("–"),
            if params.is_empty() { "–" } else { &params },
        ));
    }
    lines.sort();
    let mut page = String::from(
        "# The 136 methods\n\nEach line is exercised by `crates/cli/tests/it/methods.rs`: the program is run with every \
         parameter and every field\nthat can be written, and its request is compared with the description of the API.\n\n\
         | subcommand of `projects` | positionals | request | `-r` body | `-p` parameters of its own |\n|---|---|---|---|---|\n",
    );
    for line in lines {
        let _ = writeln!(page, "{line}");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli/methods.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).expect("written");
    }
    let present = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(present == page, "docs/cli/methods.md is stale; run the test with UPDATE_DOCS=1");
}
