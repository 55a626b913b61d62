//! Deadlines when nobody is there.

use std::time::Duration;

use hearth_core::Timestamp;
use hearth_core::engine::ExitCause;
use hearth_core::session::later;

use crate::fixture::{Fixture, eventually, exited, listening, new_id};

#[tokio::test]
async fn an_engine_ends_at_its_deadline_when_no_driver_is_there() {
    let (fx, id) = (Fixture::new(), new_id());
    let mut spec = fx.spec(id, &[]);
    spec.deadline = later(Timestamp::now(), Duration::from_secs(1));
    let driver = fx.driver();
    driver.ensure(&spec).await.unwrap();
    listening(&driver, id).await;
    drop(driver);
    eventually("its end", || fx.dir(id).join("exit.json").exists().then_some(()));
    let driver = fx.driver();
    let exit = exited(&driver, id).await;
    assert_eq!(exit.cause, ExitCause::Deadline);
    assert!(exit.at >= spec.deadline);
    fx.clean(&driver, id).await;
}

#[tokio::test]
async fn an_engine_whose_deadline_has_passed_is_not_started() {
    let (fx, id) = (Fixture::new(), new_id());
    let mut spec = fx.spec(id, &[]);
    spec.deadline = Timestamp::now();
    let driver = fx.driver();
    driver.ensure(&spec).await.unwrap();
    assert_eq!(exited(&driver, id).await.cause, ExitCause::Deadline);
    assert_eq!(fx.starts(id), 0);
    fx.clean(&driver, id).await;
}
