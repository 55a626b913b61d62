//! In directories.

use std::collections::BTreeMap;

use hearth_control::world::Staging;
use hearth_staging::{ObjectStaging, OpenError};
use url::Url;

use crate::{keeps_and_removes, owner, place};

#[tokio::test]
async fn what_is_kept_is_read_piece_by_piece_until_it_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let staging = ObjectStaging::in_directory(&dir.path().join("staging"), []).unwrap();
    keeps_and_removes(&staging, "").await;
}

#[tokio::test]
async fn files_are_kept_beside_the_output_and_read_in_place_or_as_a_copy() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    std::fs::write(&log, vec![7; 20 << 20]).unwrap();
    let near = ObjectStaging::in_directory(&dir.path().join("staging"), []).unwrap();
    for (staging, in_place) in [(near, true), (ObjectStaging::in_memory("memory://here"), false)] {
        staging.keep_file(owner(""), "eventlog", "app-1", &log).await.unwrap();
        staging.keep_bytes(owner(""), "eventlog", "app-0", b"few".to_vec()).await.unwrap();
        let kept = staging.kept(owner(""), "eventlog").await.unwrap();
        let sizes: Vec<_> = kept.iter().map(|kept| (kept.name.as_str(), kept.size)).collect();
        assert_eq!(sizes, [("app-0", 3), ("app-1", 20 << 20)]);
        let cache = dir.path().join("cache");
        let file = staging.local_file(owner(""), "eventlog", "app-1", &cache).await.unwrap();
        assert_eq!(file != cache, in_place);
        assert_eq!(std::fs::read(file).unwrap(), std::fs::read(&log).unwrap());
        assert_eq!(staging.bytes(owner(""), "eventlog", "app-0").await.unwrap(), b"few");
        staging.remove(owner("")).await.unwrap();
        assert_eq!(staging.kept(owner(""), "eventlog").await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_file_address_leads_to_the_layout_of_the_hosted_service() {
    let dir = tempfile::tempdir().unwrap();
    let root = Url::from_directory_path(dir.path().canonicalize().unwrap()).unwrap();
    let staging = ObjectStaging::at(root.as_str(), []).unwrap();
    assert_eq!(format!("{}/", staging.places().of("")), root.as_str());
    staging.keep_output(owner(""), 0, b"x".to_vec()).await.unwrap();
    staging.keep_diagnostics(owner(""), b"y".to_vec()).await.unwrap();
    let place = dir.path().join(place());
    assert!(place.join("driveroutput.000000000").is_file() && place.join("diagnostics.tar.gz").is_file());
}

#[tokio::test]
async fn a_bucket_with_a_place_of_its_own_has_its_sessions_there_and_others_have_not() {
    let dir = tempfile::tempdir().unwrap();
    let blue = Url::from_directory_path(dir.path().canonicalize().unwrap().join("blue")).unwrap();
    let buckets = BTreeMap::from([("team-blue".to_owned(), blue.to_string())]);
    let staging = ObjectStaging::in_directory(&dir.path().join("staging"), []).unwrap();
    let staging = staging.with_buckets(&buckets).unwrap();
    for (bucket, folder) in [("team-blue", "blue"), ("team-red", "staging")] {
        staging.keep_diagnostics(owner(bucket), b"x".to_vec()).await.unwrap();
        assert!(dir.path().join(folder).join(place()).join("diagnostics.tar.gz").is_file());
        staging.remove(owner(bucket)).await.unwrap();
        assert!(!dir.path().join(folder).join(place()).exists());
    }
    let findings = staging.check().await;
    assert!(findings.len() == 2 && findings.iter().all(|(_, tried)| tried.is_ok()), "{findings:?}");
}

#[test]
fn an_address_without_a_store_is_refused() {
    assert!(matches!(ObjectStaging::at("no address", []), Err(OpenError::Address { .. })));
    assert!(matches!(ObjectStaging::at("ftp://x/y", []), Err(OpenError::Unknown { .. })));
    let buckets = BTreeMap::from([("b".to_owned(), "http://x/y".to_owned())]);
    let dir = tempfile::tempdir().unwrap();
    let staging = ObjectStaging::in_directory(dir.path(), []).unwrap();
    assert!(matches!(staging.with_buckets(&buckets), Err(OpenError::Unknown { .. })));
}
