//! What a kernel does, and what a notebook hears of it.

use hearth_jupyter::Channel;
use hearth_jupyter::framing::Framing;
use hearth_testkit::{TestServer, eventually};
use serde_json::{Value, json};

use super::client::{Notebook, shown};
use super::scala::answer;
use super::{session, start};
use crate::HEARTH;

#[test]
fn both_forms_of_messages_lead_to_the_same_kernel() {
    let server = TestServer::start(HEARTH);
    let id = start(&server);
    for framing in [Framing::Json, Framing::V1] {
        let mut notebook = Notebook::open_as(&server, &id, "a", framing);
        assert_eq!(notebook.run("spark.range(7).count()"), "7");
        // Google's plugin asks on this channel before it uses a kernel.
        let asked = notebook.say(Channel::Control, "kernel_info_request", &json!({}));
        let answer = notebook.until(|said| said.parent == asked && said.channel == Channel::Control);
        assert_eq!(answer.last().unwrap().content["language_info"]["name"], "python");
    }
}

#[test]
fn a_cell_can_ask_its_user() {
    let server = TestServer::start(HEARTH);
    let mut notebook = Notebook::open(&server, &start(&server), "a");
    let asked = notebook.execute("print('hello ' + input('who? '))");
    notebook.until(|said| said.channel == Channel::Stdin && said.content["prompt"] == "who? ");
    notebook.say(Channel::Stdin, "input_reply", &json!({"value": "ada"}));
    assert_eq!(shown(&notebook.finish(&asked)), "hello ada\n");
}

#[test]
fn an_interrupt_ends_the_cell_and_the_query_it_waits_for() {
    let server = TestServer::start(HEARTH);
    let id = start(&server);
    let mut notebook = Notebook::open(&server, &id, "a");
    let interrupt =
        || assert_eq!(server.rest().post(&format!("/api/kernels/{id}/interrupt"), &json!({})).status, 204);
    for code in [
        "print('begun')\nimport time\ntime.sleep(1000)",
        "print('begun')\nspark.sql('select count(*) from range(100000) a, range(100000) b where a.id + b.id < 0').show()",
    ] {
        let cell = notebook.execute(code);
        notebook.until(|said| said.parent == cell && said.msg_type == "stream");
        interrupt();
        let told = shown(&notebook.finish(&cell));
        assert!(told.contains("KeyboardInterrupt"), "{told}");
    }
    assert_eq!(notebook.run("spark.range(3).count()"), "3", "and the session goes on");
}

#[test]
fn a_restart_gives_a_new_kernel_and_answers_what_waited() {
    let server = TestServer::start(HEARTH);
    let id = start(&server);
    let mut notebook = Notebook::open(&server, &id, "a");
    notebook.run("n = 1");
    let running = notebook.execute("print('begun')\nwhile True: pass");
    let queued = notebook.execute("1 + 1");
    notebook.until(|said| said.msg_type == "stream");
    let model = server.rest().post(&format!("/api/kernels/{id}/restart"), &Value::Null).ok();
    assert_eq!(model["id"], id);
    let mut waiting = vec![running, queued];
    notebook.until(|said| {
        if said.channel == Channel::Shell {
            assert_eq!(said.content["status"], "error");
            waiting.retain(|id| *id != said.parent);
        }
        waiting.is_empty()
    });
    assert_eq!(notebook.run("'n' in globals(), spark.range(2).count()"), "(False, 2)");
}

#[test]
fn a_kernel_that_dies_says_so_and_is_started_anew() {
    let server = TestServer::start(HEARTH);
    let mut notebook = Notebook::open(&server, &start(&server), "a");
    let cell = notebook.execute("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)");
    let told = shown(&notebook.finish(&cell));
    assert!(told.contains("The kernel was killed") && told.contains("started anew"), "{told}");
    assert_eq!(notebook.run("spark.range(4).count()"), "4");
}

