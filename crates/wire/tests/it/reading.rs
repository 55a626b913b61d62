//! JSON in: CONTRACT section 3 and every row of the table in 4.3.

use hearth_wire::{
    Violations,
    dataproc::{Session, authentication_config::AuthenticationType, jupyter_config::Kernel, session},
    json::{decode, from_slice},
    longrunning::Operation,
    rpc::Status,
    schema::schema,
};
use prost::Message;

/// Reads the `session` of a create request.
fn read(text: &str) -> Result<Session, Violations> {
    let ty = schema().message("google.cloud.dataproc.v1.Session").unwrap();
    decode(ty, text.as_bytes(), "session").map(|wire| Session::decode(wire.as_slice()).unwrap())
}

/// The one violation of a text, as field and description.
fn violation(text: &str) -> (String, String) {
    let violations = read(text).unwrap_err();
    let [one] = violations.0.as_slice() else { panic!("{text}: {violations}") };
    (one.field.clone(), one.description.clone())
}

#[track_caller]
fn refused(text: &str, field: &str, description: &str) {
    assert_eq!(violation(text), (field.to_owned(), description.to_owned()), "{text}");
}

#[test]
fn both_forms_of_a_name_are_accepted() {
    let camel = read(
        r#"{"environmentConfig": {"executionConfig": {"authenticationConfig":
        {"userWorkloadAuthenticationType": "SERVICE_ACCOUNT"}}}}"#,
    );
    let snake = read(
        r#"{"environment_config": {"executionConfig": {"authentication_config":
        {"user_workload_authentication_type": "SERVICE_ACCOUNT"}}}}"#,
    );
    assert_eq!(camel, snake);
    let execution = camel.unwrap().environment_config.unwrap().execution_config.unwrap();
    assert_eq!(
        execution.authentication_config.unwrap().user_workload_authentication_type(),
        AuthenticationType::ServiceAccount
    );
    assert!(read(r#"{"Name": "x"}"#).is_err(), "names are case-sensitive");
}

#[test]
fn null_is_not_set() {
    let text = r#"{"name": null, "labels": null, "state": null, "jupyterSession": null, "stateHistory": null,
        "createTime": null, "sparkConnectSession": {}}"#;
    let session = read(text).unwrap();
    assert_eq!(
        session,
        Session {
            session_config: Some(session::SessionConfig::SparkConnectSession(Default::default())),
            ..Default::default()
        }
    );
}

