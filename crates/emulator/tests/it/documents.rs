//! Documents: what is saved comes back, and what does not fit changes nothing.

use std::time::Duration;

use hearth_control::sessions::{EndSession, ListSessions};
use hearth_control::usage::{AskUsage, UsageReport};
use hearth_control::{Caller, Scope};
use hearth_core::session::StateLabel;
use hearth_core::usage::GroupBy;
use hearth_emulator::fault::{Effect, Fault, Step};
use hearth_emulator::{EmulatorError, Target};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use crate::world::{World, name, parent};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn fault(sessions: &str, effect: Effect) -> Fault {
    Fault { sessions: sessions.to_owned(), left: Some(1), effect }
}

/// A world with something of everything.
async fn rich() -> World {
    let world = World::new();
    let faults = world.emulator.faults();
    let fail =
        Effect::FailStart { step: Step::ProcessUp, message: "no such module".to_owned(), exit_code: 3 };
    faults.add(fault("fails", fail));
    faults.add(fault("slow*", Effect::SlowStart { by: Duration::from_secs(90) }));
    faults.add(fault("lost", Effect::LoseAnswer { method: "GetSession".to_owned() }));
    let crash = Effect::Crash { after: DAY, exit_code: None, log_lines: vec!["out of memory".to_owned()] };
    faults.add(fault("crashes", crash));
    for id in ["fails", "slow-1", "crashes", "lives", "ended"] {
        world.create(id, if id == "ended" { DAY / 2 } else { 3 * DAY }).await;
    }
    world.emulator.advance(Target::By(DAY / 2)).await.unwrap();
    faults.add(fault("slow*", Effect::SlowStart { by: Duration::from_secs(90) }));
    world.create("slow-2", DAY).await;
    world.emulator.use_session(&name("lives")).await.unwrap();
    // Of one that was removed its usage is left.
    let caller = Caller { name: "someone@example.com".to_owned(), scope: Scope::Full };
    let delete = EndSession { name: name("ended"), request_id: None };
    world.control.delete_session(&caller, delete).await.unwrap();
    world.emulator.settle().await.unwrap();
    world
}

/// What everything used.
async fn used(world: &World) -> UsageReport {
    let ask = AskUsage { project: None, location: None, by: GroupBy::Session, since: None, until: None };
    world.control.usage(&ask).await.unwrap()
}

/// That the world goes on.
async fn lives(world: &World) {
    world.emulator.settle().await.unwrap();
    let list =
        ListSessions { parent: parent(), page_size: 0, page_token: String::new(), filter: String::new() };
    world.control.list_sessions(list).await.unwrap();
    used(world).await;
    // At the very end of time the clock cannot be moved any more, which is an answer too.
    match world.emulator.advance(Target::By(40 * DAY)).await {
        Ok(_) | Err(EmulatorError::Unreachable { .. }) => {}
        Err(error) => panic!("{error}"),
    }
    world.emulator.save().await.unwrap();
}

#[tokio::test]
async fn what_was_saved_comes_back_and_goes_on_alike() {
    let first = rich().await;
    let saved = first.emulator.save().await.unwrap();
    let second = World::new();
    second.create("other", DAY).await;
    second.emulator.load(&saved).await.unwrap();
    assert_eq!(second.emulator.save().await.unwrap(), saved);
    for id in ["fails", "slow-1", "slow-2", "crashes", "lives"] {
        let (before, after) = (first.session(id).await, second.session(id).await);
        assert_eq!(hearth_core::session::Session { generation: before.generation, ..after }, before);
    }
    assert_eq!(format!("{:?}", used(&second).await), format!("{:?}", used(&first).await));
    assert!(saved.contains("\"usage\": [\n      {"), "{saved}");
    let far = Target::By(6 * DAY);
    let (once, again) =
        (first.emulator.advance(far).await.unwrap(), second.emulator.advance(far).await.unwrap());
    let told = |happened: &[hearth_emulator::Happened]| {
        happened
            .iter()
            .map(|one| (one.session.clone(), one.notice.what.label(), one.state))
            .collect::<Vec<_>>()
    };
    assert_eq!(told(&once), told(&again));
    assert_eq!(second.session("crashes").await.state.label(), StateLabel::Failed);
    assert!(second.session("crashes").await.state_message.ends_with("out of memory"));
}

#[tokio::test]
async fn a_reset_brings_the_beginning_back() {
    let world = World::new();
    let empty = world.emulator.save().await.unwrap();
    world.create("demo", DAY).await;
    world.emulator.faults().add(fault("", Effect::SlowStart { by: DAY }));
    world.emulator.advance(Target::By(DAY / 2)).await.unwrap();
    world.emulator.reset().await.unwrap();
    assert_eq!(world.emulator.save().await.unwrap().replace("\"last\": 1", "\"last\": 0"), empty);
    world.create("demo", DAY).await;
    assert_eq!(world.session("demo").await.state.label(), StateLabel::Active);
}

