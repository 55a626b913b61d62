//! Control groups of engines, where this user can make them; everywhere, engines run without.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hearth_core::engine::ExitCause;
use hearth_driver::Driver;
use hearth_driver_process::{Cgroups, ProcessDriver};
use rustix::process::{Pid, Signal, kill_process};

use crate::fixture::{Fixture, eventually, exists, exited, listening, new_id};
use crate::tree::family;

/// A group for one test, gone with it.
struct Scratch {
    dir: PathBuf,
    cgroups: Cgroups,
}

impl Scratch {
    /// `None`, with the reason printed, where this user cannot have one.
    fn make() -> Option<Self> {
        let found = Cgroups::find().map_err(|reason| eprintln!("no control groups here: {reason}")).ok()?;
        // `control groups in DIR (processor time ...)`
        let text = found.to_string();
        let dir = text.strip_prefix("control groups in ").and_then(|text| text.split(" (").next());
        let dir = Path::new(dir.unwrap()).join(format!("hearth-test-{}", new_id()));
        fs::create_dir(&dir).unwrap();
        let cgroups = Cgroups::at(&dir).unwrap();
        Some(Self { dir, cgroups })
    }

    fn groups(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten().map(|entry| entry.path());
        entries.filter(|path| path.is_dir()).collect()
    }

    fn driver(&self, fx: &Fixture) -> Arc<dyn Driver> {
        let mut config = fx.config();
        config.cgroups = Some(self.cgroups.clone());
        Arc::new(ProcessDriver::start(config).unwrap())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for group in self.groups().iter().chain([&self.dir]) {
            let _ = fs::write(group.join("cgroup.kill"), "1");
            let _ = fs::remove_dir(group);
        }
    }
}

fn members(group: &Path) -> Vec<i32> {
    let text = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    text.lines().map(|line| line.parse().unwrap()).collect()
}

#[tokio::test]
async fn an_engine_and_all_it_starts_are_in_a_group_of_its_own_and_end_with_it() {
    let Some(scratch) = Scratch::make() else { return };
    let (fx, id) = (Fixture::new(), new_id());
    let pids = fx.file("pids");
    let env = [
        ("STUB_PIDS", pids.to_str().unwrap()),
        ("STUB_DESCENDANTS", "3"),
        ("STUB_FORGETS", "1"),
        ("STUB_IGNORES_STOP", "1"),
    ];
    let driver = scratch.driver(&fx);
    driver.ensure(&fx.spec(id, &env)).await.unwrap();
    listening(&driver, id).await;
    let mut family = family(&pids, 3);
    family.sort_unstable();
    let group = scratch.dir.join(format!("hearth-{id}"));
    let mut inside = members(&group);
    inside.sort_unstable();
    assert_eq!(inside, family, "the supervisor is not in it");
    let used = driver.usage(id).await.unwrap().unwrap();
    assert!(used.cpu > Duration::ZERO && used.memory > 0 && used.peak_memory >= used.memory, "{used:?}");
    // A server that starts anew finds it again, groups or not.
    let other = fx.driver();
    assert!(other.usage(id).await.unwrap().unwrap().cpu >= used.cpu);
    driver.stop(id, Duration::from_millis(100)).await.unwrap();
    assert_eq!(exited(&driver, id).await.cause, ExitCause::Killed);
    assert!(!family.iter().any(|pid| exists(*pid)), "{family:?}");
    let last = driver.usage(id).await.unwrap().unwrap();
    assert!(last.cpu >= used.cpu && last.memory == 0, "{last:?}");
    eventually("the group is gone", || scratch.groups().is_empty().then_some(()));
    fx.clean(&driver, id).await;
}

#[tokio::test]
async fn a_killed_supervisor_leaves_no_group() {
    let Some(scratch) = Scratch::make() else { return };
    let (fx, id) = (Fixture::new(), new_id());
    let driver = scratch.driver(&fx);
    driver.ensure(&fx.spec(id, &[("STUB_DESCENDANTS", "1"), ("STUB_FORGETS", "1")])).await.unwrap();
    listening(&driver, id).await;
    assert_eq!(scratch.groups().len(), 1);
    let used = driver.usage(id).await.unwrap().unwrap();
    kill_process(Pid::from_raw(fx.pids(id).0).unwrap(), Signal::KILL).unwrap();
    exited(&driver, id).await;
    assert!(driver.usage(id).await.unwrap().unwrap().cpu >= used.cpu);
    assert_eq!(scratch.groups(), [""; 0].map(PathBuf::from));
    fx.clean(&driver, id).await;
}

#[tokio::test]
async fn an_engine_whose_group_cannot_be_made_runs_and_is_measured_all_the_same() {
    let Some(scratch) = Scratch::make() else { return };
    let (fx, id) = (Fixture::new(), new_id());
    let driver = scratch.driver(&fx);
    fs::remove_dir(&scratch.dir).unwrap();
    driver.ensure(&fx.spec(id, &[])).await.unwrap();
    listening(&driver, id).await;
    assert!(driver.usage(id).await.unwrap().unwrap().memory > 0);
    fx.clean(&driver, id).await;
}

#[tokio::test]
async fn what_an_engine_has_used_is_known_after_its_end_without_groups_too() {
    let (fx, id) = (Fixture::new(), new_id());
    let driver = fx.driver();
    driver.ensure(&fx.spec(id, &[])).await.unwrap();
    listening(&driver, id).await;
    let used = driver.usage(id).await.unwrap().unwrap();
    driver.stop(id, Duration::ZERO).await.unwrap();
    exited(&driver, id).await;
    let last = driver.usage(id).await.unwrap().unwrap();
    assert!(last.cpu >= used.cpu, "{used:?} {last:?}");
    fx.clean(&driver, id).await;
    assert_eq!(driver.usage(id).await.unwrap(), None, "with its directory");
}
