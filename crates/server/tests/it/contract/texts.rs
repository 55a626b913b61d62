//! Section 14: error texts that no other section has shown.

use serde_json::json;

use super::both::{Both, session_with};

#[test]
fn s14_labels_that_break_a_rule_are_told_with_key_and_value() {
    let both = Both::start();
    let text = |labels: serde_json::Value| {
        let answer = both.create_refused("labels", &session_with("labels", json!({"labels": labels})));
        answer.error(400, "INVALID_ARGUMENT")
    };
    assert_eq!(text(json!({"Upper": "x"})), "Invalid label key 'Upper'");
    assert_eq!(text(json!({"good": "Bad"})), "Invalid label value 'Bad' for key 'good'");
    let many: serde_json::Map<String, serde_json::Value> =
        (0..33).map(|at| (format!("k{at}"), json!("v"))).collect();
    assert_eq!(text(json!(many)), "Too many labels: 33, at most 32 are allowed");
}

#[test]
fn s14_a_missing_credential_and_a_bad_one_have_their_own_texts() {
    let both = Both::start();
    let tail = "Expected OAuth 2 access token, login cookie or other valid authentication credential.";
    for (token, head) in [
        (None, "Request is missing required authentication credential."),
        (Some("bad"), "Request had invalid authentication credentials."),
    ] {
        let answer = both.rest().with_token(token).get("/v1/projects/p/locations/l/sessions");
        assert_eq!(answer.error(401, "UNAUTHENTICATED"), format!("{head} {tail}"));
    }
}
