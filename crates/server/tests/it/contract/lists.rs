//! Section 10: pages of lists, their order, and what is refused.

use hearth_testkit::PARENT;
use hearth_wire::dataproc as pb;
use serde_json::{Value, json};

use super::both::{Both, name};

fn list(page_size: i32, page_token: &str) -> pb::ListSessionsRequest {
    let parent = PARENT.to_owned();
    pb::ListSessionsRequest { parent, page_size, page_token: page_token.to_owned(), ..Default::default() }
}

fn names(page: &Value) -> Vec<String> {
    let sessions = page["sessions"].as_array().cloned().unwrap_or_default();
    sessions.iter().map(|session| session["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn s10_twenty_are_on_a_page_unless_asked_and_more_than_a_thousand_mean_a_thousand() {
    let both = Both::start();
    for at in 0..21 {
        both.server.create(&format!("page-{at:02}")).ok();
    }
    let path = format!("/v1/{PARENT}/sessions");
    assert_eq!(names(&both.rest().get(&path).ok()).len(), 20);
    let none = format!("{path}?pageSize=0&pageToken=");
    assert_eq!(names(&both.rest().get(&none).ok()).len(), 20);
    let all = both.rest().get(&format!("{path}?pageSize=2000000000")).ok();
    assert_eq!((names(&all).len(), all.get("nextPageToken")), (21, None));
    assert_eq!(names(&both.grpc("SessionController/ListSessions", &list(0, "")).unwrap()).len(), 20);
}

#[test]
fn s10_a_walk_shows_each_session_once_newest_first_also_while_others_come() {
    let both = Both::start();
    let ids: Vec<String> = (0..5).map(|at| format!("walk-{at}")).collect();
    for id in &ids {
        both.server.active(id);
    }
    let path = format!("/v1/{PARENT}/sessions?pageSize=2");
    let mut walked = Vec::new();
    let mut token = String::new();
    loop {
        let address = format!("{path}&pageToken={token}");
        let page = both.answered(
            ("GET", &address, &Value::Null),
            "SessionController/ListSessions",
            &list(2, &token),
        );
        walked.extend(names(&page));
        both.server.create(&format!("late-{}", walked.len())).ok();
        match page["nextPageToken"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    let newest_first: Vec<String> = ids.iter().rev().map(|id| name(id)).collect();
    assert_eq!(walked, newest_first);
}

#[test]
fn s10_a_negative_page_size_is_refused() {
    let both = Both::start();
    let path = format!("/v1/{PARENT}/sessions?pageSize=-1");
    let answer = both.refused(("GET", &path, &Value::Null), "SessionController/ListSessions", &list(-1, ""));
    answer.error(400, "INVALID_ARGUMENT");
    assert_eq!(answer.violations()[0].0, "page_size");
}

#[test]
fn s10_a_token_that_is_none_or_of_another_list_is_refused() {
    let both = Both::start();
    for id in ["one1", "two2"] {
        both.server.create(id).ok();
    }
    let page = both.rest().get(&format!("/v1/{PARENT}/sessions?pageSize=1")).ok();
    let token = page["nextPageToken"].as_str().unwrap();
    let other = format!("/v1/projects/test/locations/there/sessions?pageToken={token}");
    both.rest().get(&other).error(400, "INVALID_ARGUMENT");
    let operations = format!("/v1/{PARENT}/operations?pageToken={token}");
    both.rest().get(&operations).error(400, "INVALID_ARGUMENT");
    let path = format!("/v1/{PARENT}/sessions?pageToken=rubbish");
    let answer =
        both.refused(("GET", &path, &Value::Null), "SessionController/ListSessions", &list(0, "rubbish"));
    answer.error(400, "INVALID_ARGUMENT");
    assert_eq!(answer.violations()[0].0, "page_token");
}

#[test]
fn s10_a_list_is_of_its_project_and_location() {
    let both = Both::start();
    both.server.create("here").ok();
    let path = "/v1/projects/test/locations/there/sessions";
    both.rest().post(&format!("{path}?sessionId=there"), &json!({"sparkConnectSession": {}})).ok();
    assert_eq!(names(&both.rest().get(&format!("/v1/{PARENT}/sessions")).ok()), [name("here")]);
    assert_eq!(names(&both.rest().get(path).ok()), ["projects/test/locations/there/sessions/there"]);
}
