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
    assert!((whole.cpu_seconds - 500.0).abs() < 1e-9);
    let half = total(&session, at(600), at(5000), at(5000)).unwrap();
    assert_eq!((half.active_seconds, half.idle_seconds, half.milli_dcu_seconds), (500, 375, 2_000_000));
    assert!((half.cpu_seconds - 250.0).abs() < 1e-9);
    assert_eq!(total(&session, at(2000), at(5000), at(5000)), None);
    assert_eq!(total(&session, at(0), at(100), at(5000)), None);
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
            prop_assert!(whole.milli_dcu_seconds >= before.1 && whole.active_seconds >= before.2);
            prop_assert!(whole.idle_seconds <= whole.active_seconds);
            before = (session.used, whole.milli_dcu_seconds, whole.active_seconds);
        }
    }
}
