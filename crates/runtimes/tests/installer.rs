//! Installing with a stand-in for `uv`: what is left after failures, and who waits for whom. Needs no network.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use hearth_runtimes::{
    Catalogue, Environment, InstallError, Installer, ListedState, Progress, RemoveError, Runtime, Silent,
    VerifyError,
};

/// How long anything here may take before the test fails.
const DEADLINE: Duration = Duration::from_secs(30);

/// A `uv` that lays out an environment as the real one does. What it does while it installs packages is in the file
/// `behaviour` beside it; each run is a line in `runs`.
const UV: &str = r#"
case "$*" in --version) echo "uv 0.13.9"; exit 0;; esac
echo "$*" >> "$here/runs"
for last in "$@"; do :; done
case "$*" in
*venv*)
    /bin/mkdir -p "$last/bin" "$last/lib/python3.11/site-packages"
    /bin/cp "$here/interpreter" "$last/bin/python"
    /bin/chmod 755 "$last/bin/python"
    . "$here/venv-behaviour";;
*"pip install"*)
    packages=${last%/packages.txt}/lib/python3.11/site-packages
    echo "half" > "$packages/half.py"
    echo "Downloading half (1.0MiB)" >&2
    . "$here/behaviour"
    echo "whole" > "$packages/whole.py";;
esac
"#;

/// An interpreter that answers the installer's question and fails at anything else.
const INTERPRETER: &str = r#"#!/bin/sh
case "$*" in
*get_path*) echo "{\"version\": \"3.11.7\", \"packages\": \"${0%/bin/python}/lib/python3.11/site-packages\"}";;
*) exit 1;;
esac
"#;

/// A Python for `python3 -m pip install ... --target FOLDER uv==...`.
const PYTHON_WITH_PIP: &str = r#"
while [ "$1" != --target ]; do shift; done
/bin/mkdir -p "$2/bin"
printf '#!/bin/sh\nexec "%s/new-uv" "$@"\n' "$here" > "$2/bin/uv"
/bin/chmod 755 "$2/bin/uv"
echo run >> "$here/pip-runs"
"#;

struct World {
    folder: tempfile::TempDir,
    runtime: Runtime,
}

impl World {
    fn new() -> Self {
        Self::with_size("1KiB")
    }

    fn with_size(size: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let world = Self { runtime: runtime(size), folder };
        fs::create_dir(world.tools()).unwrap();
        world.program("uv", UV);
        fs::write(world.tools().join("interpreter"), INTERPRETER).unwrap();
        world.behaves("true");
        fs::write(world.tools().join("venv-behaviour"), "true\n").unwrap();
        world
    }

    fn tools(&self) -> PathBuf {
        self.folder.path().join("tools-of-the-machine")
    }

    fn program(&self, name: &str, text: &str) {
        fs::write(self.tools().join(format!("{name}.sh")), text).unwrap();
        let path = self.tools().join(name);
        let _ = fs::remove_file(&path);
        symlink(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stand-in"), path).unwrap();
    }

    fn behaves(&self, script: &str) {
        fs::write(self.tools().join("behaviour"), format!("{script}\n")).unwrap();
    }

    fn installer(&self) -> Installer {
        Installer::new(self.folder.path().join("runtimes")).with_search_path(self.tools())
    }

    fn ensure(&self) -> Result<Environment, InstallError> {
        self.installer().ensure(&self.runtime, &Silent)
    }

    fn environments(&self) -> Vec<PathBuf> {
        let folder = self.folder.path().join("runtimes/envs");
        fs::read_dir(folder).map_or_else(|_| Vec::new(), |all| all.map(|one| one.unwrap().path()).collect())
    }

    fn runs(&self) -> usize {
        fs::read_to_string(self.tools().join("runs")).map_or(0, |text| text.lines().count())
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("runtimes/envs").join(self.runtime.environment_name())
    }
}

fn catalogue(size: &str) -> Catalogue {
    let text = format!(
        "[[runtime]]\nname = \"toy\"\nversion = \"1.0\"\nengine = \"kernel\"\npython = \">=3.10\"\nlock = \"l\"\n\
         size = \"{size}\"\n"
    );
    Catalogue::merged(&text, "toy.toml", &|_| Ok("six==1.17.0\n".into())).unwrap()
}

fn runtime(size: &str) -> Runtime {
    catalogue(size).find("toy").unwrap().clone()
}

/// Sends every step and detail to the test.
struct Told(Mutex<Sender<String>>);

impl Told {
    fn new() -> (Self, Receiver<String>) {
        let (sender, receiver) = channel();
        (Self(Mutex::new(sender)), receiver)
    }
}

impl Progress for Told {
    fn step(&self, text: &str) {
        self.0.lock().unwrap().send(text.to_owned()).unwrap();
    }

