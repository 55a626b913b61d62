//! Packages of a session's own, from an index of its own.

use std::os::unix::fs::symlink;

use hearth_testkit::{Options, PARENT, TestServer, eventually};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::index::Index;
use crate::{HEARTH, create, says};

/// The property that names packages.
const PACKAGES: &str = "spark.dataproc.python.packages";

/// A server with the installed runtimes of the cache and layers of its own.
pub(crate) fn server(folder: &TempDir) -> TestServer {
    let runtimes = folder.path().join("runtimes");
    std::fs::create_dir(&runtimes).unwrap();
    for part in ["envs", "tools"] {
        symlink(hearth_testkit::runtimes_dir().join(part), runtimes.join(part)).unwrap();
    }
    Options::new(HEARTH).runtimes(runtimes).start()
}

fn with(packages: &str, index: &Index) -> Value {
    json!({
        "properties": {PACKAGES: packages},
        "repositoryConfig": {"pypiRepositoryConfig": {"pypiRepository": index.url()}},
    })
}

fn layers(folder: &TempDir) -> usize {
    std::fs::read_dir(folder.path().join("runtimes/layers")).map_or(0, Iterator::count)
}

#[test]
fn a_session_imports_packages_that_came_from_its_own_index_and_shares_them_with_its_like() {
    let folder = tempfile::tempdir().unwrap();
    // The same package in two indexes: only what it says shows which one it came from.
    let one = Index::with_package(&folder.path().join("one"), "hearth-sample", "1.0", "from one");
    let two = Index::with_package(&folder.path().join("two"), "hearth-sample", "1.0", "from two");
    let server = server(&folder);
    create(&server, "first", &with("hearth-sample==1.0", &one), &json!({}));
    create(&server, "plain", &json!({}), &json!({}));
    let session = server.session_in("first", "ACTIVE");
    assert_eq!(says(&server, &session, "imports.py", &["hearth_sample"]), "from one pandas 2\n");
    let asked = one.asked();
    assert!(asked.iter().any(|path| path.ends_with(".whl")), "{asked:?}");
    let others = asked.iter().filter(|path| !path.contains("hearth"));
    assert_eq!(others.count(), 0, "what the runtime has is not looked for: {asked:?}");
    assert_eq!(two.asked(), [""; 0]);

    let timeline = server.rest().get(&format!("/hearth/v1/{PARENT}/sessions/first:timeline")).ok();
    let steps: Vec<&str> =
        timeline["entries"].as_array().unwrap().iter().map(|entry| entry["step"].as_str().unwrap()).collect();
    assert_eq!(steps[..3], ["accepted", "packages installed", "placed"]);

    create(&server, "second", &with("hearth-sample==1.0", &one), &json!({}));
    let session = server.session_in("second", "ACTIVE");
    assert_eq!(says(&server, &session, "imports.py", &["hearth_sample"]), "from one pandas 2\n");
    assert_eq!((one.asked().len(), layers(&folder)), (asked.len(), 1), "nothing is installed twice");

    create(&server, "third", &with("hearth-sample==1.0", &two), &json!({}));
    let session = server.session_in("third", "ACTIVE");
    assert_eq!(says(&server, &session, "imports.py", &["hearth_sample"]), "from two pandas 2\n");
    assert_eq!(layers(&folder), 2);
    server.session_in("plain", "ACTIVE");
}

#[test]
fn a_package_that_is_not_in_the_index_fails_the_session_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let index = Index::with_package(&folder.path().join("one"), "hearth-sample", "1.0", "x");
    let server = server(&folder);
    for runtime in ["sail", "spark-4.0"] {
        let id = format!("lost-on-{}", runtime.replace('.', "-"));
        let mut config = with("hearth-nowhere==2", &index);
        config["version"] = json!(runtime);
        create(&server, &id, &config, &json!({}));
        is_told(&server, &id, &index);
    }
    assert_eq!(layers(&folder), 0, "nothing half-installed is left");
}

/// The session has failed, and its message names the index, the package and the next step.
fn is_told(server: &TestServer, id: &str, index: &Index) {
    let session = eventually("the session has failed", || {
        let session = server.session(id).json;
        if session["state"] == "FAILED" { Ok(session) } else { Err(session) }
    });
    let message = session["stateMessage"].as_str().unwrap();
    assert!(message.starts_with("Could not install the packages of the session: "), "{message}");
    assert!(message.contains(&index.url()) && message.contains("hearth-nowhere"), "{message}");
    assert!(
        message.ends_with("Check the names and versions of the session's packages, and its PyPI repository.")
    );
}

#[test]
fn what_is_no_package_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let index = Index::with_package(&folder.path().join("one"), "hearth-sample", "1.0", "x");
    let server = server(&folder);
    let mut body = hearth_testkit::connect_session("refused");
    body["runtimeConfig"] = with("--index-url=http://elsewhere x", &index);
    let refused = server.rest().post(&format!("/v1/{PARENT}/sessions?sessionId=refused"), &body);
    assert_eq!(refused.status, 400);
    assert!(refused.text.contains(PACKAGES), "{}", refused.text);
    assert_eq!(index.asked(), [""; 0]);
}
