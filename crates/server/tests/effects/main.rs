//! What the fields of a session do, with real engines. `cargo xtask test` installs what these need.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod additions;
mod index;
mod output;
mod packages;
mod properties;

use std::path::{Path, PathBuf};

use hearth_testkit::{PARENT, Python, TestServer, connect_session};
use serde_json::Value;

/// The service.
const HEARTH: &str = env!("CARGO_BIN_EXE_hearth");

/// A script of a client, beside the tests.
fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/effects/scripts").join(name)
}

/// Asks for a session with this runtime configuration and labels.
fn create(server: &TestServer, id: &str, runtime_config: &Value, labels: &Value) {
    let mut body = connect_session(id);
    body["runtimeConfig"] = runtime_config.clone();
    body["labels"] = labels.clone();
    server.rest().post(&format!("/v1/{PARENT}/sessions?sessionId={id}"), &body).ok();
}

/// What a script prints that is given the session's address and these words.
fn says(server: &TestServer, session: &Value, name: &str, words: &[&str]) -> String {
    let uuid = session["uuid"].as_str().unwrap();
    // To the name `localhost` a client sends its token without TLS.
    let remote = format!("sc://localhost:{}/;token={};session_id={uuid}", server.port(), server.token());
    let mut arguments = vec![remote.as_str()];
    arguments.extend(words);
    Python::client("pyspark-4.2").run(&script(name), &arguments).succeeded()
}
