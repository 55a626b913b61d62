//! Kernels: starting them, running cells, their output, lists of them, and memory; Hearth against Jupyter's own servers.
//!
//! All are asked by the same client over the same REST API and the same WebSocket. Hearth's kernels have a Spark session
//! (Sail) beside them, the others have none. Cells are timed against the same kernel without anything in
//! between, too: over its own ZeroMQ sockets.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use hyper::Method;
use tokio::task::JoinSet;

use crate::bench::Bench;
use crate::jupyter::{self, Flavor, Jupyter, Kernels};
use crate::load;
use crate::notebook::Notebook;
use crate::process;
use crate::report::{Quantity, Row};
use crate::server::{Engines, Server};
use crate::stats::{Latencies, median};

const STARTS: usize = 10;
/// Cells of each notebook.
const CELLS: usize = 500;
/// Notebooks that are open on one kernel at once.
const NOTEBOOKS: usize = 8;
const CELL: &str = "1+1";
/// A kernel that is ready ahead.
const POOL: &str = "pools.engines=sail/python=1..1";
/// No more than the process that is kept by default.
const NO_POOL: &str = "pools.engines=";
/// How long that process gets ready before a kernel is asked for.
const SPARE_READY: Duration = Duration::from_secs(1);
/// Megabytes that a cell shows, a tenth at a time as a program that prints much would.
const OUTPUT: usize = 100;
const OUTPUTS: usize = 3;
const LISTS: usize = 2_000;
const LIST_CALLERS: usize = 8;
/// Kernels that are there while lists are read and memory is looked at.
const IDLE: usize = 4;
/// How long nothing happens before memory is looked at.
const SETTLE: Duration = Duration::from_secs(3);

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    bench.environment()?;
    let python = bench.jupyter_python()?;
    let state_dir = bench.directory()?;
    let hearth = Server::start(bench, state_dir.path(), Engines::Real, &[]).await?;
    let others = [
        (Flavor::KernelGateway, Jupyter::start(Flavor::KernelGateway, &python, bench.directory()?).await?),
        (Flavor::Server, Jupyter::start(Flavor::Server, &python, bench.directory()?).await?),
    ];
    starts(bench, &hearth, &others).await?;
    cells(bench, &hearth, &others).await?;
    output(bench, &hearth, &others).await?;
    many(bench, &hearth, &others).await
}

type Others = [(Flavor, Jupyter); 2];

/// From asking for a kernel to its first answer.
async fn starts(bench: &mut Bench, hearth: &Server, others: &Others) -> anyhow::Result<()> {
    let runs = bench.scaled(STARTS);
    let state_dir = bench.directory()?;
    let with_spare = Server::start(bench, state_dir.path(), Engines::Real, &[NO_POOL]).await?;
    let (mut own, mut from_spare) = (Vec::new(), Vec::new());
    let mut theirs = [Vec::new(), Vec::new()];
    for run in 0..=runs {
        own.push(start(hearth).await?);
        if run > 0 {
            while !process::has_spare(state_dir.path()) {
                tokio::time::sleep(SETTLE / 10).await;
            }
            tokio::time::sleep(SPARE_READY).await;
        }
        from_spare.push(start(&with_spare).await?);
        for ((_, other), times) in others.iter().zip(&mut theirs) {
            times.push(start(other).await?);
        }
    }
    // The first of each has read its programs from the disk.
    own.remove(0);
    from_spare.remove(0);
    drop(with_spare);
    let state_dir = bench.directory()?;
    let server = Server::start(bench, state_dir.path(), Engines::Real, &[POOL]).await?;
    let mut warm = Vec::new();
    for _ in 0..runs {
        server.rest().warm(1).await?;
        warm.push(start(&server).await?);
    }
    let (own, from_spare, warm) = (median(own)?, median(from_spare)?, median(warm)?);
    for ((flavor, _), mut times) in others.iter().zip(theirs) {
        times.remove(0);
        let theirs = median(times)?;
        for (name, time) in [("cold", own), ("from a process that was kept", from_spare), ("warm", warm)] {
            let name = format!("kernel, start to first answer, {name}");
            let row = Row::new(name, time, format!("medians of {runs}"));
            bench.report.add(row.against(flavor.name(), theirs).target("0.6 of theirs"));
        }
    }
    Ok(())
}

