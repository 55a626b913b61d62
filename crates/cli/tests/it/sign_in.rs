//! Every kind of credential against a small issuer.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};

use crate::server::{Answer, Seen, Server, decode};
use crate::world::World;

const GET: [&str; 3] = ["projects", "locations-sessions-get", "projects/p/locations/l/sessions/s"];
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// A key made for this test and used nowhere else.
const KEY: &str = include_str!("../test-only-key.pem");

/// Answers `/token` with a token named after the grant, and everything else with `{}`.
fn issuer() -> Server {
    Server::new(|seen: &Seen| {
        if seen.path.starts_with("/computeMetadata") {
            let body = r#"{"access_token":"from-metadata","expires_in":3599,"token_type":"Bearer"}"#;
            return Answer::json(200, body).with("metadata-flavor", "Google");
        }
        if seen.path == "/impersonate" {
            return Answer::json(
                200,
                r#"{"accessToken":"impersonated","expireTime":"2099-01-01T00:00:00Z"}"#,
            );
        }
        if seen.path != "/token" {
            return Answer::json(200, "{}");
        }
        let form = seen.text();
        if form.contains("refused") {
            return Answer::json(400, r#"{"error":"invalid_grant","error_description":"no longer"}"#);
        }
        let kind =
            form.split('&').find_map(|pair| pair.strip_prefix("grant_type=")).map(decode).unwrap_or_default();
        let kind = kind.rsplit(':').next().unwrap_or("").replace('_', "-");
        Answer::json(200, json!({"access_token": format!("by-{kind}"), "expires_in": 3600}).to_string())
    })
}

/// The token that the API call carried, with the credential file `adc`.
fn token_with(server: &Server, adc: &Value) -> String {
    let mut world = World::new();
    let path = world.file("adc.json", &adc.to_string());
    world.file("subject", "the-subject\n");
    world.file("subject.json", r#"{"id_token": "json-subject"}"#);
    world.var("DATAPROC1_ENDPOINT", &server.url).var("GOOGLE_APPLICATION_CREDENTIALS", &path);
    let ran = world.run(&GET);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    bearer(server)
}

fn bearer(server: &Server) -> String {
    let seen = server.seen();
    let call = seen.iter().rev().find(|seen| seen.path.starts_with("/v1/")).expect("a call");
    call.header("authorization").and_then(|value| value.strip_prefix("Bearer ")).expect("a token").to_owned()
}

#[test]
fn a_service_account_key_signs_its_own_token_and_asks_nobody() {
    let server = issuer();
    let token = token_with(
        &server,
        &json!({
            "type": "service_account", "client_email": "etl@x", "private_key_id": "k1", "private_key": KEY,
            "token_uri": format!("{}/token", server.url), "universe_domain": "hearth.example",
        }),
    );
    assert_eq!(server.seen().len(), 1);
    let parts: Vec<&str> = token.split('.').collect();
    let part = |at: usize| URL_SAFE_NO_PAD.decode(parts[at]).expect("base64");
    let header: Value = serde_json::from_slice(&part(0)).expect("JSON");
    let claims: Value = serde_json::from_slice(&part(1)).expect("JSON");
    assert_eq!(header, json!({"alg": "RS256", "kid": "k1", "typ": "JWT"}));
    assert_eq!(
        (&claims["iss"], &claims["sub"], &claims["scope"]),
        (&json!("etl@x"), &json!("etl@x"), &json!(SCOPE))
    );
    let (from, to) = (claims["iat"].as_i64().expect("a time"), claims["exp"].as_i64().expect("a time"));
    assert_eq!(to - from, 3600);
    let der = ring::signature::RsaKeyPair::from_pkcs8(&pem(KEY)).expect("a key");
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der.public().as_ref().to_vec());
    public.verify(format!("{}.{}", parts[0], parts[1]).as_bytes(), &part(2)).expect("signed by the key");
}

fn pem(text: &str) -> Vec<u8> {
    let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    base64::engine::general_purpose::STANDARD.decode(body).expect("base64")
}

#[test]
fn a_token_from_elsewhere_is_exchanged() {
    let server = issuer();
    let source = |extra: Value| {
        json!({
            "type": "external_account", "audience": "hearth", "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": format!("{}/token", server.url), "credential_source": extra,
        })
    };
    assert_eq!(token_with(&server, &source(json!({"file": "subject"}))), "by-token-exchange");
    assert!(server.seen()[0].text().contains("subject_token=the-subject&"));
    let format = json!({"type": "json", "subject_token_field_name": "id_token"});
    let source = source(json!({"file": "subject.json", "format": format}));
    assert_eq!(token_with(&server, &source), "by-token-exchange");
    assert!(server.seen()[2].text().contains("subject_token=json-subject&"));
}

#[test]
fn refresh_tokens_go_where_the_file_says() {
    let server = issuer();
    let url = format!("{}/token", server.url);
    let user = json!({"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r", "token_uri": url});
    assert_eq!(token_with(&server, &user), "by-refresh-token");
    assert!(server.seen()[0].text().contains("client_secret=s"));
    let external = json!({
        "type": "external_account_authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r", "token_url": url,
    });
    assert_eq!(token_with(&server, &external), "by-refresh-token");
    assert_eq!(server.seen()[2].header("authorization"), Some("Basic Yzpz"));
    let valid = json!({"type": "authorized_user", "token": "in-the-file", "expiry": "2099-01-01T00:00:00Z"});
    assert_eq!(token_with(&server, &valid), "in-the-file");
}

#[test]
fn another_credential_may_ask_for_a_service_account() {
    let server = issuer();
    let impersonated = json!({
        "type": "impersonated_service_account",
        "service_account_impersonation_url": format!("{}/impersonate", server.url),
        "source_credentials": {"type": "authorized_user", "token": "source", "expiry": "2099-01-01T00:00:00Z"},
    });
    assert_eq!(token_with(&server, &impersonated), "impersonated");
    assert_eq!(server.seen()[0].header("authorization"), Some("Bearer source"));
}

#[test]
fn a_metadata_server_gives_a_token() {
    let server = issuer();
    let mut world = World::new();
    world
        .var("DATAPROC1_ENDPOINT", &server.url)
        .var("GCE_METADATA_HOST", server.url.trim_start_matches("http://"));
    assert_eq!(world.run(&GET).code, 0);
    assert_eq!(bearer(&server), "from-metadata");
    assert_eq!(server.seen()[0].header("metadata-flavor"), Some("Google"));
}

#[test]
fn tokens_in_hand_come_from_the_environment_or_a_file() {
    let server = issuer();
    let mut world = World::with_token(&server.url);
    world.file("tok", "filed\n");
    let ran = world.run(&[&["--access-token-file", "tok"], &GET[..]].concat());
    assert_eq!((ran.code, bearer(&server)), (0, "filed".to_owned()));
    world.var("DATAPROC1_ACCESS_TOKEN", "variable");
    assert_eq!(world.run(&GET).code, 0);
    assert_eq!(bearer(&server), "variable");
}

#[test]
fn a_stored_token_that_is_over_is_refreshed_and_kept() {
    let server = issuer();
    let world = World::with_token(&server.url);
    let tokens = json!([{"scopes": [SCOPE], "token": {
        "access_token": "old", "refresh_token": "r1", "expires_at": [2020, 60, 1, 2, 3, 0, 0, 0, 0], "id_token": null,
    }}]);
    world.file("home/.google-service-cli/dataproc1", &tokens.to_string());
    let client = json!({"installed": {
        "client_id": "c", "client_secret": "s", "auth_uri": "https://x/auth", "token_uri": format!("{}/token", server.url),
        "redirect_uris": ["http://localhost"],
    }});
    world.file("home/.google-service-cli/dataproc1-secret.json", &client.to_string());
    assert_eq!(world.run(&GET).code, 0);
    assert_eq!(bearer(&server), "by-refresh-token");
    let path = world.path("home/.google-service-cli/dataproc1");
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(&path).expect("there")).expect("JSON");
    assert_eq!(kept[0]["token"]["access_token"], "by-refresh-token");
    assert_eq!(kept[0]["token"]["refresh_token"], "r1");
    assert_eq!(kept[0]["token"]["expires_at"].as_array().map(Vec::len), Some(9));
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    let before = server.seen().len();
    assert_eq!(world.run(&GET).code, 0);
    assert_eq!(server.seen().len(), before + 1);
    // `logout` forgets it.
    assert_eq!(world.run(&["logout"]).code, 0);
    assert!(!path.exists());
}

