//! Filters: a store selects exactly what [`Filter::matches`] lets pass, however it goes about it.

use std::collections::BTreeMap;

use hearth_core::Timestamp;
use hearth_core::config::{Kernel, SessionKind};
use hearth_core::error::ErrorKind;
use hearth_core::filter::{Filter, Schema};
use hearth_core::operation::{Operation, OperationKind};
use hearth_core::session::{Failure, Session, SessionState};
use hearth_core::template::Template;

use super::sample::*;
use crate::{OperationQuery, SessionQuery, TemplateQuery};

/// Filters of sessions that between them use every field, comparator and connective.
const SESSION_FILTERS: &[&str] = &[
    "",
    "state = CREATING",
    "state != CREATING",
    "state = TERMINATED AND state = CREATING",
    "state = TERMINATED OR state = FAILED",
    "-(state = TERMINATED OR state = FAILED)",
    "labels.team = a",
    "labels.team = a AND state = TERMINATED",
    "labels.team = a AND labels.cost = '1'",
    "labels.team = a OR labels.team = b",
    "labels.team = a AND NOT labels.cost = '1'",
    "labels.team != a",
    "labels.team = a*",
    "labels.team = A",
    "labels.team:*",
    "labels:cost",
    "NOT labels:cost",
    "labels.\"it's\" = x",
    "labels.team = '' AND state = CREATING",
    "session_id = s3",
    "session_id != s3",
    "session_id = s1*",
    "session_id = 's_*'",
    "session_id = '%'",
    "session_uuid = 00000000-0000-0000-0000-000000000003",
    "session_uuid = 00000000-0000-0000-0000-00000000000*",
    "create_time > \"2026-01-01T00:00:03Z\"",
    "create_time >= \"2026-01-01T00:00:03Z\" state = CREATING",
    "create_time < \"2026-01-01T01:00:03+01:00\"",
    "create_time <= \"2026-01-01T00:00:03Z\"",
    "create_time = \"2026-01-01T00:00:03Z\"",
    "create_time != \"2026-01-01T00:00:03Z\"",
    "create_time >= \"2026-01-01T00:00:01Z\" AND create_time < \"2026-01-01T00:00:05Z\" AND labels.team = a",
    "(labels.team = a OR state = FAILED) AND NOT (session_id = s1* OR labels:cost)",
];

const OPERATION_FILTERS: &[&str] = &[
    "",
    "done = true",
    "done != true",
    "metadata.operation_type = CREATE AND done = false",
    "metadata.operationType = DELETE OR metadata.operation_type = TERMINATE",
    "metadata.session = projects/p/locations/l/sessions/s2",
    "metadata.session = projects/p/locations/l/sessions/s1*",
    "metadata.session != projects/p/locations/l/sessions/s2 AND done = true",
    "metadata.create_time > \"2026-01-01T00:00:03Z\"",
];

const TEMPLATE_FILTERS: &[&str] = &[
    "",
    "name = projects/p/locations/l/sessionTemplates/t3",
    "name = projects/p/locations/l/sessionTemplates/t1*",
    "description = 'for 100% of us'",
    "display_name = Nightly",
    "displayName = N*",
    "creator = 'ada@example.org'",
    "labels.team = a",
    "labels.team = a AND jupyter_session.kernel = PYTHON",
    "jupyter_session.kernel = SCALA",
    "labels.\"it's\" = x",
];

fn some_labels(number: usize) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    match number % 5 {
        0 => {}
        1 => drop(labels.insert("team".to_owned(), "a".to_owned())),
        2 => drop(labels.insert("team".to_owned(), "ab".to_owned())),
        3 => drop(labels.insert("team".to_owned(), "b".to_owned())),
        _ => drop(labels.insert("team".to_owned(), String::new())),
    }
    if number % 3 == 1 {
        labels.insert("cost".to_owned(), (number % 2).to_string());
    }
    if number.is_multiple_of(7) {
        labels.insert("it's".to_owned(), "x".to_owned());
    }
    labels
}

