//! Section 2: resource names and ids.

use hearth_testkit::{PARENT, connect_session};
use serde_json::Value;

use super::both::{Both, create_message, delete, get, name, terminate};

#[test]
fn s2_a_session_id_has_four_to_sixty_three_small_letters_digits_and_hyphens() {
    let both = Both::start();
    let longest = "a".repeat(63);
    for id in ["four", "0-leading-digit", "a--b", &longest] {
        both.post(id, &connect_session(id)).ok();
    }
    for id in ["abc", "-hyphen", "hyphen-", "Upper", "under_score", "dot.dot", &"a".repeat(64)] {
        let answer = both.create_refused(id, &connect_session(id));
        let text = answer.error(400, "INVALID_ARGUMENT");
        assert_eq!(
            text,
            format!(r"Session ID '{id}' must conform to pattern '[a-z0-9][a-z0-9\-]{{2,61}}[a-z0-9]'")
        );
        assert_eq!(answer.violations(), [("session_id".to_owned(), text)]);
    }
}

#[test]
fn s2_get_terminate_and_delete_take_any_id_and_find_nothing() {
    let both = Both::start();
    let absent = |answer: hearth_testkit::Answer| {
        assert_eq!(
            answer.error(404, "NOT_FOUND"),
            format!("Not found: Session {PARENT}/sessions/UPPER_case")
        );
    };
    let (id, path) = ("UPPER_case", format!("/v1/{}", name("UPPER_case")));
    let ending = format!("{path}:terminate");
    absent(both.refused(("GET", &path, &Value::Null), "SessionController/GetSession", &get(id)));
    absent(both.refused(
        ("POST", &ending, &Value::Null),
        "SessionController/TerminateSession",
        &terminate(id),
    ));
    absent(both.refused(("DELETE", &path, &Value::Null), "SessionController/DeleteSession", &delete(id)));
}

#[test]
fn s2_an_id_stays_taken_until_its_session_is_deleted_and_then_means_another() {
    let both = Both::start();
    let first = both.server.active("same")["uuid"].clone();
    both.server.terminate("same");
    let answer = both.create_refused("same", &connect_session("same"));
    let text = answer.error(409, "ALREADY_EXISTS");
    assert_eq!(text, format!("Already exists: Failed to create session: Session {}", name("same")));
    let deleted = both.rest().delete(&format!("/v1/{}", name("same"))).ok();
    both.server.done(&deleted);
    both.grpc("SessionController/CreateSession", &create_message("same", &connect_session("same"))).unwrap();
    let second = both.server.session_in("same", "ACTIVE")["uuid"].clone();
    assert!(first.is_string() && second.is_string() && first != second, "{first} {second}");
}

#[test]
fn s2_an_operation_is_named_by_a_uuid_below_regions() {
    let both = Both::start();
    let operation = both.server.create("here").ok();
    let id =
        operation["name"].as_str().unwrap().strip_prefix("projects/test/regions/here/operations/").unwrap();
    assert_eq!(uuid::Uuid::parse_str(id).unwrap().get_version_num(), 4);
}
