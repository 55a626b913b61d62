//! Deaths: of the server, of an engine, of a supervisor.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hearth_testkit::{Options, PARENT, Process, Python, Signal, TestServer, connect_session, eventually};
use serde_json::Value;

use crate::{HEARTH, remote, script, uuid};

/// How far a session has come when the server is killed.
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// It can be seen, and nothing else is known to be there.
    Recorded,
    /// Its supervisor runs.
    Supervised,
    /// Its engine runs, and need not answer yet.
    Launched,
}

#[test]
fn killed_with_three_live_sessions_and_one_being_created_the_server_comes_back_to_all_four() {
    let mut server = TestServer::start(HEARTH);
    let live = ["first", "second", "third"];
    let uuids = live.map(|id| uuid(&server.active(id)));
    let python = Python::client("pyspark-4.2");
    let mut client = python.start(&script("stays_connected.py"), &[&remote(&server, &uuids[0])]);
    client.expect("connected");

    // The one being created is caught at a different step each time.
    let stages = [Stage::Recorded, Stage::Supervised, Stage::Launched];
    let mut created = Vec::new();
    for (round, stage) in stages.into_iter().enumerate() {
        let before = server.engines();
        let id = format!("created-{round}");
        let during = killed_while_creating(&mut server, &id, stage);
        assert_eq!(during, "CREATING", "the kill came while the session was being created");
        for process in &before {
            assert!(server.engines().contains(process), "{process:?} outlives the server, {stage:?}");
        }
        server.restart();
        let session = server.session_in(&id, "ACTIVE");
        created.push((id, uuid(&session)));
        for process in &before {
            assert!(
                server.engines().contains(process),
                "{process:?} is the same after the restart, {stage:?}"
            );
        }
        let operations = server.rest().get(&format!("/v1/{PARENT}/operations")).ok();
        for operation in operations["operations"].as_array().unwrap() {
            assert!(server.done(operation).get("error").is_none(), "{operation:#}");
        }
    }

    client.say("the server is back");
    client.expect("again");
    client.end();
    for (view, uuid) in [("seven", &uuids[0]), ("", &uuids[1]), ("", &uuids[2])] {
        asked(&server, &python, uuid, view);
    }
    for (_, uuid) in &created {
        asked(&server, &python, uuid, "");
    }
    let all: Vec<&String> = uuids.iter().chain(created.iter().map(|(_, uuid)| uuid)).collect();
    started_once(&server, &all);

    for id in live.into_iter().chain(created.iter().map(|(id, _)| id.as_str())) {
        assert_eq!(server.terminate(id)["state"], "TERMINATED");
    }
    server.nothing_left();
}

/// Asks for a session, kills the server at `stage`, and returns the last state that was seen.
fn killed_while_creating(server: &mut TestServer, id: &str, stage: Stage) -> String {
    let rest = server.rest().clone();
    let (path, body) = (format!("/v1/{PARENT}/sessions?sessionId={id}"), connect_session(id).to_string());
    // The answer is lost with the server, or held until then.
    let request = std::thread::spawn(move || rest.try_call("POST", &path, &body).is_ok());
    let state = eventually(&format!("the start is {stage:?}"), || {
        let session = server.session(id);
        let Some(state) = session.json["state"].as_str() else { return Err(session.text) };
        let of =
            |processes: Vec<Process>| processes.iter().any(|process| process.engine == session.json["uuid"]);
        let there = match stage {
            Stage::Recorded => true,
            Stage::Supervised => of(server.shims()),
            Stage::Launched => of(server.engines()),
        };
        if there { Ok(state.to_owned()) } else { Err(session.text) }
    });
    server.kill9();
    request.join().unwrap();
    state
}

/// A client of its own asks the session a question.
fn asked(server: &TestServer, python: &Python, uuid: &str, view: &str) {
    let remote = remote(server, uuid);
    let arguments: Vec<&str> = [remote.as_str(), view].into_iter().filter(|word| !word.is_empty()).collect();
    let said = python.run(&script("asks.py"), &arguments).succeeded();
    assert_eq!(said, "42\n");
}

/// Each of these sessions has one supervisor and one engine, there are no others, and each engine's log tells of
/// one start.
fn started_once(server: &TestServer, uuids: &[&String]) {
    let count = |processes: Vec<Process>| {
        let mut counts = BTreeMap::new();
        for process in processes {
            *counts.entry(process.engine).or_insert(0) += 1;
        }
        counts
    };
    let once: BTreeMap<String, i32> = uuids.iter().map(|uuid| ((*uuid).clone(), 1)).collect();
    assert_eq!(count(server.shims()), once, "one supervisor for each session");
    assert_eq!(count(server.engines()), once, "one engine for each session");
    for uuid in uuids {
        let log = engine_log(server, uuid);
        assert_eq!(log.matches("Starting the Spark Connect server").count(), 1, "{uuid}:\n{log}");
    }
}

fn engine_log(server: &TestServer, uuid: &str) -> String {
    let dir = server.engines_dir().join(uuid);
    let files = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path());
    let logs = files.filter(|path| path.to_string_lossy().contains("log") && path.is_file());
    logs.map(|path| std::fs::read_to_string(path).unwrap_or_default()).collect()
}