#[test]
fn integers_come_as_numbers_text_or_integral_floats() {
    let seconds = |value: &str| {
        let text = format!(r#"{{"runtimeInfo": {{"approximateUsage": {{"milliDcuSeconds": {value}}}}}}}"#);
        read(&text).map(|s| s.runtime_info.unwrap().approximate_usage.unwrap().milli_dcu_seconds)
    };
    for value in ["12", "\"12\"", "12.0", "1.2e1", "\"12.0\""] {
        assert_eq!(seconds(value), Ok(12), "{value}");
    }
    assert_eq!(seconds("9223372036854775807"), Ok(i64::MAX));
    assert_eq!(seconds("\"-9223372036854775808\""), Ok(i64::MIN));
    for value in
        ["9223372036854775808", "12.5", "\"abc\"", "\"\"", "\"+1\"", "\" 1\"", "\"0x1\"", "true", "1e400"]
    {
        let violations = seconds(value).unwrap_err();
        assert_eq!(
            violations.to_string(),
            format!(
                "Invalid value at 'session.runtime_info.approximate_usage.milli_dcu_seconds' (TYPE_INT64), {value}"
            )
        );
    }
    assert_eq!(from_slice::<Status>(br#"{"code": 2147483647}"#).unwrap().code, i32::MAX);
    assert_eq!(
        from_slice::<Status>(br#"{"code": 2147483648}"#).unwrap_err().to_string(),
        "Invalid value at 'code' (TYPE_INT32), 2147483648"
    );
}

#[test]
fn enums_come_by_name_in_any_case_or_by_number() {
    for kernel in ["\"SCALA\"", "\"scala\"", "2", "\"2\"", "2.0"] {
        let session = read(&format!(r#"{{"jupyterSession": {{"kernel": {kernel}}}}}"#)).unwrap();
        let Some(session::SessionConfig::JupyterSession(jupyter)) = session.session_config else { panic!() };
        assert_eq!(jupyter.kernel(), Kernel::Scala, "{kernel}");
    }
}

#[test]
fn times_are_read_and_kept_to_the_nanosecond() {
    let session = read(
        r#"{"createTime": "2022-10-31T20:30:40.959187+02:00",
            "environmentConfig": {"executionConfig": {"ttl": "3.5s", "idleTtl": "-0.000000001s"}}}"#,
    )
    .unwrap();
    let at = session.create_time.unwrap();
    assert_eq!((at.seconds, at.nanos), (1_667_241_040, 959_187_000));
    let execution = session.environment_config.unwrap().execution_config.unwrap();
    assert_eq!(execution.ttl.unwrap(), prost_types::Duration { seconds: 3, nanos: 500_000_000 });
    assert_eq!(execution.idle_ttl.unwrap(), prost_types::Duration { seconds: 0, nanos: -1 });
}

#[test]
fn maps_and_lists_are_read_and_a_comma_too_many_is_tolerated() {
    let session = read(
        r#"{"labels": {"a": "1", "b": "2",}, "environmentConfig":
            {"executionConfig": {"networkTags": ["x", "y",],},},}"#,
    )
    .unwrap();
    assert_eq!(
        session.labels.into_iter().collect::<Vec<_>>(),
        [("a".into(), "1".into()), ("b".into(), "2".into())]
    );
    assert_eq!(session.environment_config.unwrap().execution_config.unwrap().network_tags, ["x", "y"]);
}

#[test]
fn output_only_fields_are_checked_and_accepted() {
    assert!(
        read(r#"{"createTime": "2024-01-01T00:00:00Z", "creator": "me", "state": "ACTIVE", "uuid": "u"}"#)
            .is_ok()
    );
    assert!(read(r#"{"creator": 1}"#).is_err());
}

#[test]
fn packed_messages_are_read_by_their_type() {
    let operation: Operation = from_slice(
        br#"{"name": "o", "done": true,
             "metadata": {"@type": "type.googleapis.com/google.protobuf.Duration", "value": "5s"},
             "response": {"@type": "type.googleapis.com/google.cloud.dataproc.v1.Session", "name": "s"}}"#,
    )
    .unwrap();
    assert_eq!(operation.metadata.unwrap().to_msg::<prost_types::Duration>().unwrap().seconds, 5);
    let Some(hearth_wire::longrunning::operation::Result::Response(any)) = operation.result else { panic!() };
    assert_eq!(any.to_msg::<Session>().unwrap().name, "s");
    for (text, why) in [
        (r#"{"metadata": {"name": "s"}}"#, "Missing '@type'"),
        (
            r#"{"metadata": {"@type": "type.googleapis.com/nobody.Knows"}}"#,
            "Cannot find type 'type.googleapis.com/nobody.Knows'",
        ),
    ] {
        let message = from_slice::<Operation>(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(
            message,
            format!("Invalid value at 'metadata' (type.googleapis.com/google.protobuf.Any), {why}")
        );
    }
}

#[test]
fn bytes_come_in_either_alphabet_padded_or_not() {
    for text in ["+/8=", "-_8=", "+/8", "-_8"] {
        let log: hearth_wire::hearth::Log =
            from_slice(format!(r#"{{"content": "{text}"}}"#).as_bytes()).unwrap();
        assert_eq!(log.content, [0xfb, 0xff], "{text}");
    }
    assert!(from_slice::<hearth_wire::hearth::Log>(br#"{"content": "?"}"#).is_err());
}

#[test]
fn an_unknown_member_is_named_as_sent_with_its_place() {
    refused(
        r#"{"runtimeConfig": {"foo": 1}}"#,
        "session.runtime_config",
        "Invalid JSON payload received. Unknown name \"foo\" at 'session.runtime_config': Cannot find field.",
    );
    refused(
        r#"{"stateHistory": [{}, {"fooBar": 1}]}"#,
        "session.state_history[1]",
        "Invalid JSON payload received. Unknown name \"fooBar\" at 'session.state_history[1]': Cannot find field.",
    );
    let at_root = from_slice::<Status>(br#"{"foo": 1}"#).unwrap_err();
    assert_eq!(
        at_root.to_string(),
        "Invalid JSON payload received. Unknown name \"foo\": Cannot find field."
    );
    assert_eq!(at_root.0[0].field, "");
}

#[test]
fn a_body_that_is_no_object_is_refused() {
    for text in ["[]", "1", "\"x\"", "null", "true"] {
        refused(
            text,
            "",
            "Invalid JSON payload received. Unknown name \"\": Root element must be a message.",
        );
    }
}

#[test]
fn malformed_json_is_shown_with_a_caret() {
    refused(
        "{\"name\": foo}",
        "",
        "Invalid JSON payload received. Unexpected token.\n{\"name\": foo}\n         ^",
    );
    refused("{\"name\":", "", "Invalid JSON payload received. Unexpected end of string. Expected a value.");
}

#[test]
fn an_unknown_enum_value_is_told_with_its_type() {
    refused(
        r#"{"jupyterSession": {"kernel": "RUBY"}}"#,
        "session.jupyter_session.kernel",
        "Invalid value at 'session.jupyter_session.kernel' \
         (type.googleapis.com/google.cloud.dataproc.v1.JupyterConfig.Kernel), \"RUBY\"",
    );
    assert!(violation(r#"{"jupyterSession": {"kernel": 99}}"#).1.ends_with("Kernel), 99"));
}

#[test]
fn a_wrong_scalar_is_told_with_its_type_and_value() {
    refused(r#"{"name": 12}"#, "session.name", "Invalid value at 'session.name' (TYPE_STRING), 12");
    refused(r#"{"user": true}"#, "session.user", "Invalid value at 'session.user' (TYPE_STRING), true");
    assert_eq!(
        from_slice::<Operation>(br#"{"done": "yes"}"#).unwrap_err().to_string(),
        "Invalid value at 'done' (TYPE_BOOL), \"yes\""
    );
    refused(
        r#"{"labels": {"a": "b", "c": 1}}"#,
        "session.labels[1].value",
        "Invalid value at 'session.labels[1].value' (TYPE_STRING), 1",
    );
    refused(
        r#"{"environmentConfig": {"executionConfig": {"networkTags": ["a", 5]}}}"#,
        "session.environment_config.execution_config.network_tags[1]",
        "Invalid value at 'session.environment_config.execution_config.network_tags[1]' (TYPE_STRING), 5",
    );
}

#[test]
fn a_scalar_where_a_message_belongs_is_told_with_the_message() {
    refused(
        r#"{"runtimeConfig": "x"}"#,
        "session.runtime_config",
        "Invalid value at 'session.runtime_config' (type.googleapis.com/google.cloud.dataproc.v1.RuntimeConfig), \"x\"",
    );
}

#[test]
fn an_object_or_list_where_a_scalar_belongs_is_told() {
    refused(
        r#"{"name": {}}"#,
        "session",
        "Invalid value at 'session' (name), Starting an object on a scalar field",
    );
    refused(
        r#"{"name": []}"#,
        "session",
        "Invalid JSON payload received. Unknown name \"name\" at 'session': Proto field is not repeating, cannot start list.",
    );
    refused(
        r#"{"labels": []}"#,
        "session",
        "Invalid JSON payload received. Unknown name \"labels\" at 'session': Cannot bind a list to map for field 'labels'.",
    );
    assert!(read(r#"{"stateHistory": {}}"#).is_err());
    assert!(read(r#"{"environmentConfig": {"executionConfig": {"networkTags": "a"}}}"#).is_err());
    assert!(read(r#"{"createTime": {}}"#).is_err());
    assert!(read(r#"{"labels": {"a": null}}"#).is_err());
    assert!(read(r#"{"stateHistory": [null]}"#).is_err());
}

#[test]
fn a_bad_timestamp_is_told_with_its_field() {
    refused(
        r#"{"createTime": "dolore"}"#,
        "session.create_time",
        "Invalid value at 'session.create_time' (type.googleapis.com/google.protobuf.Timestamp), Field 'createTime', \
         Illegal timestamp format; timestamps must end with 'Z' or have a valid timezone offset.",
    );
}

#[test]
fn a_bad_duration_is_told_with_its_field() {
    let field = "session.environment_config.execution_config.ttl";
    refused(
        r#"{"environmentConfig": {"executionConfig": {"ttl": "10m"}}}"#,
        field,
        "Invalid value at 'session.environment_config.execution_config.ttl' \
         (type.googleapis.com/google.protobuf.Duration), Field 'ttl', Illegal duration format; duration must end with 's'",
    );
    refused(
        r#"{"environmentConfig": {"executionConfig": {"ttl": 600}}}"#,
        field,
        "Invalid value at 'session.environment_config.execution_config.ttl' \
         (type.googleapis.com/google.protobuf.Duration), 600",
    );
}

#[test]
fn two_members_of_a_oneof_are_refused() {
    refused(
        r#"{"jupyterSession": {}, "sparkConnectSession": {}}"#,
        "session",
        "Invalid value at 'session' (oneof), oneof field 'session_config' is already set. \
         Cannot set 'sparkConnectSession'",
    );
    refused(
        r#"{"environmentConfig": {"executionConfig": {"networkUri": "a", "subnetworkUri": "b"}}}"#,
        "session.environment_config.execution_config",
        "Invalid value at 'session.environment_config.execution_config' (oneof), \
         oneof field 'network' is already set. Cannot set 'subnetworkUri'",
    );
}

#[test]
fn all_problems_are_told_at_once() {
    let violations =
        read(r#"{"foo": 1, "name": 2, "jupyterSession": {"kernel": "RUBY", "bar": 3}, "createTime": "x"}"#)
            .unwrap_err();
    assert_eq!(violations.0.len(), 5);
    assert_eq!(violations.to_string().lines().count(), 5);
    let detail = violations.bad_request();
    assert_eq!(detail.field_violations.len(), 5);
    assert_eq!(detail.field_violations[2].field, "session.jupyter_session.kernel");
}

#[test]
fn the_answer_to_a_huge_wrong_body_stays_small() {
    let names: Vec<String> = (0..10_000).map(|n| format!("\"{n}\": 1")).collect();
    assert_eq!(read(&format!("{{{}}}", names.join(","))).unwrap_err().0.len(), 100);
    let long = format!(r#"{{"state": "{}"}}"#, "é".repeat(100_000));
    assert!(read(&long).unwrap_err().to_string().len() < 1000);
}
