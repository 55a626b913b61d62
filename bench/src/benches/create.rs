//! Durable creates: latency at a rate, and how many a second at most, with engines that do nothing.
//!
//! The answer to a create means that the session is on disk, so the latencies stand beside those of the least that
//! could be: appending 4 KiB to a file in the same directory and waiting for the disk, one after the other, right before
//! and right after. Calls come at their rate whatever the server does, and those that wait count with their wait. `create-hold` is
//! off: it would hold answers back for what official clients like, not for durability. The sustained rate counts until
//! the last session is ACTIVE, so work that is only put off counts, too.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::bench::Bench;
use crate::process::cpu_time;
use crate::report::{Quantity, Row};
use crate::rest::Rest;
use crate::server::{Engines, Server};
use crate::{load, stats};

/// Creates a second, of the latencies.
const RATE: usize = 200;
const CALLS: usize = 4_000;
/// Creates for the sustained rate, and how many are under way at once.
const SUSTAINED: usize = 10_000;
const CALLERS: usize = 64;
const FLUSHES: usize = 1_000;
/// Not counted: code that runs for the first time.
const WARM_UP: usize = 200;

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let state_dir = bench.directory()?;
    let mut disk = stats::Latencies::new();
    flush(state_dir.path(), bench.scaled(FLUSHES), &mut disk)?;
    let server = Server::start(bench, state_dir.path(), Engines::Fake, &["create-hold=0s"]).await?;
    let rest = server.rest();
    load::closed(8, bench.scaled(WARM_UP), create(&rest, "warm")).await?;

    let calls = bench.scaled(CALLS);
    let one = create(&rest, "rate");
    let outcome = load::open(RATE, calls, move |number| one(number, 0)).await?;
    all_active(&rest, "rate", calls).await?;
    // Once more: others use the disk, too, and not evenly.
    flush(state_dir.path(), bench.scaled(FLUSHES), &mut disk)?;
    let how = format!("{calls} REST calls, open loop, durable");
    for (quantile, time, floor, target) in [
        ("p50", outcome.latencies.p50(), disk.p50(), None),
        ("p99", outcome.latencies.p99(), disk.p99(), Some("10 ms")),
    ] {
        let row = Row::new(format!("CreateSession at {RATE}/s, {quantile}"), time, &how);
        let row = row.against(format!("4 KiB append and fdatasync, {quantile}"), floor);
        bench.report.add(target.into_iter().fold(row, Row::target));
    }

    let count = bench.scaled(SUSTAINED);
    let (start, cpu) = (Instant::now(), cpu_time(server.pid())?);
    let outcome = load::closed(CALLERS, count, create(&rest, "most")).await?;
    all_active(&rest, "most", count).await?;
    let until_active = count as f64 / start.elapsed().as_secs_f64();
    let cpu = (cpu_time(server.pid())? - cpu) / u32::try_from(count)?;
    let how = format!("{count} creates, {CALLERS} connections");
    let flushes = Quantity::PerSecond(1.0 / disk.p50().as_secs_f64());
    let row = Row::new("CreateSession sustained, until ACTIVE", Quantity::PerSecond(until_active), &how);
    bench.report.add(row.against("flushes of the disk, one by one", flushes).target("500/s"));
    bench.report.add(Row::new("CreateSession, answers", Quantity::PerSecond(outcome.rate()), &how));
    bench.report.add(Row::new("processor time a create, until ACTIVE", cpu, how));
    Ok(())
}

/// A create with an id of its own.
fn create(
    rest: &Rest,
    prefix: &'static str,
) -> impl Fn(usize, usize) -> futures::future::BoxFuture<'static, anyhow::Result<()>> + Clone + use<> {
    let rest = rest.clone();
    move |number, _| {
        let rest = rest.clone();
        Box::pin(async move { rest.create(&format!("{prefix}-{number}")).await.map(drop) })
    }
}

/// Waits until sessions are active: the last ones, and samples of all, since asking for each would be a load itself.
async fn all_active(rest: &Rest, prefix: &str, count: usize) -> anyhow::Result<()> {
    for number in (0..count).step_by(100).chain(count.saturating_sub(2 * CALLERS)..count) {
        while rest.state(&format!("{prefix}-{number}")).await? == "CREATING" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    Ok(())
}

/// Appends and flushes, one after the other.
fn flush(directory: &Path, count: usize, latencies: &mut stats::Latencies) -> anyhow::Result<()> {
    let path = directory.join("flush");
    let mut file = File::create(&path)?;
    for _ in 0..count {
        let start = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        latencies.add(start.elapsed());
    }
    std::fs::remove_file(path)?;
    Ok(())
}
