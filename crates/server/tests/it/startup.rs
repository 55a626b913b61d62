//! Starting and ending: what the service says when it cannot, and what it leaves when it goes.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use hearth_testkit::{Finished, Options, TestServer, run};

use crate::{HEARTH, server};

pub(crate) fn hearth(home: &Path, words: &[&str]) -> Finished {
    let mut command = Command::new(HEARTH);
    command.args(words).env("HOME", home).env("XDG_CONFIG_HOME", home);
    command.env("XDG_STATE_HOME", home).env("XDG_DATA_HOME", home);
    run(&mut command)
}

#[test]
fn a_port_in_use_is_named_with_the_next_step() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let home = tempfile::tempdir().unwrap();
    let told = hearth(home.path(), &["serve", "--listen", &format!("127.0.0.1:{port}")]).failed();
    assert!(told.contains(&format!("port {port} of 127.0.0.1 is in use")), "{told}");
    assert!(told.contains("hint: ") && told.contains("hearth serve --listen"), "{told}");
}

#[test]
fn a_state_directory_has_one_server() {
    let server = server();
    let state = server.state_dir();
    let home = tempfile::tempdir().unwrap();
    let words = ["serve", "--listen", "127.0.0.1:0", "--state-dir", state.to_str().unwrap()];
    let told = hearth(home.path(), &words).failed();
    assert!(told.contains("in use by another server"), "{told}");
    assert!(told.contains(&server.pid().to_string()), "the other one is named: {told}");
    assert!(told.contains("hint: "), "{told}");
    server.active("unharmed");
}

#[test]
fn a_corrupt_database_is_refused_and_the_check_says_what_is_wrong() {
    let mut server = server();
    server.active("lost");
    server.sigterm();
    let database = server.state_dir().join("hearth.db");
    fs::write(&database, "not a database, ".repeat(1000)).unwrap();
    for name in ["hearth.db-wal", "hearth.db-shm"] {
        let _ = fs::remove_file(server.state_dir().join(name));
    }
    let told = server.command(&["serve", "--listen", "127.0.0.1:0"]).failed();
    assert!(told.contains("hearth.db") && told.contains("hearth store check"), "{told}");
    let checked = server.command(&["store", "check"]).failed();
    assert!(checked.contains("hearth.db") && checked.contains("hint: "), "{checked}");
    assert!(fs::read(&database).unwrap().starts_with(b"not a database"), "it is left as it was");
}

#[test]
fn a_whole_database_checks_clean_while_the_server_runs() {
    let server = server();
    server.active("counted");
    let said = server.command(&["store", "check"]).succeeded();
    assert!(said.contains("1 sessions") && said.contains("no problems found"), "{said}");
}

#[test]
fn a_backup_brings_back_what_was_there() {
    let mut server = server();
    server.active("saved");
    let backup = server.scratch().join("backup.db");
    server.command(&["store", "backup", backup.to_str().unwrap()]).succeeded();
    server.active("after");
    server.sigterm();
    server.command(&["store", "restore", backup.to_str().unwrap()]).succeeded();
    server.restart();
    server.session("saved").ok();
    server.session("after").error(404, "NOT_FOUND");
}

#[test]
fn a_directory_that_cannot_be_had_is_named() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    // Not even root can make a directory below a file.
    let state = file.join("state");
    let words = ["serve", "--listen", "127.0.0.1:0", "--state-dir", state.to_str().unwrap()];
    let told = hearth(home.path(), &words).failed();
    assert!(told.contains(state.to_str().unwrap()) && told.contains("hint: "), "{told}");
}

#[test]
fn everything_that_is_wrong_in_the_configuration_is_told_at_once() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("hearth.toml");
    fs::write(&file, "max-bdy = \"1MiB\"\n[session]\nstop-grace = \"soon\"\n").unwrap();
    let words = ["serve", "--config", file.to_str().unwrap(), "--listen", "nowhere", "--auth", "maybe"];
    let told = hearth(home.path(), &words).failed();
    for wrong in ["max-bdy", "stop-grace", "nowhere", "maybe", "hearth.toml"] {
        assert!(told.contains(wrong), "{wrong}: {told}");
    }
    assert!(told.contains("max-body"), "what was meant is guessed: {told}");
}

#[test]
fn the_configuration_that_holds_can_be_printed_without_starting() {
    let home = tempfile::tempdir().unwrap();
    let words = ["serve", "--print-config", "--set", "session.stop-grace=7s"];
    let said = hearth(home.path(), &words).succeeded();
    assert!(said.contains("stop-grace") && said.contains("7s"), "{said}");
    assert!(said.contains("127.0.0.1:8470"), "{said}");
    assert!(!home.path().join("hearth").exists(), "nothing was made");
}

#[test]
fn open_doors_are_for_loopback_alone() {
    let home = tempfile::tempdir().unwrap();
    let told = hearth(home.path(), &["serve", "--listen", "0.0.0.0:0", "--auth", "none"]).failed();
    assert!(told.contains("none") && told.contains("loopback"), "{told}");
    let server = Options::new(HEARTH).without_engines().arg("--auth").arg("none").start();
    server.rest().with_token(None).get("/v1/projects/test/locations/here/sessions").ok();
}

#[test]
fn the_token_is_made_once_and_is_for_its_owner_alone() {
    let mut server = server();
    let file = server.state_dir().join("token");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(server.state_dir()).unwrap().permissions().mode() & 0o777, 0o700);
    let token = server.token().to_owned();
    assert!(token.len() > 40, "{token}");
    server.sigterm();
    server.restart();
    assert_eq!(server.token(), token);
    assert!(!server.log().contains(&token), "secrets stay out of the log");
}

#[test]
fn an_orderly_end_takes_the_endpoint_away_and_is_a_success() {
    let mut server = server();
    let endpoint = server.state_dir().join("endpoint");
    let written = fs::read_to_string(&endpoint).unwrap();
    assert_eq!(written, format!("http://{}\n", server.address()));
    assert!(server.sigterm().success());
    assert!(!endpoint.exists());
}

#[test]
fn a_second_server_beside_the_first_is_independent() {
    let (first, second): (TestServer, TestServer) = (server(), server());
    first.active("mine");
    second.session("mine").error(404, "NOT_FOUND");
    assert_ne!(first.token(), second.token());
}
