//! `hearth.v1`: archives of diagnostics, over REST and gRPC alike. Engines are scripts that die.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hearth_client::{Client, ErrorKind};
use hearth_testkit::{PARENT, ScriptedRuntime, TestServer, connect_session, eventually, unpacked};
use serde_json::{Value, json};

use crate::{HEARTH, server};

/// What must be in no archive.
const PLANTED: &str = "Zq8PlantedSecret";

fn path(id: &str, verb: &str) -> String {
    format!("/hearth/v1/{PARENT}/sessions/{id}:{verb}")
}

fn client(server: &TestServer) -> Client {
    Client::connect(&format!("http://{}", server.address()), Some(server.token())).unwrap()
}

/// Waits until the archive of a session that has failed was written.
fn diagnosed(server: &TestServer, id: &str) -> Value {
    eventually(&format!("{id} has failed and is diagnosed"), || {
        let session = server.session(id).json;
        let there = session["runtimeInfo"].get("diagnosticOutputUri").is_some();
        if there && session["state"] == "FAILED" { Ok(session) } else { Err(session) }
    })
}

/// The archive read over REST, in parts of this many bytes.
fn over_rest(server: &TestServer, id: &str, limit: usize) -> Vec<u8> {
    let mut archive = Vec::new();
    loop {
        let part = format!("{}?offset={}&limit={limit}", path(id, "diagnostics"), archive.len());
        let part = server.rest().get(&part).ok();
        let content = BASE64_STANDARD.decode(part["content"].as_str().unwrap_or_default()).unwrap();
        assert!(content.len() <= limit);
        archive.extend(content);
        assert_eq!(part["nextOffset"], archive.len().to_string());
        if part["finished"] == json!(true) {
            return archive;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_engine_dies_has_an_archive_without_its_secrets_until_it_is_deleted() {
    let script = format!(
        "echo \"connecting as admin with $DB_PASSWORD\"\necho 'url jdbc:postgresql://me:{PLANTED}2@db/x'\n\
         echo 'X-Api-Key: {PLANTED}3'\necho 'the disk is on fire' >&2\nexit 3"
    );
    let runtime = ScriptedRuntime::install(HEARTH, &script);
    let server = runtime.options(HEARTH).start();
    let mut body = connect_session("dies");
    body["runtimeConfig"] = json!({"properties": {"spark.dataproc.driverEnv.DB_PASSWORD": PLANTED}});
    server.rest().post(&format!("/v1/{PARENT}/sessions?sessionId=dies"), &body).ok();
    let session = diagnosed(&server, "dies");
    let uri = session["runtimeInfo"]["diagnosticOutputUri"].as_str().unwrap();
    let file = uri.strip_prefix("file://").unwrap();
    assert!(file.ends_with("/diagnostics.tar.gz"), "{uri}");
    let kept = std::fs::read(file).unwrap();

    // As a machine that lost its engines' directory would find it.
    std::fs::remove_dir_all(server.engines_dir().join(session["uuid"].as_str().unwrap())).unwrap();
    assert_eq!(over_rest(&server, "dies", 1000), kept);
    let name = format!("{PARENT}/sessions/dies");
    assert_eq!(client(&server).diagnostics(&name).await.unwrap(), kept);
    let again = client(&server).diagnose(&name).await.unwrap();
    assert_eq!((again.output_uri.as_str(), usize::try_from(again.size).unwrap()), (uri, kept.len()));
    let asked = server.rest().post(&path("dies", "diagnose"), &json!({})).ok();
    assert_eq!((asked["outputUri"].as_str(), &asked["size"]), (Some(uri), &json!(kept.len().to_string())));
    assert_eq!(std::fs::read(file).unwrap(), kept, "there is nothing new to tell");

    let files = unpacked(&kept);
    for (name, content) in &files {
        assert!(!content.contains(PLANTED) && !content.contains(server.token()), "{name}:\n{content}");
    }
    let log = &files["engine.log"];
    assert!(log.contains("connecting as admin with (redacted)\n"), "{log}");
    assert!(log.contains("url jdbc:postgresql://(redacted)@db/x\nX-Api-Key: (redacted)\n"), "{log}");
    assert!(log.contains("the disk is on fire"), "{log}");
    let document = |name: &str| serde_json::from_str::<Value>(&files[name]).unwrap();
    let mut told = document("session.json");
    let property = "spark:spark.dataproc.driverEnv.DB_PASSWORD";
    assert_eq!(told["runtimeConfig"]["properties"][property], "(redacted)");
    // Everything else is as the API shows it.
    told["runtimeConfig"]["properties"][property] = json!(PLANTED);
    for (field, value) in session.as_object().unwrap() {
        // The message has the engine's last words, and with them its secrets.
        if !["runtimeInfo", "stateMessage"].contains(&field.as_str()) {
            assert_eq!(&told[field], value, "{field}");
        }
    }
    assert_eq!(document("operations.json")[0]["metadata"]["operationType"], "CREATE");
    assert_eq!(document("notices.json").as_array().unwrap().last().unwrap()["kind"], "failed");
    assert_eq!(document("timeline.json")["entries"][0]["step"], "accepted");
    let engine = document("engine.json");
    assert_eq!((&engine["seen"], &engine["status"]), (&json!("exited"), &json!("exit code 3")));
    let versions = document("versions.json");
    assert_eq!((&versions["hearth"], &versions["runtime"]), (&json!("0.1.0"), &json!("scripted-1")));
    assert!(versions["python"].as_str().is_some_and(|version| version.starts_with("3.")), "{versions}");
    assert!(files["why.txt"].contains("exit code 3") && files["README.txt"].contains("engine.log"));

    let operation = server.rest().delete(&format!("/v1/{name}")).ok();
    server.done(&operation);
    eventually(
        "nothing of it is kept",
        || if std::path::Path::new(file).exists() { Err(()) } else { Ok(()) },
    );
    server.rest().get(&path("dies", "diagnostics")).error(404, "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_lives_is_diagnosed_when_asked_for_and_anew_each_time() {
    let server = server();
    let session = server.active("lives");
    assert_eq!(session["runtimeInfo"].get("diagnosticOutputUri"), None, "{session:#}");
    let none = server.rest().get(&path("lives", "diagnostics")).error(404, "NOT_FOUND");
    assert!(none.contains("Diagnostics of session"), "{none}");
    let first = server.rest().post(&path("lives", "diagnose"), &json!({})).ok();
    let second = client(&server).diagnose(&format!("{PARENT}/sessions/lives")).await.unwrap();
    let shown = server.session("lives").ok();
    assert_eq!(shown["runtimeInfo"]["diagnosticOutputUri"], first["outputUri"]);
    assert_eq!(second.output_uri, first["outputUri"].as_str().unwrap());
    assert_eq!((&shown["state"], &shown["stateTime"]), (&json!("ACTIVE"), &session["stateTime"]));
    let files = unpacked(&over_rest(&server, "lives", 1 << 20));
    assert!(files["session.json"].contains("ACTIVE") && files["why.txt"].contains("is ACTIVE"));
}

#[test]
fn the_command_downloads_the_archive() {
    let server = server();
    server.active("fetched");
    let file = server.scratch().join("fetched.tar.gz");
    let name = format!("{PARENT}/sessions/fetched");
    let said = server.command(&["sessions", "diagnose", &name, "--out", file.to_str().unwrap()]).succeeded();
    assert_eq!(said, format!("{}\n", file.display()));
    assert!(unpacked(&std::fs::read(&file).unwrap()).contains_key("README.txt"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_alike_over_rest_and_grpc() {
    let server = server();
    server.rest().post(&path("nobody", "diagnose"), &json!({})).error(404, "NOT_FOUND");
    let nobody = client(&server).diagnose(&format!("{PARENT}/sessions/nobody")).await.unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::NotFound);
    let nothing = client(&server).diagnostics(&format!("{PARENT}/sessions/nobody")).await.unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::NotFound);
    server.active("there");
    let negative = server.rest().get(&format!("{}?offset=-1", path("there", "diagnostics")));
    assert!(negative.error(400, "INVALID_ARGUMENT").contains("offset"));
    server.rest().with_token(None).get(&path("there", "diagnostics")).error(401, "UNAUTHENTICATED");
}

#[test]
fn a_staging_store_that_cannot_be_written_is_told_and_keeps_no_session_from_its_end() {
    let runtime = ScriptedRuntime::install(HEARTH, "exit 3");
    let server = runtime.options(HEARTH).may_say("could not use its staging store").start();
    let staging = server.state_dir().join("staging");
    std::fs::remove_dir_all(&staging).unwrap();
    std::fs::write(&staging, "a file where a directory should be").unwrap();
    let done = server.done(&server.create("unkept").ok());
    assert!(done["error"]["message"].as_str().is_some_and(|text| text.contains("exit code 3")), "{done:#}");
    eventually("the failure to keep it is logged", || {
        let log = server.log();
        if log.contains("could not write diagnostics of the session") { Ok(()) } else { Err(log) }
    });
    let told = server.rest().post(&path("unkept", "diagnose"), &json!({})).error(503, "UNAVAILABLE");
    assert!(told.contains("staging store") && told.contains("hearth doctor"), "{told}");
    assert_eq!(server.session("unkept").ok()["state"], "FAILED");
    let operation = server.rest().delete(&format!("/v1/{PARENT}/sessions/unkept")).ok();
    assert!(server.done(&operation).get("error").is_none());
}
