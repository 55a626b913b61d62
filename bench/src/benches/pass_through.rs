//! Calls and results through the gateway and through the tunnel, against the same engine without them.
//!
//! One Sail engine, started by Hearth; the client speaks to it directly, through the port, and for downloads through
//! the tunnel that Google's client opens. Latencies are of single calls that take turns, over one connection each, and
//! the engine sees the same requests. Two calls are timed: `SELECT 1`, which users make, and the question for Spark's
//! version, which costs the engine so little that what the gateway adds shows. A third connection goes through a forwarder
//! that only copies bytes: no gateway adds less than that. Downloads are drained, not decoded, and take turns, too;
//! engine, gateway and client share the cores, so a busy gateway takes from the engine's share.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::ensure;
use uuid::Uuid;

use crate::bench::Bench;
use crate::grpc::Grpc;
use crate::report::{Quantity, Row};
use crate::server::{Engines, PARENT, Server};
use crate::spark::Spark;
use crate::stats::{Latencies, median};
use crate::tunnel;

const SESSION: &str = "pass-through";

const CALLS: usize = 3_000;
/// Rows of a download, of one 64-bit column: 512 MiB.
const ROWS: usize = 64 << 20;
const DOWNLOADS: usize = 5;

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    bench.environment()?;
    let state_dir = bench.directory()?;
    let server = Server::start(bench, state_dir.path(), Engines::Real, &[]).await?;
    let uuid = server.rest().create_active(SESSION).await?;
    let direct = server.engine(&uuid).await?;
    let through = Spark::new(Grpc::connect(server.address, Some(&server.token)).await?, &uuid);
    let forwarded = server.forwarded_engine(&uuid).await?;
    // As PySpark does it with the line that the README has.
    let named = Grpc::connect(server.address, Some(&server.token)).await?.for_session(SESSION);
    let named = Spark::new(named, &Uuid::new_v4().to_string());

    let calls = bench.scaled(CALLS);
    let ways = [&direct, &through, &forwarded, &named];
    let version = take_turns(calls, ways, Spark::version).await?;
    latencies(bench, "Spark's version", "0.1 ms", calls, version);
    let select = take_turns(calls, ways, |way| way.first_row("SELECT 1")).await?;
    latencies(bench, "SELECT 1", "0.2 ms", calls, select);

    let tunnelled = Spark::new(tunnel::connect(server.address, &server.token).await?, &uuid);
    let rows = bench.scaled(ROWS);
    let query = format!("SELECT * FROM range(0, {rows})");
    // Not counted: the engine's first large result.
    download(&direct, &query, rows).await?;
    let runs = bench.scaled(DOWNLOADS);
    let (mut plain, mut ported, mut hex) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        plain.push(download(&direct, &query, rows).await?);
        ported.push(download(&through, &query, rows).await?);
        hex.push(download(&tunnelled, &query, rows).await?);
    }
    let plain = Quantity::BytesPerSecond(median(plain)?);
    let size = Quantity::Bytes((rows * 8) as f64);
    let how = format!("{size} of Arrow, median of {runs}, 1 connection");
    let row = Row::new("download through the port", Quantity::BytesPerSecond(median(ported)?), &how);
    bench.report.add(row.against("direct", plain).target("0.9 of direct"));
    let row = Row::new("download through the tunnel", Quantity::BytesPerSecond(median(hex)?), how);
    bench.report.add(row.against("direct", plain).target("100 MB/s"));
    server.rest().call(hyper::Method::DELETE, &format!("/v1/{PARENT}/sessions/{SESSION}"), "".into()).await?;
    Ok(())
}

/// Ways of one call, each time one after the other.
async fn take_turns<'a, A>(
    calls: usize,
    ways: [&'a Spark; 4],
    call: impl Fn(&'a Spark) -> A,
) -> anyhow::Result<[Latencies; 4]>
where
    A: Future<Output = anyhow::Result<()>>,
{
    let mut latencies = std::array::from_fn(|_| Latencies::new());
    let warm_up = calls / 10;
    for number in 0..warm_up + calls {
        for (way, latencies) in ways.iter().zip(&mut latencies) {
            let start = Instant::now();
            call(way).await?;
            if number >= warm_up {
                latencies.add(start.elapsed());
            }
        }
    }
    Ok(latencies)
}

fn latencies(
    bench: &mut Bench,
    call: &str,
    most: &str,
    calls: usize,
    [direct, through, forwarded, named]: [Latencies; 4],
) {
    let over =
        |time: Duration, direct: Duration| Quantity::Seconds(time.as_secs_f64() - direct.as_secs_f64());
    let mut row = |quantile: &str, target: &str, of: fn(&Latencies) -> Duration| {
        let (direct, through) = (of(&direct), of(&through));
        let how = format!("{calls} calls each, taking turns; {} through", Quantity::from(through));
        let row = Row::new(format!("{call}, added by the port, {quantile}"), over(through, direct), how);
        bench.report.add(row.against(format!("direct, {quantile}"), direct).target(target));
    };
    row("p50", most, Latencies::p50);
    row("p99", "1 ms", Latencies::p99);
    let (direct, forwarded, named) = (direct.p50(), forwarded.p50(), named.p50());
    let name = format!("{call}, added by the port, session named by header, p50");
    let row = Row::new(name, over(named, direct), "each with a Spark session of its own, as PySpark is");
    bench.report.add(row.against("direct, p50", direct).target(most));
    let name = format!("{call}, added by what only copies bytes, p50");
    let row = Row::new(name, over(forwarded, direct), "for comparison: the least there can be");
    bench.report.add(row.against("direct, p50", direct));
}

/// Bytes a second.
pub(super) async fn download(spark: &Spark, query: &str, rows: usize) -> anyhow::Result<f64> {
    let start = Instant::now();
    let length = spark.download(query).await?;
    let time: Duration = start.elapsed();
    ensure!(length >= rows * 8, "only {length} bytes of {rows} rows");
    Ok(length as f64 / time.as_secs_f64())
}
