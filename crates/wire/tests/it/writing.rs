//! JSON out: CONTRACT section 3.

use hearth_wire::{
    dataproc::{
        EnvironmentConfig, ExecutionConfig, JupyterConfig, ListSessionsResponse, PeripheralsConfig,
        RuntimeConfig, RuntimeInfo, Session, SessionOperationMetadata, SparkConnectConfig,
        SparkHistoryServerConfig, UsageMetrics,
        session::{SessionConfig, State},
        session_operation_metadata::SessionOperationType,
    },
    error::pack,
    json::{Style, encode, to_string},
    longrunning::{Operation, operation},
    rpc,
    schema::schema,
};
use prost_types::{Any, Duration, Timestamp};

fn compact<M: prost::Message + prost::Name>(message: &M) -> String {
    to_string(message, Style::default()).unwrap()
}

#[test]
fn defaults_are_left_out_and_an_empty_list_answer_is_empty() {
    assert_eq!(compact(&ListSessionsResponse::default()), "{}");
    assert_eq!(compact(&Operation { name: "o".into(), ..Default::default() }), r#"{"name":"o"}"#);
    let pretty = Style { pretty: true, ..Default::default() };
    assert_eq!(to_string(&ListSessionsResponse::default(), pretty).unwrap(), "{}");
}

#[test]
fn a_present_empty_message_is_kept() {
    let session = Session {
        session_config: Some(SessionConfig::SparkConnectSession(SparkConnectConfig {})),
        environment_config: Some(EnvironmentConfig {
            peripherals_config: Some(PeripheralsConfig {
                spark_history_server_config: Some(SparkHistoryServerConfig::default()),
                ..Default::default()
            }),
            execution_config: None,
        }),
        ..Default::default()
    };
    assert_eq!(
        compact(&session),
        r#"{"sparkConnectSession":{},"environmentConfig":{"peripheralsConfig":{"sparkHistoryServerConfig":{}}}}"#
    );
}

#[test]
fn a_whole_operation_is_written_in_two_space_steps() {
    let metadata = SessionOperationMetadata {
        session: "projects/p/locations/l/sessions/demo".into(),
        create_time: Some(Timestamp { seconds: 1_767_323_045, nanos: 678_901_000 }),
        operation_type: SessionOperationType::Create.into(),
        description: "Create session".into(),
        ..Default::default()
    };
    let session = Session {
        state: State::Active.into(),
        labels: [("b".into(), "2".into()), ("a".into(), "1".into())].into(),
        environment_config: Some(EnvironmentConfig {
            execution_config: Some(ExecutionConfig {
                network_tags: vec!["x".into(), "y".into()],
                ttl: Some(Duration { seconds: 3, nanos: 500_000_000 }),
                ..Default::default()
            }),
            peripherals_config: None,
        }),
        runtime_info: Some(RuntimeInfo {
            approximate_usage: Some(UsageMetrics { milli_dcu_seconds: 3_608_000, ..Default::default() }),
            ..Default::default()
        }),
        ..Default::default()
    };
    let operation = Operation {
        name: "projects/p/regions/l/operations/o".into(),
        metadata: Some(pack(&metadata)),
        done: true,
        result: Some(operation::Result::Response(pack(&session))),
    };
    let pretty = to_string(&operation, Style { pretty: true, ..Default::default() }).unwrap();
    let expected = r#"{
  "name": "projects/p/regions/l/operations/o",
  "metadata": {
    "@type": "type.googleapis.com/google.cloud.dataproc.v1.SessionOperationMetadata",
    "session": "projects/p/locations/l/sessions/demo",
    "createTime": "2026-01-02T03:04:05.678901Z",
    "operationType": "CREATE",
    "description": "Create session"
  },
  "done": true,
  "response": {
    "@type": "type.googleapis.com/google.cloud.dataproc.v1.Session",
    "runtimeInfo": {
      "approximateUsage": {
        "milliDcuSeconds": "3608000"
      }
    },
    "state": "ACTIVE",
    "labels": {
      "a": "1",
      "b": "2"
    },
    "environmentConfig": {
      "executionConfig": {
        "networkTags": [
          "x",
          "y"
        ],
        "ttl": "3.500s"
      }
    }
  }
}"#;
    assert_eq!(pretty, expected);
    let spaces_outside_text = expected.lines().map(|line| line.trim_start().replacen("\": ", "\":", 1));
    assert_eq!(compact(&operation), spaces_outside_text.collect::<String>());
}

