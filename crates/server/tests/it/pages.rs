//! Lists in pages.

use std::collections::BTreeSet;

use hearth_testkit::{PARENT, id_of};

use crate::server;

#[test]
fn pages_show_each_session_once_newest_first() {
    let server = server();
    let ids: Vec<String> = (0..7).map(|number| format!("paged-{number}")).collect();
    for id in &ids {
        server.create(id).ok();
    }
    let mut seen = Vec::new();
    let mut token = String::new();
    loop {
        let path = format!("/v1/{PARENT}/sessions?pageSize=3&pageToken={token}");
        let page = server.rest().get(&path).ok();
        let sessions = page["sessions"].as_array().cloned().unwrap_or_default();
        assert!(sessions.len() <= 3);
        seen.extend(sessions.iter().map(|session| id_of(session["name"].as_str().unwrap()).to_owned()));
        match page["nextPageToken"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, ids.iter().rev().cloned().collect::<Vec<_>>());
}

#[test]
fn a_session_made_between_two_pages_moves_no_other() {
    let server = server();
    for number in 0..4 {
        server.create(&format!("early-{number}")).ok();
    }
    let first = server.rest().get(&format!("/v1/{PARENT}/sessions?pageSize=2")).ok();
    server.create("late").ok();
    let token = first["nextPageToken"].as_str().unwrap();
    let second = server.rest().get(&format!("/v1/{PARENT}/sessions?pageSize=2&pageToken={token}")).ok();
    let pages = [&first, &second];
    let sessions = pages.into_iter().filter_map(|page| page["sessions"].as_array()).flatten();
    let names: BTreeSet<&str> = sessions.filter_map(|session| session["name"].as_str()).collect();
    assert_eq!(names.len(), 4, "{names:?}");
}

#[test]
fn sizes_below_zero_and_tokens_of_others_are_refused() {
    let server = server();
    for number in 0..3 {
        server.create(&format!("token-{number}")).ok();
    }
    let path = format!("/v1/{PARENT}/sessions");
    server.rest().get(&format!("{path}?pageSize=-1")).error(400, "INVALID_ARGUMENT");
    server.rest().get(&format!("{path}?pageSize=many")).error(400, "INVALID_ARGUMENT");
    server.rest().get(&format!("{path}?pageToken=nonsense")).error(400, "INVALID_ARGUMENT");
    let page = server.rest().get(&format!("{path}?pageSize=1")).ok();
    let token = page["nextPageToken"].as_str().unwrap();
    let elsewhere = format!("/v1/projects/other/locations/here/sessions?pageToken={token}");
    server.rest().get(&elsewhere).error(400, "INVALID_ARGUMENT");
    // More than the most is the most; empty is unset.
    server.rest().get(&format!("{path}?pageSize=1000000&pageToken=&filter=")).ok();
}
