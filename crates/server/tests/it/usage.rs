//! `hearth.v1.UsageReports`: what sessions used, over REST and gRPC alike, by what they have in common.

use hearth_client::Client;
use hearth_testkit::{PARENT, TestServer, eventually};
use hearth_wire::hearth::{GetUsageRequest, Usage};
use hearth_wire::json::{self, Style};
use serde_json::{Value, json};

use crate::{server, without_engines};

/// Makes a session there, waits until it has been active for a second, and ends it.
fn live(server: &TestServer, parent: &str, id: &str, user: &str, labels: Value) {
    let body = json!({"name": format!("{parent}/sessions/{id}"), "sparkConnectSession": {}, "user": user,
                      "labels": labels});
    server.rest().post(&format!("/v1/{parent}/sessions?sessionId={id}"), &body).ok();
    eventually(&format!("session {id} has been active for a second"), || {
        let usage = server.rest().get(&format!("/hearth/v1/{parent}/usage?groupBy=session")).ok();
        let name = format!("{parent}/sessions/{id}");
        let group = groups(&usage).into_iter().find(|group| group["key"] == *name);
        match group.as_ref().and_then(|group| group["activeTime"].as_str()) {
            Some(time) if time != "0s" => Ok(()),
            _ => Err(usage.to_string()),
        }
    });
    let operation = server.rest().post(&format!("/v1/{parent}/sessions/{id}:terminate"), &Value::Null).ok();
    assert!(server.done(&operation).get("error").is_none());
}

fn delete(server: &TestServer, parent: &str, id: &str) {
    let operation = server.rest().delete(&format!("/v1/{parent}/sessions/{id}")).ok();
    assert!(server.done(&operation).get("error").is_none());
}

fn groups(usage: &Value) -> Vec<Value> {
    usage["groups"].as_array().cloned().unwrap_or_default()
}

/// The keys of the groups and how many sessions each has, by key.
fn counts(usage: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut counts: Vec<_> =
        groups(usage).iter().map(|group| (text(&group["key"]), text(&group["sessions"]))).collect();
    counts.sort();
    counts
}

fn two(counts: &[(&str, &str)]) -> Vec<(String, String)> {
    counts.iter().map(|(key, count)| ((*key).to_owned(), (*count).to_owned())).collect()
}

