//! `hearth serve --emulate`: time, faults and state, over REST, gRPC and from the command line.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use hearth_client::{Client, ErrorKind};
use hearth_testkit::{Answer, Options, PARENT, TestServer, connect_session, eventually, id_of};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::{HEARTH, server};

/// When emulated clocks begin.
const BEGINNING: &str = "2030-01-01T00:00:00Z";

fn emulating() -> Options {
    Options::new(HEARTH).arg("--emulate")
}

/// An emulator whose clock stands still.
fn still() -> TestServer {
    emulating().arg("--stand-still").arg("--at").arg(BEGINNING).start()
}

fn emulator(server: &TestServer, what: &str, body: &Value) -> Answer {
    server.rest().post(&format!("/hearth/v1/emulator/{what}"), body)
}

/// Moves the clock, and gives what happened as session, kind and time.
#[track_caller]
fn advance(server: &TestServer, by: &str) -> Vec<(String, String, String)> {
    let advanced = emulator(server, "clock:advance", &json!({"by": by})).ok();
    let happened = advanced["happened"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    happened
        .iter()
        .map(|one| {
            let session = text(&one["session"]);
            (id_of(&session).to_owned(), text(&one["notice"]["kind"]), text(&one["notice"]["time"]))
        })
        .collect()
}

#[track_caller]
fn fault(server: &TestServer, fault: &Value) -> Value {
    emulator(server, "faults", fault).ok()
}

/// Creates a session with more in its body.
fn create_with(server: &TestServer, id: &str, environment: &Value) -> Answer {
    let mut body = connect_session(id);
    body["environmentConfig"] = json!({ "executionConfig": environment });
    server.rest().post(&format!("/v1/{PARENT}/sessions?sessionId={id}"), &body)
}

fn client(server: &TestServer) -> Client {
    Client::connect(&format!("http://{}", server.address()), Some(server.token())).unwrap()
}

#[test]
fn fourteen_days_pass_in_one_call_with_all_that_comes_to_pass_in_them() {
    let server = still();
    let operation = create_with(&server, "long", &json!({"ttl": "1209600s", "idleTtl": "1209600s"})).ok();
    assert_eq!(operation["done"], true, "a start that takes no time is answered as done: {operation:#}");
    let happened = advance(&server, "1209600s");
    let told: Vec<_> = happened.iter().map(|(_, kind, at)| (kind.as_str(), at.as_str())).collect();
    assert_eq!(
        told,
        [
            ("end-near", "2030-01-14T23:55:00Z"),
            ("end-near", "2030-01-14T23:59:00Z"),
            ("ending", "2030-01-15T00:00:00Z"),
            ("terminated", "2030-01-15T00:00:00Z"),
        ]
    );
    let session = server.session("long").ok();
    assert_eq!(
        (&session["state"], &session["stateTime"]),
        (&json!("TERMINATED"), &json!("2030-01-15T00:00:00Z"))
    );
    assert_eq!(session["createTime"], BEGINNING);
    assert_eq!(session["stateMessage"], "Terminated after its ttl of 1209600 s");
    // For a week it can be looked at, and then it is gone.
    advance(&server, "604740s");
    server.session("long").ok();
    advance(&server, "60s");
    server.session("long").error(404, "NOT_FOUND");
}

#[test]
fn a_session_that_is_not_used_ends_and_one_in_use_does_not() {
    let server = still();
    for id in ["idle", "used"] {
        create_with(&server, id, &json!({"idleTtl": "600s"})).ok();
    }
    advance(&server, "599s");
    emulator(&server, &format!("{PARENT}/sessions/used:use"), &Value::Null).ok();
    let happened = advance(&server, "1s");
    assert!(happened.iter().any(|(id, kind, _)| (id.as_str(), kind.as_str()) == ("idle", "terminated")));
    let idle = server.session("idle").ok();
    assert_eq!(idle["stateMessage"], "Terminated after 600 s without activity (idle ttl)");
    assert_eq!(server.session("used").ok()["state"], "ACTIVE");
    advance(&server, "599s");
    assert_eq!(server.session("used").ok()["state"], "TERMINATED");
    emulator(&server, &format!("{PARENT}/sessions/nobody:use"), &Value::Null).error(404, "NOT_FOUND");
}

#[test]
fn a_start_fails_at_the_step_that_was_asked_for() {
    let server = still();
    for (step, code, said) in [
        ("ACCEPTED", 13, "no room here"),
        ("PLACED", 13, "The engine ended before it was ready (not started)"),
        ("PROCESS_UP", 13, "The engine ended before it was ready (exit code 7)"),
        ("LISTENING", 13, "The engine ended before it was ready (exit code 7)"),
        ("PROBE", 4, "The engine was not ready within 300 s"),
    ] {
        let id = format!("fails-{}", step.to_lowercase().replace('_', "-"));
        let fail = json!({"step": step, "message": "no room here", "exitCode": 7});
        fault(&server, &json!({"sessions": id, "count": 1, "failStart": fail}));
        let operation = server.create(&id).ok();
        let operation = if step == "PROBE" {
            assert!(operation.get("done").is_none(), "{operation:#}");
            advance(&server, "299s");
            let name = operation["name"].as_str().unwrap();
            assert!(server.rest().get(&format!("/v1/{name}")).ok().get("done").is_none());
            // One that does not answer is asked every two seconds in the end, and its time is looked at then.
            advance(&server, "3s");
            server.rest().get(&format!("/v1/{name}")).ok()
        } else {
            operation
        };
        assert_eq!(
            (&operation["done"], &operation["error"]["code"]),
            (&json!(true), &json!(code)),
            "{operation:#}"
        );
        let message = operation["error"]["message"].as_str().unwrap();
        assert!(message.starts_with(said), "{step}: {message}");
        let failed = server.session(&id).ok();
        assert_eq!((&failed["state"], &failed["stateMessage"]), (&json!("FAILED"), &json!(message)));
        if step != "PROBE" {
            assert!(message.contains("no room here"), "{step}: {message}");
        }
    }
    // All were used up, and were aimed at these alone.
    assert_eq!(server.rest().get("/hearth/v1/emulator/faults").ok(), json!({}));
    assert_eq!(server.create("good").ok()["done"], true);
    assert_eq!(server.session("good").ok()["state"], "ACTIVE");
}

#[test]
fn an_engine_crashes_at_once_or_when_it_was_said_to() {
    let server = still();
    server.create("crashes").ok();
    let path = format!("{PARENT}/sessions/crashes:crash");
    let crashed = emulator(&server, &path, &json!({"logLines": ["out of", "memory"]})).ok();
    let message = "The engine ended by itself (signal 9). Its last lines:\nout of\nmemory";
    assert_eq!((&crashed["state"], &crashed["stateMessage"]), (&json!("FAILED"), &json!(message)));
    let session = server.session("crashes").ok();
    assert_eq!((&session["state"], &session["stateMessage"]), (&json!("FAILED"), &json!(message)));
    let again = emulator(&server, &path, &Value::Null).error(400, "FAILED_PRECONDITION");
    assert!(again.contains("is FAILED and has no engine that runs"), "{again}");
    fault(&server, &json!({"crash": {"after": "600s", "exitCode": 3}}));
    server.create("later").ok();
    let happened = advance(&server, "7200s");
    assert_eq!(happened, [("later".to_owned(), "failed".to_owned(), "2030-01-01T00:10:00Z".to_owned())]);
    assert_eq!(
        server.session("later").ok()["stateMessage"],
        "The engine ended by itself (exit code 3). It wrote nothing to its log"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_start_is_polled_until_its_time_has_come() {
    let server = still();
    fault(&server, &json!({"slowStart": {"by": "90s"}}));
    let operation = server.create("slow").ok();
    assert!(operation.get("done").is_none(), "{operation:#}");
    assert_eq!(server.session("slow").ok()["state"], "CREATING");
    let name = operation["name"].as_str().unwrap().to_owned();
    let client = client(&server);
    let running = client.operation(&name).await.unwrap();
    let polling = tokio::spawn({
        let client = client.clone();
        async move { client.wait(running, |_| {}).await }
    });
    advance(&server, "89.999s");
    assert!(!client.operation(&name).await.unwrap().done);
    let clock = server.rest().get("/hearth/v1/emulator/clock").ok();
    assert_eq!(clock["nextTime"], "2030-01-01T00:01:30Z");
    emulator(&server, "clock:advance", &json!({"next": true})).ok();
    let done = polling.await.unwrap().unwrap();
    assert_eq!(hearth_client::session_of(&done).unwrap().name, format!("{PARENT}/sessions/slow"));
    let timeline = server.rest().get(&format!("/hearth/v1/{PARENT}/sessions/slow:timeline")).ok();
    let last = timeline["entries"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["step"], &last["elapsed"]), (&json!("active"), &json!("90s")));
}

#[test]
fn calls_are_refused_as_often_as_was_asked_for_and_nothing_is_done() {
    let server = still();
    let refuse =
        json!({"method": "CreateSession", "code": "RESOURCE_EXHAUSTED", "message": "quota is used up"});
    fault(&server, &json!({"sessions": "etl-*", "count": 2, "refuse": refuse}));
    assert_eq!(server.create("other").ok()["done"], true);
    for id in ["etl-1", "etl-2"] {
        assert_eq!(server.create(id).error(429, "RESOURCE_EXHAUSTED"), "quota is used up");
        server.session(id).error(404, "NOT_FOUND");
    }
    server.create("etl-1").ok();
    let every = fault(&server, &json!({"refuse": {"code": "UNAVAILABLE"}}));
    server.session("other").error(503, "UNAVAILABLE");
    server.rest().get(&format!("/v1/{PARENT}/sessions")).error(503, "UNAVAILABLE");
    // The emulator itself is spared, so that this can be taken back.
    let listed = server.rest().get("/hearth/v1/emulator/faults").ok();
    assert_eq!(listed["faults"], json!([every]));
    server.rest().delete(&format!("/hearth/v1/emulator/{}", every["name"].as_str().unwrap())).ok();
    server.session("other").ok();
    let gone = server.rest().delete("/hearth/v1/emulator/faults/77").error(404, "NOT_FOUND");
    assert!(gone.contains("faults/77"), "{gone}");
}

#[test]
fn a_lost_answer_was_done_all_the_same_and_its_request_id_finds_it() {
    let server = still();
    fault(&server, &json!({"count": 1, "loseAnswer": {"method": "CreateSession"}}));
    let path = format!("/v1/{PARENT}/sessions?sessionId=once&requestId=r-1");
    let lost = server.rest().post(&path, &connect_session("once")).error(503, "UNAVAILABLE");
    assert!(lost.contains("lost"), "{lost}");
    assert_eq!(server.session("once").ok()["state"], "ACTIVE");
    let again = server.rest().post(&path, &connect_session("once")).ok();
    assert_eq!(again["done"], true);
    server.create("once").error(409, "ALREADY_EXISTS");
}

#[test]
fn faults_that_make_no_sense_are_refused_with_the_field() {
    let server = still();
    for (body, field) in [
        (json!({}), "fault"),
        (json!({"count": -1, "loseAnswer": {}}), "fault.count"),
        (json!({"failStart": {}}), "fault.fail_start.step"),
        (json!({"slowStart": {}}), "fault.slow_start.by"),
        (json!({"slowStart": {"by": "-1s"}}), "fault.slow_start.by"),
        (json!({"slowStart": {"by": "99999999s"}}), "fault.slow_start.by"),
        (json!({"refuse": {"method": "CreateSession"}}), "fault.refuse.code"),
        (json!({"refuse": {"method": "Create", "code": "ABORTED"}}), "fault"),
    ] {
        let answer = emulator(&server, "faults", &body);
        answer.error(400, "INVALID_ARGUMENT");
        let fields: Vec<_> = answer.violations().into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, [field], "{body}: {}", answer.text);
    }
    for body in [
        json!({}),
        json!({"by": "-1s"}),
        json!({"by": "1s", "next": true}),
        json!({"to": "2029-12-31T00:00:00Z"}),
    ] {
        emulator(&server, "clock:advance", &body).error(400, "INVALID_ARGUMENT");
    }
}

/// What a server answers about everything, without what is its own: where it listens.
fn everything(server: &TestServer, operations: &[Value]) -> String {
    let rest = server.rest();
    let mut all: Vec<Value> = ["sessions", "sessionTemplates", "operations"]
        .iter()
        .map(|what| rest.get(&format!("/v1/{PARENT}/{what}")).ok())
        .collect();
    for operation in operations {
        all.push(rest.get(&format!("/v1/{}", operation["name"].as_str().unwrap())).ok());
    }
    all.push(rest.get("/hearth/v1/emulator/clock").ok());
    all.push(rest.get("/hearth/v1/emulator/faults").ok());
    Value::from(all).to_string().replace(&format!("localhost:{}", server.port()), "localhost")
}

#[test]
fn a_server_with_the_state_of_another_answers_alike_and_goes_on_alike() {
    let first = still();
    let template = json!({"name": format!("{PARENT}/sessionTemplates/kept"), "sparkConnectSession": {}});
    first.rest().post(&format!("/v1/{PARENT}/sessionTemplates"), &template).ok();
    fault(&first, &json!({"sessions": "slow", "slowStart": {"by": "90s"}}));
    fault(&first, &json!({"sessions": "lost", "count": 3, "loseAnswer": {"method": "GetSession"}}));
    let operations = [
        first.create("slow").ok(),
        create_with(&first, "live", &json!({"ttl": "3600s"})).ok(),
        first.create("died").ok(),
    ];
    emulator(&first, &format!("{PARENT}/sessions/died:crash"), &Value::Null).ok();
    advance(&first, "60s");
    let file = first.scratch().join("state.json");
    let path = file.to_str().unwrap();
    first.command(&["emulator", "save", path, "--quiet"]).succeeded();
    let second = emulating().arg("--load").arg(path).start();
    assert_eq!(everything(&second, &operations), everything(&first, &operations));
    assert_eq!(advance(&second, "3600s"), advance(&first, "3600s"));
    assert_eq!(everything(&second, &operations), everything(&first, &operations));
    // A reset comes back to what was loaded.
    let reset = second.rest().post("/hearth/v1/emulator:reset", &Value::Null).ok();
    assert_eq!(reset["time"], "2030-01-01T00:01:00Z");
    assert_eq!(second.session("slow").ok()["state"], "CREATING");
}

#[test]
fn a_reset_leaves_nothing_of_the_test_before() {
    let server = still();
    let empty = everything(&server, &[]);
    fault(&server, &json!({"slowStart": {"by": "90s"}}));
    let operation = server.create("first").ok();
    advance(&server, "10s");
    server.rest().post("/hearth/v1/emulator:reset", &Value::Null).ok();
    assert_eq!(everything(&server, &[]), empty);
    server.session("first").error(404, "NOT_FOUND");
    server.rest().get(&format!("/v1/{}", operation["name"].as_str().unwrap())).error(404, "NOT_FOUND");
    let templates = server.rest().get("/v1/projects/local/locations/local/sessionTemplates").ok();
    assert_eq!(templates["sessionTemplates"].as_array().map(Vec::len), Some(1), "{templates:#}");
    assert_eq!(server.create("first").ok()["done"], true);
}

#[test]
fn a_state_that_does_not_fit_is_refused_by_the_call_and_at_the_start() {
    let server = still();
    server.create("kept").ok();
    let before = everything(&server, &[]);
    for (document, reason) in [
        ("", "not the saved state"),
        ("{\"hearth-emulator\": 2}", "has form 2"),
        ("{\"hearth-emulator\": 1}", "missing field"),
    ] {
        let answer = emulator(&server, "state:load", &json!({ "document": document }));
        let text = answer.error(400, "INVALID_ARGUMENT");
        assert!(text.contains(reason), "{text}");
        assert_eq!(answer.violations()[0].0, "document");
    }
    assert_eq!(everything(&server, &[]), before);
    let file = server.scratch().join("broken.json");
    fs::write(&file, "{\"hearth-emulator\": 2}").unwrap();
    let text = server.command(&["emulator", "load", file.to_str().unwrap()]).failed();
    assert!(text.contains("has form 2, and this program reads form 1"), "{text}");
    let mut other = Command::new(HEARTH);
    other.args(["serve", "--emulate", "--listen", "127.0.0.1:0", "--load"]).arg(&file);
    other.env("XDG_CONFIG_HOME", server.scratch());
    let text = hearth_testkit::run(&mut other).failed();
    assert!(text.contains("broken.json\"") && text.contains("has form 2"), "{text}");
}

#[test]
fn a_clock_may_run_and_stand_still_by_turns() {
    let server = emulating().start();
    assert_eq!(server.rest().get("/hearth/v1/emulator/clock").ok()["runs"], true);
    fault(&server, &json!({"count": 1, "slowStart": {"by": "0.050s"}}));
    server.create("soon").ok();
    server.session_in("soon", "ACTIVE");
    let stopped = emulator(&server, "clock:set", &json!({"runs": false})).ok();
    assert!(stopped.get("runs").is_none(), "{stopped:#}");
    assert_eq!(server.rest().get("/hearth/v1/emulator/clock").ok()["time"], stopped["time"]);
    let told = server.command(&["emulator", "clock", "run"]).succeeded();
    assert!(told.contains("(runs; next at "), "{told}");
    let time = |clock: &Value| clock["time"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    eventually("time goes on", || {
        let now = server.rest().get("/hearth/v1/emulator/clock").ok();
        if time(&now) > time(&stopped) { Ok(()) } else { Err(now) }
    });
}

#[test]
fn what_was_there_at_the_end_is_there_again_in_the_same_directory_until_a_reset() {
    let mut server = still();
    server.create("kept").ok();
    advance(&server, "60s");
    let before = server.session("kept").ok();
    assert!(server.sigterm().success());
    server.restart();
    assert_eq!(server.session("kept").ok(), before);
    let clock = server.rest().post("/hearth/v1/emulator:reset", &Value::Null).ok();
    assert_eq!(clock["time"], BEGINNING);
    server.session("kept").error(404, "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_emulates_nothing_says_so() {
    let server = server();
    for answer in [
        server.rest().get("/hearth/v1/emulator/clock"),
        emulator(&server, "clock:advance", &json!({"by": "1s"})),
        server.rest().post("/hearth/v1/emulator:reset", &Value::Null),
    ] {
        let text = answer.error(501, "UNIMPLEMENTED");
        assert!(text.contains("`hearth serve --emulate`"), "{text}");
    }
    server.rest().with_token(None).get("/hearth/v1/emulator/clock").error(401, "UNAUTHENTICATED");
    let refused = client(&server).reset_emulator().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unimplemented);
    let told = server.command(&["emulator", "advance", "1s"]).failed();
    assert!(told.contains("`hearth serve --emulate`"), "{told}");
}

#[test]
fn without_a_directory_of_its_own_it_says_which_and_leaves_none() {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(HEARTH);
    command
        .args(["serve", "--emulate", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
        .env_remove("HEARTH_STATE_DIR")
        .env("XDG_CONFIG_HOME", home.path())
        .env("XDG_STATE_HOME", home.path());
    let mut child = command.env("TMPDIR", home.path()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let directory = line.trim().strip_prefix("export HEARTH_STATE_DIR=").unwrap().to_owned();
    let asked = |words: &[&str]| {
        let mut command = Command::new(HEARTH);
        command.args(words).env("HEARTH_STATE_DIR", &directory).env("XDG_CONFIG_HOME", home.path());
        hearth_testkit::run(&mut command)
    };
    let told = asked(&["emulator", "clock"]).succeeded();
    assert!(told.contains("(runs"), "{told}");
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(!fs::exists(&directory).unwrap(), "{directory} is left");
    let left: Vec<_> = fs::read_dir(home.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn the_commands_do_what_the_calls_do() {
    let server = still();
    let run = |words: &[&str]| server.command(words).succeeded();
    assert_eq!(run(&["emulator", "clock"]), "2030-01-01T00:00:00Z (stands still)\n");
    run(&["emulator", "fault", "slow-start", "90s", "--sessions", "etl-*", "--count", "2"]);
    run(&["emulator", "fault", "refuse", "resource-exhausted", "--method", "CreateSession", "--count", "1"]);
    run(&["emulator", "fault", "fail-start", "process-up", "--message", "no module", "--sessions", "bad"]);
    run(&["emulator", "fault", "crash", "10m", "--exit-code", "3"]);
    run(&["emulator", "fault", "lose-answer"]);
    let listed = run(&["emulator", "fault", "list"]);
    for line in [
        "faults/1  etl-*     2      start takes 1 min 30 s",
        "faults/2  all       1      CreateSession is refused with RESOURCE_EXHAUSTED",
        "faults/3  bad       every  start fails after PROCESS_UP",
        "faults/4  all       every  engine crashes after 10 min",
        "faults/5  all       every  answer of every call is lost",
    ] {
        assert!(listed.contains(line), "{line} in:\n{listed}");
    }
    run(&["emulator", "fault", "clear", "faults/5"]);
    run(&["emulator", "fault", "clear"]);
    assert!(!run(&["emulator", "fault", "list"]).contains("faults/"));
    server.create("demo").ok();
    let name = format!("{PARENT}/sessions/demo");
    run(&["emulator", "use", &name]);
    let crashed = run(&["emulator", "crash", &name, "--exit-code", "3", "--log", "bye"]);
    assert!(
        crashed.contains("is FAILED: The engine ended by itself (exit code 3). Its last lines:\nbye"),
        "{crashed}"
    );
    let advanced = run(&["emulator", "advance", "--to", "2030-01-02T00:00:00Z"]);
    assert_eq!(advanced, "2030-01-02T00:00:00Z (stands still)\n");
    let document = run(&["emulator", "save"]);
    assert!(document.contains("\"hearth-emulator\": 1"), "{document}");
    assert_eq!(run(&["emulator", "reset"]), "2030-01-01T00:00:00Z (stands still)\n");
}

#[test]
fn sessions_wait_for_room_where_some_is_set_and_nowhere_else() {
    let mut server =
        emulating().arg("--stand-still").arg("--at").arg(BEGINNING).set("admission.cores=1").start();
    server.active("first");
    let late = server.create("late").ok();
    assert_eq!(late.get("done"), None, "{late:#}");
    let waiting = server.session("late").ok();
    assert_eq!(
        (&waiting["state"], &waiting["stateMessage"]),
        (&json!("CREATING"), &json!("It waits for cores: asks for 1 core, 0 of 1 are free"))
    );
    advance(&server, "299s");
    assert_eq!(server.session("late").ok()["state"], "CREATING");
    advance(&server, "1s");
    let done = server.done(&late);
    assert_eq!(done["error"]["code"], 8, "RESOURCE_EXHAUSTED");
    let text = done["error"]["message"].as_str().unwrap();
    assert_eq!(
        text,
        "Insufficient 'CPUS' quota. Requested 1.0, available 0.0. It waited 5 min for room. 1 session of 1 user \
         holds it."
    );
    let next = server.create("next").ok();
    // Who has what and who waits is known to the emulator that goes on from here, too.
    server.sigterm();
    server.restart();
    assert_eq!(server.session("next").ok()["state"], "CREATING");
    server.terminate("first");
    assert_eq!(server.done(&next)["response"]["state"], "ACTIVE");
    server.terminate("next");
    let watched = server.command(&["sessions", "watch", "next", "--project", "test", "--location", "here"]);
    let watched = watched.succeeded();
    assert!(watched.contains("It waits for cores") && watched.contains("There is room for it"), "{watched}");

    let unlimited = still();
    for number in 0..40 {
        unlimited.active(&format!("one-of-{number}"));
    }
}
