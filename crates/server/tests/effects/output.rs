//! What a session's engine wrote stays until the session is deleted.

use hearth_testkit::{Options, PARENT, eventually};
use serde_json::json;

use crate::{HEARTH, create};

#[test]
fn output_is_kept_in_the_staging_store_until_the_session_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().canonicalize().unwrap().join("kept");
    let server = Options::new(HEARTH).set(&format!("staging.uri=file://{}", store.display())).start();
    create(&server, "written", &json!({}), &json!({"team": "blue"}));
    let session = server.session_in("written", "ACTIVE");
    let uuid = session["uuid"].as_str().unwrap();
    let place = format!("google-cloud-dataproc-metainfo/{uuid}/jobs/srvls-session-{uuid}");
    let uri = format!("file://{}/{place}/driveroutput", store.display());
    assert_eq!(session["runtimeInfo"]["outputUri"], uri, "{session:#}");

    let ended = server.terminate("written");
    assert_eq!(ended["runtimeInfo"]["outputUri"], uri, "{ended:#}");
    let kept = std::fs::read_to_string(store.join(&place).join("driveroutput.000000000")).unwrap();
    assert!(kept.contains(r#"{"team":"blue"}"#) && kept.contains("Spark Connect server"), "{kept}");
    // As a machine that lost its engines' directory would find it.
    std::fs::remove_dir_all(server.engines_dir().join(uuid)).unwrap();
    let logs = server.command(&["sessions", "logs", &format!("{PARENT}/sessions/written")]).succeeded();
    assert_eq!(logs, kept);

    let operation = server.rest().delete(&format!("/v1/{PARENT}/sessions/written")).ok();
    server.done(&operation);
    eventually("nothing of it is kept", || {
        let left = store.join(&place).exists();
        if left { Err(place.clone()) } else { Ok(()) }
    });
}

#[test]
fn a_session_that_never_started_has_its_output_too() {
    let server = Options::new(HEARTH).start();
    // Not a size that Sail can read, so that it ends by itself.
    let runtime = json!({"properties": {"sail.runtime.stack_size": "a lot"}});
    create(&server, "stillborn", &runtime, &json!({}));
    eventually("the session has failed", || {
        let session = server.session("stillborn").json;
        if session["state"] == "FAILED" { Ok(()) } else { Err(session) }
    });
    let session = server.session("stillborn").json;
    let uri = session["runtimeInfo"]["outputUri"].as_str().unwrap();
    let path = format!("{}.000000000", uri.strip_prefix("file://").unwrap());
    assert!(path.starts_with(server.state_dir().canonicalize().unwrap().to_str().unwrap()), "{path}");
    assert!(std::fs::read_to_string(path).unwrap().contains("/sessions/stillborn "));
}