async fn asked(server: &TestServer, request: GetUsageRequest) -> Usage {
    let client = Client::connect(&format!("http://{}", server.address()), Some(server.token())).unwrap();
    client.usage(request).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn use_is_told_alike_over_both_and_stays_when_sessions_are_deleted_and_the_server_is_killed() {
    let mut server = server();
    let other = "projects/other/locations/there";
    for (parent, id, user, labels) in [
        (PARENT, "first", "ada@example.org", json!({"team": "red"})),
        (PARENT, "second", "ada@example.org", json!({"team": ""})),
        (PARENT, "third", "bob@example.org", json!({})),
        (other, "fourth", "bob@example.org", json!({"team": "red"})),
    ] {
        tokio::task::block_in_place(|| live(&server, parent, id, user, labels));
    }
    let every = "projects/-/locations/-";
    let get = |server: &TestServer, query: &str| {
        tokio::task::block_in_place(|| server.rest().get(&format!("/hearth/v1/{query}")).ok())
    };
    assert_eq!(
        counts(&get(&server, &format!("{PARENT}/usage"))),
        two(&[("ada@example.org", "2"), ("bob@example.org", "1")])
    );
    assert_eq!(
        counts(&get(&server, &format!("{every}/usage?groupBy=project"))),
        two(&[("other", "1"), ("test", "3")])
    );
    assert_eq!(
        counts(&get(&server, "projects/-/locations/there/usage?groupBy=user")),
        two(&[("bob@example.org", "1")])
    );
    let by_team = get(&server, &format!("{every}/usage?groupBy=label:team"));
    assert_eq!(counts(&by_team), two(&[("", "1"), ("", "1"), ("red", "2")]));
    let without: Vec<_> =
        groups(&by_team).into_iter().filter(|group| group["withoutLabel"] == true).collect();
    assert_eq!(without.len(), 1, "apart from a label without a value: {by_team:#}");

    // All have ended, so that nothing changes any more up to this time.
    let now = get(&server, &format!("{every}/usage"))["endTime"].as_str().unwrap().to_owned();
    let query = format!("{every}/usage?groupBy=session&startTime=2020-01-01T00:00:00Z&endTime={now}");
    let before = get(&server, &query);
    assert_eq!(before["total"]["sessions"], "4", "{before:#}");
    assert_eq!((&before["endTime"], &before["startTime"]), (&json!(now), &json!("2020-01-01T00:00:00Z")));
    let used = |usage: &Value, what: &str| usage["total"][what].as_str().unwrap().parse::<u64>().unwrap();
    assert!(used(&before, "milliDcuSeconds") >= 4 * 4000 / 2, "{before:#}");
    assert_eq!(before["total"]["activeTime"], before["total"]["idleTime"], "nobody called: {before:#}");
    let time = |text: &str| {
        let at: hearth_core::Timestamp = text.parse().unwrap();
        Some(prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() })
    };
    let request = GetUsageRequest {
        parent: every.to_owned(),
        group_by: "session".to_owned(),
        start_time: time("2020-01-01T00:00:00Z"),
        end_time: time(&now),
    };
    let over_grpc = |usage: &Usage| -> Value {
        serde_json::from_str(&json::to_string(usage, Style::default()).unwrap()).unwrap()
    };
    assert_eq!(over_grpc(&asked(&server, request.clone()).await), before);

    tokio::task::block_in_place(|| {
        delete(&server, PARENT, "first");
        delete(&server, other, "fourth");
    });
    assert_eq!(get(&server, &query), before, "removed sessions count as they did");
    tokio::task::block_in_place(|| {
        server.kill9();
        server.restart();
    });
    assert_eq!(get(&server, &query), before, "also after a restart");
    assert_eq!(over_grpc(&asked(&server, request).await), before);
    let nothing = get(&server, &format!("{every}/usage?endTime=2020-01-01T00:00:00Z"));
    assert_eq!((groups(&nothing).len(), &nothing["total"]["sessions"]), (0, &Value::Null));
    let told = tokio::task::block_in_place(|| server.command(&["usage", "--by", "project"]).succeeded());
    let rows: Vec<Vec<&str>> = told.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!((rows[0][0], rows.len()), ("PROJECT", 4), "{told}");
    assert_eq!((&rows[1][..2], &rows[3][..2]), (&["test", "3"][..], &["total", "4"][..]), "{told}");
}

#[test]
fn a_price_makes_costs_of_compute_units() {
    let server = without_engines().set("usage.price=3.6 CHF").start();
    live(&server, PARENT, "paid", "ada@example.org", json!({}));
    let usage = server.rest().get(&format!("/hearth/v1/{PARENT}/usage")).ok();
    assert_eq!((&usage["currency"], &usage["priceMicrosPerDcuHour"]), (&json!("CHF"), &json!("3600000")));
    let number = |what: &str| usage["total"][what].as_str().unwrap().parse::<u64>().unwrap();
    // A thousandth of a unit for a second costs a millionth.
    assert_eq!(number("costMicros"), number("milliDcuSeconds"), "{usage:#}");
    assert_eq!(number("idleCostMicros"), number("idleMilliDcuSeconds"), "{usage:#}");
    let told = server.command(&["usage", "--all-projects"]).succeeded();
    assert!(told.contains("IDLE COST") && told.contains(" CHF"), "{told}");
    let free = without_engines().start();
    let usage = free.rest().get(&format!("/hearth/v1/{PARENT}/usage")).ok();
    assert!(usage.get("currency").is_none(), "{usage:#}");
}

#[test]
fn what_cannot_be_asked_is_refused_with_its_field() {
    let server = without_engines().set("locations=here").set("default-location=here").start();
    let path = |query: &str| format!("/hearth/v1/{PARENT}/usage?{query}");
    for (query, field) in [
        ("groupBy=color", "group_by"),
        ("groupBy=label:", "group_by"),
        ("startTime=2026-01-02T00:00:00Z&endTime=2026-01-01T00:00:00Z", "end_time"),
    ] {
        let answer = server.rest().get(&path(query));
        answer.error(400, "INVALID_ARGUMENT");
        let fields: Vec<_> = answer.violations().into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, [field], "{query}: {}", answer.text);
    }
    server.rest().get(&path("startTime=yesterday")).error(400, "INVALID_ARGUMENT");
    let elsewhere = server.rest().get("/hearth/v1/projects/test/locations/elsewhere/usage");
    elsewhere.error(400, "INVALID_ARGUMENT");
    let told = server.command(&["usage", "--by", "color"]).failed();
    assert!(told.contains("label:KEY"), "{told}");
}
