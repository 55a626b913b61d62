//! `dataproc1`: what a person or a script waits for at each call, program start included.
//!
//! `--help` and a usage error need no network; the call is a get of a session, over loopback HTTP, by a process of its own.
//! Compared with `true`, which is what the system takes to start any program at all. The size is that of the stripped
//! program.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::bench::Bench;
use crate::report::{Quantity, Row};
use crate::server::{Engines, PARENT, Server};
use crate::stats::median;

const RUNS: usize = 200;

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let program = bench.dataproc1()?;
    let runs = bench.scaled(RUNS);
    let state_dir = bench.directory()?;
    let server = Server::start(bench, state_dir.path(), Engines::Fake, &[]).await?;
    server.rest().create_active("measured").await?;
    let session = format!("{PARENT}/sessions/measured");
    let endpoint = format!("http://{}", server.address);
    let dataproc1 = |words: &[&str]| {
        let mut command = Command::new(&program);
        command.args(words).env("DATAPROC1_ENDPOINT", &endpoint).env("DATAPROC1_ACCESS_TOKEN", &server.token);
        command
    };
    let get = ["projects", "locations-sessions-get", session.as_str()];
    let calls: [(&str, Command, bool, &str); 3] = [
        ("dataproc1 --help", dataproc1(&["--help"]), true, "2 ms"),
        ("dataproc1, a usage error", dataproc1(&["projects", "locations-sessions-gte"]), false, "2 ms"),
        ("dataproc1, a call over loopback", dataproc1(&get), true, "5 ms"),
    ];
    for (name, mut command, succeeds, target) in calls {
        let (mut times, mut nothing) = (Vec::new(), Vec::new());
        for _ in 0..runs {
            times.push(timed(&mut command, succeeds)?);
            nothing.push(timed(&mut Command::new("true"), true)?);
        }
        let row = Row::new(name, median(times)?, format!("median of {runs}"));
        bench.report.add(row.against("true", median(nothing)?).target(target));
    }
    let bytes = std::fs::metadata(&program)?.len();
    let row =
        Row::new("dataproc1, size of the program", Quantity::Bytes(bytes as f64), "as built".to_owned());
    bench.report.add(row.target("6 MB"));
    Ok(())
}

fn timed(command: &mut Command, succeeds: bool) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    ensure!(status.success() == succeeds, "{command:?} ended with {status}");
    Ok(start.elapsed())
}
