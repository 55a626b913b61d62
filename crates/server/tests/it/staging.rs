//! Staging stores elsewhere: in a server that speaks as S3 does, in buckets of sessions' own, and out of reach.

use std::process::Command;

use hearth_client::Client;
use hearth_testkit::{
    ObjectServer, PARENT, ScriptedRuntime, connect_session, eventually, run, runtimes_dir, unpacked,
};
use hearth_wire::dataproc::GetSessionRequest;
use hearth_wire::dataproc::session_controller_client::SessionControllerClient;
use serde_json::{Value, json};

use crate::HEARTH;
use crate::grpc::service;

/// Asks for a session that names a bucket, and waits until it has failed and is diagnosed.
fn fails(server: &hearth_testkit::TestServer, id: &str, bucket: &str) -> Value {
    let mut body = connect_session(id);
    body["environmentConfig"] = json!({"executionConfig": {"stagingBucket": bucket}});
    server.rest().post(&format!("/v1/{PARENT}/sessions?sessionId={id}"), &body).ok();
    eventually("it has failed and is diagnosed", || {
        let session = server.session(id).json;
        if session["runtimeInfo"].get("diagnosticOutputUri").is_some() { Ok(session) } else { Err(session) }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn things_of_sessions_are_in_s3_in_the_place_of_their_bucket() {
    let mut objects = ObjectServer::start(&["acme-staging", "blue"]);
    let runtime = ScriptedRuntime::install(HEARTH, "echo 'the disk is on fire'\nexit 3");
    let server = runtime
        .options(HEARTH)
        .environment(objects.environment())
        .set("staging.uri=s3://acme-staging/hearth")
        .set("staging.buckets=team-blue=s3://blue/sessions")
        .start();
    for (id, bucket, base, store) in [
        ("mapped", "team-blue", "s3://blue/sessions", "blue"),
        ("unmapped", "team-red", "s3://acme-staging/hearth", "acme-staging"),
    ] {
        let session = fails(&server, id, bucket);
        let uuid = session["uuid"].as_str().unwrap();
        let place = format!("google-cloud-dataproc-metainfo/{uuid}/jobs/srvls-session-{uuid}");
        let info = &session["runtimeInfo"];
        assert_eq!(info["outputUri"], format!("{base}/{place}/driveroutput"));
        assert_eq!(info["diagnosticOutputUri"], format!("{base}/{place}/diagnostics.tar.gz"));
        assert_eq!(session["environmentConfig"]["executionConfig"]["stagingBucket"], bucket);
        let name = format!("{PARENT}/sessions/{id}");
        let request = GetSessionRequest { name: name.clone() };
        let mut grpc = SessionControllerClient::new(service(&server, server.token()));
        let told = grpc.get_session(request).await.unwrap().into_inner().runtime_info.unwrap();
        assert_eq!(
            (json!(told.output_uri), json!(told.diagnostic_output_uri)),
            (info["outputUri"].clone(), info["diagnosticOutputUri"].clone())
        );
        let keys: Vec<String> = serde_json::from_str(&objects.keys(store)).unwrap();
        let prefix = base.split_once(store).unwrap().1.trim_start_matches('/');
        let kept = ["diagnostics.tar.gz", "driveroutput.000000000"];
        assert_eq!(keys, kept.map(|thing| format!("{prefix}/{place}/{thing}")));

        // As a machine that lost its engines' directory would find it.
        std::fs::remove_dir_all(server.engines_dir().join(uuid)).unwrap();
        let logs = server.command(&["sessions", "logs", &name]).succeeded();
        assert!(logs.contains("the disk is on fire"), "{logs}");
        let client = Client::connect(&format!("http://{}", server.address()), Some(server.token())).unwrap();
        let files = unpacked(&client.diagnostics(&name).await.unwrap());
        assert!(files["engine.log"].contains("the disk is on fire"));
        let operation = server.rest().delete(&format!("/v1/{name}")).ok();
        server.done(&operation);
        assert_eq!(objects.keys(store), "[]");
    }
}

/// What `hearth doctor` says with this configuration.
fn doctor(objects: &ObjectServer, settings: &[&str]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(HEARTH);
    command.arg("doctor").arg("--state-dir").arg(dir.path()).arg("--runtimes-dir").arg(runtimes_dir());
    settings.iter().for_each(|setting| {
        command.args(["--set", setting]);
    });
    command.env("XDG_CONFIG_HOME", dir.path()).envs(objects.environment());
    run(&mut command).stdout
}

#[test]
fn the_doctor_tries_every_staging_store_and_names_the_one_that_cannot_be_used() {
    let mut objects = ObjectServer::start(&["acme-staging"]);
    let uri = "staging.uri=s3://acme-staging/hearth";
    let said = doctor(&objects, &[uri]);
    assert!(said.contains("ok    the staging store s3://acme-staging/hearth can be written to"), "{said}");
    assert_eq!(objects.keys("acme-staging"), "[]", "what it wrote is gone");
    let said = doctor(&objects, &[uri, "staging.buckets=team-blue=s3://not-there"]);
    assert!(said.contains("ok    the staging store s3://acme-staging/hearth"), "{said}");
    assert!(
        said.contains("BAD   the staging store s3://not-there cannot be used: could not write"),
        "{said}"
    );
    assert!(said.contains("Check that s3://not-there exists"), "{said}");
}

#[test]
fn a_store_that_cannot_be_is_told_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(HEARTH);
    command.arg("serve").arg("--listen").arg("127.0.0.1:0").arg("--state-dir").arg(dir.path());
    command.args(["--set", "staging.uri=ftp://x/y"]).env("XDG_CONFIG_HOME", dir.path());
    let told = run(&mut command).failed();
    assert!(told.contains("ftp://x/y") && told.contains("file://, s3:// and gs://"), "{told}");
    assert!(told.contains("hint: Set `staging.uri`"), "{told}");
}
