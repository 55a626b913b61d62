//! Start of the service: from starting the process to the first good answer of its API.
//!
//! The answer is a list of sessions with the server's own token, so everything behind it works: configuration, database,
//! token, listener, and the address file that the client reads the port from. Compared with `hearth --version`, which
//! is what the system takes to start this program at all. The second row starts on a database with 100,000 ended
//! sessions, until the server says that it is ready; the file is in the system's cache, as after a restart.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::ensure;
use bytes::Bytes;
use hyper::Method;

use crate::bench::Bench;
use crate::report::Row;
use crate::seed;
use crate::server::{Engines, PARENT, Server};
use crate::stats::median;

const RUNS: usize = 20;
const RUNS_WITH_RECORDS: usize = 10;

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let runs = bench.scaled(RUNS);
    let (mut starts, mut programs) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let state_dir = bench.directory()?;
        starts.push(answered(bench, state_dir.path()).await?);
        programs.push(program_alone(bench)?);
    }
    let how = format!("median of {runs} starts in new directories");
    let row = Row::new("start to first answer", median(starts)?, how);
    bench.report.add(row.against("hearth --version", median(programs)?).target("0.2 s"));

    let state_dir = seed::with_a_past(bench).await?.to_owned();
    let runs = bench.scaled(RUNS_WITH_RECORDS);
    let (mut starts, mut programs) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        starts.push(ready(bench, &state_dir).await?);
        programs.push(program_alone(bench)?);
    }
    let records = bench.scaled(seed::RECORDS);
    let row = Row::new(format!("ready with {records} records"), median(starts)?, format!("median of {runs}"));
    bench.report.add(row.against("hearth --version", median(programs)?).target("1 s"));
    Ok(())
}

/// The time to the first list of sessions.
async fn answered(bench: &Bench, state_dir: &Path) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let server = Server::start(bench, state_dir, Engines::Real, &[]).await?;
    server.rest().get(&format!("/v1/{PARENT}/sessions")).await?;
    Ok(start.elapsed())
}

/// The time until the server takes itself for ready.
async fn ready(bench: &Bench, state_dir: &Path) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let server = Server::start(bench, state_dir, Engines::Real, &[]).await?;
    let rest = server.rest();
    while rest.call(Method::GET, "/readyz", Bytes::new()).await.is_err() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let time = start.elapsed();
    let page = rest.get(&format!("/v1/{PARENT}/sessions?pageSize=1")).await?;
    ensure!(
        page["sessions"].as_array().is_some_and(|sessions| sessions.len() == 1),
        "the records are not there"
    );
    Ok(time)
}

fn program_alone(bench: &Bench) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let status = Command::new(&bench.hearth).arg("--version").stdout(Stdio::null()).status()?;
    ensure!(status.success(), "`hearth --version` failed");
    Ok(start.elapsed())
}
