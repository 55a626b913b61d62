use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::config::{RuntimeConfig, SessionConfig, SessionKind};
use crate::engine::{Endpoint, Listening};
use crate::id::{OperationId, SessionUuid};
use crate::policy::SessionPolicy;
use crate::session::EndReason;
use crate::transition::SessionEvent;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn session(properties: &[(&str, &str)]) -> Session {
    let properties = properties.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let runtime = Some(RuntimeConfig { properties, ..RuntimeConfig::default() });
    let config = SessionConfig { kind: Some(SessionKind::SparkConnect), runtime, ..SessionConfig::default() };
    let name = "projects/p/locations/l/sessions/etl1".parse().unwrap();
    let (uuid, operation) = (SessionUuid(Uuid::from_u128(1)), OperationId(Uuid::from_u128(2)));
    Session::new(name, uuid, config, "ada".to_owned(), operation, at(0), &SessionPolicy::default())
}

fn after(session: &Session, event: &SessionEvent, second: i64) -> Session {
    session.after(event, at(second)).unwrap().session
}

fn ready() -> SessionEvent {
    SessionEvent::EngineReady(Listening {
        endpoint: Endpoint { host: "127.0.0.1".to_owned(), port: 1 },
        ui: None,
        placed_at: at(0),
        process_up_at: at(0),
        listening_at: at(1),
    })
}

fn end(second: i64) -> SessionEvent {
    let reason = EndReason::Requested { by: "ada".to_owned() };
    SessionEvent::EndRequested { reason, stop_by: at(second + 30) }
}

#[test]
fn the_documented_default_workload_is_twelve_units_and_twelve_hundred_gigabytes() {
    // NOTES.md, section 4: 4 cores and 16 GB are 4 units, and 400 GB of disk.
    let hosted = [
        ("spark.driver.cores", "4"),
        ("spark.driver.memory", "12200m"),
        ("spark.driver.memoryOverhead", "1220m"),
        ("spark.executor.cores", "4"),
        ("spark.executor.memory", "12200m"),
        ("spark.executor.memoryOverhead", "1220m"),
        ("spark.executor.instances", "2"),
    ];
    assert_eq!(allocation(&session(&hosted)), Allocation { milli_dcu: 12_000, shuffle_storage_gb: 1200 });
    assert_eq!(allocation(&session(&[])), Allocation { milli_dcu: 4000, shuffle_storage_gb: 400 });
}

#[test]
fn memory_above_eight_gigabytes_a_core_counts_twice() {
    assert_eq!((milli_dcu(4, 16), milli_dcu(4, 32), milli_dcu(4, 33)), (4000, 5600, 5800));
}

#[test]
fn sizes_are_read_as_spark_writes_them() {
    for (text, size) in [
        ("12200m", Some(12_200)),
        ("16g", Some(16_384)),
        ("16GB", Some(16_384)),
        ("1t", Some(1 << 20)),
        ("2048k", Some(2)),
        ("512", Some(512)),
        ("99999999999t", Some(MOST)),
        ("", None),
        ("g", None),
        ("1.5g", None),
    ] {
        assert_eq!(mebibytes(text), size, "{text}");
    }
}

#[test]
fn a_session_counts_in_the_part_of_a_span_that_it_was_active_in() {
    let mut session = after(&after(&session(&[]), &ready(), 100), &end(1100), 1100);
    session.used = Used { cpu: Duration::from_secs(500), busy: Duration::from_secs(250), ..Used::default() };
    let whole = total(&session, at(0), at(5000), at(5000)).unwrap();
    assert_eq!((whole.active_seconds, whole.milli_dcu_seconds), (1000, 4_000_000));
    assert_eq!((whole.idle_seconds, whole.idle_milli_dcu_seconds), (750, 3_000_000));
    assert_eq!(whole.cpu, Duration::from_secs(500));
    let half = total(&session, at(600), at(5000), at(5000)).unwrap();
    assert_eq!((half.active_seconds, half.idle_seconds, half.milli_dcu_seconds), (500, 375, 2_000_000));
    assert_eq!(half.cpu, Duration::from_secs(250));
    assert_eq!(total(&session, at(2000), at(5000), at(5000)), None);
    assert_eq!(total(&session, at(0), at(100), at(5000)), None);
}

/// Active from second 100 on, and for so long if it has ended.
fn lived(user: &str, labels: &[(&str, &str)], seconds: Option<i64>) -> UsageRecord {
    let mut session = after(&session(&[]), &ready(), 100);
    if let Some(seconds) = seconds {
        session = after(&session, &end(100 + seconds), 100 + seconds);
    }
    user.clone_into(&mut session.config.user);
    session.config.labels =
        labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    session.used = Used { cpu: Duration::from_secs(7), peak_memory: 9, ..Used::default() };
    UsageRecord::of(&session).unwrap()
}

#[test]
fn a_record_counts_as_its_session_does() {
    assert_eq!(UsageRecord::of(&session(&[])), None, "never active");
    for ends in [None, Some(900)] {
        let mut session = after(&session(&[("spark.driver.cores", "2")]), &ready(), 100);
        if let Some(ends) = ends {
            session = after(&session, &end(ends), ends);
        }
        session.used =
            Used { cpu: Duration::from_secs(70), busy: Duration::from_secs(50), ..Used::default() };
        let record = UsageRecord::of(&session).unwrap();
        for (since, until) in [(0, 5000), (200, 300), (100, 100), (901, 950), (0, 99)] {
            let expected = total(&session, at(since), at(until), at(1000));
            assert_eq!(record.total(at(since), at(until), at(1000)), expected, "{since} to {until}");
        }
        assert!(record.reaches(at(900)));
        assert_eq!(record.reaches(at(901)), ends.is_none());
    }
}

