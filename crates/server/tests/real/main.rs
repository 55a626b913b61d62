//! The service with real engines and the real clients, unmodified. `cargo xtask test` installs what these need.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod admission;
mod archive;
mod cluster;
mod crash;
mod daemon;
mod dataproc1;
mod diagnostics;
mod google;
mod history_server;
mod jars;
mod java;
mod jupyter;
mod metastore;
mod pools;
mod quickstart;
mod sail_cluster;
mod spark;
mod spark_data;
mod spark_jvm;
mod tpch;
mod usage;

use std::path::{Path, PathBuf};

use hearth_testkit::TestServer;
use serde_json::Value;

/// The service.
const HEARTH: &str = env!("CARGO_BIN_EXE_hearth");

/// A script of a client, beside the tests.
fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/scripts").join(name)
}

/// The browser of the machine.
fn chromium() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    let found = ["chromium", "chromium-browser", "google-chrome"].iter().find_map(|name| {
        std::env::split_paths(&path).map(|dir| dir.join(name)).find(|program| program.is_file())
    });
    found.expect("a Chromium on the PATH: install the package `chromium` of the system")
}

/// What a PySpark client connects to for the session of this uuid.
fn remote(server: &TestServer, uuid: &str) -> String {
    // To the name `localhost` a client sends its token without TLS.
    format!("sc://localhost:{}/;token={};session_id={uuid}", server.port(), server.token())
}

/// The uuid of a session's JSON.
fn uuid(session: &Value) -> String {
    session["uuid"].as_str().unwrap_or_else(|| panic!("no uuid: {session:#}")).to_owned()
}