#[test]
fn an_engine_that_is_killed_fails_its_session_and_tells_its_client_and_its_log_stays() {
    let server = TestServer::start(HEARTH);
    let uuid = uuid(&server.active("killed"));
    let mut client =
        Python::client("pyspark-4.2").start(&script("is_refused.py"), &[&remote(&server, &uuid)]);
    client.expect("works");
    let engines = server.engines();
    assert_eq!(engines.len(), 1, "{engines:#?}");
    engines[0].kill();

    let session = failed(&server, "killed");
    let message = session["stateMessage"].as_str().unwrap();
    assert!(message.contains("SIGKILL") || message.contains("signal 9"), "{message}");
    assert_eq!(session["runtimeInfo"].get("endpoints"), None, "nobody is sent to a dead engine");
    client.say("ask again");
    let told = client.until("over");
    assert!(told.last().is_some_and(|line| line.contains("failed at")), "{told:#?}");
    assert!(log(&server, "killed").contains("Starting the Spark Connect server"));
    server.nothing_left();
    // The id is free again once it is deleted.
    let deleted = server.rest().delete(&format!("/v1/{PARENT}/sessions/killed")).ok();
    assert!(server.done(&deleted).get("error").is_none());
    server.active("killed");
}

#[test]
fn a_supervisor_that_is_killed_takes_its_engine_with_it_and_the_session_is_failed() {
    let server = TestServer::start(HEARTH);
    server.active("orphan");
    let shims = server.shims();
    assert_eq!(shims.len(), 1, "{shims:#?}");
    shims[0].kill();
    let session = failed(&server, "orphan");
    assert!(session["stateMessage"].as_str().is_some_and(|text| !text.is_empty()), "{session:#}");
    server.nothing_left();
}

#[test]
fn an_engine_that_dies_while_the_server_is_down_is_noticed_at_the_restart() {
    let mut server = TestServer::start(HEARTH);
    server.active("dies");
    server.active("lives");
    let doomed = uuid(&server.session("dies").ok());
    server.kill9();
    server.engines().iter().filter(|engine| engine.engine == doomed).for_each(Process::kill);
    server.restart();
    failed(&server, "dies");
    assert_eq!(server.session("lives").ok()["state"], "ACTIVE");
}

#[test]
fn the_log_of_an_engine_can_be_read_after_the_end_of_its_session() {
    let server = TestServer::start(HEARTH);
    server.active("logged");
    let during = log(&server, "logged");
    assert!(during.contains("Starting the Spark Connect server"), "{during}");
    server.terminate("logged");
    assert!(log(&server, "logged").starts_with(&during), "nothing is lost at the end");
}

#[test]
fn a_session_that_is_ending_is_not_ended_twice_and_a_delete_waits_for_its_end() {
    let server = Options::new(HEARTH).set("session.stop-grace=20s").start();
    server.active("ending");
    let engines = server.engines();
    // An engine that does not listen keeps the session from its end.
    engines.iter().for_each(|engine| engine.signal(Signal::STOP));
    let path = format!("/v1/{PARENT}/sessions/ending:terminate");
    let terminated = server.rest().post(&path, &Value::Null).ok();
    assert_eq!(server.session("ending").ok()["state"], "TERMINATING");
    let told = server.rest().post(&path, &Value::Null).error(400, "FAILED_PRECONDITION");
    assert!(told.contains("already being terminated"), "{told}");
    let deleted = server.rest().delete(&format!("/v1/{PARENT}/sessions/ending")).ok();
    assert_eq!(deleted.get("done"), None);
    engines.iter().for_each(|engine| engine.signal(Signal::CONT));
    for operation in [&terminated, &deleted] {
        assert!(server.done(operation).get("error").is_none());
    }
    server.session("ending").error(404, "NOT_FOUND");
    server.nothing_left();
}

#[test]
fn sessions_go_on_through_an_orderly_end_of_the_server() {
    let mut server = TestServer::start(HEARTH);
    let uuid = uuid(&server.active("stays"));
    let before = server.engines();
    let mut client =
        Python::client("pyspark-4.2").start(&script("stays_connected.py"), &[&remote(&server, &uuid)]);
    client.expect("connected");
    assert!(server.sigterm().success());
    assert!(!server.state_dir().join("endpoint").exists(), "nobody is sent to a server that is gone");
    assert_eq!(server.engines(), before);
    server.restart();
    assert_eq!(server.session("stays").ok()["state"], "ACTIVE");
    client.say("go on");
    client.expect("again");
    client.end();
    assert_eq!(server.engines(), before);
}

/// Waits until the session has failed by itself.
fn failed(server: &TestServer, id: &str) -> Value {
    eventually(&format!("session {id} is FAILED"), || {
        let answer = server.session(id);
        if answer.json["state"] == "FAILED" { Ok(answer.json) } else { Err(answer.text) }
    })
}

/// The whole log of a session's engine, read over the API in small parts.
fn log(server: &TestServer, id: &str) -> String {
    let mut text = Vec::new();
    loop {
        let path = format!("/hearth/v1/{PARENT}/sessions/{id}:log?offset={}&limit=100", text.len());
        let part = server.rest().get(&path).ok();
        let content = part["content"].as_str().unwrap_or_default();
        if content.is_empty() {
            return String::from_utf8(text).unwrap();
        }
        text.extend(BASE64_STANDARD.decode(content).unwrap());
    }
}