#[test]
fn use_is_added_up_by_what_sessions_have_in_common() {
    let records = [
        lived("ada", &[("team", "red")], Some(100)),
        lived("ada", &[("team", "")], Some(300)),
        lived("bob", &[], Some(1000)),
        lived("bob", &[("other", "red")], None),
    ];
    let groups = |by: &str| {
        let rolled = roll_up(&records, &by.parse().unwrap(), at(0), at(5000), at(600));
        assert_eq!(rolled.total.sessions, 4, "{by}");
        assert_eq!(rolled.total.active_seconds, 100 + 300 + 1000 + 500, "{by}");
        assert_eq!(rolled.total.cpu, Duration::from_secs(28), "{by}");
        assert_eq!(rolled.total.peak_memory, 9, "the most of one, not a sum");
        let row = |group: Group| (group.key, group.total.sessions, group.total.active_seconds);
        rolled.groups.into_iter().map(row).collect::<Vec<_>>()
    };
    let key = |text: &str| Some(text.to_owned());
    assert_eq!(groups("user"), [(key("bob"), 2, 1500), (key("ada"), 2, 400)]);
    // A label without a value is one; those without the label are a group of their own.
    assert_eq!(groups("label:team"), [(None, 2, 1500), (key(""), 1, 300), (key("red"), 1, 100)]);
    assert_eq!(groups("label:unknown"), [(None, 4, 1900)]);
    assert_eq!(groups("project"), [(key("p"), 4, 1900)]);
    assert_eq!(groups("session"), [(key("projects/p/locations/l/sessions/etl1"), 4, 1900)]);
    let none = roll_up(&records, &GroupBy::User, at(3000), at(5000), at(4000));
    assert_eq!((none.groups.len(), none.total.sessions), (1, 1), "only the one that is active still");
}

#[test]
fn what_to_group_by_is_one_of_a_few_words() {
    assert_eq!("label:a:b".parse(), Ok(GroupBy::Label("a:b".to_owned())));
    for text in ["", "label", "label:", "User", "team"] {
        assert!(text.parse::<GroupBy>().is_err(), "{text}");
    }
}

#[test]
fn memory_counts_for_as_long_as_it_was_seen() {
    let seen = |memory: u64, second| Used { memory, at: Some(at(second)), ..Used::default() };
    let first = Used::default().grown(&seen(100 << 20, 10));
    assert_eq!(first.memory_mib_seconds, 0, "held for no known time");
    let second = first.grown(&seen(300 << 20, 40));
    assert_eq!(second.memory_mib_seconds, 100 * 30);
    assert_eq!(first.grown(&second), second, "told twice, counted once");
    // The engine is gone by the last look.
    assert_eq!(second.grown(&seen(0, 50)).memory_mib_seconds, 100 * 30 + 300 * 10);
}

proptest! {
    #[test]
    fn allocation_never_panics_and_grows_with_what_is_asked_for(
        cores in 0_u64..2000, memory in 0_u64..u64::MAX, executors in any::<u64>(), text in ".{0,8}",
    ) {
        let (c, m, e) = (cores.to_string(), format!("{memory}m"), executors.to_string());
        let one = allocation(&session(&[("spark.driver.cores", &c), ("spark.driver.memory", &m)]));
        let more = allocation(&session(&[
            ("spark.driver.cores", &c), ("spark.driver.memory", &m), ("spark.executor.instances", &e),
        ]));
        prop_assert!(one.milli_dcu <= more.milli_dcu && one.shuffle_storage_gb <= more.shuffle_storage_gb);
        allocation(&session(&[("spark.driver.memory", &text), ("spark.driver.cores", &text)]));
    }

    #[test]
    fn what_is_used_never_goes_down_whatever_is_seen(
        seen in prop::collection::vec((any::<u32>(), any::<u32>(), any::<u64>(), -1000_i64..1000), 0..40),
        ends in 0..60_usize,
    ) {
        let mut session = after(&session(&[]), &ready(), 2);
        let mut before = (Used::default(), 0, 0);
        for (step, (cpu, busy, memory, second)) in seen.into_iter().enumerate() {
            // An engine's counts begin anew after a crash, and clocks go back.
            let used = Used {
                cpu: Duration::from_millis(cpu.into()),
                busy: Duration::from_millis(busy.into()),
                memory,
                peak_memory: 0,
                memory_mib_seconds: 0,
                at: Some(at(second)),
            };
            if step == ends {
                session = after(&session, &end(3000), 3000);
            }
            if let Ok(after) = session.after(&SessionEvent::Sampled(used), at(second)) {
                session = after.session;
            }
            let now = at(1000 + i64::try_from(step).unwrap());
            let whole = total(&session, at(-10), at(100_000), now).unwrap();
            prop_assert!(session.used.cpu >= before.0.cpu && session.used.busy >= before.0.busy);
            prop_assert!(session.used.peak_memory >= before.0.peak_memory.max(session.used.memory.min(memory)));
            prop_assert!(session.used.memory_mib_seconds >= before.0.memory_mib_seconds);
            prop_assert!(whole.milli_dcu_seconds >= before.1 && whole.active_seconds >= before.2);
            prop_assert!(whole.idle_seconds <= whole.active_seconds);
            before = (session.used, whole.milli_dcu_seconds, whole.active_seconds);
        }
    }
}
