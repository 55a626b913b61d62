//! Google's client library for Python, unmodified: over REST on plain HTTP, and over gRPC on an insecure channel.

use hearth_testkit::{PARENT, Python, TestServer};

use crate::{HEARTH, script};

fn lives(transport: &str) {
    let server = TestServer::start(HEARTH);
    let arguments = [transport, server.address(), server.token(), PARENT];
    let said = Python::client("google").run(&script("google_session.py"), &arguments).succeeded();
    assert_eq!(
        said,
        "created ACTIVE CREATE\nlisted ['by-google']\nkernel refused\nagain refused\nterminated TERMINATED\n\
         deleted\nnot found\npassed\n"
    );
    server.nothing_left();
}

#[test]
fn a_session_lives_and_ends_over_rest_on_plain_http() {
    lives("rest");
}

#[test]
fn a_session_lives_and_ends_over_grpc_on_an_insecure_channel() {
    lives("grpc");
}
