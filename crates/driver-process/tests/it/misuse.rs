//! What goes wrong around engines, and what is said then.

use std::error::Error;
use std::fs;
use std::sync::Arc;

use hearth_core::engine::{ExitCause, ExitStatus, Observed};
use hearth_driver::Driver;
use hearth_driver_process::{ProcessDriver, ShimCommand};

use crate::fixture::{Fixture, exited, new_id};

fn chain(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

fn driver_with(fx: &Fixture, program: &str, args: &[&str]) -> Arc<dyn Driver> {
    let mut config = fx.config();
    let args = args.iter().map(|arg| (*arg).to_owned()).collect();
    config.shim = ShimCommand { program: program.into(), args };
    Arc::new(ProcessDriver::start(config).unwrap())
}

#[tokio::test]
async fn a_directory_of_engines_that_cannot_be_one_is_named() {
    let fx = Fixture::new();
    fs::write(fx.file("engines"), "a file").unwrap();
    let Err(error) = ProcessDriver::start(fx.config()) else { panic!() };
    let told = chain(&error);
    assert!(told.starts_with("could not use \""), "{told}");
    assert!(told.contains(fx.file("engines").to_str().unwrap()), "{told}");
}

#[tokio::test]
async fn a_supervisor_that_cannot_be_started_is_named_and_may_be_there_the_next_time() {
    let (fx, id) = (Fixture::new(), new_id());
    let spec = fx.spec(id, &[]);
    let broken = driver_with(&fx, "/no/such/shim", &[]);
    let told = chain(&broken.ensure(&spec).await.unwrap_err());
    assert!(told.starts_with(&format!("could not start engine \"{id}\": \"/no/such/shim\"")), "{told}");
    assert_eq!(broken.observe(id).await.unwrap(), Observed::Absent, "or it would not be ensured again");
    let driver = fx.driver();
    driver.ensure(&spec).await.unwrap();
    crate::fixture::listening(&driver, id).await;
    assert_eq!(fx.starts(id), 1);
    fx.clean(&driver, id).await;
}

#[tokio::test]
async fn a_supervisor_that_ends_without_a_word_is_reported_with_what_it_complained_of() {
    let (fx, id) = (Fixture::new(), new_id());
    let driver = driver_with(&fx, "/bin/sh", &["-c", "echo no such subcommand >&2; exit 64"]);
    driver.ensure(&fx.spec(id, &[])).await.unwrap();
    let exit = exited(&driver, id).await;
    assert_eq!((exit.status, exit.cause), (ExitStatus::NotStarted, ExitCause::Itself));
    assert!(exit.tail[0].contains("\"/bin/sh\" ended with exit status: 64"), "{:?}", exit.tail);
    assert_eq!(exit.tail[1], "no such subcommand");
    fx.clean(&driver, id).await;
}

#[tokio::test]
async fn a_file_that_would_be_written_elsewhere_is_refused_and_nothing_is_started() {
    let (fx, id) = (Fixture::new(), new_id());
    let driver = fx.driver();
    let mut spec = fx.spec(id, &[]);
    spec.files.insert("../../out".to_owned(), "x".to_owned());
    driver.ensure(&spec).await.unwrap();
    let exit = exited(&driver, id).await;
    assert_eq!(exit.status, ExitStatus::NotStarted);
    assert!(exit.tail[0].contains("\"../../out\""), "{:?}", exit.tail);
    assert_eq!(fx.starts(id), 0);
    fx.clean(&driver, id).await;
}

#[tokio::test]
async fn a_program_that_is_missing_is_named() {
    let (fx, id) = (Fixture::new(), new_id());
    let driver = fx.driver();
    let mut spec = fx.spec(id, &[]);
    spec.program = "/no/such/engine".into();
    driver.ensure(&spec).await.unwrap();
    let exit = exited(&driver, id).await;
    assert!(exit.tail[0].starts_with("could not start \"/no/such/engine\": "), "{:?}", exit.tail);
    let log = driver.log(id, 0, 1000).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&log.content), format!("{}\n", exit.tail[0]));
    fx.clean(&driver, id).await;
}
