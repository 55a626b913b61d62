//! What tests run as an engine. Its environment says what it does:
//!
//! | variable | what it does |
//! |---|---|
//! | `STUB_STARTS` | appends one byte to this file |
//! | `STUB_REPORT` | writes to this file what it was given: environment, directory, open files, signals |
//! | `STUB_LINES` | writes this text and a line end |
//! | `STUB_EXIT` | exits with this code, before it listens |
//! | `STUB_IGNORES_STOP` | takes no notice of SIGTERM and SIGINT |
//! | `STUB_DESCENDANTS` | starts a chain of so many processes, each in a session of its own and deaf to SIGTERM |
//! | `STUB_FORGETS` | they do not carry the environment of the engine |
//! | `STUB_PIDS` | where the engine and each of them appends its number as a line |

use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, exit};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use hearth_core::engine::Becoming;
use signal_hook::consts::signal::{SIGINT, SIGTERM};

/// The argument that makes it a spare: it waits to be told which engine it is.
const SPARE: &str = "--spare";

fn main() -> io::Result<()> {
    if env::args().nth(1).as_deref() == Some(SPARE) {
        return become_engine();
    }
    if let Some(file) = env::var_os("STUB_STARTS") {
        OpenOptions::new().create(true).append(true).open(file)?.write_all(b"x")?;
    }
    if let Some(file) = env::var_os("STUB_REPORT") {
        fs::write(file, report()?)?;
    }
    if env::var_os("STUB_IGNORES_STOP").is_some() {
        for signal in [SIGTERM, SIGINT] {
            signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))?;
        }
    }
    if env::var_os("STUB_DETACHED").is_some() {
        rustix::process::setsid()?;
    }
    if let (Some(pids), Ok(number)) = (env::var_os("STUB_PIDS"), env::var("STUB_DESCENDANTS")) {
        if let Some(rest) = number.parse::<u32>().map_err(io::Error::other)?.checked_sub(1) {
            let mut child = Command::new(env::current_exe()?);
            if env::var_os("STUB_FORGETS").is_some() {
                child.env_clear().env("STUB_FORGETS", "1");
            }
            child.env("STUB_PIDS", &pids).env("STUB_DESCENDANTS", rest.to_string());
            child
                .env("STUB_IGNORES_STOP", "1")
                .env("STUB_DETACHED", "1")
                .env_remove("STUB_STARTS")
                .spawn()?;
        }
        // After the child is under way, and in one write, so that all are there once the last line is.
        let line = format!("{}\n", std::process::id());
        OpenOptions::new().create(true).append(true).open(&pids)?.write_all(line.as_bytes())?;
    }
    if env::var_os("STUB_DETACHED").is_some() {
        wait_for_ever();
    }
    if let Ok(lines) = env::var("STUB_LINES") {
        println!("{lines}");
    }
    if let Ok(code) = env::var("STUB_EXIT") {
        exit(code.parse().map_err(io::Error::other)?);
    }
    let listener = TcpListener::bind("127.0.0.1:0")?;
    eprintln!("Starting the stub engine on {}...", listener.local_addr()?);
    wait_for_ever()
}

/// Goes on as what a line of standard input says, in the same process.
fn become_engine() -> io::Result<()> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    assert_eq!(line, "get ready\n");
    line.clear();
    if io::stdin().read_line(&mut line)? == 0 {
        return Ok(());
    }
    let engine: Becoming = serde_json::from_str(&line)?;
    let mut command = Command::new(env::current_exe()?);
    command.args(engine.args).env_clear().envs(engine.env).current_dir(engine.dir);
    Err(command.stdin(std::process::Stdio::null()).exec())
}

fn wait_for_ever() -> ! {
    loop {
        std::thread::park();
    }
}

fn report() -> io::Result<String> {
    let mut report = format!("cwd {}\n", env::current_dir()?.display());
    for (name, value) in env::vars() {
        report.push_str(&format!("env {name}={value}\n"));
    }
    for argument in env::args().skip(1) {
        report.push_str(&format!("arg {argument}\n"));
    }
    let mut open: Vec<_> = fs::read_dir("/proc/self/fd")?.collect::<io::Result<_>>()?;
    open.sort_by_key(fs::DirEntry::file_name);
    for entry in open {
        let target = fs::read_link(entry.path())?;
        // All but what the listing itself is read from.
        if !target.starts_with("/proc") {
            report.push_str(&format!("fd {} {}\n", entry.file_name().display(), target.display()));
        }
    }
    for line in fs::read_to_string("/proc/self/status")?.lines().filter(|line| line.starts_with("Sig")) {
        report.push_str(&format!("{line}\n"));
    }
    Ok(report)
}
