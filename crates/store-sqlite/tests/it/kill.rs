//! A server that is killed while it writes: what it has answered is there, and the directory is free.
//!
//! The server is this very test program, started again with one test and an environment variable.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use hearth_store::Store;
use hearth_store_sqlite::{LockError, SqliteStore, StateDir, check};
use tokio::task::JoinSet;

use crate::sample::{create, whole};

/// Where the child writes. Unset in an ordinary run, where the child's test has nothing to do.
const DIRECTORY: &str = "HEARTH_TEST_KILL_DIRECTORY";
/// The number of the child's first change.
const FIRST: &str = "HEARTH_TEST_KILL_FIRST";
/// How many write at once, so that the kill meets a group.
const CALLERS: u128 = 16;
/// No two children have the same numbers.
const STRIDE: u128 = 1_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_child_that_writes_until_it_is_killed() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let first: u128 = std::env::var(FIRST).unwrap().parse().unwrap();
    let lock = StateDir::lock(directory).unwrap();
    let store = Arc::new(SqliteStore::open(lock.database()).unwrap());
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let store = Arc::clone(&store);
        callers.spawn(async move {
            for number in (first + caller..).step_by(CALLERS as usize) {
                store.commit(create(number)).await.unwrap();
                // One write a line: lines of several callers do not mix.
                std::io::stdout().write_all(format!("written {number}\n").as_bytes()).unwrap();
            }
        });
    }
    callers.join_all().await;
}

/// The child, killed at the latest when the test ends.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(directory: &Path, first: u128) -> Killed {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command
        .args(["--exact", "kill::the_child_that_writes_until_it_is_killed", "--nocapture"])
        .env(DIRECTORY, directory)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .stdin(Stdio::null());
    Killed(command.spawn().expect("this program starts again"))
}

/// The number in a line of the child's. What the test harness prints, and a line that is cut off, is none.
fn number(line: &str) -> Option<u128> {
    line.strip_suffix('\n')?.rsplit_once("written ")?.1.parse().ok()
}

#[tokio::test]
async fn every_answered_change_is_there_after_a_kill_and_none_is_there_by_half() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("state");
    let mut answered = Vec::new();
    for round in 0_u128..4 {
        let mut child = start(&directory, 1 + round * STRIDE);
        let mut output = BufReader::new(child.0.stdout.take().unwrap());
        let (mut line, mut seen) = (String::new(), 0);
        // Killed after a number of answers that differs from round to round, in the midst of others.
        while seen < 40 + 31 * round {
            line.clear();
            assert_ne!(output.read_line(&mut line).unwrap(), 0, "the child ended by itself");
            if let Some(number) = number(&line) {
                answered.push(number);
                seen += 1;
            }
        }
        match StateDir::lock(&directory) {
            Err(LockError::Held { pid, .. }) => assert_eq!(pid, Some(child.0.id())),
            other => panic!("the directory of a server that runs was answered with {other:?}"),
        }
        child.0.kill().unwrap();
        child.0.wait().unwrap();
        // What it said before it died counts too.
        loop {
            line.clear();
            if output.read_line(&mut line).unwrap() == 0 {
                break;
            }
            answered.extend(number(&line));
        }
        let lock = StateDir::lock(&directory).unwrap();
        assert_eq!(lock.fence(), 2 * (u64::try_from(round).unwrap() + 1));
        let store = SqliteStore::open(lock.database()).unwrap();
        for number in &answered {
            assert!(whole(&store, *number).await, "change {number} was answered and is lost");
        }
        // Those that were under way are there whole, or not at all.
        let last = answered.iter().max().unwrap() + 2 * CALLERS;
        for number in 1 + round * STRIDE..=last {
            whole(&store, number).await;
        }
        drop(store);
        assert_eq!(check(lock.database()).unwrap().problems().next(), None);
    }
}
