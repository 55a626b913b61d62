//! `hearth.v1`: watching a session, giving it more time, and why it is as it is, over REST and gRPC alike.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use hearth_client::Client;
use hearth_testkit::{PARENT, ScriptedRuntime, TestServer};
use hearth_wire::hearth::{ExtendSessionRequest, SessionNotice};
use serde_json::{Value, json};

use crate::{HEARTH, server};

fn name(id: &str) -> String {
    format!("{PARENT}/sessions/{id}")
}

fn path(id: &str, verb: &str) -> String {
    format!("/hearth/v1/{}:{verb}", name(id))
}

/// One server-sent event.
#[derive(Debug, Clone, PartialEq)]
struct Event {
    id: Option<u64>,
    kind: String,
    data: Value,
}

/// A stream of server-sent events, read as a browser does.
struct Events(BufReader<TcpStream>);

impl Events {
    fn open(server: &TestServer, path: &str, headers: &str) -> Self {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {}\r\n{headers}connection: close\r\n\r\n",
            server.token()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut events = Self(BufReader::new(stream));
        let mut lines = Vec::new();
        while let Some(line) = events.line().filter(|line| !line.is_empty()) {
            lines.push(line.to_ascii_lowercase());
        }
        assert!(lines[0].contains("200"), "{lines:?}");
        assert!(lines.contains(&"content-type: text/event-stream".to_owned()), "{lines:?}");
        events
    }

    /// The next line; `None` at the end.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.0.read_line(&mut line).unwrap() {
            0 => None,
            _ => Some(line.trim_end().to_owned()),
        }
    }

    /// The next event; `None` at the end. Comments, and the sizes of chunks, are passed over.
    fn next(&mut self) -> Option<Event> {
        let mut event = Event { id: None, kind: String::new(), data: Value::Null };
        loop {
            let line = self.line()?;
            match line.split_once(": ") {
                Some(("id", id)) => event.id = Some(id.parse().unwrap()),
                Some(("event", kind)) => event.kind = kind.to_owned(),
                Some(("data", data)) => event.data = serde_json::from_str(data).unwrap(),
                _ if line.is_empty() && !event.kind.is_empty() => return Some(event),
                _ => {}
            }
        }
    }

    /// All events up to the end.
    fn rest(mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.next()).collect()
    }
}

fn kinds(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.kind.as_str()).collect()
}

async fn watched(server: &TestServer, id: &str, after: i64) -> Vec<SessionNotice> {
    let client = Client::connect(&format!("http://{}", server.address()), Some(server.token())).unwrap();
    let mut notices = client.watch(&name(id), after).await.unwrap();
    let mut all = Vec::new();
    while let Some(notice) = notices.next().await.unwrap() {
        all.push(notice);
    }
    all
}

