//! Processes that are ready for an engine before it is known which.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use hearth_core::engine::{EngineSpec, Spare};
use hearth_core::id::EngineId;
use hearth_driver::Driver;
use hearth_driver_process::ProcessDriver;
use rustix::process::{Pid, Signal, kill_process};

use crate::fixture::{Fixture, eventually, exists, exited, listening, new_id};

fn driver(fx: &Fixture) -> Arc<dyn Driver> {
    let mut config = fx.config();
    config.spares_for = Duration::from_secs(600);
    Arc::new(ProcessDriver::start(config).unwrap())
}

/// Of an engine that a spare of this test's can become.
fn spec(fx: &Fixture, id: EngineId, env: &[(&str, &str)]) -> EngineSpec {
    let mut spec = fx.spec(id, env);
    spec.spare = Some(Spare { args: vec!["--spare".to_owned(), tag(fx)], input: "get ready".to_owned() });
    spec
}

fn tag(fx: &Fixture) -> String {
    fx.engines_dir().to_str().unwrap().to_owned()
}

/// The number of the spare, once there is one.
fn spare(fx: &Fixture) -> i32 {
    let wanted = [env!("CARGO_BIN_EXE_hearth-stub-engine"), "--spare", &tag(fx), ""].join("\0");
    eventually("a spare", || {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let mut spares = processes.filter(|entry| {
            fs::read(entry.path().join("cmdline")).is_ok_and(|line| line == wanted.as_bytes())
        });
        spares.find_map(|entry| entry.file_name().to_str()?.parse().ok())
    })
}

/// Ends these engines, and the driver, and checks that nothing is left of any.
async fn end(fx: &Fixture, driver: Arc<dyn Driver>, engines: &[EngineId]) {
    for id in engines {
        driver.stop(*id, Duration::ZERO).await.unwrap();
        exited(&driver, *id).await;
        driver.remove(*id).await.unwrap();
    }
    drop(driver);
    fx.check_nothing_is_left();
}

/// What an engine has reported of itself, but for what is another engine's by its nature.
fn reported(report: &str, id: EngineId) -> Vec<String> {
    let lines = fs::read_to_string(report).unwrap();
    let lines = lines.lines().map(|line| line.replace(&id.to_string(), "ID").replace(report, "REPORT"));
    // Each has a pipe of its own.
    lines.map(|line| line.split(":[").next().unwrap_or_default().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_engine_is_the_process_that_was_ready_and_is_as_if_it_had_been_started() {
    let fx = Fixture::new();
    let driver = driver(&fx);
    let (first, next) = (new_id(), new_id());
    let reports = [first, next].map(|id| fx.file(&format!("report-{id}")).to_str().unwrap().to_owned());
    for (id, report) in [first, next].into_iter().zip(&reports) {
        let ready = (id == next).then(|| spare(&fx));
        let mut spec = spec(&fx, id, &[("STUB_REPORT", report), ("WHERE", "{work}")]);
        spec.args = vec!["{work}/conf".to_owned()];
        driver.ensure(&spec).await.unwrap();
        listening(&driver, id).await;
        if let Some(ready) = ready {
            assert_eq!(fx.pids(id).1, ready);
        }
        assert_eq!(fx.starts(id), 1);
    }
    assert_eq!(reported(&reports[0], first), reported(&reports[1], next));
    end(&fx, driver, &[first, next]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_is_started_all_the_same_when_the_spare_has_ended_or_is_of_another_kind() {
    let fx = Fixture::new();
    let driver = driver(&fx);
    let first = new_id();
    driver.ensure(&spec(&fx, first, &[])).await.unwrap();
    listening(&driver, first).await;

    let other = new_id();
    let ready = spare(&fx);
    let mut spec_of_other = spec(&fx, other, &[]);
    spec_of_other.spare = Some(Spare { args: Vec::new(), input: String::new() });
    driver.ensure(&spec_of_other).await.unwrap();
    listening(&driver, other).await;
    assert_ne!(fx.pids(other).1, ready);
    eventually("it is not wanted any more", || (!exists(ready)).then_some(()));

    let last = new_id();
    driver.ensure(&spec(&fx, last, &[])).await.unwrap();
    let ready = spare(&fx);
    kill_process(Pid::from_raw(ready).unwrap(), Signal::KILL).unwrap();
    let next = new_id();
    driver.ensure(&spec(&fx, next, &[])).await.unwrap();
    listening(&driver, next).await;
    end(&fx, driver, &[first, other, last, next]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_was_a_spare_ends_with_its_shim_and_a_spare_with_its_driver() {
    let fx = Fixture::new();
    let driver = driver(&fx);
    let (first, next) = (new_id(), new_id());
    driver.ensure(&spec(&fx, first, &[])).await.unwrap();
    listening(&driver, first).await;
    let ready = spare(&fx);
    driver.ensure(&spec(&fx, next, &[("STUB_IGNORES_STOP", "1")])).await.unwrap();
    listening(&driver, next).await;
    let (shim, engine) = fx.pids(next);
    assert_eq!(engine, ready);
    kill_process(Pid::from_raw(shim).unwrap(), Signal::KILL).unwrap();
    exited(&driver, next).await;
    eventually("the engine is gone", || (!exists(engine)).then_some(()));
    driver.remove(next).await.unwrap();
    driver.stop(first, Duration::ZERO).await.unwrap();
    exited(&driver, first).await;
    driver.remove(first).await.unwrap();

    let ready = spare(&fx);
    drop(driver);
    eventually("the spare is gone", || (!exists(ready)).then_some(()));
    fx.check_nothing_is_left();
}
