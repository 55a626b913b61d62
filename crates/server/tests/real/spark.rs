//! PySpark's Connect clients, unmodified, through the one port.

use hearth_testkit::{PARENT, Python, TestServer, eventually};

use crate::{HEARTH, remote, script, uuid};

/// What one part of a gigabyte may make the server grow to. It holds a few messages of a stream at a time.
const STREAMING: u64 = 256 << 20;

fn works(client: &str) {
    let server = TestServer::start(HEARTH);
    let uuid = uuid(&server.active("work"));
    let said = Python::client(client).run(&script("works.py"), &[&remote(&server, &uuid)]).succeeded();
    assert_eq!(said, "AnalysisException True\npassed\n");
    server.terminate("work");
    server.nothing_left();
}

#[test]
fn pyspark_4_0_works_unmodified() {
    works("pyspark-4.0");
}

#[test]
fn pyspark_4_1_works_unmodified() {
    works("pyspark-4.1");
}

#[test]
fn pyspark_4_2_works_unmodified() {
    works("pyspark-4.2");
}

#[test]
fn a_gigabyte_comes_through_whole_without_being_held() {
    let server = TestServer::start(HEARTH);
    let uuid = uuid(&server.active("large"));
    let said = Python::client("pyspark-4.2")
        .run(&script("fetches_a_gigabyte.py"), &[&remote(&server, &uuid)])
        .succeeded();
    assert_eq!(said, "passed\n");
    let peak = server.peak_memory();
    assert!(peak < STREAMING, "the server held {peak} bytes");
}

#[test]
fn a_session_is_chosen_by_uuid_by_id_or_by_name() {
    let server = TestServer::start(HEARTH);
    let uuid = uuid(&server.active("chosen"));
    server.active("other");
    let python = Python::client("pyspark-4.2");
    let mut keeper = python.start(&script("stays_connected.py"), &[&remote(&server, &uuid)]);
    keeper.expect("connected");
    let base = format!("sc://localhost:{}/;token={}", server.port(), server.token());
    for key in [
        format!("session_id={uuid}"),
        format!("x-dataproc-session=chosen;session_id={uuid}"),
        // A slash has a meaning of its own there.
        format!(
            "x-dataproc-session={};session_id={uuid}",
            format!("{PARENT}/sessions/chosen").replace('/', "%2F")
        ),
    ] {
        // The view of the first client shows which engine answers.
        let said = python.run(&script("asks.py"), &[&format!("{base};{key}"), "seven"]).succeeded();
        assert_eq!(said, "42\n", "{key}");
    }
    let other = python.run(&script("asks.py"), &[&format!("{base};x-dataproc-session=other"), "seven"]);
    assert!(other.failed().contains("seven"), "the other session has no such view");
    let own = python.run(&script("asks.py"), &[&format!("{base};x-dataproc-session=other")]);
    assert_eq!(own.succeeded(), "42\n");
    keeper.say("go on");
    keeper.expect("again");
    keeper.end();
}

#[test]
fn an_ended_session_tells_its_clients_at_once_when_and_why() {
    let server = TestServer::start(HEARTH);
    let session = server.active("short");
    let remote = remote(&server, &uuid(&session));
    let python = Python::client("pyspark-4.2");
    let mut client = python.start(&script("is_refused.py"), &[&remote]);
    client.expect("works");
    let ended = server.terminate("short");
    let when = ended["stateTime"].as_str().unwrap();

    client.say("ask again");
    let told = client.until("over");
    let told = told.last().expect("it was told something");
    // To the second: the rest depends on how many digits are written.
    assert!(told.contains("ended at") && told.contains(&when[..19]), "{told} at {when}");

    let fresh = python.run(&script("is_refused.py"), &[&remote]).succeeded();
    assert!(fresh.contains("ended at") && fresh.contains(&when[..19]), "{fresh}");
}

#[test]
fn a_name_leads_to_the_session_that_has_it_now() {
    let server = TestServer::start(HEARTH);
    server.active("demo");
    let remote =
        format!("sc://localhost:{}/;token={};x-dataproc-session=demo", server.port(), server.token());
    let python = Python::client("pyspark-4.2");
    let asks = || assert_eq!(python.run(&script("asks.py"), &[&remote]).succeeded(), "42\n");
    asks();
    server.terminate("demo");
    server.rest().delete(&format!("/v1/{PARENT}/sessions/demo")).ok();
    eventually("the name is free", || {
        let answer = server.session("demo");
        if answer.status == 404 { Ok(()) } else { Err(answer.text) }
    });
    let gone = python.run(&script("is_refused.py"), &[&remote]).succeeded();
    assert!(gone.contains("Not found: Session demo"), "{gone}");
    server.active("demo");
    asks();
}

#[test]
fn a_session_that_never_was_and_a_wrong_token_are_refused_at_once() {
    let server = TestServer::start(HEARTH);
    let python = Python::client("pyspark-4.2");
    let port = server.port();
    let refused = |parameters: String| {
        let remote = format!("sc://localhost:{port}/;{parameters}");
        python.run(&script("is_refused.py"), &[&remote]).succeeded()
    };
    let none = refused(format!("token={};x-dataproc-session=nobody", server.token()));
    assert!(none.contains("Not found: Session") && none.contains("nobody"), "{none}");
    let wrong = refused("token=wrong;x-dataproc-session=nobody".to_owned());
    assert!(wrong.contains("invalid authentication credentials"), "{wrong}");
    let missing = refused("x-dataproc-session=nobody".to_owned());
    assert!(missing.contains("missing required authentication credential"), "{missing}");
}

#[test]
fn a_client_that_comes_while_the_session_is_created_waits_for_it() {
    let server = TestServer::start(HEARTH);
    let rest = server.rest().clone();
    let (path, body) = (
        format!("/v1/{PARENT}/sessions?sessionId=soon"),
        hearth_testkit::connect_session("soon").to_string(),
    );
    let creating = std::thread::spawn(move || rest.call("POST", &path, &body).ok());
    let seen = eventually("the session can be seen", || {
        let answer = server.session("soon");
        if answer.status == 200 { Ok(answer.json) } else { Err(answer.text) }
    });
    let said =
        Python::client("pyspark-4.2").run(&script("asks.py"), &[&remote(&server, &uuid(&seen))]).succeeded();
    assert_eq!(said, "42\n");
    creating.join().unwrap();
}