#[test]
fn a_session_that_ends_says_why_in_its_notebook() {
    let server = TestServer::start(HEARTH);
    let made = session(&server, "ends");
    let mut notebook = Notebook::open(&server, made["uuid"].as_str().unwrap(), "a");
    let asked = notebook.execute("1 + 1");
    let kernel = notebook.finish(&asked)[0].session.clone();
    server.terminate("ends");
    let (said, ended) = notebook.rest();
    let told = shown(&said);
    assert!(
        told.starts_with("Session ends is ending: terminated by ") && told.ends_with("@localhost.\n"),
        "{told}"
    );
    // JupyterLab drops what is directly followed by something of anybody else.
    assert!(said.iter().all(|said| said.session == kernel), "{said:#?}");
    assert!(said.iter().any(|said| said.content["execution_state"] == "dead"));
    let (code, reason) = ended.expect("it was closed properly");
    assert!(code == 1001 && reason.contains("Session ends"), "{code} {reason}");
    server.nothing_left();
}

#[test]
fn an_engine_that_is_killed_is_told_in_its_notebook_too() {
    let server = TestServer::start(HEARTH);
    let made = session(&server, "killed");
    let mut notebook = Notebook::open(&server, made["uuid"].as_str().unwrap(), "a");
    notebook.run("1 + 1");
    server.shims().iter().for_each(hearth_testkit::Process::kill);
    let (said, ended) = notebook.rest();
    let told = shown(&said);
    assert!(told.contains("Session killed failed"), "{told}");
    assert_eq!(ended.map(|(code, _)| code), Some(1001));
    server.session_in("killed", "FAILED");
}

#[test]
fn a_kernel_that_cannot_start_shows_its_traceback() {
    let server = TestServer::start(HEARTH);
    let body = json!({
        "name": format!("{}/sessions/broken", hearth_testkit::PARENT), "jupyterSession": {},
        // What the kernel itself reads when it starts.
        "runtimeConfig": {"properties": {"spark.dataproc.driverEnv.IPYTHONDIR": "/proc/none"}},
    });
    server.rest().post(&format!("/v1/{}/sessions?sessionId=broken", hearth_testkit::PARENT), &body).ok();
    let session = eventually("the session has failed", || {
        let session = server.session("broken").ok();
        if session["state"] == "FAILED" { Ok(session) } else { Err(session) }
    });
    let message = session["stateMessage"].as_str().unwrap();
    assert!(message.contains("Error") && message.contains("The kernel has ended"), "{message}");
    // Whoever asks for a kernel is told the same.
    let mut template = body;
    template["jupyterSession"] = json!({"displayName": "Broken"});
    template["name"] = json!("projects/local/locations/local/sessionTemplates/broken");
    server.rest().post("/v1/projects/local/locations/local/sessionTemplates", &template).ok();
    let refused = server.rest().post("/api/kernels", &json!({"name": "template-broken"}));
    let told = refused.json["message"].as_str().unwrap();
    assert!(
        refused.status == 500 && told.contains("Error") && told.contains("The kernel has ended"),
        "{told}"
    );
    server.nothing_left();
}

/// Importing a debugger takes as long as starting a kernel, so it is made when somebody asks for it.
#[test]
fn a_kernel_has_a_debugger_once_somebody_asks_for_one() {
    let server = TestServer::start(HEARTH);
    let mut notebook = Notebook::open(&server, &start(&server), "a");
    let info = answer(&mut notebook, "kernel_info_request", &json!({}));
    assert!(info["supported_features"].as_array().unwrap().contains(&json!("debugger")), "{info:#}");
    assert_eq!(notebook.run("import sys\n'pydevd' in sys.modules"), "False");
    let mut ask = |command: &str, arguments: Value| {
        let request = json!({"type": "request", "seq": 1, "command": command, "arguments": arguments});
        let id = notebook.say(Channel::Control, "debug_request", &request);
        let all = notebook.until(|said| said.parent == id && said.msg_type == "debug_reply");
        all.last().unwrap().content.clone()
    };
    let told = ask("debugInfo", json!({}));
    assert_eq!((&told["success"], &told["body"]["isStarted"]), (&json!(true), &json!(false)), "{told:#}");
    let told = ask("initialize", json!({"clientID": "test", "adapterID": "debugpy"}));
    assert_eq!(told["success"], true, "{told:#}");
    assert_eq!(ask("debugInfo", json!({}))["body"]["isStarted"], true);
    assert_eq!(notebook.run("1 + 1"), "2");
}
