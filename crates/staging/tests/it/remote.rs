//! In servers that speak as S3 does. Cloud Storage speaks the same over its XML API, but for how a request is signed: there
//! is no server for tests that has all of that API, so what is sent to Cloud Storage is sent to this one, without a token.

use std::collections::BTreeMap;
use std::error::Error;

use hearth_control::world::Staging;
use hearth_staging::{ObjectStaging, OpenError};
use hearth_testkit::ObjectServer;

use crate::{keeps_and_removes, owner, place};

fn google(server: &ObjectServer) -> [(String, String); 2] {
    // An account that asks nobody for a token.
    let account = r#"{"private_key": "", "private_key_id": "", "client_email": "", "disable_oauth": true}"#;
    [("GOOGLE_BASE_URL", server.address()), ("GOOGLE_SERVICE_ACCOUNT_KEY", account)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
}

fn chain(error: &dyn Error) -> String {
    let (mut told, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        told.push_str(&format!(": {error}"));
        cause = error.source();
    }
    told
}

#[tokio::test]
async fn s3_keeps_and_removes_under_the_prefix_of_the_address() {
    let mut server = ObjectServer::start(&["acme-staging"]);
    let staging = ObjectStaging::at("s3://acme-staging/hearth/", server.environment()).unwrap();
    assert_eq!(staging.places().of(""), "s3://acme-staging/hearth");
    keeps_and_removes(&staging, "").await;
    staging.keep_output(owner(""), 0, vec![b'x'; 3 << 20]).await.unwrap();
    assert_eq!(server.keys("acme-staging"), format!("[\"hearth/{}/driveroutput.000000000\"]", place()));
    staging.remove(owner("")).await.unwrap();
    let findings = staging.check().await;
    assert!(findings.iter().all(|(_, tried)| tried.is_ok()), "{findings:?}");
    assert_eq!(server.keys("acme-staging"), "[]", "nothing is left behind");
}

#[tokio::test]
async fn cloud_storage_keeps_and_removes_in_the_bucket_of_each_session() {
    // Without dashes: they come percent-encoded, and this server takes that for a part of the bucket's name.
    let mut server = ObjectServer::start(&["acmestaging", "teamred"]);
    let staging = ObjectStaging::at("gs://acmestaging/hearth", google(&server)).unwrap();
    keeps_and_removes(&staging, "").await;
    keeps_and_removes(&staging, "teamred").await;
    staging.keep_diagnostics(owner("teamred"), b"x".to_vec()).await.unwrap();
    assert_eq!(server.keys("teamred"), format!("[\"{}/diagnostics.tar.gz\"]", place()));
    assert_eq!(server.keys("acmestaging"), "[]");
}

#[tokio::test]
async fn a_bucket_can_be_in_another_kind_of_store() {
    let mut server = ObjectServer::start(&["acme-staging", "blue"]);
    let options = server.environment().into_iter().chain(google(&server));
    let buckets = BTreeMap::from([("team-blue".to_owned(), "s3://blue/sessions".to_owned())]);
    let staging = ObjectStaging::at("gs://acme-staging", options).unwrap().with_buckets(&buckets).unwrap();
    staging.keep_diagnostics(owner("team-blue"), b"x".to_vec()).await.unwrap();
    assert_eq!(server.keys("blue"), format!("[\"sessions/{}/diagnostics.tar.gz\"]", place()));
}

#[tokio::test]
async fn what_a_store_refuses_is_told_with_its_address() {
    let server = ObjectServer::start(&["there"]);
    let staging = ObjectStaging::at("s3://not-there/x", server.environment()).unwrap();
    let refused = staging.keep_diagnostics(owner(""), b"x".to_vec()).await.unwrap_err();
    let told = chain(&refused);
    assert!(told.starts_with("could not keep diagnostics of a session in \"s3://not-there/x\""), "{told}");
    assert!(told.contains("NoSuchBucket"), "{told}");
    let findings = staging.check().await;
    assert!(findings[0].1.is_err() && findings[0].0 == "s3://not-there/x", "{findings:?}");
}

#[test]
fn options_that_cannot_be_right_are_told_at_the_start() {
    let nowhere = [("GOOGLE_APPLICATION_CREDENTIALS".to_owned(), "/nowhere.json".to_owned())];
    let refused = ObjectStaging::at("gs://acme-staging", nowhere).unwrap_err();
    assert!(
        matches!(&refused, OpenError::Unsupported { uri, .. } if uri == "gs://acme-staging"),
        "{refused}"
    );
    assert!(chain(&refused).contains("/nowhere.json"), "{}", chain(&refused));
}