fn some_session(number: usize) -> Session {
    let seconds = i64::try_from(number / 2).expect("a small number");
    let mut session =
        session_named(name(&format!("s{number}")), u128::try_from(number).expect("it grows"), at(seconds));
    session.config.labels = some_labels(number);
    match number % 4 {
        0 | 1 => session,
        2 => ended(&session, at(100)),
        _ => {
            let failure = Failure { kind: ErrorKind::Internal, message: "it broke".to_owned() };
            Session { state: SessionState::Failed { failure }, ..session }
        }
    }
}

fn some_operation(number: usize) -> Operation {
    let subject = some_session(number);
    let kinds = [OperationKind::Create, OperationKind::Terminate, OperationKind::Delete];
    let running = operation(&subject, subject.uuid.0.as_u128(), kinds[number % 3]);
    if number.is_multiple_of(2) { running } else { finished(&running, &subject, at(100)) }
}

fn some_template(number: usize) -> Template {
    let seconds = i64::try_from(number / 2).expect("a small number");
    let mut template =
        template(&format!("t{number}"), u128::try_from(number).expect("it grows"), at(seconds));
    template.labels = some_labels(number);
    let jupyter = |kernel| SessionKind::Jupyter { kernel, display_name: "a card".to_owned() };
    template.config.kind = match number % 4 {
        0 => None,
        1 => Some(SessionKind::SparkConnect),
        2 => Some(jupyter(None)),
        _ => Some(jupyter(Some(if number % 8 == 3 { Kernel::Scala } else { Kernel::Python }))),
    };
    if number.is_multiple_of(3) {
        template.display_name = "Nightly".to_owned();
        template.creator = "grace@example.org".to_owned();
    }
    if number.is_multiple_of(5) {
        template.description = "for 100% of us".to_owned();
    }
    template
}

fn filter(text: &str, schema: Schema) -> Filter {
    Filter::parse(text, schema).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Whole lists, and in pages of every small size.
pub async fn a_filter_selects_the_sessions_that_pass_it(store: SharedStore) {
    let mut all = Vec::new();
    for number in 0..20 {
        all.push(created(&store, &some_session(number)).await);
    }
    all.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.name.cmp(&b.name)));
    for text in SESSION_FILTERS {
        let filter = filter(text, Schema::Sessions);
        let expected: Vec<&Session> = all.iter().filter(|session| filter.matches(*session)).collect();
        for limit in [1, 2, 3, 50] {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let query = SessionQuery { parent: parent(), filter: filter.clone(), after, limit };
                let page = store.sessions(&query).await.expect("readable");
                let Some(last) = page.last() else { break };
                after = Some((last.created_at, last.name.clone()));
                found.extend(page);
            }
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{text}, pages of {limit}");
        }
    }
}

/// As for sessions.
pub async fn a_filter_selects_the_operations_that_pass_it(store: SharedStore) {
    let mut all: Vec<Operation> = (0..20).map(some_operation).collect();
    store.commit(put(&all)).await.expect("operations are written");
    all.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.id.cmp(&b.id)));
    for text in OPERATION_FILTERS {
        let filter = filter(text, Schema::Operations);
        let expected: Vec<&Operation> = all.iter().filter(|operation| filter.matches(*operation)).collect();
        for limit in [1, 3, 50] {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let query = OperationQuery { parent: parent(), filter: filter.clone(), after, limit };
                let page = store.operations(&query).await.expect("readable");
                let Some(last) = page.last() else { break };
                after = Some((last.created_at, last.id));
                found.extend(page);
            }
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{text}, pages of {limit}");
        }
    }
}