#[test]
fn a_refusal_of_the_issuer_is_told_without_the_secret() {
    let server = issuer();
    let mut world = World::new();
    let adc = json!({"type": "authorized_user", "client_id": "c", "client_secret": "hush", "refresh_token": "refused",
        "token_uri": format!("{}/token", server.url)});
    let path = world.file("adc.json", &adc.to_string());
    world.var("DATAPROC1_ENDPOINT", &server.url);
    let ran = world.run(&[&["--debug", "--exit-codes=detailed", "--credentials", &path], &GET[..]].concat());
    assert_eq!(ran.code, 5);
    assert!(
        ran.stderr.contains("Token retrieval failed:") && ran.stderr.contains("invalid_grant: no longer"),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains("hush") && !ran.stderr.contains("refresh_token=refused"), "{}", ran.stderr);
}

#[test]
fn secrets_do_not_leave_this_machine_in_the_clear() {
    let mut world = World::new();
    let adc = json!({"type": "authorized_user", "refresh_token": "r", "token_uri": "http://192.0.2.1/token"});
    let path = world.file("adc.json", &adc.to_string());
    world.var("DATAPROC1_ENDPOINT", "http://127.0.0.1:9");
    let ran = world.run(&[&["--credentials", &path], &GET[..]].concat());
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("use https"), "{}", ran.stderr);
}

