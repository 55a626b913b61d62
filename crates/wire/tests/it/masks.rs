//! Partial responses.

use hearth_wire::{
    Violations,
    dataproc::{ListSessionsResponse, RuntimeConfig, Session, session::State},
    error::pack,
    json::to_string,
    longrunning::{Operation, operation},
    mask::Mask,
    schema::schema,
};
use prost::Name;

fn masked<M: prost::Message + Name>(message: &M, fields: &str) -> Result<String, Violations> {
    let mask = Mask::parse(fields, schema().message(&M::full_name()).unwrap())?;
    Ok(to_string(message, mask.style()).unwrap())
}

fn page() -> ListSessionsResponse {
    let session = |name: &str| Session {
        name: name.into(),
        uuid: format!("uuid-{name}"),
        state: State::Active.into(),
        labels: [("a".into(), "1".into()), ("b".into(), "2".into())].into(),
        runtime_config: Some(RuntimeConfig {
            version: "3.0".into(),
            cohort: "c".into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    ListSessionsResponse { sessions: vec![session("x"), session("y")], next_page_token: "t".into() }
}

#[test]
fn only_the_members_asked_for_are_written() {
    for (fields, expected) in [
        ("nextPageToken", r#"{"nextPageToken":"t"}"#),
        ("next_page_token", r#"{"nextPageToken":"t"}"#),
        ("sessions/name", r#"{"sessions":[{"name":"x"},{"name":"y"}]}"#),
        ("sessions.name", r#"{"sessions":[{"name":"x"},{"name":"y"}]}"#),
        (
            "sessions(name,state),nextPageToken",
            r#"{"sessions":[{"name":"x","state":"ACTIVE"},{"name":"y","state":"ACTIVE"}],"nextPageToken":"t"}"#,
        ),
        (
            "sessions/*/version",
            r#"{"sessions":[{"runtimeConfig":{"version":"3.0"}},{"runtimeConfig":{"version":"3.0"}}]}"#,
        ),
        (
            "*/labels/b , nextPageToken",
            r#"{"sessions":[{"labels":{"b":"2"}},{"labels":{"b":"2"}}],"nextPageToken":"t"}"#,
        ),
        ("sessions/uuid,sessions/uuid", r#"{"sessions":[{"uuid":"uuid-x"},{"uuid":"uuid-y"}]}"#),
        ("sessions/creator", r#"{"sessions":[{},{}]}"#),
    ] {
        assert_eq!(masked(&page(), fields).as_deref(), Ok(expected), "{fields}");
    }
}

#[test]
fn a_wider_mask_swallows_a_narrower_one() {
    let all = masked(&page(), "*").unwrap();
    for fields in
        ["sessions,sessions/name,nextPageToken", "sessions/name,*", "*,*/name", "sessions/*,nextPageToken"]
    {
        assert_eq!(masked(&page(), fields).unwrap(), all, "{fields}");
    }
    assert_eq!(
        masked(&page(), "sessions/uuid,*/name").unwrap(),
        r#"{"sessions":[{"name":"x","uuid":"uuid-x"},{"name":"y","uuid":"uuid-y"}]}"#,
        "the token has no name"
    );
}

#[test]
fn a_packed_message_keeps_its_type() {
    let session = Session { name: "s".into(), uuid: "u".into(), ..Default::default() };
    let operation = Operation {
        name: "o".into(),
        done: true,
        result: Some(operation::Result::Response(pack(&session))),
        ..Default::default()
    };
    let expected =
        r#"{"response":{"@type":"type.googleapis.com/google.cloud.dataproc.v1.Session","name":"s"}}"#;
    assert_eq!(masked(&operation, "response/name").unwrap(), expected);
    assert_eq!(masked(&operation, "response(name,state_time)").unwrap(), expected);
}

#[test]
fn a_path_without_a_field_is_refused() {
    for (fields, path) in [
        ("x.y", "x.y"),
        ("sessions/x", "sessions.x"),
        ("sessions(name,x/y)", "sessions.x.y"),
        ("sessions/name/x", "sessions.name.x"),
        ("sessions/createTime/seconds", "sessions.createTime.seconds"),
        ("*/*/*/*/*/nothing", "*.*.*.*.*.nothing"),
    ] {
        let violations = masked(&page(), fields).unwrap_err();
        assert_eq!(violations.0[0].field, fields);
        assert_eq!(
            violations.0[0].description,
            format!("Error expanding 'fields' parameter. Cannot find matching fields for path '{path}'.")
        );
    }
    assert_eq!(Mask::ERROR_MESSAGE, "Request contains an invalid argument.");
}

#[test]
fn a_mask_that_is_none_is_refused() {
    let deep = "(".repeat(10_000);
    let long = format!("metadata{}", "/*".repeat(100_000));
    for fields in [
        "",
        ",",
        "a,",
        "sessions(",
        "sessions(name",
        "sessions)",
        "sessions()",
        "/name",
        "sessions//name",
        &deep,
    ] {
        let violations = masked(&page(), fields).unwrap_err();
        assert!(violations.to_string().starts_with("Error parsing 'fields'"), "{fields}: {violations}");
    }
    assert!(masked(&Operation::default(), &long).is_err());
}

#[test]
fn a_mask_made_to_explode_does_not() {
    let nested =
        (0..40).fold("name".to_owned(), |inner, n| format!("*({inner}),m{n}({inner0})", inner0 = "z"));
    assert!(masked(&Operation::default(), &format!("metadata({nested})")).is_ok());
}
