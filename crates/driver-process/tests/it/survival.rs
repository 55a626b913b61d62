//! Deaths of servers and of shims, and numbers that are used again.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures::StreamExt;
use hearth_core::engine::{ExitCause, ExitStatus, Observed};
use hearth_core::id::EngineId;
use hearth_driver_process::{ProcessDriver, ShimCommand};
use rustix::process::{Pid, Signal, kill_process};

use crate::fixture::{Fixture, PATIENCE, eventually, exists, exited, listening, new_id};
use crate::tree::family;

fn kill(pid: i32) {
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
}

fn shim(fx: &Fixture, id: EngineId) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hearth-shim"));
    command.arg(fx.dir(id)).stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Has everything written down that starting an engine needs, and no shim started.
async fn place(fx: &Fixture, id: EngineId) {
    let mut config = fx.config();
    config.shim = ShimCommand { program: "/no/such/shim".into(), args: Vec::new() };
    let driver = ProcessDriver::start(config).unwrap();
    hearth_driver::Driver::ensure(&driver, &fx.spec(id, &[])).await.unwrap_err();
}

#[tokio::test]
async fn a_killed_shim_takes_its_engine_with_it_and_is_noticed_unasked() {
    let (fx, id) = (Fixture::new(), new_id());
    let pids = fx.file("pids");
    let env = [("STUB_PIDS", pids.to_str().unwrap()), ("STUB_DESCENDANTS", "2"), ("STUB_IGNORES_STOP", "1")];
    let driver = fx.driver();
    driver.ensure(&fx.spec(id, &env)).await.unwrap();
    listening(&driver, id).await;
    let (shim, engine) = fx.pids(id);
    let family = family(&pids, 2);
    assert!(family.contains(&engine));
    let mut changes = driver.changes();
    kill(shim);
    let hinted = async {
        loop {
            assert_eq!(changes.next().await, Some(id));
            if let Observed::Exited(exit) = driver.observe(id).await.unwrap() {
                return exit;
            }
        }
    };
    let exit = tokio::time::timeout(PATIENCE, hinted).await.unwrap();
    assert_eq!((exit.status, exit.cause), (ExitStatus::Unknown, ExitCause::Itself));
    assert!(exit.tail[0].starts_with("Starting the stub engine on "), "{:?}", exit.tail);
    // The engine's own process was the kernel's to kill; its descendants were found by their environment.
    eventually("the end of all processes", || (!family.iter().any(|pid| exists(*pid))).then_some(()));
    driver.ensure(&fx.spec(id, &env)).await.unwrap();
    assert_eq!(driver.observe(id).await.unwrap(), Observed::Exited(exit));
    assert_eq!(fx.starts(id), 1);
    fx.clean(&driver, id).await;
}

#[tokio::test]
async fn a_shim_killed_while_no_server_was_there_is_found_by_the_next() {
    let (fx, id) = (Fixture::new(), new_id());
    let driver = fx.driver();
    driver.ensure(&fx.spec(id, &[])).await.unwrap();
    listening(&driver, id).await;
    drop(driver);
    kill(fx.pids(id).0);
    let driver = fx.driver();
    assert_eq!(driver.engines().await.unwrap(), [id]);
    // What it does first with an engine that it knows of: the engine must not be started again.
    driver.ensure(&fx.spec(id, &[])).await.unwrap();
    assert_eq!(exited(&driver, id).await.status, ExitStatus::Unknown);
    assert_eq!(fx.starts(id), 1);
    fx.clean(&driver, id).await;
}

#[tokio::test]
async fn a_shim_killed_at_any_moment_of_its_start_leaves_nothing_running() {
    let fx = Fixture::new();
    let driver = fx.driver();
    for moment in 0..40_u32 {
        let id = new_id();
        driver.ensure(&fx.spec(id, &[])).await.unwrap();
        let shim = eventually("the shim", || shim_of(&fx, id));
        // Not for something to happen: to have a different moment each time.
        std::thread::sleep(moment * Duration::from_micros(250));
        kill(shim);
        let exit = exited(&driver, id).await;
        assert!(matches!(exit.status, ExitStatus::Unknown | ExitStatus::NotStarted), "{exit:?}");
        driver.ensure(&fx.spec(id, &[])).await.unwrap();
        assert_eq!(exited(&driver, id).await, exit);
        assert!(fx.starts(id) <= 1);
        fx.clean(&driver, id).await;
    }
}

/// The engine's shim by its command line, as early as it has one.
fn shim_of(fx: &Fixture, id: EngineId) -> Option<i32> {
    let command = format!("{}\0{}\0", env!("CARGO_BIN_EXE_hearth-shim"), fx.dir(id).display());
    let mut entries = fs::read_dir("/proc").unwrap().flatten();
    entries.find_map(|entry| {
        let own = fs::read(entry.path().join("cmdline")).ok()? == command.as_bytes();
        if own { entry.file_name().to_str()?.parse().ok() } else { None }
    })
}

