//! The observed behavior of the original, case by case (`tests/cases.json`).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::server::{Answer, Server};
use crate::world::{Ran, TOKENS, World, wait};

#[test]
fn every_observed_case_of_the_original_holds() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../cases.json")).expect("JSON");
    let failures: Vec<String> = cases
        .iter()
        .flat_map(|case| judge(case).into_iter().map(move |why| format!("{}: {why}", text(&case["name"]))))
        .collect();
    assert!(failures.is_empty(), "{} of {} cases:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

fn judge(case: &Value) -> Vec<String> {
    let respond = &case["respond"];
    let answer = Answer {
        status: respond["status"].as_u64().map_or(200, |status| u16::try_from(status).expect("a status")),
        headers: vec![(
            "content-type".to_owned(),
            respond["content_type"].as_str().unwrap_or("application/json").to_owned(),
        )],
        body: respond["body"].as_str().unwrap_or("{}").to_owned(),
    };
    let server = Server::new(move |_| answer.clone());
    let mut world = World::new();
    let root = world.root();
    world.var("DATAPROC1_ENDPOINT", &server.url);
    if case["token"] != false {
        world.file("home/.google-service-cli/dataproc1", TOKENS);
    }
    for (name, content) in case["files"].as_object().into_iter().flatten() {
        world.file(name, text(content));
    }
    let words: Vec<String> = case["args"]
        .as_array()
        .expect("words")
        .iter()
        .map(|word| text(word).replace("@WORK@", &root))
        .collect();
    let mut command = world.command(&words.iter().map(String::as_str).collect::<Vec<_>>());
    for (name, value) in case["env"].as_object().into_iter().flatten() {
        match value.as_str() {
            Some(value) => command.env(name, value.replace("@WORK@", &root)),
            None => command.env_remove(name),
        };
    }
    let ran = wait(command);
    compare(case, &ran, &server, &world)
}

fn compare(case: &Value, ran: &Ran, server: &Server, world: &World) -> Vec<String> {
    let expect = &case["expect"];
    let mut wrong = Vec::new();
    if ran.code == 101 || ran.code < 0 {
        return vec![format!("crashed: {}", ran.stderr)];
    }
    if case["lenient"] == true {
        return wrong;
    }
    if i64::from(ran.code) != expect["exit"].as_i64().expect("a code") {
        wrong.push(format!("exit {} instead of {}: {}", ran.code, expect["exit"], ran.stderr));
    }
    let seen = server.seen();
    match expect["method"].as_str() {
        None if seen.is_empty() => {}
        None => wrong.push("a request was sent".to_owned()),
        Some(method) => match seen.as_slice() {
            [request] => {
                if request.method != method || request.path != text(&expect["path"]) {
                    wrong.push(format!("{} {}", request.method, request.path));
                }
                let query: BTreeMap<&str, &str> =
                    request.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                let wanted: BTreeMap<&str, &str> = expect["query"]
                    .as_object()
                    .expect("a query")
                    .iter()
                    .map(|(n, v)| (n.as_str(), text(v)))
                    .collect();
                if query != wanted || query.len() != request.query.len() {
                    wrong.push(format!("query {query:?}"));
                }
                match expect.get("body") {
                    None if request.body.is_empty() => {}
                    None => wrong.push(format!("a body: {}", request.text())),
                    Some(body) if request.json() == *body => {}
                    Some(_) => wrong.push(format!("body {}", request.json())),
                }
                let token = if case["token"] == false { None } else { Some("Bearer seeded-tok") };
                let wanted = expect.pointer("/headers/authorization").and_then(Value::as_str).or(token);
                if request.header("authorization") != wanted {
                    wrong.push(format!("authorization {:?}", request.header("authorization")));
                }
            }
            _ => wrong.push(format!("{} requests instead of one: {}", seen.len(), ran.stderr)),
        },
    }
    if let Some(parts) = expect["stderr_contains"].as_array() {
        for part in parts {
            let part = text(part).replace("@WORK@", &world.root());
            if !ran.stderr.contains(&part) {
                wrong.push(format!("standard error lacks {part:?}: {}", ran.stderr));
            }
        }
        if !ran.stdout.is_empty() {
            wrong.push(format!("standard output: {}", ran.stdout));
        }
    }
    if let Some(stdout) = expect["stdout"].as_str()
        && ran.stdout != stdout
    {
        wrong.push(format!("standard output {:?}", ran.stdout));
    }
    for (name, content) in expect["files"].as_object().into_iter().flatten() {
        let found = std::fs::read_to_string(world.path(name)).unwrap_or_default();
        if found != text(content) {
            wrong.push(format!("file {name}: {found:?}"));
        }
    }
    wrong
}