async fn start(side: &impl Kernels) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let kernel = jupyter::start(side).await?;
    jupyter::open(side, &kernel).await?.info().await?;
    let time = begun.elapsed();
    jupyter::end(side, &kernel).await?;
    Ok(time)
}

/// Cells one after the other, from one notebook and from several at once.
async fn cells(bench: &mut Bench, hearth: &Server, others: &Others) -> anyhow::Result<()> {
    let count = bench.scaled(CELLS);
    let kernel = jupyter::start(hearth).await?;
    let file = connection_file(hearth.state_dir(), &kernel)?;
    for notebooks in [1, NOTEBOOKS] {
        let each = (count / notebooks).max(1);
        let mut direct = Vec::new();
        for _ in 0..notebooks {
            direct.push(Notebook::direct(&file).await?);
        }
        let direct = together(direct, each).await?;
        let used = jupyter::cpu_time(hearth)?;
        let own = together(opened(hearth, &kernel, notebooks).await?, each).await?;
        let used = jupyter::cpu_time(hearth)?.saturating_sub(used);
        let how = format!("{} cells; one kernel, opened {notebooks} times", each * notebooks);
        let row = Row::new(format!("cell `{CELL}`, {notebooks} at once, p50"), own.latencies.p50(), &how);
        let row = row.against("the same kernel over ZeroMQ, p50", direct.latencies.p50());
        bench.report.add(row.target("1 ms more"));
        // It is the same however busy the machine is.
        let a_cell = |used: Duration| used / u32::try_from(each * notebooks).unwrap_or(u32::MAX);
        for (flavor, other) in others {
            let kernel = jupyter::start(other).await?;
            let before = jupyter::cpu_time(other)?;
            let theirs = together(opened(other, &kernel, notebooks).await?, each).await?;
            let theirs_used = jupyter::cpu_time(other)?.saturating_sub(before);
            jupyter::end(other, &kernel).await?;
            let row = Row::new(format!("processor time of a cell, {notebooks} at once"), a_cell(used), &how);
            bench.report.add(row.against(flavor.name(), a_cell(theirs_used)));
            let row = Row::new(
                format!("cells `{CELL}`, {notebooks} at once"),
                Quantity::PerSecond(own.rate()),
                &how,
            );
            let row = row.against(flavor.name(), Quantity::PerSecond(theirs.rate()));
            bench.report.add(if notebooks == 1 { row.target("5 times theirs") } else { row });
        }
    }
    jupyter::end(hearth, &kernel).await
}

async fn opened(side: &impl Kernels, kernel: &str, count: usize) -> anyhow::Result<Vec<Notebook>> {
    let mut notebooks = Vec::new();
    for _ in 0..count {
        notebooks.push(jupyter::open(side, kernel).await?);
    }
    Ok(notebooks)
}

/// Every notebook runs so many cells, each when the one before has ended.
async fn together(notebooks: Vec<Notebook>, each: usize) -> anyhow::Result<load::Outcome> {
    let mut tasks = JoinSet::new();
    let mut ready = Vec::new();
    for mut notebook in notebooks {
        // Not counted: what a kernel does once.
        notebook.run(CELL).await?;
        ready.push(notebook);
    }
    let begun = Instant::now();
    for mut notebook in ready {
        tasks.spawn(async move {
            let mut times = Vec::new();
            for _ in 0..each {
                let begun = Instant::now();
                notebook.run(CELL).await?;
                times.push(begun.elapsed());
            }
            anyhow::Ok(times)
        });
    }
    let mut latencies = Latencies::new();
    while let Some(times) = tasks.join_next().await {
        times??.into_iter().for_each(|time| latencies.add(time));
    }
    Ok(load::Outcome { latencies, elapsed: begun.elapsed() })
}

