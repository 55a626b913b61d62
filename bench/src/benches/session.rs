//! A session as it is timed: from the create request to the first row of a query that costs nothing.

use std::time::{Duration, Instant};

use crate::bench::Bench;
use crate::grpc::Grpc;
use crate::server::{Engines, Server};
use crate::spark::Spark;
use crate::stats::median;

/// What is asked.
pub(super) const QUERY: &str = "SELECT 1";

/// From a create to a row; the session is deleted before this returns, so that at most one engine runs.
pub(super) async fn to_row(server: &Server, id: &str, runtime: &str) -> anyhow::Result<Duration> {
    let rest = server.rest();
    let start = Instant::now();
    let uuid = rest.create_on(id, runtime).await?;
    let grpc = Grpc::connect(server.address, Some(&server.token)).await?;
    Spark::new(grpc, &uuid).first_row(QUERY).await?;
    let time = start.elapsed();
    rest.delete(id).await?;
    Ok(time)
}

/// The median of so many that are handed over from a pool of one.
pub(super) async fn warm_to_row(bench: &Bench, runtime: &str, runs: usize) -> anyhow::Result<Duration> {
    let state_dir = bench.directory()?;
    let pool = format!("pools.engines={runtime}=1..1");
    let server = Server::start(bench, state_dir.path(), Engines::Real, &[&pool]).await?;
    let mut warm = Vec::new();
    for number in 0..runs {
        server.rest().warm(1).await?;
        warm.push(to_row(&server, &format!("warm-{number}"), runtime).await?);
    }
    median(warm)
}
