//! What holds for every filter.

use std::borrow::Cow;

use jiff::Timestamp;
use proptest::prelude::*;

use crate::filter::ast::{Comparator, Expression, Restriction, Value};
use crate::filter::syntax::parse;
use crate::filter::{Filter, Row, Schema, TextField};
use crate::session::StateLabel;

fn restriction(member: Vec<String>, comparator: Comparator, value: Value) -> Expression {
    let (member_at, comparator_at, value_at) = (0, 0, 0);
    Expression::Restriction(Restriction { member, comparator, value, member_at, comparator_at, value_at })
}

fn comparator() -> impl Strategy<Value = Comparator> {
    prop::sample::select(vec![
        Comparator::Equal,
        Comparator::NotEqual,
        Comparator::Less,
        Comparator::LessOrEqual,
        Comparator::Greater,
        Comparator::GreaterOrEqual,
        Comparator::Has,
    ])
}

fn value(text: impl Strategy<Value = String>) -> impl Strategy<Value = Value> {
    (text, any::<bool>()).prop_map(|(text, prefix)| Value { text, prefix })
}

fn tree(leaf: impl Strategy<Value = Expression> + 'static) -> impl Strategy<Value = Expression> {
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expression::And),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expression::Or),
            inner.prop_map(|inner| Expression::Not(Box::new(inner))),
        ]
    })
}

/// Any expression there can be, with any text in it.
fn any_expression() -> impl Strategy<Value = Expression> {
    let first = "[a-z_][a-zA-Z0-9_-]{0,5}"
        .prop_filter("an operator", |name| !matches!(name.as_str(), "and" | "or" | "not"));
    let member = (first, prop::collection::vec(any::<String>(), 0..3)).prop_map(|(first, mut rest)| {
        rest.insert(0, first);
        rest
    });
    let text = prop_oneof![any::<String>(), "[a-z*\\\\\"' -]{0,6}".boxed(), Just("AND".to_owned())];
    tree((member, comparator(), value(text)).prop_map(|(m, c, v)| restriction(m, c, v)))
}

/// The same expression as if it had been written nowhere.
fn without_positions(expression: Expression) -> Expression {
    let all = |parts: Vec<Expression>| parts.into_iter().map(without_positions).collect();
    match expression {
        Expression::And(parts) => Expression::And(all(parts)),
        Expression::Or(parts) => Expression::Or(all(parts)),
        Expression::Not(inner) => Expression::Not(Box::new(without_positions(*inner))),
        Expression::Restriction(r) => restriction(r.member, r.comparator, r.value),
    }
}

/// A row of few values, so that tests often hit.
#[derive(Debug, Clone)]
struct Small {
    id: String,
    state: StateLabel,
    second: i64,
    label: Option<String>,
}

impl Row for Small {
    fn created_at(&self) -> Timestamp {
        Timestamp::from_second(self.second).unwrap()
    }

    fn text(&self, field: TextField) -> Option<Cow<'_, str>> {
        (field == TextField::SessionId).then(|| self.id.as_str().into())
    }

    fn label(&self, key: &str) -> Option<&str> {
        if key == "k" { self.label.as_deref() } else { None }
    }

    fn state(&self) -> Option<StateLabel> {
        Some(self.state)
    }
}

fn rows() -> impl Strategy<Value = Small> {
    let state = prop::sample::select(vec![StateLabel::Active, StateLabel::Failed]);
    ("[ab]{0,2}", state, 0..4_i64, prop::option::of("[ab]{0,2}"))
        .prop_map(|(id, state, second, label)| Small { id, state, second, label })
}

