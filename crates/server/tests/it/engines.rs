//! Engines that do not do what they should; here they are scripts.

use hearth_testkit::{Options, PARENT, ScriptedRuntime, eventually};
use serde_json::Value;

use crate::HEARTH;

#[test]
fn an_engine_that_ends_at_its_start_fails_the_session_with_its_last_words() {
    let script = "echo one\necho 'the disk is on fire' >&2\nexit 3";
    let runtime = ScriptedRuntime::install(HEARTH, script);
    let server = runtime.options(HEARTH).start();
    let done = server.done(&server.create("broken").ok());
    let message = done["error"]["message"].as_str().unwrap_or_else(|| panic!("{done:#}"));
    assert!(message.contains("the disk is on fire"), "{message}");
    let session = server.session("broken").ok();
    assert_eq!(session["state"], "FAILED");
    let told = session["stateMessage"].as_str().unwrap();
    assert!(told.contains("the disk is on fire") && told.contains('3'), "{told}");
    server.nothing_left();
    let again = server.create("broken").error(409, "ALREADY_EXISTS");
    assert!(again.contains("broken"), "{again}");
}

#[test]
fn an_engine_that_never_answers_is_given_up_and_killed_with_its_children() {
    let runtime =
        ScriptedRuntime::install(HEARTH, "trap '' INT TERM\nsleep 1000 &\nsleep 1000 &\nwait\nwait");
    let server = runtime
        .options(HEARTH)
        .set("session.start-timeout=2s")
        .set("session.stop-grace=1s")
        .set("create-hold=0s")
        .start();
    let operation = server.create("silent").ok();
    eventually("its processes run", || match server.engines().len() {
        0..3 => Err(server.engines()),
        _ => Ok(()),
    });
    let done = server.done(&operation);
    assert!(done["error"]["message"].as_str().is_some_and(|text| !text.is_empty()), "{done:#}");
    server.nothing_left();
}

#[test]
fn an_engine_that_listens_and_is_none_never_becomes_active() {
    // A port where nobody is.
    let script = "echo 'Starting the Spark Connect server on 127.0.0.1:9...' >&2\nexec sleep 1000";
    let runtime = ScriptedRuntime::install(HEARTH, script);
    let server = runtime.options(HEARTH).set("session.start-timeout=2s").set("create-hold=0s").start();
    let done = server.done(&server.create("liar").ok());
    assert!(done.get("error").is_some(), "{done:#}");
    let session = server.session("liar").ok();
    let history = session["stateHistory"].as_array().unwrap();
    assert!(history.iter().all(|past| past["state"] != "ACTIVE"), "{session:#}");
    server.nothing_left();
}

#[test]
fn a_start_that_hangs_goes_on_after_a_kill_and_is_not_begun_twice() {
    let runtime = ScriptedRuntime::install(HEARTH, "exec sleep 1000");
    let mut server = runtime.options(HEARTH).set("create-hold=0s").start();
    let operation = server.create("hangs").ok();
    let before = eventually("its engine runs", || match server.engines() {
        engines if engines.is_empty() => Err(server.session("hangs").text),
        engines => Ok(engines),
    });
    for _ in 0..3 {
        server.kill9();
        server.restart();
        assert_eq!(server.engines(), before);
        assert_eq!(server.shims().len(), 1);
    }
    let name = operation["name"].as_str().unwrap();
    server.rest().post(&format!("/v1/{name}:cancel"), &Value::Null).ok();
    assert_eq!(server.done(&operation)["error"]["code"], 1);
    server.nothing_left();
}

#[test]
fn a_runtime_that_is_not_installed_is_told_with_the_command_that_installs_it() {
    let server = Options::new(HEARTH).runtimes("no-runtimes").start();
    let done = server.done(&server.create("missing").ok());
    let message = done["error"]["message"].as_str().unwrap_or_else(|| panic!("{done:#}"));
    assert!(message.contains("hearth runtimes install sail"), "{message}");
    let session = server.rest().get(&format!("/v1/{PARENT}/sessions/missing")).ok();
    assert_eq!(session["state"], "FAILED");
}
