//! A gigabyte of Arrow from Apache Spark, through the gateway and straight from the same engine, in turn; drained, not
//! decoded.

use crate::bench::Bench;
use crate::grpc::Grpc;
use crate::report::{Quantity, Row};
use crate::server::{Engines, Server};
use crate::spark::Spark;
use crate::stats::median;

use super::pass_through::download;

const RUNTIME: &str = "spark-4.0";
/// Rows of one 64-bit column: a gigabyte.
const ROWS: usize = 125_000_000;
/// Parts that Spark makes them in, so that none is large.
const PARTS: usize = 128;
const RUNS: usize = 3;

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    bench.environment_of(RUNTIME)?;
    let state_dir = bench.directory()?;
    let server = Server::start(bench, state_dir.path(), Engines::Real, &[]).await?;
    // What Spark's driver may hold of a result is a gigabyte by default, which this is more than.
    let uuid = server.rest().create_tuned("large", RUNTIME, &[("spark.driver.maxResultSize", "4g")]).await?;
    let direct = server.engine(&uuid).await?;
    let through = Spark::new(Grpc::connect(server.address, Some(&server.token)).await?, &uuid);
    let rows = bench.scaled(ROWS);
    let query = format!("SELECT * FROM range(0, {rows}, 1, {PARTS})");
    // Not counted: compiling.
    download(&direct, &query, rows).await?;
    let runs = bench.scaled(RUNS);
    let (mut plain, mut ported) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        plain.push(download(&direct, &query, rows).await?);
        ported.push(download(&through, &query, rows).await?);
    }
    let how = format!("{} of Arrow, median of {runs}", Quantity::Bytes((rows * 8) as f64));
    let row =
        Row::new("download from Spark through the port", Quantity::BytesPerSecond(median(ported)?), how);
    bench.report.add(row.against("direct", Quantity::BytesPerSecond(median(plain)?)).target("0.9 of direct"));
    server.rest().delete("large").await
}