#[test]
fn a_life_is_watched_as_it_happens_over_rest() {
    let server = server();
    server.active("watched");
    let mut events = Events::open(&server, &path("watched", "watch"), "");
    let created = events.next().unwrap();
    assert_eq!((created.id, created.kind.as_str()), (Some(1), "created"));
    assert_eq!(created.data["sequence"], "1");
    let active = events.next().unwrap();
    assert_eq!((active.kind.as_str(), &active.data["state"]), ("active", &json!("ACTIVE")));
    let operation = server.rest().delete(&format!("/v1/{}", name("watched"))).ok();
    server.done(&operation);
    let rest = events.rest();
    assert_eq!(rest.first().map(|event| event.kind.as_str()), Some("ending"), "{rest:?}");
    let last = rest.last().unwrap();
    assert_eq!((last.kind.as_str(), last.id), ("removed", None), "{rest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_life_is_told_alike_over_rest_and_grpc_and_the_stream_ends() {
    let server = server();
    server.active("ended");
    server.terminate("ended");
    let over_rest = Events::open(&server, &path("ended", "watch"), "").rest();
    assert_eq!(kinds(&over_rest), ["created", "active", "ending", "terminated"]);
    let over_grpc = watched(&server, "ended", 0).await;
    for (event, notice) in over_rest.iter().zip(&over_grpc) {
        assert_eq!(event.data["text"], notice.text);
        assert_eq!(
            (event.kind.as_str(), event.id),
            (notice.kind.as_str(), u64::try_from(notice.sequence).ok())
        );
    }
    assert_eq!(over_grpc.len(), 4);
    // Whoever has seen some gets the rest, in each of the three ways.
    let seen = Events::open(&server, &path("ended", "watch"), "last-event-id: 2\r\n").rest();
    assert_eq!(kinds(&seen), ["ending", "terminated"]);
    assert_eq!(seen, Events::open(&server, &format!("{}?after=2", path("ended", "watch")), "").rest());
    assert_eq!(watched(&server, "ended", 2).await, over_grpc[2..]);
}

#[test]
fn a_watch_that_cannot_begin_is_refused_as_every_other_call() {
    let server = server();
    let missing = server.rest().get(&path("nobody", "watch")).error(404, "NOT_FOUND");
    assert!(missing.contains("nobody"), "{missing}");
    server.active("there");
    let negative = server.rest().get(&format!("{}?after=-1", path("there", "watch")));
    negative.error(400, "INVALID_ARGUMENT");
    let unknown = server.rest().get(&format!("{}?whence=2", path("there", "watch")));
    unknown.error(400, "INVALID_ARGUMENT");
    server.rest().with_token(None).get(&path("there", "watch")).error(401, "UNAUTHENTICATED");
}

#[test]
fn a_service_that_ends_ends_its_watches_and_says_why() {
    let mut server = server();
    server.active("going");
    let mut events = Events::open(&server, &path("going", "watch"), "");
    assert_eq!(
        (events.next().unwrap().kind, events.next().unwrap().kind),
        ("created".into(), "active".into())
    );
    assert!(server.sigterm().success());
    let rest = events.rest();
    assert_eq!(kinds(&rest), ["error"]);
    assert_eq!(rest[0].data["error"]["status"], "UNAVAILABLE");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_moves_the_end_and_is_seen_everywhere() {
    let server = server();
    let session = server.active("longer");
    let over_rest = server.rest().post(&path("longer", "extend"), &json!({"ttl": "7200s"})).ok();
    assert_eq!(over_rest["ttl"], "7200s");
    let shown = server.session("longer").ok();
    assert_eq!(shown["environmentConfig"]["executionConfig"]["ttl"], "7200s");
    assert_eq!(shown["stateTime"], session["stateTime"], "it is the same life");
    let client = Client::connect(&format!("http://{}", server.address()), Some(server.token())).unwrap();
    let request = ExtendSessionRequest {
        name: name("longer"),
        ttl: Some(prost_types::Duration { seconds: 10_800, nanos: 0 }),
        until: None,
    };
    let over_grpc = client.extend(request).await.unwrap();
    assert_eq!(over_grpc.ttl.map(|ttl| ttl.seconds), Some(10_800));
    server.terminate("longer");
    let told = Events::open(&server, &path("longer", "watch"), "").rest();
    assert_eq!(kinds(&told), ["created", "active", "extended", "extended", "ending", "terminated"]);
    assert_eq!(told[2].data["endTime"], over_rest["endTime"]);
    let late = server.rest().post(&path("longer", "extend"), &json!({"ttl": "14400s"}));
    let text = late.error(400, "FAILED_PRECONDITION");
    assert!(text.contains("TERMINATED"), "{text}");
}

#[test]
fn extensions_that_make_no_sense_are_refused_with_the_field() {
    let server = server();
    server.active("strict");
    for (body, field) in [
        (json!({}), "ttl"),
        (json!({"ttl": "7200s", "until": "2100-01-01T00:00:00Z"}), "ttl"),
        (json!({"ttl": "600s"}), "ttl"),
        (json!({"ttl": "1209601s"}), "ttl"),
        (json!({"until": "2000-01-01T00:00:00Z"}), "until"),
        (json!({"until": "2100-01-01T00:00:00Z"}), "until"),
    ] {
        let answer = server.rest().post(&path("strict", "extend"), &body);
        answer.error(400, "INVALID_ARGUMENT");
        let fields: Vec<_> = answer.violations().into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, [field], "{body}: {}", answer.text);
    }
    server.rest().post(&path("nobody", "extend"), &json!({"ttl": "7200s"})).error(404, "NOT_FOUND");
}

#[test]
fn why_tells_of_each_state_in_plain_words() {
    let server = server();
    server.active("asked");
    let active = server.rest().get(&path("asked", "why")).ok();
    assert_eq!(active["state"], "ACTIVE");
    assert!(active["reason"].as_str().is_some_and(|text| text.contains("not been used")), "{active:#}");
    assert!(active["nextSteps"].as_array().is_some_and(|steps| !steps.is_empty()), "{active:#}");
    server.terminate("asked");
    let ended = server.rest().get(&path("asked", "why")).ok();
    assert!(ended["reason"].as_str().is_some_and(|text| text.starts_with("Terminated by")), "{ended:#}");
    assert!(ended.get("endTime").is_some(), "{ended:#}");
    server.rest().get(&path("nobody", "why")).error(404, "NOT_FOUND");
    let told = server.command(&["sessions", "why", &name("asked")]);
    let told = told.succeeded();
    assert!(told.contains("Terminated by"), "{told}");
}

#[test]
fn an_engine_that_died_is_explained_with_what_it_wrote_last() {
    let runtime = ScriptedRuntime::install(HEARTH, "echo one\necho 'no space left' >&2\nexit 3");
    let server = runtime.options(HEARTH).start();
    server.done(&server.create("broken").ok());
    let told = server.rest().get(&path("broken", "why")).ok();
    assert_eq!(told["state"], "FAILED");
    let lines = told["logLines"].as_array().unwrap();
    assert!(lines.contains(&json!("no space left")), "{told:#}");
    assert!(!told["reason"].as_str().unwrap().contains("no space left"), "told once: {told:#}");
}

#[test]
fn a_restart_loses_no_notice() {
    let mut server = server();
    server.active("kept");
    let told = |event: Option<Event>| {
        let event = event.unwrap();
        (event.id, event.kind, event.data["time"].clone(), event.data["text"].clone())
    };
    let mut before = Events::open(&server, &path("kept", "watch"), "");
    let before = [told(before.next()), told(before.next())];
    server.kill9();
    server.restart();
    // Without its fake engine the session fails, which ends the stream; its life before is still told.
    let mut after = Events::open(&server, &path("kept", "watch"), "");
    assert_eq!([told(after.next()), told(after.next())], before);
    assert_eq!(kinds(&after.rest()), ["failed"]);
}

#[test]
fn what_is_allocated_is_told_while_a_session_is_active_and_what_it_came_to_once_it_has_ended() {
    let server = server();
    let runtime = json!({"properties": {"spark.driver.cores": "4", "spark.driver.memory": "12200m"}});
    let mut body = hearth_testkit::connect_session("metered");
    body["runtimeConfig"] = runtime;
    server.rest().post(&format!("/v1/{PARENT}/sessions?sessionId=metered"), &body).ok();
    let active = server.session_in("metered", "ACTIVE");
    let now = &active["runtimeInfo"]["currentUsage"];
    let allocated: i64 = now["milliDcu"].as_str().unwrap().parse().unwrap();
    assert!(allocated >= 4000, "{now:#}");
    assert!(now.get("snapshotTime").is_some() && active["runtimeInfo"].get("approximateUsage").is_none());
    let ended = server.terminate("metered");
    let whole = &ended["runtimeInfo"]["approximateUsage"];
    assert!(whole.get("updateTime").is_some(), "{ended:#}");
    assert!(ended["runtimeInfo"].get("currentUsage").is_none(), "{ended:#}");
    assert_eq!(&server.session("metered").ok()["runtimeInfo"]["approximateUsage"], whole, "for good");
}