/// An expression that is good for sessions.
fn session_expression() -> impl Strategy<Value = Expression> {
    let equality = || prop::sample::select(vec![Comparator::Equal, Comparator::NotEqual]);
    let member = |path: &str| path.split('.').map(str::to_owned).collect::<Vec<_>>();
    let small_text = || value("[ab]{0,2}");
    let whole = |text: String| Value { text, prefix: false };
    tree(prop_oneof![
        (equality(), small_text()).prop_map(move |(c, v)| restriction(member("session_id"), c, v)),
        (equality(), small_text()).prop_map(move |(c, v)| restriction(member("labels.k"), c, v)),
        Just(restriction(member("labels"), Comparator::Has, whole("k".into()))),
        (equality(), prop::sample::select(vec!["ACTIVE", "FAILED"])).prop_map(move |(c, state)| restriction(
            member("state"),
            c,
            whole(state.into())
        )),
        (comparator().prop_filter("times have no :", |c| *c != Comparator::Has), 0..4_i64).prop_map(
            move |(c, second)| {
                let time = Timestamp::from_second(second).unwrap().to_string();
                restriction(member("createTime"), c, whole(time))
            }
        ),
    ])
}

/// What an expression means, straight from the contract's words: no types, no normal form.
fn naive(expression: &Expression, row: &Small) -> bool {
    let restriction = match expression {
        Expression::And(parts) => return parts.iter().all(|part| naive(part, row)),
        Expression::Or(parts) => return parts.iter().any(|part| naive(part, row)),
        Expression::Not(inner) => return !naive(inner, row),
        Expression::Restriction(restriction) => restriction,
    };
    let Restriction { member, comparator, value, .. } = restriction;
    let actual = match member.join(".").as_str() {
        "session_id" => Some(row.id.clone()),
        "labels.k" => row.label.clone(),
        "labels" => return row.label.is_some(),
        "state" => Some(row.state.to_string()),
        // Whole seconds of the same day in one form are in the order of their texts.
        _ => Some(Timestamp::from_second(row.second).unwrap().to_string()),
    };
    let equal = actual.as_ref().is_some_and(|actual| {
        if value.prefix { actual.starts_with(&value.text) } else { *actual == value.text }
    });
    let order = actual.unwrap_or_default().cmp(&value.text);
    match comparator {
        Comparator::Equal | Comparator::Has => equal,
        Comparator::NotEqual => !equal,
        Comparator::Less => order.is_lt(),
        Comparator::LessOrEqual => order.is_le(),
        Comparator::Greater => order.is_gt(),
        Comparator::GreaterOrEqual => order.is_ge(),
    }
}

proptest! {
    #[test]
    fn reading_never_panics(text in any::<String>()) {
        for schema in [Schema::Sessions, Schema::Operations, Schema::Templates] {
            let _ = Filter::parse(&text, schema);
        }
    }

    #[test]
    fn reading_what_looks_like_a_filter_never_panics(
        text in "(state|labels\\.k|create_time|done|AND|or|NOT|-|\\(|\\)|=|!=|<|:|\"|'|\\\\|\\*|ä| |ACTIVE){0,24}"
    ) {
        for schema in [Schema::Sessions, Schema::Operations, Schema::Templates] {
            if let Err(error) = Filter::parse(&text, schema) {
                prop_assert!(text.is_char_boundary(error.offset));
                prop_assert_eq!(text[..error.offset].chars().count() + 1, error.position);
            }
        }
    }

    #[test]
    fn an_expression_reads_back_as_it_was_printed(expression in any_expression()) {
        let printed = expression.to_string();
        let read = parse(&printed).map_err(|error| TestCaseError::fail(format!("{printed}: {error}")))?;
        prop_assert_eq!(read.map(without_positions), Some(expression), "{}", printed);
    }

    #[test]
    fn a_filter_agrees_with_the_naive_reading(expression in session_expression(), row in rows()) {
        let printed = expression.to_string();
        let filter = Filter::parse(&printed, Schema::Sessions)
            .map_err(|error| TestCaseError::fail(format!("{printed}: {error}")))?;
        prop_assert_eq!(filter.matches(&row), naive(&expression, &row), "{}", printed);
    }
}
