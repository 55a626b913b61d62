//! What an archive tells of a session whose real engine died, and what it does not tell.

use hearth_testkit::{PARENT, Python, TestServer, connect_session, eventually, unpacked};
use serde_json::{Value, json};

use crate::{HEARTH, remote, script, uuid};

/// What must be in no archive.
const PLANTED: &str = "Zq8PlantedSecret";

#[test]
fn a_session_whose_engine_is_killed_has_an_archive_with_its_log_and_lock_and_without_a_planted_secret() {
    let server = TestServer::start(HEARTH);
    let mut body = connect_session("diagnosed");
    body["runtimeConfig"] = json!({"properties": {"spark.executorEnv.SERVICE_SECRET": PLANTED}});
    server.rest().post(&format!("/v1/{PARENT}/sessions?sessionId=diagnosed"), &body).ok();
    let uuid = uuid(&server.session_in("diagnosed", "ACTIVE"));
    // A function of the user's prints the secret that it finds in its environment, and one of its own.
    let said =
        Python::client("pyspark-4.2").run(&script("tells_secrets.py"), &[&remote(&server, &uuid), PLANTED]);
    assert_eq!(said.succeeded(), "told\n");
    let whole = std::fs::read_dir(server.engines_dir().join(&uuid)).unwrap();
    let there = whole.filter_map(|entry| std::fs::read_to_string(entry.unwrap().path()).ok());
    assert!(
        there.collect::<String>().contains(&format!("connecting with {PLANTED}\n")),
        "the engine wrote it"
    );
    server.engines().iter().for_each(hearth_testkit::Process::kill);

    let session = eventually("it has failed and is diagnosed", || {
        let session = server.session("diagnosed").json;
        if session["runtimeInfo"].get("diagnosticOutputUri").is_some() { Ok(session) } else { Err(session) }
    });
    assert_eq!(session["state"], "FAILED", "{session:#}");
    let uri = session["runtimeInfo"]["diagnosticOutputUri"].as_str().unwrap();
    let files = unpacked(&std::fs::read(uri.strip_prefix("file://").unwrap()).unwrap());
    for (name, content) in &files {
        assert!(!content.contains(PLANTED), "{name}:\n{content}");
    }
    let log = &files["engine.log"];
    assert!(log.contains("Starting the Spark Connect server"), "{log}");
    assert!(log.contains("connecting with (redacted)\n"), "{log}");
    assert!(log.contains("token=(redacted)\n"), "{log}");
    assert!(files["why.txt"].contains("signal 9"), "{}", files["why.txt"]);
    let versions: Value = serde_json::from_str(&files["versions.json"]).unwrap();
    assert!(versions["runtime"].as_str().is_some_and(|runtime| runtime.starts_with("sail-")), "{versions}");
    assert!(files["environment.lock"].contains("pysail=="), "{}", files["environment.lock"]);
    assert!(files["environment.installed"].contains("pysail-"), "{}", files["environment.installed"]);
    server.nothing_left();
}