/// As for sessions.
pub async fn a_filter_selects_the_templates_that_pass_it(store: SharedStore) {
    let mut all: Vec<Template> = (0..20).map(some_template).collect();
    store.commit(insert_templates(&all)).await.expect("templates are written");
    all.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.name.cmp(&b.name)));
    for text in TEMPLATE_FILTERS {
        let filter = filter(text, Schema::Templates);
        let expected: Vec<&Template> = all.iter().filter(|template| filter.matches(*template)).collect();
        for limit in [1, 3, 50] {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let query = TemplateQuery { parent: parent(), filter: filter.clone(), after, limit };
                let page = store.templates(&query).await.expect("readable");
                let Some(last) = page.last() else { break };
                after = Some((last.created_at, last.name.clone()));
                found.extend(page);
            }
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{text}, pages of {limit}");
        }
    }
}

/// Neither by state nor by label.
pub async fn filtered_pages_neither_repeat_nor_omit_while_sessions_come_and_go(store: SharedStore) {
    for text in ["labels.team = a", "state = CREATING", "NOT labels:cost"] {
        let filter = filter(text, Schema::Sessions);
        let number = |n: u8| u128::from(n) + 1000 * (1 + text.len() as u128);
        let labelled = |id: String, number: u128, at: Timestamp| {
            let mut session = session_named(name(&id), number, at);
            session.config.labels.insert("team".to_owned(), "a".to_owned());
            session
        };
        let mut expected = Vec::new();
        for n in 0..10 {
            let id = format!("s{n}");
            created(&store, &labelled(id.clone(), number(n), at(i64::from(n)))).await;
            expected.insert(0, id);
        }
        let (mut found, mut after) = (Vec::new(), None);
        for round in 0_u8.. {
            let query = SessionQuery { parent: parent(), filter: filter.clone(), after, limit: 3 };
            let page = store.sessions(&query).await.expect("readable");
            let Some(last) = page.last() else { break };
            assert!(round < 10, "the walk does not end");
            after = Some((last.created_at, last.name.clone()));
            found.extend(page.iter().map(|session| session.name.id().to_owned()));
            let newcomer = labelled(format!("new{round}"), number(100 + round), at(100 + i64::from(round)));
            created(&store, &newcomer).await;
            store.commit(remove(last)).await.expect("the generation is right");
        }
        assert_eq!(found, expected, "{text}");
        let query = SessionQuery { parent: parent(), filter: Filter::all(), after: None, limit: 100 };
        for left in store.sessions(&query).await.expect("readable") {
            store.commit(remove(&left)).await.expect("the generation is right");
        }
    }
}

/// Not by those it had.
pub async fn a_session_is_found_by_the_state_and_the_labels_it_has_now(store: SharedStore) {
    let found = async |text: &str| {
        let filter = filter(text, Schema::Sessions);
        let query = SessionQuery { parent: parent(), filter, after: None, limit: 10 };
        store.sessions(&query).await.expect("readable").len()
    };
    let mut first = session("demo", 1);
    first.config.labels.insert("team".to_owned(), "a".to_owned());
    let made = created(&store, &first).await;
    assert_eq!(found("labels.team = a AND state = CREATING").await, 1);

    store.commit(update(&ended(&made, at(5)))).await.expect("the generation is right");
    assert_eq!(found("labels.team = a AND state = CREATING").await, 0);
    assert_eq!(found("labels.team = a AND state = TERMINATED").await, 1);

    let mut relabelled = by_uuid(&store, &made).await.expect("it is there");
    relabelled.config.labels = BTreeMap::from([("team".to_owned(), "b".to_owned())]);
    store.commit(update(&relabelled)).await.expect("the generation is right");
    assert_eq!(found("labels.team = a").await, 0);
    assert_eq!(found("labels.team = b AND state = TERMINATED").await, 1);

    let last = by_uuid(&store, &made).await.expect("it is there");
    store.commit(remove(&last)).await.expect("the generation is right");
    assert_eq!(found("labels.team = b").await, 0);
    let mut anew = session("demo", 2);
    anew.config.labels.insert("team".to_owned(), "c".to_owned());
    created(&store, &anew).await;
    assert_eq!(found("labels:team").await, 1);
}