#[test]
fn enums_are_names_or_numbers_and_an_unknown_one_is_a_number() {
    let kernel = |kernel: i32, enum_numbers| {
        let jupyter = JupyterConfig { kernel, ..Default::default() };
        to_string(&jupyter, Style { enum_numbers, ..Default::default() }).unwrap()
    };
    assert_eq!(kernel(1, false), r#"{"kernel":"PYTHON"}"#);
    assert_eq!(kernel(1, true), r#"{"kernel":1}"#);
    assert_eq!(kernel(-7, false), r#"{"kernel":-7}"#);
}

#[test]
fn a_packed_message_of_unknown_type_or_broken_form_is_passed_on() {
    let operation = |type_url: &str, value: &[u8]| {
        let any = Any { type_url: type_url.into(), value: value.to_vec() };
        compact(&Operation { metadata: Some(any), ..Default::default() })
    };
    assert_eq!(
        operation("x/nobody.Knows", &[1, 2]),
        r#"{"metadata":{"@type":"x/nobody.Knows","value":"AQI="}}"#
    );
    let session = "type.googleapis.com/google.cloud.dataproc.v1.Session";
    assert_eq!(
        operation(session, &[0xff]),
        format!(r#"{{"metadata":{{"@type":"{session}","value":"/w=="}}}}"#)
    );
    assert_eq!(
        operation("type.googleapis.com/google.protobuf.Empty", &[]),
        r#"{"metadata":{"@type":"type.googleapis.com/google.protobuf.Empty"}}"#
    );
}

#[test]
fn endless_packing_is_refused_and_not_followed() {
    let mut any = Any::default();
    for _ in 0..1000 {
        any = Any {
            type_url: "type.googleapis.com/google.protobuf.Any".into(),
            value: prost::Message::encode_to_vec(&any),
        };
    }
    let operation = Operation { metadata: Some(any), ..Default::default() };
    assert!(to_string(&operation, Style::default()).unwrap_err().to_string().contains("too deeply"));
}

#[test]
fn text_is_escaped_where_json_or_a_callback_needs_it() {
    let version = "a\"b\\c\n\u{1}\u{7f}\u{2028}é😀</x>".to_owned();
    let config = RuntimeConfig { version: version.clone(), ..Default::default() };
    let text = compact(&config);
    assert_eq!(text, "{\"version\":\"a\\\"b\\\\c\\n\\u0001\\u007f\\u2028é😀</x>\"}");
    let read: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(read["version"], version);
}

#[test]
fn parts_of_a_binary_form_in_any_order_are_joined() {
    let ty = schema().message("google.rpc.Status").unwrap();
    // message = "a", code = 1, message = "b": the later one counts.
    let wire = [0x12, 1, b'a', 0x08, 1, 0x12, 1, b'b'];
    assert_eq!(encode(ty, &wire, Style::default()).unwrap(), br#"{"code":1,"message":"b"}"#);
    // Of a oneof, the member that comes last.
    let operation = [
        prost::Message::encode_to_vec(&Operation {
            result: Some(operation::Result::Response(Any::default())),
            ..Default::default()
        }),
        prost::Message::encode_to_vec(&Operation {
            result: Some(operation::Result::Error(rpc::Status { code: 1, ..Default::default() })),
            ..Default::default()
        }),
        prost::Message::encode_to_vec(&Operation {
            result: Some(operation::Result::Error(rpc::Status { message: "m".into(), ..Default::default() })),
            ..Default::default()
        }),
    ]
    .concat();
    let ty = schema().message("google.longrunning.Operation").unwrap();
    assert_eq!(encode(ty, &operation, Style::default()).unwrap(), br#"{"error":{"code":1,"message":"m"}}"#);
}

#[test]
fn a_broken_binary_form_is_an_error() {
    let ty = schema().message("google.rpc.Status").unwrap();
    for wire in [&[0x12, 5, b'a'][..], &[0xff], &[0x0b], &[0x12, 1, 0xff], &[0x0d, 1, 2, 3, 4]] {
        assert!(encode(ty, wire, Style::default()).is_err(), "{wire:?}");
    }
}