    fn detail(&self, text: &str) {
        self.step(text);
    }
}

fn wait_for(told: &Receiver<String>, part: &str) {
    loop {
        let text = told.recv_timeout(DEADLINE).unwrap_or_else(|_| panic!("\"{part}\" was never said"));
        if text.contains(part) {
            return;
        }
    }
}

#[test]
fn an_installed_environment_is_found_again_without_running_anything() {
    let world = World::new();
    assert_eq!(world.installer().installed(&world.runtime), None);
    let made = world.ensure().unwrap();
    assert_eq!(made.root, world.root());
    assert_eq!(made.site_packages, world.root().join("lib/python3.11/site-packages"));
    assert!(made.python.exists() && made.site_packages.join("whole.py").exists());
    let runs = world.runs();
    assert_eq!(world.ensure().unwrap(), made);
    assert_eq!(world.installer().installed(&world.runtime), Some(made));
    assert_eq!(world.runs(), runs, "uv ran again");
}

#[test]
fn progress_tells_steps_and_downloads() {
    let world = World::new();
    let (progress, told) = Told::new();
    world.installer().ensure(&world.runtime, &progress).unwrap();
    drop(progress);
    let told: Vec<String> = told.iter().collect();
    assert_eq!(
        told,
        [
            "creating an environment for toy-1.0",
            "installing the packages of toy-1.0",
            "Downloading half (1.0MiB)",
            "writing everything to disk",
        ]
    );
}

#[test]
fn a_failed_installation_names_its_cause_and_leaves_nothing() {
    let world = World::new();
    let fail = |said: &str| {
        world.behaves(&format!("echo '{said}' >&2; exit 2"));
        let error = world.ensure().unwrap_err();
        assert_eq!(world.environments(), Vec::<PathBuf>::new(), "after: {said}");
        assert!(error.detail().iter().any(|line| line.contains("cause")), "{error:?}");
        assert!(error.hint().ends_with('.') && error.to_string().contains("toy-1.0"), "{error}");
        error
    };
    assert!(matches!(fail("cause: dns error"), InstallError::Offline { .. }));
    assert!(matches!(fail("cause: No space left on device (os error 28)"), InstallError::DiskFull { .. }));
    assert!(matches!(fail("cause: something else"), InstallError::Tool { .. }));
    assert!(matches!(
        fail("cause: Because there is no version of six==1.17.0 and you require it"),
        InstallError::PackageNotFound { package, .. } if package == "six==1.17.0"
    ));
    world.behaves("true");
    world.ensure().unwrap();
}

#[test]
fn a_uv_that_is_killed_leaves_nothing() {
    let world = World::new();
    world.behaves("kill -9 $$");
    let error = world.ensure().unwrap_err();
    assert!(error.to_string().contains("signal: 9"), "{error}");
    assert_eq!(world.environments(), Vec::<PathBuf>::new());
}

#[test]
fn a_machine_without_a_fitting_python_is_told_which_one_is_needed() {
    let world = World::new();
    fs::write(
        world.tools().join("venv-behaviour"),
        "echo 'error: No interpreter found for Python >=3.10 in managed installations or search path' >&2; exit 2\n",
    )
    .unwrap();
    let error = world.ensure().unwrap_err();
    assert!(matches!(error, InstallError::NoPython { .. }));
    assert!(error.to_string().contains("no Python >=3.10") && error.hint().contains("Install Python >=3.10"));
    assert_eq!(world.environments(), Vec::<PathBuf>::new());
}

#[test]
fn too_little_space_is_told_before_anything_is_done() {
    let world = World::with_size("9000000000GiB");
    let error = world.ensure().unwrap_err();
    assert!(matches!(error, InstallError::DiskFull { .. }), "{error:?}");
    assert!(error.to_string().contains("GiB needed"), "{error}");
    assert_eq!((world.runs(), world.environments()), (0, Vec::new()));
}

#[test]
fn what_a_killed_installer_left_is_no_environment_and_goes_away() {
    let world = World::new();
    let leave_half = || {
        fs::create_dir_all(world.root().join("bin")).unwrap();
        fs::write(world.root().join("bin/python"), INTERPRETER).unwrap();
        fs::write(world.root().join("left-over"), "").unwrap();
    };
    leave_half();
    assert_eq!(world.installer().installed(&world.runtime), None);
    let listed = world.installer().list(&catalogue("1KiB")).unwrap();
    assert_eq!(listed.last().unwrap().state, ListedState::Incomplete);
    assert_eq!(world.installer().sweep().unwrap(), [world.root()]);
    assert_eq!(world.environments(), Vec::<PathBuf>::new());

    leave_half();
    world.ensure().unwrap();
    assert!(!world.root().join("left-over").exists());
    assert_eq!(world.installer().sweep().unwrap(), Vec::<PathBuf>::new());
    assert!(world.installer().installed(&world.runtime).is_some());
}

#[test]
fn an_environment_whose_interpreter_is_gone_is_made_anew() {
    let world = World::new();
    let made = world.ensure().unwrap();
    fs::remove_file(&made.python).unwrap();
    assert_eq!(world.installer().installed(&world.runtime), None);
    assert!(matches!(world.installer().verify(&world.runtime), Err(VerifyError::NotInstalled { .. })));
    world.ensure().unwrap();
    assert!(made.python.exists());
}

#[test]
fn two_installers_of_one_runtime_install_it_once_and_the_second_says_it_waits() {
    let world = World::new();
    let gate = world.tools().join("gate");
    // The stand-in holds on until the test opens the gate.
    world.behaves(&format!("while [ ! -e '{}' ]; do /bin/sleep 0.01; done", gate.display()));
    let (first, first_told) = Told::new();
    let (second, second_told) = Told::new();
    std::thread::scope(|scope| {
        let one = scope.spawn(|| world.installer().ensure(&world.runtime, &first));
        wait_for(&first_told, "Downloading");
        let other = scope.spawn(|| world.installer().ensure(&world.runtime, &second));
        wait_for(&second_told, "waiting for another process that is installing toy-1.0");
        let listed = world.installer().list(&catalogue("1KiB")).unwrap();
        assert_eq!(listed.last().unwrap().state, ListedState::Installing);
        assert_eq!(world.installer().sweep().unwrap(), Vec::<PathBuf>::new(), "it is being made");
        let busy = world.installer().remove(&world.runtime, &|_| false).unwrap_err();
        assert!(matches!(busy, RemoveError::Busy { .. }), "{busy:?}");
        fs::write(&gate, "").unwrap();
        assert_eq!(one.join().unwrap().unwrap(), other.join().unwrap().unwrap());
    });
    assert_eq!(world.runs(), 2, "one `venv` and one `pip install`");
}

/// Not a test of its own: the installer that the next test kills, in a process of its own.
#[test]
fn an_installer_to_be_killed() {
    let Some(folder) = std::env::var_os("HEARTH_TEST_KILLED_INSTALLER") else { return };
    let folder = PathBuf::from(folder);
    let installer =
        Installer::new(folder.join("runtimes")).with_search_path(folder.join("tools-of-the-machine"));
    installer.ensure(&runtime("1KiB"), &Silent).unwrap();
}

#[test]
fn after_a_killed_installer_the_next_waits_for_its_tool_and_starts_anew() {
    let world = World::new();
    let (begun, gate) = (world.tools().join("begun"), world.tools().join("gate"));
    world.behaves(&format!(
        "echo > '{}'; while [ ! -e '{}' ]; do /bin/sleep 0.01; done",
        begun.display(),
        gate.display()
    ));
    let mut killed = Command::new(std::env::current_exe().unwrap())
        .args(["an_installer_to_be_killed", "--exact"])
        .env("HEARTH_TEST_KILLED_INSTALLER", world.folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let end = Instant::now() + DEADLINE;
    while !begun.exists() {
        assert!(Instant::now() < end, "the installation never began");
        std::thread::sleep(Duration::from_millis(5));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(world.installer().sweep().unwrap(), Vec::<PathBuf>::new(), "its uv still writes there");

    let (progress, told) = Told::new();
    let environment = std::thread::scope(|scope| {
        let next = scope.spawn(|| world.installer().ensure(&world.runtime, &progress));
        wait_for(&told, "waiting for another process");
        fs::write(&gate, "").unwrap();
        next.join().unwrap().unwrap()
    });
    assert!(environment.site_packages.join("whole.py").exists());
    assert_eq!(world.runs(), 4, "both installers ran `venv` and `pip install`");
}

#[test]
fn an_environment_is_removed_unless_it_is_in_use() {
    let world = World::new();
    let installer = world.installer();
    let absent = installer.remove(&world.runtime, &|_| false).unwrap_err();
    assert!(matches!(absent, RemoveError::NotInstalled { .. }));
    let made = world.ensure().unwrap();
    let refused = installer.remove(&world.runtime, &|root| root == made.root).unwrap_err();
    assert!(matches!(refused, RemoveError::InUse { .. }) && refused.hint().contains("hearth sessions list"));
    assert!(installer.installed(&world.runtime).is_some());
    installer.remove(&world.runtime, &|_| false).unwrap();
    assert_eq!(world.environments(), Vec::<PathBuf>::new());
}

#[test]
fn an_environment_of_an_entry_that_is_gone_is_an_orphan_and_can_be_removed_by_its_folder() {
    let world = World::new();
    let made = world.ensure().unwrap();
    let listed = world.installer().list(&Catalogue::built_in()).unwrap();
    let (orphan, known) = listed.split_last().unwrap();
    assert_eq!(known.len(), Catalogue::built_in().runtimes().len());
    assert!(known.iter().all(|line| line.state == ListedState::NotInstalled), "{known:#?}");
    assert_eq!((orphan.name.as_str(), orphan.state), ("toy", ListedState::Orphaned));
    assert_eq!(orphan.python_version.as_deref(), Some("3.11.7"));
    assert!(orphan.size > 0 && orphan.installed_at.is_some());
    for name in ["..", "../envs", ".", "", "nothing-there"] {
        assert!(world.installer().remove_folder(name, &|_| false).is_err(), "{name}");
    }
    let name = made.root.file_name().unwrap().to_str().unwrap();
    world.installer().remove_folder(name, &|_| false).unwrap();
    assert_eq!(world.environments(), Vec::<PathBuf>::new());
}

#[test]
fn without_uv_and_without_python_the_next_step_is_told() {
    let world = World::new();
    fs::remove_file(world.tools().join("uv")).unwrap();
    let error = world.ensure().unwrap_err();
    assert!(matches!(error, InstallError::NoUv { .. }));
    assert!(error.to_string().contains("no `python3`") && error.hint().contains("apt install python3-venv"));
}

#[test]
fn a_python_without_pip_and_venv_is_told() {
    let world = World::new();
    fs::remove_file(world.tools().join("uv")).unwrap();
    world.program("python3", "echo \"python3: No module named ${2}\" >&2; exit 1\n");
    let error = world.ensure().unwrap_err();
    assert!(error.to_string().contains("neither `pip` nor a working `venv`"), "{error}");
    assert_eq!(error.detail(), ["python3: No module named venv"]);
    assert!(left_of_tools(&world).is_empty());
}

#[test]
fn a_uv_that_is_missing_or_too_old_is_installed_once_into_the_runtimes_folder() {
    let world = World::new();
    world.program("new-uv", UV);
    world.program("uv", "echo 'uv 0.4.30'\n");
    world.program("python3", PYTHON_WITH_PIP);
    world.ensure().unwrap();
    world.installer().remove(&world.runtime, &|_| false).unwrap();
    world.ensure().unwrap();
    assert_eq!(fs::read_to_string(world.tools().join("pip-runs")).unwrap(), "run\n");
    let left = left_of_tools(&world);
    assert!(left.len() == 1 && left[0].starts_with("uv-"), "{left:?}");
}

fn left_of_tools(world: &World) -> Vec<String> {
    let tools: &Path = &world.folder.path().join("runtimes/tools");
    fs::read_dir(tools).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}
