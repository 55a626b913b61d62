//! Notebooks: kernels through the gateway, with Jupyter's own clients and with one of ours that looks closer.

mod away;
mod browser;
mod classic;
mod client;
mod gateway;
mod kernels;
mod lab;
mod scala;
mod spark;
mod warm;

use hearth_testkit::{PARENT, TestServer};
use serde_json::{Value, json};

/// The spec of the runtime that tests have.
const SPEC: &str = "hearth_sail";

/// Starts a kernel as a notebook does, and returns its id.
fn start(server: &TestServer) -> String {
    let answer = server.rest().post("/api/kernels", &json!({"name": SPEC}));
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json["id"].as_str().unwrap().to_owned()
}

/// The body of a session with a kernel.
fn jupyter_session(id: &str) -> Value {
    json!({"name": format!("{PARENT}/sessions/{id}"), "jupyterSession": {}})
}

/// Makes a session with a kernel and waits until it can be used.
fn session(server: &TestServer, id: &str) -> Value {
    server.rest().post(&format!("/v1/{PARENT}/sessions?sessionId={id}"), &jupyter_session(id)).ok();
    server.session_in(id, "ACTIVE")
}