#[tokio::test]
async fn a_process_that_has_the_number_of_a_dead_shim_is_left_alone() {
    let (fx, id) = (Fixture::new(), new_id());
    let driver = fx.driver();
    driver.ensure(&fx.spec(id, &[])).await.unwrap();
    listening(&driver, id).await;
    drop(driver);
    let shim = fx.pids(id).0;
    kill(shim);
    let mut other = Command::new("/bin/cat").stdin(Stdio::piped()).spawn().unwrap();
    let path = fx.dir(id).join("shim.json");
    let text = fs::read_to_string(&path).unwrap();
    let reused = text.replace(&format!("\"pid\":{shim},"), &format!("\"pid\":{},", other.id()));
    assert_ne!(text, reused);
    fs::write(&path, reused).unwrap();
    let driver = fx.driver();
    driver.stop(id, Duration::ZERO).await.unwrap();
    driver.set_deadline(id, hearth_core::Timestamp::now()).await.unwrap();
    assert_eq!(exited(&driver, id).await.status, ExitStatus::Unknown);
    assert!(other.try_wait().unwrap().is_none(), "the other process was killed");
    drop(other.stdin.take());
    other.wait().unwrap();
    fx.clean(&driver, id).await;
}

#[tokio::test]
async fn of_many_shims_for_one_engine_one_starts_it() {
    let (fx, id) = (Fixture::new(), new_id());
    place(&fx, id).await;
    let mut shims: Vec<Child> = (0..8).map(|_| shim(&fx, id)).collect();
    let driver = fx.driver();
    listening(&driver, id).await;
    let winner = fx.pids(id).0;
    shims.retain_mut(|shim| {
        i32::try_from(shim.id()).unwrap() == winner || {
            assert!(shim.wait().unwrap().success());
            false
        }
    });
    assert_eq!(shims.len(), 1);
    assert_eq!(fx.starts(id), 1);
    driver.stop(id, Duration::ZERO).await.unwrap();
    shims[0].wait().unwrap();
    fx.clean(&driver, id).await;
}

#[tokio::test]
async fn a_shim_that_comes_after_the_engine_was_stopped_starts_nothing() {
    let (fx, id) = (Fixture::new(), new_id());
    place(&fx, id).await;
    let driver = fx.driver();
    assert_eq!(driver.observe(id).await.unwrap(), Observed::Absent);
    driver.stop(id, Duration::ZERO).await.unwrap();
    assert!(shim(&fx, id).wait().unwrap().success());
    let exit = exited(&driver, id).await;
    assert_eq!((exit.status, exit.cause), (ExitStatus::NotStarted, ExitCause::Stopped));
    assert_eq!(fx.starts(id), 0);
    fx.clean(&driver, id).await;
}

#[tokio::test]
async fn a_shim_that_comes_after_the_engine_was_removed_leaves_nothing() {
    let (fx, id) = (Fixture::new(), new_id());
    place(&fx, id).await;
    fx.driver().remove(id).await.unwrap();
    assert!(!shim(&fx, id).wait().unwrap().success());
    fx.check_nothing_is_left();
    assert_eq!(fx.starts(id), 0);
}

#[tokio::test]
async fn a_shim_that_ended_is_reaped_without_anyone_looking() {
    let (fx, id) = (Fixture::new(), new_id());
    let driver = fx.driver();
    driver.ensure(&fx.spec(id, &[])).await.unwrap();
    listening(&driver, id).await;
    let (shim, engine) = fx.pids(id);
    kill(engine);
    let reaped = async {
        while exists(shim) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reaped).await.unwrap();
    let exit = exited(&driver, id).await;
    assert_eq!((exit.status, exit.cause), (ExitStatus::Signal(9), ExitCause::Itself));
    fx.clean(&driver, id).await;
}

#[tokio::test]
async fn an_engine_whose_directory_was_lost_is_listed_and_can_be_stopped() {
    let (fx, id) = (Fixture::new(), new_id());
    let driver = fx.driver();
    driver.ensure(&fx.spec(id, &[])).await.unwrap();
    listening(&driver, id).await;
    let (shim, engine) = fx.pids(id);
    fs::remove_dir_all(fx.dir(id)).unwrap();
    assert_eq!(driver.engines().await.unwrap(), [id]);
    driver.remove(id).await.unwrap_err();
    driver.stop(id, Duration::ZERO).await.unwrap();
    assert!(driver.engines().await.unwrap().is_empty());
    driver.remove(id).await.unwrap();
    let gone = async {
        while exists(shim) || exists(engine) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.unwrap();
    fx.check_nothing_is_left();
}