#[tokio::test]
async fn what_does_not_fit_is_refused_with_the_reason_and_changes_nothing() {
    let world = rich().await;
    let saved = world.emulator.save().await.unwrap();
    let good: Value = serde_json::from_str(&saved).unwrap();
    let with = |pointer: &str, value: Value| {
        let mut changed = good.clone();
        *changed.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = value;
        changed.to_string()
    };
    let twice = |pointer: &str| {
        let mut list = good.pointer(pointer).unwrap().as_array().unwrap().clone();
        list.push(list[0].clone());
        with(pointer, list.into())
    };
    for (document, reason) in [
        (String::new(), "not the saved state of an emulator"),
        ("{}".to_owned(), "no number \"hearth-emulator\""),
        (saved[..saved.len() / 2].to_owned(), "not the saved state of an emulator: EOF"),
        (with("/hearth-emulator", json!(2)), "has form 2, and this program reads form 1"),
        (with("/clock", json!({"time": "yesterday", "runs": false})), "cannot be read"),
        (with("/clock/time", json!("2001-01-01T00:00:00Z")), "from after the clock's time"),
        (with("/records/sessions/0/name", json!("demo")), "is not of the form"),
        (with("/records/sessions/0/name", json!("projects/p/locations/l/sessions/X")), "must conform"),
        (with("/records/sessions/0/open_operations", json!([["CREATE", uuid::Uuid::nil()]])), "not there"),
        (with("/records/operations", json!([])), "names operation"),
        (twice("/records/sessions"), "is there twice"),
        (twice("/records/operations"), "is there twice"),
        (twice("/records/requests"), "is there twice"),
        (twice("/engines"), "is there twice"),
        (with("/engines/0/plan/milli_cores", json!(1.5)), "too large, or not whole"),
        (with("/engines/0/plan/start_delay/secs", json!(4_000_000_000_u64)), "more than a hundred years"),
        (with("/engines/0/log_limit", json!(u64::MAX)), "too large"),
    ] {
        let refused = world.emulator.load(&document).await.unwrap_err();
        assert!(matches!(refused, EmulatorError::Document(_)), "{refused}");
        assert!(refused.to_string().contains(reason), "{refused} should say {reason}");
        assert_eq!(world.emulator.save().await.unwrap(), saved, "{reason}");
    }
    lives(&world).await;
}

/// Values that are wrong in most places, and at the edge in some.
fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!([])),
        Just(json!({})),
        Just(json!({"secs": 3_000_000_000_u64, "nanos": 999_999_999})),
        Just(json!({"secs": 0, "nanos": 0})),
        Just(json!(true)),
        prop_oneof![Just(0_i64), Just(-1), Just(1 << 31), Just(1 << 53), Just(i64::MAX), any::<i64>()]
            .prop_map(Value::from),
        prop_oneof![
            Just("9999-12-30T22:00:00.999999999Z".to_owned()),
            Just("-009999-01-02T01:59:59Z".to_owned()),
            Just("2030-03-17T17:46:40Z".to_owned()),
            Just("projects/p/locations/l/sessions/lives".to_owned()),
            Just("ACTIVE".to_owned()),
            ".{0,12}",
        ]
        .prop_map(Value::from),
    ]
}

/// Every place in a value, as pointers.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, item)| places(item, &format!("{at}/{n}"), all));
        }
        Value::Object(fields) => fields.iter().for_each(|(name, item)| {
            places(item, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), all);
        }),
        _ => {}
    }
}

/// What is done to a document.
#[derive(Debug, Clone)]
enum Change {
    Replace(Index, Value),
    Copy(Index, Index),
    Remove(Index),
    Byte(Index, u8),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (any::<Index>(), odd()).prop_map(|(at, value)| Change::Replace(at, value)),
        2 => (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Change::Copy(from, to)),
        2 => any::<Index>().prop_map(Change::Remove),
        1 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
    ]
}

fn changed(document: &str, changes: &[Change]) -> String {
    let mut text = document.to_owned();
    for change in changes {
        let Ok(mut value) = serde_json::from_str::<Value>(&text) else { return text };
        let mut all = Vec::new();
        places(&value, "", &mut all);
        match change {
            Change::Replace(at, new) => *value.pointer_mut(at.get::<String>(&all)).unwrap() = new.clone(),
            Change::Copy(from, to) => {
                let copy = value.pointer(from.get::<String>(&all)).unwrap().clone();
                *value.pointer_mut(to.get::<String>(&all)).unwrap() = copy;
            }
            Change::Remove(at) => {
                let (parent, last) = at.get::<String>(&all).rsplit_once('/').unwrap_or_default();
                match value.pointer_mut(parent) {
                    Some(Value::Array(items)) if !items.is_empty() => {
                        items.remove(last.parse().unwrap_or(0));
                    }
                    Some(Value::Object(fields)) => drop(fields.remove(last)),
                    _ => {}
                }
            }
            Change::Byte(at, byte) => {
                let mut bytes = text.into_bytes();
                let at = at.index(bytes.len());
                bytes[at] = *byte;
                text = String::from_utf8_lossy(&bytes).into_owned();
                continue;
            }
        }
        text = value.to_string();
    }
    text
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

proptest! {
    #[test]
    fn any_text_is_refused_and_changes_nothing(text in ".{0,200}") {
        runtime().block_on(async {
            let world = World::new();
            let before = world.emulator.save().await.unwrap();
            assert!(matches!(world.emulator.load(&text).await, Err(EmulatorError::Document(_))));
            assert_eq!(world.emulator.save().await.unwrap(), before);
        });
    }

    #[test]
    fn a_document_that_was_tampered_with_is_refused_whole_or_can_be_lived_with(
        changes in proptest::collection::vec(change(), 1..4)
    ) {
        runtime().block_on(async {
            let world = rich().await;
            let before = world.emulator.save().await.unwrap();
            match world.emulator.load(&changed(&before, &changes)).await {
                Ok(()) => lives(&world).await,
                Err(EmulatorError::Document(_)) => {
                    assert_eq!(world.emulator.save().await.unwrap(), before);
                }
                Err(error) => panic!("{error}"),
            }
        });
    }
}