#[test]
fn without_any_sign_in_the_program_says_so_instead_of_waiting() {
    let mut world = World::new();
    world.var("DATAPROC1_ENDPOINT", "http://127.0.0.1:9").var("NO_GCE_CHECK", "true");
    let ran = world.run(&GET);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("there is no sign-in for this call") && ran.stderr.contains("hint:"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_browser_sign_in_uses_pkce_and_state_and_keeps_the_token() {
    let server = issuer();
    let world = World::new();
    let client = json!({"installed": {
        "client_id": "c", "client_secret": "s", "auth_uri": "https://x/auth", "token_uri": format!("{}/token", server.url),
    }});
    world.file("home/.google-service-cli/dataproc1-secret.json", &client.to_string());
    let mut command = world.command(&["login", "--login-timeout", "30s"]);
    let mut child = command.stderr(Stdio::piped()).spawn().expect("started");
    let mut said = BufReader::new(child.stderr.take().expect("piped"));
    let mut line = String::new();
    said.read_line(&mut line).expect("a prompt");
    let url =
        line.split(' ').find(|word| word.starts_with("https://x/auth?")).expect("an address").to_owned();
    let get = |name: &str| {
        let query = url.split_once('?').expect("a query").1;
        query
            .split('&')
            .find_map(|pair| pair.strip_prefix(&format!("{name}=")))
            .map(decode)
            .unwrap_or_default()
    };
    let host = get("redirect_uri").replace("http://", "");
    let visit = |query: &str| {
        let mut stream = TcpStream::connect(&host).expect("the program listens");
        write!(stream, "GET /?{query} HTTP/1.1\r\nhost: {host}\r\n\r\n").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    };
    assert!(visit("code=stolen&state=wrong").starts_with("HTTP/1.1 404"));
    assert!(
        visit(&format!("code=4%2Fgood&state={}", get("state"))).contains("You may now close this window.")
    );
    assert!(child.wait().expect("ended").success());
    let form = server.seen()[0].text();
    let verifier = form.split('&').find_map(|pair| pair.strip_prefix("code_verifier=")).expect("PKCE");
    assert_eq!(
        get("code_challenge"),
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()))
    );
    assert!(form.contains("code=4%2Fgood&") && get("code_challenge_method") == "S256", "{form}");
    let kept = std::fs::read_to_string(world.path("home/.google-service-cli/dataproc1")).expect("kept");
    assert!(kept.contains("by-authorization-code"), "{kept}");
}

#[test]
fn a_browser_sign_in_ends_by_itself() {
    let world = World::new();
    let client = json!({"installed": {"client_id": "c", "client_secret": "s", "auth_uri": "https://x", "token_uri": "https://y"}});
    world.file("home/.google-service-cli/dataproc1-secret.json", &client.to_string());
    let ran = world.run(&["login", "--login-timeout", "1ms"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("nobody signed in"), "{}", ran.stderr);
}