/// The connection file of a session's kernel.
fn connection_file(state_dir: &Path, kernel: &str) -> anyhow::Result<std::path::PathBuf> {
    let mut folders = vec![state_dir.join("engines").join(kernel)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_name() == "connection-1.json" {
                return Ok(entry.path());
            }
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    anyhow::bail!("the kernel has no connection file")
}

/// A cell that shows much.
async fn output(bench: &mut Bench, hearth: &Server, others: &Others) -> anyhow::Result<()> {
    let size = bench.scaled(OUTPUT) * 1_000_000;
    let own = shown(bench, hearth, size).await?;
    for (flavor, other) in others {
        let theirs = shown(bench, other, size).await?;
        let how = format!(
            "{} shown by one cell, median of {}",
            Quantity::Bytes(size as f64),
            bench.scaled(OUTPUTS)
        );
        let row =
            Row::new("output of a cell", Quantity::BytesPerSecond(size as f64 / own.0.as_secs_f64()), &how);
        let rate = Quantity::BytesPerSecond(size as f64 / theirs.0.as_secs_f64());
        bench.report.add(row.against(flavor.name(), rate).target("no slower"));
        let row = Row::new(
            "output of a cell, most memory meanwhile",
            Quantity::Bytes(own.1 as f64),
            "resident; service and relay",
        );
        bench.report.add(row.against(flavor.name(), Quantity::Bytes(theirs.1 as f64)));
    }
    Ok(())
}

/// How long it takes, and the most memory of what is between, resident.
async fn shown(bench: &Bench, side: &impl Kernels, size: usize) -> anyhow::Result<(Duration, u64)> {
    const PART: usize = 100_000;
    let code = format!(
        "import sys\nfor _ in range({}):\n    sys.stdout.write('x' * {} + '\\n'); sys.stdout.flush()",
        size / PART,
        PART - 1
    );
    let kernel = jupyter::start(side).await?;
    let mut notebook = jupyter::open(side, &kernel).await?;
    notebook.run(CELL).await?;
    jupyter::forget_peaks(side)?;
    let mut times = Vec::new();
    for _ in 0..bench.scaled(OUTPUTS) {
        let begun = Instant::now();
        let shown = notebook.run(&code).await?;
        times.push(begun.elapsed());
        ensure!(shown == size, "only {shown} of {size} bytes were shown");
    }
    let peak = jupyter::peak(side)?;
    jupyter::end(side, &kernel).await?;
    Ok((median(times)?, peak))
}

/// Lists of kernels, and memory with several of them.
async fn many(bench: &mut Bench, hearth: &Server, others: &Others) -> anyhow::Result<()> {
    let own = with_several(bench, hearth).await?;
    for (flavor, other) in others {
        let theirs = with_several(bench, other).await?;
        let how = format!("{IDLE} kernels, {LIST_CALLERS} connections");
        let row = Row::new("lists of kernels", Quantity::PerSecond(own.lists), how);
        bench
            .report
            .add(row.against(flavor.name(), Quantity::PerSecond(theirs.lists)).target("10 times theirs"));
        let how = format!("PSS of service and relays, {IDLE} idle kernels");
        let row = Row::new("memory beside a kernel", Quantity::Bytes(own.memory), &how);
        bench.report.add(row.against(flavor.name(), Quantity::Bytes(theirs.memory)).target("0.1 of theirs"));
        let row = Row::new("memory beside a kernel, for each further one", Quantity::Bytes(own.added), how);
        bench.report.add(row.against(flavor.name(), Quantity::Bytes(theirs.added)));
    }
    Ok(())
}

struct Several {
    /// Lists a second.
    lists: f64,
    /// All of it, divided by the kernels, in bytes.
    memory: f64,
    /// What each kernel added, in bytes.
    added: f64,
}

async fn with_several(bench: &Bench, side: &impl Kernels) -> anyhow::Result<Several> {
    tokio::time::sleep(SETTLE).await;
    let before = jupyter::memory(side)?;
    let mut kernels = Vec::new();
    for _ in 0..IDLE {
        let kernel = jupyter::start(side).await?;
        let mut notebook = jupyter::open(side, &kernel).await?;
        notebook.run(CELL).await?;
        kernels.push((kernel, notebook));
    }
    tokio::time::sleep(SETTLE).await;
    let after = jupyter::memory(side)?;
    let rest = jupyter::rest(side);
    let listed = rest.get("/api/kernels").await?;
    let there = listed.as_array().context("a list of kernels")?.len();
    ensure!(there == IDLE, "{there} kernels are listed");
    let outcome = load::closed(LIST_CALLERS, bench.scaled(LISTS), move |_, _| {
        let rest = rest.clone();
        async move { rest.call(Method::GET, "/api/kernels", "".into()).await.map(drop) }
    })
    .await?;
    for (kernel, notebook) in kernels {
        drop(notebook);
        jupyter::end(side, &kernel).await?;
    }
    let kernels = IDLE as f64;
    let added = after.saturating_sub(before) as f64 / kernels;
    Ok(Several { lists: outcome.rate(), memory: after as f64 / kernels, added })
}
