//! All that an engine starts ends with it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use hearth_core::engine::{ExitCause, ExitStatus, StopSignal};

use crate::fixture::{Fixture, LONG, eventually, exists, exited, listening, new_id};

/// The numbers of the engine and its `descendants`, once all of them run.
pub(crate) fn family(pids: &Path, descendants: usize) -> Vec<i32> {
    eventually("all descendants", || {
        let text = fs::read_to_string(pids).ok()?;
        let pids: Vec<i32> = text.lines().map(|line| line.parse().unwrap()).collect();
        (pids.len() == descendants + 1).then_some(pids)
    })
}

#[tokio::test]
async fn a_tree_that_ignores_being_stopped_is_killed_to_the_last_detached_descendant() {
    let (fx, id) = (Fixture::new(), new_id());
    let pids = fx.file("pids");
    let spec = fx.spec(
        id,
        &[
            ("STUB_PIDS", pids.to_str().unwrap()),
            ("STUB_DESCENDANTS", "4"),
            ("STUB_FORGETS", "1"),
            ("STUB_IGNORES_STOP", "1"),
        ],
    );
    let driver = fx.driver();
    driver.ensure(&spec).await.unwrap();
    listening(&driver, id).await;
    let family = family(&pids, 4);
    assert!(family.iter().all(|pid| exists(*pid)));
    driver.stop(id, Duration::from_millis(200)).await.unwrap();
    let exit = exited(&driver, id).await;
    assert_eq!((exit.status, exit.cause), (ExitStatus::Signal(9), ExitCause::Killed));
    // At once: the end is told only when all of it has come.
    assert!(!family.iter().any(|pid| exists(*pid)), "{family:?}");
    fx.clean(&driver, id).await;
}

#[tokio::test]
async fn what_an_engine_leaves_behind_when_it_exits_is_killed() {
    let (fx, id) = (Fixture::new(), new_id());
    let pids = fx.file("pids");
    let spec = fx.spec(
        id,
        &[
            ("STUB_PIDS", pids.to_str().unwrap()),
            ("STUB_DESCENDANTS", "1"),
            ("STUB_FORGETS", "1"),
            ("STUB_EXIT", "3"),
        ],
    );
    let driver = fx.driver();
    driver.ensure(&spec).await.unwrap();
    let exit = exited(&driver, id).await;
    assert_eq!((exit.status, exit.cause), (ExitStatus::Code(3), ExitCause::Itself));
    // The descendant may have been killed before it could say its number.
    let told = fs::read_to_string(&pids).unwrap();
    assert!(!told.lines().any(|pid| exists(pid.parse().unwrap())), "{told}");
    fx.clean(&driver, id).await;
}

#[tokio::test]
async fn an_engine_is_asked_to_end_by_the_signal_of_its_choice() {
    for (signal, number) in [(StopSignal::Interrupt, 2), (StopSignal::Terminate, 15)] {
        let (fx, id) = (Fixture::new(), new_id());
        let mut spec = fx.spec(id, &[]);
        spec.stop_signal = signal;
        let driver = fx.driver();
        driver.ensure(&spec).await.unwrap();
        listening(&driver, id).await;
        driver.stop(id, LONG).await.unwrap();
        let exit = exited(&driver, id).await;
        assert_eq!((exit.status, exit.cause), (ExitStatus::Signal(number), ExitCause::Stopped));
        fx.clean(&driver, id).await;
    }
}
