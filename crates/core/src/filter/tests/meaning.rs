//! What fields mean in each list, and which rows pass.

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use crate::config::{Kernel, SessionConfig, SessionKind};
use crate::filter::{Filter, Schema, Test, TextField, TextMatch, TimeOrder};
use crate::id::{OperationId, SessionUuid, TemplateUuid};
use crate::operation::{Done, Operation, OperationKind, Outcome};
use crate::policy::SessionPolicy;
use crate::session::{EndReason, Session, SessionState, StateLabel};
use crate::template::Template;

const UUID: &str = "8d7f1a56-0f68-4a39-93ad-0e7d0f3a7a01";

fn labels(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A session `etl-1` in TERMINATED, made in the year 2022.
fn session() -> Session {
    let mut session = Session::new(
        "projects/p/locations/l/sessions/etl-1".parse().unwrap(),
        SessionUuid(UUID.parse().unwrap()),
        SessionConfig {
            labels: labels(&[("environment", "production"), ("team", ""), ("state", "7-up")]),
            ..SessionConfig::default()
        },
        "someone".into(),
        OperationId(Uuid::nil()),
        at("2022-06-01T10:00:00.5Z"),
        &SessionPolicy::default(),
    );
    session.state = SessionState::Terminated { reason: EndReason::Requested { by: "someone".into() } };
    session
}

fn passes(text: &str) -> bool {
    let filter = Filter::parse(text, Schema::Sessions).unwrap_or_else(|error| panic!("{text}: {error}"));
    filter.matches(&session())
}

fn check(yes: &[&str], no: &[&str]) {
    for text in yes {
        assert!(passes(text), "{text}");
    }
    for text in no {
        assert!(!passes(text), "{text}");
    }
}

fn refused(text: &str, schema: Schema) -> String {
    Filter::parse(text, schema).unwrap_err().to_string()
}

#[test]
fn an_empty_filter_lets_everything_pass() {
    check(&["", "  "], &[]);
    assert!(Filter::parse("", Schema::Sessions).unwrap().passes_all());
    assert_eq!(Filter::default(), Filter::all());
    assert!(!Filter::parse("state=ACTIVE", Schema::Sessions).unwrap().passes_all());
}

#[test]
fn the_examples_of_the_api_description_work() {
    check(
        &[
            "state = TERMINATED and create_time < \"2023-01-01T00:00:00Z\"",
            "state = TERMINATED and labels.environment=production",
        ],
        &[
            "state = ACTIVE and create_time < \"2023-01-01T00:00:00Z\"",
            "state = ACTIVE and labels.environment=production",
        ],
    );
}

#[test]
fn states_are_compared_by_name() {
    check(
        &[
            "state = TERMINATED",
            "state:TERMINATED",
            "state != ACTIVE",
            "state=\"TERMINATED\"",
            "NOT state=FAILED",
        ],
        &["state = ACTIVE", "state != TERMINATED", "-state=TERMINATED"],
    );
    assert_eq!(
        refused("state = RUNNING", Schema::Sessions),
        "Invalid filter: unknown state 'RUNNING' (there are CREATING, ACTIVE, TERMINATING, TERMINATED, FAILED) \
         at position 9"
    );
    assert!(refused("state = active", Schema::Sessions).contains("unknown state 'active'"));
    assert!(refused("state = ACT*", Schema::Sessions).contains("unknown state 'ACT*'"));
}

#[test]
fn contradicting_states_are_valid_and_empty() {
    check(&[], &["state = TERMINATED AND state = FAILED", "state = ACTIVE state = FAILED"]);
}

#[test]
fn ids_are_compared_whole_or_by_prefix_and_case_counts() {
    check(
        &[
            "session_id = etl-1",
            "session_id = etl*",
            "session_id != etl-2",
            "session_id = *",
            "session_id != x*",
        ],
        &[
            "session_id = etl",
            "session_id = ETL-1",
            "session_id = tl*",
            "session_id != etl-1",
            "session_id=\"etl\\*\"",
        ],
    );
    check(
        &[&format!("session_uuid = {UUID}"), "session_uuid = \"8d7f*\""],
        &[&format!("session_uuid != {UUID}"), "session_uuid = 8D7F*", "session_uuid = ''"],
    );
}

#[test]
fn times_can_be_ordered() {
    let exact = "2022-06-01T10:00:00.5Z";
    check(
        &[
            "create_time < 2023-01-01T00:00:00Z",
            "create_time > \"2022-06-01T10:00:00Z\"",
            &format!("create_time >= \"{exact}\""),
            &format!("create_time <= {exact}"),
            &format!("create_time = \"{exact}\""),
            "create_time = \"2022-06-01T12:00:00.5+02:00\"",
            "create_time != \"2022-06-01T10:00:00Z\"",
        ],
        &[
            &format!("create_time < \"{exact}\""),
            &format!("create_time > \"{exact}\""),
            &format!("create_time != \"{exact}\""),
            "create_time >= 2023-01-01T00:00:00Z",
        ],
    );
    for literal in
        ["yesterday", "2022", "\"2022-06-01\"", "\"2022-06-01T10:00:00\"", "2022*", "-000001-01-01T00:00:00Z"]
    {
        let error = refused(&format!("create_time > {literal}"), Schema::Sessions);
        assert!(error.contains("is not a time such as \"2023-01-01T00:00:00Z\" at position 15"), "{error}");
    }
}

#[test]
fn labels_are_compared_by_value_prefix_or_presence() {
    check(
        &[
            "labels.environment = production",
            "labels.environment : production",
            "labels.environment = prod*",
            "labels.environment:*",
            "labels:environment",
            "labels:\"environment\"",
            "labels.team = \"\"",
            "labels.team:*",
            "labels.state = 7-up",
        ],
        &[
            "labels.environment = staging",
            "labels.environment = Production",
            "labels.other:*",
            "labels:other",
            "labels.other = \"\"",
            "labels.environment != production",
        ],
    );
}

#[test]
fn not_equal_is_the_negation_of_equal_also_for_labels_that_are_not_there() {
    check(&["labels.other != x", "NOT labels.other = x", "-labels:other"], &["NOT labels.environment:*"]);
}

#[test]
fn fields_answer_to_their_names_in_json_too() {
    check(&["sessionId=etl-1", "createTime<2023-01-01T00:00:00Z", "sessionUuid=8d7f*"], &["sessionId=x"]);
    let snake = Filter::parse("metadata.operation_type=CREATE", Schema::Operations).unwrap();
    assert_eq!(Filter::parse("metadata.operationType=CREATE", Schema::Operations).unwrap(), snake);
}

#[test]
fn an_unknown_field_is_refused_and_the_known_ones_are_named() {
    assert_eq!(
        refused("state = ACTIVE AND foo.bar = 1", Schema::Sessions),
        "Invalid filter: unknown field 'foo.bar' (there are session_id, session_uuid, state, create_time, labels.KEY) \
         at position 20"
    );
    for text in ["State=ACTIVE", "session=x", "labels.a.b=x", "state.x=ACTIVE", "session_id.x=1", "done=true"]
    {
        assert!(refused(text, Schema::Sessions).contains("unknown field"), "{text}");
    }
    assert!(refused("labels.a=b", Schema::Operations).contains("unknown field"));
}

#[test]
fn a_comparator_that_a_field_does_not_have_is_refused() {
    assert_eq!(
        refused("state < ACTIVE", Schema::Sessions),
        "Invalid filter: 'state' cannot be compared with '<' (only with = != :) at position 7"
    );
    for text in
        ["session_id : x", "session_id > x", "labels.a > x", "labels = a", "create_time : x", "labels != a"]
    {
        assert!(refused(text, Schema::Sessions).contains("cannot be compared with"), "{text}");
    }
    assert!(refused("labels:a*", Schema::Sessions).contains("a label's key cannot end with '*'"));
}

#[test]
fn or_binds_tighter_than_and_in_what_passes() {
    check(
        &[
            "state=TERMINATED AND session_id=x OR session_id=etl-1",
            "(state=ACTIVE session_id=x) OR labels:team",
        ],
        &["state=TERMINATED OR session_id=etl-1 AND session_id=x", "NOT (state=TERMINATED OR session_id=x)"],
    );
}

#[test]
fn a_filter_is_a_small_typed_tree() {
    let filter =
        Filter::parse("state=ACTIVE (create_time>=1970-01-01T00:00:00Z OR session_id!=a*)", Schema::Sessions);
    let id = Test::Text { field: TextField::SessionId, matching: TextMatch::Prefix("a".into()) };
    let expected = Filter::And(vec![
        Filter::Test(Test::State(StateLabel::Active)),
        Filter::Or(vec![
            Filter::Test(Test::Created(TimeOrder::AtOrAfter, Timestamp::UNIX_EPOCH)),
            Filter::Not(Box::new(Filter::Test(id))),
        ]),
    ]);
    assert_eq!(filter, Ok(expected));
}

#[test]
fn operations_are_filtered_by_done_type_session_and_time() {
    let mut operation = Operation {
        id: OperationId(Uuid::nil()),
        kind: OperationKind::Terminate,
        session: session().name,
        session_uuid: session().uuid,
        created_at: at("2022-06-01T10:00:00Z"),
        labels: BTreeMap::new(),
        done: None,
    };
    let passes = |operation: &Operation, text: &str| {
        Filter::parse(text, Schema::Operations)
            .unwrap_or_else(|error| panic!("{text}: {error}"))
            .matches(operation)
    };
    for text in [
        "done = false",
        "done:false",
        "done != true",
        "metadata.operationType = TERMINATE",
        "metadata.operationType != CREATE",
        "metadata.session = \"projects/p/locations/l/sessions/etl-1\"",
        "metadata.session = projects/p/locations/l/sessions/etl*",
        "metadata.createTime < 2023-01-01T00:00:00Z AND done=false",
    ] {
        assert!(passes(&operation, text), "{text}");
    }
    for text in ["done = true", "metadata.operationType=DELETE", "metadata.session = etl-1"] {
        assert!(!passes(&operation, text), "{text}");
    }
    operation.done =
        Some(Done { at: at("2022-06-01T10:00:01Z"), outcome: Outcome::Succeeded(Box::new(session())) });
    assert!(passes(&operation, "done = true") && !passes(&operation, "done = false"));

    assert!(
        refused("done = yes", Schema::Operations)
            .contains("unknown truth value 'yes' (there are true, false)")
    );
    assert!(
        refused("metadata.operationType = create", Schema::Operations).contains("unknown operation type")
    );
    assert!(refused("state = ACTIVE", Schema::Operations).contains("unknown field"));
}

fn template(kind: Option<SessionKind>) -> Template {
    Template {
        name: "projects/p/locations/l/sessionTemplates/Etl_1".parse().unwrap(),
        uuid: TemplateUuid(Uuid::nil()),
        creator: "ana@example.com".into(),
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
        description: "nightly load".into(),
        display_name: "ETL".into(),
        labels: labels(&[("team", "a")]),
        config: SessionConfig { kind, ..SessionConfig::default() },
    }
}

#[test]
fn templates_are_filtered_by_equality_joined_with_and() {
    let scala =
        template(Some(SessionKind::Jupyter { kernel: Some(Kernel::Scala), display_name: "x".into() }));
    let passes = |template: &Template, text: &str| {
        Filter::parse(text, Schema::Templates)
            .unwrap_or_else(|error| panic!("{text}: {error}"))
            .matches(template)
    };
    for text in [
        "name = \"projects/p/locations/l/sessionTemplates/Etl_1\"",
        "description = 'nightly load'",
        "displayName = ETL AND creator = ana@example.com",
        "display_name = ETL and labels.team = a",
        "jupyter_session.kernel = SCALA",
        "jupyterSession.kernel = SCALA",
    ] {
        assert!(passes(&scala, text), "{text}");
    }
    for text in
        ["displayName = etl", "displayName = ETL AND labels.team = b", "jupyter_session.kernel = PYTHON"]
    {
        assert!(!passes(&scala, text), "{text}");
    }
    for text in [
        "displayName = a OR displayName = b",
        "NOT displayName = a",
        "-displayName = a",
        "displayName != a",
        "labels:team",
        "creator > a",
    ] {
        let error = refused(text, Schema::Templates);
        assert!(error.contains("only 'field = value' joined with AND can be used here"), "{error}");
    }
}

#[test]
fn a_jupyter_template_that_names_no_kernel_counts_as_python() {
    let python = Filter::parse("jupyter_session.kernel = PYTHON", Schema::Templates).unwrap();
    let jupyter = SessionKind::Jupyter { kernel: None, display_name: "x".into() };
    assert!(python.matches(&template(Some(jupyter))));
    assert!(!python.matches(&template(Some(SessionKind::SparkConnect))));
    assert!(!python.matches(&template(None)));
}
