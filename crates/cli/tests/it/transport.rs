//! TLS, proxies, time limits, and completion of live names.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::server::{Answer, Server};
use crate::world::World;

const GET: [&str; 3] = ["projects", "locations-sessions-get", "projects/p/locations/l/sessions/s"];

/// A TLS server for `localhost` that answers everything with `{}`, and its authority's certificate.
fn tls_server() -> (String, String) {
    let mut params = CertificateParams::new(Vec::<String>::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let authority = params.self_signed(&key).expect("a certificate");
    let issuer = Issuer::new(params, key);
    let server_key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
    let certificate = params.signed_by(&server_key, &issuer).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::try_from(server_key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("a server");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("https://localhost:{}", listener.local_addr().expect("an address").port());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
            let mut stream = BufReader::new(StreamOwned::new(connection, stream));
            let mut line = String::from("x");
            // A client that does not trust us breaks off in the handshake.
            while !line.trim_end().is_empty() {
                line.clear();
                if stream.read_line(&mut line).is_err() {
                    break;
                }
            }
            let _ = stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
        }
    });
    (url, authority.pem())
}

#[test]
fn a_certificate_is_trusted_only_if_its_authority_is() {
    let (url, authority) = tls_server();
    let mut world = World::new();
    let file = world.file("authority.pem", &authority);
    world.var("DATAPROC1_ENDPOINT", &url).var("DATAPROC1_ACCESS_TOKEN", "t");
    let ran = world.run(&[&["--ca-file", &file], &GET[..]].concat());
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "{}"), "{}", ran.stderr);
    let ran = world.run(&[&["--exit-codes=detailed"], &GET[..]].concat());
    assert_eq!(ran.code, 12, "{}", ran.stderr);
    assert!(ran.stderr.contains("--ca-file"), "{}", ran.stderr);
    world.var("SSL_CERT_FILE", &file);
    assert_eq!(world.run(&GET).code, 0);
    let none = world.file("none.pem", "nothing");
    let ran = world.run(&[&["--ca-file", &none], &GET[..]].concat());
    assert!(ran.code == 3 && ran.stderr.contains("holds no certificate"), "{}", ran.stderr);
}

#[test]
fn a_proxy_is_used_for_other_machines_and_never_for_this_one() {
    let proxy = Server::new(|_| Answer::json(403, "{}"));
    let service = Server::fixed(200, "{}");
    let mut world = World::new();
    world
        .var("DATAPROC1_ACCESS_TOKEN", "hunter2")
        .var("HTTP_PROXY", &proxy.url)
        .var("HTTPS_PROXY", &proxy.url);
    assert_eq!(world.run(&[&["--endpoint", &service.url], &GET[..]].concat()).code, 0);
    assert!(proxy.seen().is_empty());
    let ran = world.run(&[&["--endpoint", "https://service.invalid"], &GET[..]].concat());
    assert_eq!(ran.code, 1);
    let seen = proxy.seen();
    assert_eq!((seen[0].method.as_str(), seen[0].path.as_str()), ("CONNECT", "service.invalid:443"));
    assert!(seen[0].headers.iter().all(|(_, value)| !value.contains("hunter2")));
}

#[test]
fn a_time_limit_ends_a_call_that_gets_no_answer() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", silent.local_addr().expect("an address"));
    let words = ["--timeout", "50ms", "--retries", "0", "--exit-codes", "detailed"];
    let ran = World::with_token(&url).run(&[&words[..], &GET[..]].concat());
    assert_eq!(ran.code, 13, "{}", ran.stderr);
    assert!(ran.stderr.contains("--timeout"), "{}", ran.stderr);
}

#[test]
fn a_redirection_is_not_followed() {
    let elsewhere = Server::fixed(200, "{}");
    let target = elsewhere.url.clone();
    let server = Server::new(move |_| Answer::json(302, "{}").with("location", &target));
    let ran = World::with_token(&server.url).run(&GET);
    assert_eq!((ran.code, elsewhere.seen().len()), (1, 0));
}

#[test]
fn completion_knows_the_names_of_a_service_on_this_machine() {
    let server = Server::fixed(200, r#"{"sessions":[{"name":"projects/p/locations/l/sessions/etl-1"}]}"#);
    let world = World::with_token(&server.url);
    let words = ["__complete", "projects", "locations-sessions-get", "projects/p/locations/l/sessions/e"];
    assert_eq!(world.run(&words).stdout, "projects/p/locations/l/sessions/etl-1\t\n");
    assert_eq!(server.seen()[0].path, "/v1/projects/p/locations/l/sessions");
}
