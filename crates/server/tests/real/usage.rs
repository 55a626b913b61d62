//! What a real engine uses is measured, and never counted down.

use hearth_testkit::{PARENT, Python, TestServer, eventually};
use serde_json::Value;

use crate::{HEARTH, remote, script, uuid};

/// What sessions used, by the service.
#[derive(Debug, Clone, Copy)]
struct Seen {
    cpu: f64,
    peak_memory: u64,
    memory_mib_seconds: u64,
    milli_dcu_seconds: u64,
    sessions: u64,
}

impl Seen {
    fn now(server: &TestServer) -> Self {
        let usage = server.rest().get(&format!("/hearth/v1/{PARENT}/usage?groupBy=session")).ok();
        let total = &usage["total"];
        let number = |name: &str| total[name].as_str().unwrap_or("0").parse().unwrap();
        Self {
            cpu: total["cpuTime"].as_str().unwrap().trim_end_matches('s').parse().unwrap(),
            peak_memory: number("peakMemoryBytes"),
            memory_mib_seconds: number("memoryMibSeconds"),
            milli_dcu_seconds: number("milliDcuSeconds"),
            sessions: number("sessions"),
        }
    }

    #[track_caller]
    fn not_below(self, before: Self) -> Self {
        assert!(self.cpu >= before.cpu && self.peak_memory >= before.peak_memory, "{before:?} {self:?}");
        assert!(self.memory_mib_seconds >= before.memory_mib_seconds, "{before:?} {self:?}");
        assert!(self.milli_dcu_seconds >= before.milli_dcu_seconds, "{before:?} {self:?}");
        assert_eq!(self.sessions, 1, "{self:?}");
        self
    }
}

#[test]
fn what_an_engine_uses_is_told_and_stays_through_a_kill_the_end_and_the_removal() {
    let mut server = TestServer::start(HEARTH);
    let uuid = uuid(&server.active("measured"));
    let python = Python::client("pyspark-4.2");
    let ask = |server: &TestServer| {
        assert_eq!(python.run(&script("asks.py"), &[&remote(server, &uuid)]).succeeded(), "42\n");
    };
    let info: Value = server.rest().get("/hearth/v1/server").ok();
    let measured_by = info["measuredBy"].as_str().unwrap();
    let grouped = measured_by.starts_with("control groups in /");
    assert!(grouped || measured_by.starts_with("/proc, as "), "{info:#}");
    let engines = server.engines();
    assert!(!engines.is_empty());
    for engine in engines {
        let groups = std::fs::read_to_string(format!("/proc/{}/cgroup", engine.pid)).unwrap();
        assert_eq!(groups.contains(&format!("/hearth-{uuid}\n")), grouped, "{groups}");
    }
    ask(&server);
    // Looked at 30 s after it became active.
    let first = eventually("what the engine used is written down", || {
        let seen = Seen::now(&server);
        if seen.cpu > 0.0 { Ok(seen) } else { Err(seen) }
    });
    assert!(first.peak_memory > 16 << 20, "a Python process has more: {first:?}");
    server.kill9();
    server.restart();
    let restarted = Seen::now(&server).not_below(first);
    ask(&server);
    let again = Seen::now(&server).not_below(restarted);
    server.terminate("measured");
    // Up to the last moment, of the engine that has gone on all the time.
    let ended = Seen::now(&server).not_below(again);
    assert!(ended.cpu > first.cpu && ended.memory_mib_seconds > 0, "{first:?} {ended:?}");
    let operation = server.rest().delete(&format!("/v1/{PARENT}/sessions/measured")).ok();
    assert!(server.done(&operation).get("error").is_none());
    let removed = Seen::now(&server).not_below(ended);
    assert_eq!(removed.milli_dcu_seconds, ended.milli_dcu_seconds);

    // Fails where something is missing on this machine, which is not the point here.
    let doctor = server.command(&["doctor"]);
    assert!(doctor.stdout.contains(&format!("what engines use is measured by {measured_by}")), "{doctor:?}");
}
